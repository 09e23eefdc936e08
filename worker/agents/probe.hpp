// A short conversation with a program, to see what it can do before that is advertised.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/process/process.hpp"

namespace dossier::worker {

// A folder for the probe alone, removed with the object.
class ProbeHome {
 public:
  ProbeHome();
  ~ProbeHome();
  ProbeHome(const ProbeHome&) = delete;
  ProbeHome& operator=(const ProbeHome&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

struct ProbeOptions {
  std::vector<std::string> argv;
  std::string directory;
  process::Environment environment;
  std::string input;  // at its start; empty: its standard input is closed
};

inline constexpr std::int64_t kProbeMs = 20'000;  // a cold start of a large program on a busy machine

// One line of its output; what is put into `reply` is written to it. True: that was all.
using ProbeTake = std::function<bool(std::string_view line, std::string& reply)>;
// True: `take` has what it wants. False: the output ended before, or kProbeMs are over. The program and all that it started
// are gone then. Errors: of process::Process::spawn.
Result<bool> probe(const ProbeOptions& options, const ProbeTake& take);

}  // namespace dossier::worker
