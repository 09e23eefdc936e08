// `dossier worker`: the process that claims tasks of its workspace, runs agents in worktrees, and reports what they do.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "worker/agent_pool.hpp"
#include "worker/limits/limits.hpp"
#include "worker/stop_signal.hpp"

namespace dossier::worker {

struct WorkerOptions {
  std::string url;       // of the server's API
  bool gateway = false;  // no route to Kafka: everything goes by the server
  std::string token;     // msw_…: of a workspace
  std::string name;      // empty: the machine's name
  std::string mode = "local";
  std::uint32_t slots = 1;                      // agents at the same time, 1 to kMaxSlots
  std::string work_root;                        // keys, repositories, worktrees; one worker at a time (locked)
  std::string capabilities;                     // a JSON object laid over what the probe found; {"codex":false} hides one
  std::string account;                          // agents run as this account (the daemon must be root); empty: as the daemon's
  std::uint32_t max_agents = 0;                 // processes of agents, warm ones too; 0: as many as slots; no fewer
  std::int64_t warm_ms = 600'000;               // how long the agent of an ended session is kept for the next one; 0: not
  bool once = false;                            // ends after one task
  std::int64_t drain_ms = 600'000;              // after a stop: how long running agents may go on
  std::int64_t default_timeout_ms = 3'600'000;  // wall time of an agent whose profile sets none
  limits::TaskLimits limits = {};               // of a task; its wall time does not count
};
inline constexpr std::uint32_t kMaxSlots = 64;
inline constexpr std::uint32_t kMaxAgents = 256;

// Runs until `stop` is asked and everything is drained; a second request to stop kills the agents and returns at once.
// Blocks the calling thread. Errors: usage (an option is wrong), unauthenticated or forbidden (the token), log_mismatch
// (the server does not know this worker's key any more), io (work root), internal (once: the task was not completed; it
// was reported as such). What is transient (no server, no Kafka) is tried again until `stop`.
// `agents` makes the agent of a provider.
Status run_worker(const WorkerOptions& options, StopSignal& stop, AgentPool::Make agents = make_agent);

}  // namespace dossier::worker
