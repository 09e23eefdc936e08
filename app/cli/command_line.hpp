// From argv to an invocation. CLI11 appears in command_line.cpp only.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/cli/command.hpp"

namespace dossier::cli {

struct Parsed {
  const Command* command = nullptr;
  Invocation invocation;
};
struct HelpAsked {
  std::string text;
};

// Reads a variable of the environment; empty: unset.
using Environment = std::function<std::string(const std::string& name)>;
Environment process_environment();

// `arguments` without the program's name. Code::usage: an unknown command or flag (with the nearest one), a missing argument,
// a value outside its choices; and what is wrong with the profile.
Result<std::variant<Parsed, HelpAsked>> parse(const std::vector<Command>& table, const std::vector<std::string>& arguments,
                                              const Environment& environment);

// --help of a command or group; "" is the program's.
std::string help_text(const std::vector<Command>& table, std::string_view path);

// The candidate with the fewest edits (insert, drop, replace, swap neighbours) from `word`, if they are few; "" if none is
// near.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace dossier::cli
