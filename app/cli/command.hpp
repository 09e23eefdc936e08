// The command line as data: one table of commands, from which parsing, --help, completion and the reference are made.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace dossier::cli {

// A setting of a command: flag over environment over profile over fallback.
struct Option {
  std::string name;   // "--limit"
  std::string value;  // placeholder, "N"; empty: a flag without a value
  std::string help;
  std::string environment = {};  // "DOSSIER_URL"; empty: none
  std::string profile = {};      // its member in the profile; empty: none
  std::string fallback = {};     // empty: none
  std::vector<std::string> choices = {};
  // False: only a variable of the environment (then `name` is its name), for what must not stand in arguments.
  bool is_flag() const { return name.compare(0, 2, "--") == 0; }
};

struct Argument {
  std::string name;  // "ISSUE"
  std::string help;
  bool required = true;
  std::vector<std::string> choices = {};
};

// What a command was called with, every setting resolved. Values are what was given: a command checks their form.
class Invocation {
 public:
  std::string path;  // "issue create"
  bool flag(std::string_view name) const { return !text(name).empty(); }
  // Of an option ("--limit") or argument ("ISSUE"); empty: not given anywhere.
  std::string text(std::string_view name) const;
  std::optional<std::string> optional(std::string_view name) const;
  // usage, with the ways to give it, where it is not given.
  Result<std::string> required(std::string_view name) const;
  Result<std::int64_t> number(std::string_view name, std::int64_t least, std::int64_t most) const;
  bool json() const { return flag("--json"); }

  std::map<std::string, std::string, std::less<>> values;  // as resolved
  std::vector<Option> options;                             // of the command, for what required() says
  std::string profile_file;                                // the profile that was read; empty: none
};

struct Command {
  std::string path;  // "issue create"; a path that is another one's front is a group, which may be a command too
  std::string summary;
  std::vector<Argument> arguments = {};
  std::vector<Option> options = {};
  std::string more = {};                    // paragraphs below the options in --help
  int (*run)(const Invocation&) = nullptr;  // an exit code; nullptr: only a group
};

}  // namespace dossier::cli
