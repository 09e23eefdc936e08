// A program under test as a process of its own: started with a log file, killed by its id, gone with the object. It dies
// with the test program too (parent death signal), so that a crashed test leaves nothing running.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dossier::test {

using EnvironmentChanges = std::map<std::string, std::string>;  // "" removes a variable

class Program {
 public:
  // Standard output and error are appended to log_file. Throws std::runtime_error if the program can't be started. To be
  // called on the thread that outlives the object: the kernel counts that thread as the parent.
  Program(std::vector<std::string> argv, const EnvironmentChanges& environment, std::string log_file);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number) const;
  // SIGKILL, as a crash does; returns once the process is gone.
  void kill();
  // Waits for its end: the exit status, 128 + signal, or nothing if it still runs.
  std::optional<int> wait(std::int64_t deadline_ms);
  // SIGTERM and wait.
  std::optional<int> stop(std::int64_t deadline_ms = 20'000);
  std::string log() const;

 private:
  std::string log_file_;
  pid_t pid_ = -1;
  std::optional<int> exit_;
};

struct CommandResult {
  int exit_code = -1;  // 128 + signal; -1: killed at its deadline
  std::string out;
  std::string err;
};
// Runs a program to its end. The output is kept in files below scratch_folder.
CommandResult run_command(const std::vector<std::string>& argv, const EnvironmentChanges& environment, const std::string& scratch_folder,
                          std::int64_t deadline_ms = 60'000);

std::string read_whole_file(const std::string& path);  // "" if there is none
// A loopback port on which nobody listens at this moment.
std::uint16_t free_port();
// Something listens on this port of the loopback, at once or within a time that a program needs to start on a busy machine.
bool serves(std::uint16_t port);

}  // namespace dossier::test
