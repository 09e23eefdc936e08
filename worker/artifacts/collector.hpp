// The files of evidence that an agent leaves in its worktree under .dossier/session/, read without ever leaving that folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "worker/artifacts/schemas.hpp"
#include "worker/masking/masker.hpp"

namespace dossier::worker::artifacts {

inline constexpr const char* kSessionFolder = ".dossier/session";  // below the worktree
inline constexpr std::size_t kMaxFiles = 64;                       // looked at after one turn, in the order of their names
inline constexpr std::size_t kMaxEntries = 10'000;                 // of the folder, before it is refused

struct Artifact {
  std::string kind;  // as in EvidenceRecorded
  std::string name;  // of the file
  std::string media_type;
  std::string content;       // with secrets masked; this is what is hashed and uploaded, the file itself stays as it is
  std::string sha256_hex;    // of content
  std::uint64_t masked = 0;  // places in it
  std::optional<TestCounts> tests;
};

// A file that is no evidence, as EvidenceRejected says it.
struct Rejected {
  std::string kind;  // empty: none that we know
  std::string name;  // clean text
  std::string code;  // unknown_name, not_a_file, too_large, too_many_files, unreadable, not_json, missing_field, …
  std::string message;
};

// One a run; its turns one after the other. One owner thread.
class Collector {
 public:
  explicit Collector(std::shared_ptr<const masking::Secrets> secrets) : secrets_(std::move(secrets)) {}

  struct Sinks {
    std::function<void(Artifact artifact)> accepted;
    std::function<void(Rejected rejected)> rejected;
  };
  // Gives away what is new or different since the turn before. A folder that is not there is no evidence and no fault; a
  // bad file is rejected, and the others are read all the same. Symbolic links, devices, pipes, folders and files with
  // several names are refused without being opened.
  void collect(const std::string& worktree, const Sinks& sinks);

 private:
  void take(int folder, const std::string& name, const Sinks& sinks);
  void reject(const Sinks& sinks, Rejected rejected);
  bool is_news(const std::string& name, const std::string& state);

  std::shared_ptr<const masking::Secrets> secrets_;
  std::map<std::string, std::string> told_;  // by name: hash, or the code of the fault and of what
};

}  // namespace dossier::worker::artifacts
