// The loop around an agent's process, the same for every provider: output to lines, input from the handlers, stop, wall
// time, and an end that leaves nothing running. The process may outlive the loop, and the loop be run again over it.
//
//   Child::spawn ─► run (one host, one set of handlers) ─► left idle ─► run (others) ─► … ─► exited, stopped, timed out
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "worker/agents/agent.hpp"

namespace dossier::worker {

// What the handlers want of the loop at present. From close_input on a wish can only grow.
enum class ChildWish : std::uint8_t {
  go_on,
  leave,        // run() returns and the process lives on, idle: it can be run again
  close_input,  // its input is closed once all is written; it ends when its work is done
  end,          // the same, and it has kExitMs to end by itself: its work is over
  terminate,    // SIGTERM, then SIGKILL after kGraceMs
};

// Called on the thread that called run(), never inside one another.
struct ChildHandlers {
  std::function<void(std::string_view line)> on_output;
  std::function<void(std::string_view line)> on_error;
  // Bytes for its standard input, appended. Asked in every round: after everything that came in, after every notification
  // of the host's wakeup (so this is the place to take the host's commands), and at least once a second. Not asked while
  // kMaxHeldInput bytes wait for a program that does not read.
  std::function<void(std::string& into)> more_input;
  std::function<ChildWish()> wish;  // asked right after more_input
  // The turn whose wall time passes; each has timeout_ms of its own. 0: none does, for a person is asked, or no turn runs.
  // Empty: there is one turn, and it takes all the time.
  std::function<std::uint32_t()> timed_turn;
  // In how many milliseconds more_input has something of its own to say (a retry that is due). Empty: never.
  std::function<std::int64_t()> due_ms;
  // A stop asked gently is left to the handlers (they see host.stop()) for this long before SIGTERM; within kGraceMs.
  std::int64_t own_stop_ms = 0;
  // The end of its output is its end, for a program that is only its output.
  bool ends_with_output = false;
};

struct ChildEnd {
  enum class Why : std::uint8_t { exited, left, stopped, timed_out, terminated };
  Why why = Why::exited;
  process::Exit exit;  // exited
};

inline constexpr std::size_t kMaxFrame = 32u << 20;     // of a provider's protocol: it may hold a whole file or a command's whole output
inline constexpr std::int64_t kGraceMs = 3'000;         // between a stop or SIGTERM, and SIGKILL
inline constexpr std::int64_t kExitMs = 5'000;          // for a program whose work is over to end by itself
inline constexpr std::size_t kReadBytes = 64 * 1024;    // from a pipe at a time
inline constexpr std::size_t kMaxHeldInput = 4u << 20;  // of input that the program has not read yet
inline constexpr std::int64_t kMaxChildWaitMs = 1'000;  // between two rounds of the loop

std::int64_t steady_ms() noexcept;  // the clock of all that is timed here: limits of a process, not leases

// A process with its whole family; the destructor kills it. run() and the destructor may be called on any thread, one at
// a time: a thread of the child's own is its parent in the kernel's eyes, so it does not die with the thread of one run.
class Child {
 public:
  // `max_line`: longer lines come in pieces. Errors: of process::Process::spawn.
  static Result<std::unique_ptr<Child>> spawn(const process::SpawnOptions& options, std::size_t max_line);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Returns when the process and its family are gone, or when the handlers wish it left. timeout_ms: wall time of each
  // timed_turn().
  ChildEnd run(std::int64_t timeout_ms, AgentHost& host, const ChildHandlers& handlers);
  // It may have ended while it was idle.
  bool is_running() const;

 private:
  class Loop;
  struct State;
  explicit Child(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// For an agent that has no process at present: waits for the next turn, pumping the host. nullopt: the host said finish, or
// stop. What it says otherwise concerns a turn, and is passed over.
std::optional<AgentCommand> wait_for_turn(AgentHost& host);

}  // namespace dossier::worker
