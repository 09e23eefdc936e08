// The loop around an agent's process, the same for every provider: output to lines, input from a queue, stop, wall time,
// and an end that leaves nothing running.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "worker/agents/agent.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {

struct ChildHandlers {
  std::function<void(std::string_view line)> on_output;
  std::function<void(std::string_view line)> on_error;
  // Bytes for its standard input, appended; asked after everything that came in. True: no more will come, close it
  // once these are written.
  std::function<bool(std::string& into)> more_input;
  // True: the work is over (Codex: the turn ended); the program is asked to end by closing its input.
  std::function<bool()> is_done;
};

struct ChildEnd {
  enum class Why : std::uint8_t { exited, stopped, timed_out };
  Why why = Why::exited;
  process::Exit exit;  // exited
  bool was_done = false;
};

inline constexpr std::int64_t kGraceMs = 3'000;       // between SIGTERM and SIGKILL
inline constexpr std::int64_t kExitMs = 5'000;        // for a program whose work is over to end by itself
inline constexpr std::size_t kReadBytes = 64 * 1024;  // from a pipe at a time

// `max_line`: longer lines come in pieces. Errors: of spawn.
Result<ChildEnd> run_child(const process::SpawnOptions& options, std::int64_t timeout_ms, std::size_t max_line, AgentHost& host,
                           const ChildHandlers& handlers);

}  // namespace dossier::worker
