// What a run's agent sees of the worker: where its events go, and where what it is told comes from.
//
// on_event() is the one place where an agent's words enter the activity and the reports; on_turn_over is called at the end of
// each turn, while the server's word on what follows is on its way.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "worker/activity.hpp"
#include "worker/agents/agent.hpp"
#include "worker/pending_approvals.hpp"
#include "worker/run.hpp"
#include "worker/run_mailbox.hpp"

namespace dossier::worker {

// Called on the run's thread; each must be handed on and return soon.
struct RunListener {
  std::function<void(const RunKey&)> workdir_ready;
  std::function<void(const RunKey&, const std::string& provider_session)> started;
  std::function<void(const RunKey&, std::uint32_t turn, const std::string& provider_turn)> turn_began;
  std::function<void(const RunKey&, const v1::TurnEnded&)> turn_ended;
  std::function<void(const RunKey&, const v1::ApprovalRequested&)> approval_asked;
  std::function<void(const RunKey&, const std::string& provider_request)> approval_withdrawn;
  std::function<void(const RunKey&, const std::string& request_id, const std::string& how)> approval_answered;
  std::function<void(const RunKey&, const std::string& follow_up_id, std::uint32_t turn)> steered;
  std::function<void(const RunKey&, RunNote)> note;
  std::function<void(const RunKey&, RunEnd)> ended;  // the last call, exactly once
};

// How a run is to stop, as every part of it sees it.
struct RunStop {
  std::atomic<int> level{0};  // 0 no, 1 gently, 2 now; only grows
  bool asked() const noexcept { return level.load() != 0; }
  bool now() const noexcept { return level.load() >= 2; }
};

// On the run's thread.
class RunHost final : public AgentHost {
 public:
  struct Ports {
    const RunKey& key;
    const RunListener& listener;
    RunMailbox& mailbox;
    process::Wakeup& wakeup;
    const RunStop& stop;
    ActivityStream& activity;
    PendingApprovals& approvals;
    std::function<void(std::uint32_t turn)> on_turn_over;
    std::function<void(std::uint32_t turn, const std::string& item)> on_item;  // one ended that may have written files
    std::function<void(const std::string& provider_session)> on_session;
  };
  explicit RunHost(Ports ports) : ports_(std::move(ports)) {}

  void on_event(AgentEvent event) override;
  std::vector<AgentCommand> take_commands() override;
  bool congested() override { return ports_.activity.congested(); }
  std::int64_t pump() override { return ports_.activity.pump(); }
  Stop stop() const override;
  process::Wakeup& wakeup() override { return ports_.wakeup; }

  // Before each process of the agent; `turn`: of its first turn.
  void begin(std::uint32_t turn);
  // run() returned. lost: the agent died with questions open, and another goes on; the turn did not end, it broke off.
  void end(bool lost);
  // Without an agent: takes what was said meanwhile. Only decisions mean something then.
  void read_mail();

  const std::string& provider_session() const { return provider_session_; }
  std::uint32_t turn() const { return turn_; }  // the last that began, or is about to
  bool in_turn() const { return in_turn_; }
  std::uint64_t turns_ended() const { return turns_ended_; }
  const std::vector<v1::TurnInput>& inputs() const { return inputs_; }  // of the turn, where it is not this run's first

 private:
  void on_session_started(const AgentEvent& event);
  void on_turn_started(const AgentEvent& event);
  void on_turn_ended(const AgentEvent& event);
  void report_turn_ended(const v1::TurnEnded& ended);
  void act(ApprovalActions actions);

  const Ports ports_;
  std::vector<AgentCommand> commands_;
  std::string provider_session_;
  bool reported_session_ = false;
  std::uint32_t turn_ = 1;
  bool in_turn_ = false;
  std::uint64_t turns_ended_ = 0;
  std::vector<v1::TurnInput> inputs_;
  std::optional<v1::TurnEnded> held_;  // the end of a turn that may have broken off
};

}  // namespace dossier::worker
