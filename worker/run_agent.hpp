// A run's agent from its first turn to its last: started, fed with turns, started again where it died with a question open.
//
//   (questions of an earlier offer open: wait) ─► first prompt ─► agent ─► turns ─► end
//                                 ▲                                 │
//                                 └── wait for the decisions ◄── died with a question open
//
// At the end of each turn its work is captured, while the server's word on what follows is on its way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "worker/guarded_host.hpp"
#include "worker/run_capture.hpp"
#include "worker/run_evidence.hpp"
#include "worker/run_host.hpp"
#include "worker/run_thread.hpp"
#include "worker/run_trees.hpp"

namespace dossier::worker {

// On the run's thread.
class RunAgent {
 public:
  static constexpr int kMaxRestarts = 8;  // of an agent that dies again and again before it ends a turn

  struct Parts {
    const RunDependencies& dependencies;
    const RunListener& listener;
    const v1::TaskOffer& offer;
    const RunKey& key;
    const Workdir& workdir;
    const SessionHome& home;
    RunMailbox& mailbox;
    process::Wakeup& wakeup;
    const RunStop& stop;
    ActivityStream& activity;
  };
  explicit RunAgent(const Parts& parts);

  RunEnd run();

 private:
  AgentResult run_turns();
  AgentResult run_process();
  bool wait_for_decisions();
  AgentRequest make_request();
  std::int64_t timeout_ms() const;
  limits::TaskLimits task_limits() const;
  std::string prompt() const;
  // A turn is over: the one place where what it left is looked at.
  void on_turn_over(std::uint32_t turn);
  void on_session(const std::string& provider_session);
  void on_limit(const limits::Reached& reached);
  void say(const std::string& line) { parts_.activity.log_line("system", line); }
  RunEnd end_of(AgentResult result);

  const Parts parts_;
  const v1::TaskOffer& offer_;
  RunCapture capture_;
  PendingApprovals approvals_;
  RunEvidence evidence_;
  RunTrees trees_;
  RunHost host_;
  GuardedHost guard_;  // what the agent sees of host_
  int processes_ = 0;  // that were started
  bool remembers_ = false;
  std::optional<Result<v1::SourceCaptured>> source_;  // of the last turn that ended
};

}  // namespace dossier::worker
