// Stands between an agent and the run's host: what the agent says is masked, its output is bounded, what it uses of the
// machine is watched, and it is stopped where a limit says so. The host behind it sees masked events only.
//
//   agent ─► GuardedHost: EventMasker ─► OutputGate ─► host (activity, facts)
//                              ResourceWatch ─► Account ─► on_limit, stop()
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "worker/agents/agent.hpp"
#include "worker/event_masking.hpp"
#include "worker/limits/limits.hpp"
#include "worker/limits/output_file.hpp"
#include "worker/limits/resource_watch.hpp"
#include "worker/output_gate.hpp"

namespace dossier::worker {

// One a run; on the run's thread. Agent::run gets this in place of the host.
class GuardedHost final : public AgentHost {
 public:
  static constexpr std::int64_t kLookUs = 1'000'000;  // between two comparisons of what the watch saw

  struct Parts {
    AgentHost& host;  // outlives it
    std::shared_ptr<const masking::Secrets> secrets;
    limits::TaskLimits limits;
    std::string output_file;  // path beside the worktree
    std::function<void(const limits::Reached& reached)> on_limit;
    limits::WatchOptions watch = {};  // how often; what to watch is set by begin()
  };
  explicit GuardedHost(Parts parts);

  // Around each Agent::run: what to watch, and what came of it. The result is masked; one that a limit ended is a failure
  // with the code limit_reached, one with agent_timeout tells of the wall time.
  void begin(const AgentRequest& request);
  AgentResult end(AgentResult result);

  void on_event(AgentEvent event) override;
  std::vector<AgentCommand> take_commands() override { return parts_.host.take_commands(); }
  bool congested() override { return parts_.host.congested(); }
  std::int64_t pump() override;
  Stop stop() const override;
  process::Wakeup& wakeup() override { return parts_.host.wakeup(); }

  // Output beyond the limit, after the last end(): is_used() says whether there is any. The caller uploads it.
  limits::OutputFile& output() { return output_; }
  EventMasker& masker() { return masker_; }

 private:
  void pass(AgentEvent event);
  void observe(limits::Limit limit, std::uint64_t value);
  void on_reached(const limits::Reached& reached);

  const Parts parts_;
  EventMasker masker_;
  limits::Account account_;
  limits::OutputFile output_;
  OutputGate gate_;
  std::optional<limits::Reached> stopped_;
  std::int64_t began_us_ = 0;                   // CLOCK_MONOTONIC
  std::optional<limits::ResourceWatch> watch_;  // last: its thread notifies the host's wakeup
};

}  // namespace dossier::worker
