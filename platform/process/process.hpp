// A child process with its whole family: pipes, an exact environment, its own session, and a kill that leaves nothing
// behind. Agents run any command, so "the process ended" is never taken to mean "what it started ended".
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "platform/process/cgroup.hpp"

namespace dossier::process {

// An account which the child runs as. Needs root.
struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
};
// not_found: no such account.
Result<Account> find_account(const std::string& name);

using Environment = std::vector<std::pair<std::string, std::string>>;

struct SpawnOptions {
  std::vector<std::string> argv;  // argv[0] without '/' is looked up in the PATH of `environment`
  std::string working_directory;
  Environment environment;  // exactly this, plus kFamilyVariable
  // Marks the family in its environment, so that a member which left the session and lost its parent is still found.
  // Printable, without '='. Unique per child.
  std::string family;
  std::optional<Account> account;
  bool pipe_stdin = true;  // false: /dev/null
};
inline constexpr const char* kFamilyVariable = "DOSSIER_FAMILY";

struct Exit {
  int code = 0;    // exit status, or -1 where a signal ended it
  int signal = 0;  // 0 = none
};

// A counter in the kernel (eventfd) that wakes a poll from another thread. notify() is async-signal-safe.
class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  void notify() noexcept;
  void drain() noexcept;
  // Waits for a notification, and takes it. False: none came within wait_ms.
  bool wait(std::int64_t wait_ms) noexcept;
  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

// What may be done now without blocking.
struct Ready {
  bool output = false;  // read_output has bytes or the end
  bool error = false;
  bool input = false;  // write_input takes bytes (asked for with want_input only)
  bool exited = false;
  bool woken = false;  // the Wakeup was notified (and is drained)
};

// One owner thread, which must outlive the child: the kernel kills the child (not its family) when that thread ends,
// so that a worker that dies leaves no agent running. The destructor kills the family.
class Process {
 public:
  // not_found: no such program or directory; io: anything else. The child has exec'ed when this returns.
  static Result<Process> spawn(const SpawnOptions& options);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;

  pid_t pid() const noexcept { return pid_; }
  // Waits until something is ready, at most wait_ms (negative = 0). With want_output false the pipes are left alone and
  // fill up: that is how a slow reader slows the child down.
  Ready poll(std::int64_t wait_ms, Wakeup* wakeup = nullptr, bool want_output = true, bool want_input = false);
  // Appends up to max_bytes. False at the end of the stream; true with nothing appended: nothing there now.
  bool read_output(std::string& into, std::size_t max_bytes) { return read_pipe(output_, into, max_bytes); }
  bool read_error(std::string& into, std::size_t max_bytes) { return read_pipe(error_, into, max_bytes); }
  bool output_open() const noexcept { return output_ >= 0; }
  bool error_open() const noexcept { return error_ >= 0; }
  // Bytes taken (0: the pipe is full). io: the child closed its end.
  Result<std::size_t> write_input(std::string_view bytes);
  void close_input();
  bool input_open() const noexcept { return input_ >= 0; }
  // How it ended, without waiting; nullopt while it runs. The family may still live: kill_family() ends and reaps it.
  std::optional<Exit> try_wait();
  // A request to end: `signal` to the process group.
  void signal_group(int signal) noexcept;
  // SIGKILL to every member of the family, by its control group where it has one and by what the process table says, again
  // until neither has any; then reaps the child, whose pid() is gone with it. Bounded: kKillRounds looks. False: something is still there (it is
  // stuck in the kernel).
  bool kill_family();

 private:
  Process() = default;
  static Result<Process> spawn(const SpawnOptions& options, bool in_group);
  bool read_pipe(int& fd, std::string& into, std::size_t max_bytes);
  void close_all() noexcept;

  pid_t pid_ = -1;
  int pidfd_ = -1;
  int input_ = -1;
  int output_ = -1;
  int error_ = -1;
  std::string family_;
  Cgroup group_;
  std::optional<Exit> exit_;
};

inline constexpr int kKillRounds = 200;  // 10 ms apart at most

}  // namespace dossier::process
