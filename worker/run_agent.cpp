// Processes, turns and waits of one run's agent.
#include "worker/run_agent.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "worker/resume.hpp"

namespace dossier::worker {
namespace {

constexpr std::int64_t kWaitMs = 1'000;  // for a decision, at a time: people take as long as they like

ApprovalMode mode_of(v1::ApprovalPolicy::Mode mode) {
  if (mode == v1::ApprovalPolicy::ON_REQUEST) return ApprovalMode::on_request;
  if (mode == v1::ApprovalPolicy::UNTRUSTED) return ApprovalMode::untrusted;
  return ApprovalMode::never;
}

}  // namespace

RunAgent::RunAgent(const Parts& parts)
    : parts_(parts),
      offer_(parts.offer),
      capture_({parts.dependencies, parts.offer, parts.workdir, parts.wakeup, parts.stop, [this](const std::string& line) { say(line); }}),
      approvals_(parts.offer.offer(), parts.offer.resume()),
      evidence_({parts.offer.session_id(), parts.offer.offer(), parts.workdir.path, parts.dependencies.secrets,
                 [this](const std::string& file, const std::string& sha256) { return capture_.upload(file, sha256); },
                 [this](v1::EvidenceRecorded recorded) { parts_.listener.note(parts_.key, std::move(recorded)); },
                 [this](v1::EvidenceRejected rejected) { parts_.listener.note(parts_.key, std::move(rejected)); },
                 [this](const std::string& line) { say(line); }}),
      trees_(parts.dependencies.workdirs, parts.workdir, parts.activity, parts.dependencies.clock),
      host_({parts.key, parts.listener, parts.mailbox, parts.wakeup, parts.stop, parts.activity, approvals_,
             [this](std::uint32_t turn) { on_turn_over(turn); },
             [this](std::uint32_t turn, const std::string& item) { trees_.after_item(turn, item); },
             [this](const std::string& session) { on_session(session); }}),
      // Beside the worktree and not in it, where the agent could have left a link of this name.
      guard_({host_, parts.dependencies.secrets, task_limits(), parts.workdir.path + ".output",
              [this](const limits::Reached& reached) { on_limit(reached); }}),
      remembers_(parts.home.remembers) {}

RunEnd RunAgent::run() {
  AgentResult result = run_turns();
  if (!parts_.stop.asked() && host_.in_turn()) evidence_.after_turn(host_.turn());
  if (!parts_.stop.asked()) evidence_.after_run(host_.turn(), guard_.output());
  return end_of(std::move(result));
}

AgentResult RunAgent::run_turns() {
  host_.begin(offer_.resume().turns() + 1);
  int restarts = 0;
  for (;;) {
    if (!wait_for_decisions()) return {};
    const std::uint64_t ended_before = host_.turns_ended();
    AgentResult result = run_process();
    if (host_.turns_ended() != ended_before) restarts = 0;
    const bool lost = result.kind == AgentResult::Kind::failed && result.code == "agent_lost";
    const bool again = lost && approvals_.has_unsettled() && !parts_.stop.asked() && ++restarts <= kMaxRestarts;
    host_.end(again);
    if (!again) return result;
    approvals_.on_agent_lost();
    say("the agent is gone, and what it asked for is not: it goes on when that is decided (" + result.error + ")");
    // A turn that began has broken off; the next one has a number of its own.
    host_.begin(host_.turn() + (host_.in_turn() ? 1 : 0));
  }
}

AgentResult RunAgent::run_process() {
  const AgentRequest request = make_request();
  auto lease = parts_.dependencies.agents.take({offer_.spec().provider(), request.provider_session, request.worktree, request.home});
  if (lease.agent() == nullptr)
    return AgentResult::failed("agent_unavailable", "this worker has no provider \"" + offer_.spec().provider() + "\"", true);
  ++processes_;
  guard_.begin(request);
  AgentResult result = guard_.end(lease.agent()->run(request, guard_));
  if (result.kind == AgentResult::Kind::completed) lease.put_back(host_.provider_session());
  return result;
}

// False: the run is to stop.
bool RunAgent::wait_for_decisions() {
  host_.read_mail();
  bool said = false;
  while (approvals_.has_undecided() && !parts_.stop.asked()) {
    if (!std::exchange(said, true)) say("waits for a decision on what the agent had asked for");
    parts_.wakeup.wait(std::clamp<std::int64_t>(host_.pump() / 1'000, 1, kWaitMs));
    host_.read_mail();
  }
  return !parts_.stop.asked();
}

std::int64_t RunAgent::timeout_ms() const {
  return offer_.spec().timeout_ms() > 0 ? offer_.spec().timeout_ms() : parts_.dependencies.default_timeout_ms;
}

limits::TaskLimits RunAgent::task_limits() const {
  limits::TaskLimits limits = parts_.dependencies.limits;
  limits.wall_time_ms = static_cast<std::uint64_t>(timeout_ms());
  return limits;
}

AgentRequest RunAgent::make_request() {
  const v1::TaskSpec& spec = offer_.spec();
  const RunDependencies& with = parts_.dependencies;
  AgentRequest request;
  request.workspace_id = offer_.workspace_id();
  request.issue_id = offer_.issue_id();
  request.session_id = offer_.session_id();
  request.task_id = offer_.task_id();
  request.issue_number = offer_.issue_number();
  request.offer = offer_.offer();
  request.issue_title = spec.issue_title().plain();
  request.agent_name = spec.agent_name();
  request.prompt = prompt();
  request.instructions = spec.instructions().plain();
  request.model = spec.model();
  request.command.assign(spec.command().begin(), spec.command().end());
  request.worktree = parts_.workdir.path;
  request.branch = parts_.workdir.branch;
  request.base_commit = parts_.workdir.base_commit;
  request.home = parts_.home.path;
  request.family = with.family_prefix + with.identity.boot_id + "-" + parts_.workdir.worktree;
  if (processes_ > 0) request.family += "-" + std::to_string(processes_ + 1);
  request.environment = agent_environment(with.account);
  request.account = with.account;
  request.timeout_ms = timeout_ms();
  request.first_turn = host_.turn();
  request.message_id = offer_.task_id() + "-o" + std::to_string(offer_.offer()) + "-t" + std::to_string(host_.turn());
  if (processes_ > 0)
    request.provider_session = host_.provider_session();
  else if (remembers_)
    request.provider_session = offer_.resume().provider_session();
  request.approvals = mode_of(spec.approval_mode());
  return request;
}

std::string RunAgent::prompt() const {
  const v1::SessionResume& resume = offer_.resume();
  FirstPrompt facts;
  facts.task_prompt = offer_.spec().prompt().plain();
  facts.broke_off = resume.turns() > 0 || (processes_ > 0 && host_.in_turn());
  facts.continues = !offer_.spec().continues_session_id().empty();
  facts.remembers = processes_ > 0 ? !host_.provider_session().empty() : remembers_;
  facts.inputs = host_.inputs();
  if (facts.inputs.empty()) facts.inputs.assign(resume.inputs().begin(), resume.inputs().end());
  facts.quotes = approvals_.quotes();
  return first_prompt(facts);
}

void RunAgent::on_session(const std::string& provider_session) {
  if (const Status kept = parts_.dependencies.homes.remember(parts_.home, provider_session); !kept)
    log::warn("worker", "the agent's session can't be resumed later: " + kept.error().message);
}

void RunAgent::on_turn_over(std::uint32_t turn) {
  if (parts_.stop.asked()) return;  // a run that is stopped reports no work
  evidence_.after_turn(turn);
  trees_.after_turn(turn);
  source_ = capture_.capture(turn);
  if (*source_)
    parts_.listener.note(parts_.key, source_->value());
  else
    say("the worktree was not captured: " + source_->error().message);
}

void RunAgent::on_limit(const limits::Reached& reached) {
  say(limits::describe(reached));
  parts_.listener.note(parts_.key, to_fact(reached, offer_.offer()));
}

RunEnd RunAgent::end_of(AgentResult result) {
  RunEnd end;
  if (result.kind == AgentResult::Kind::stopped && !parts_.stop.asked()) {
    result = AgentResult::failed("agent_failed", "the agent broke off its turn, and nobody had asked for it", false);
  }
  // An agent that dies while its run is being stopped was stopped, whoever was first.
  if (result.kind == AgentResult::Kind::stopped || (result.kind == AgentResult::Kind::failed && parts_.stop.asked())) return end;
  // What happened after the last turn's end, if it did not end at all, is captured here.
  if (!source_ || !*source_ || host_.in_turn()) source_ = capture_.capture(host_.turn());
  const bool completed = result.kind == AgentResult::Kind::completed;
  end.kind = completed ? RunEnd::Kind::completed : RunEnd::Kind::failed;
  end.result = std::move(result.result);
  end.code = std::move(result.code);
  end.error = std::move(result.error);
  end.retryable = result.retryable;
  end.phase = completed ? "" : "agent";
  if (*source_) {
    end.source = std::move(*source_).value();
    return end;
  }
  say("the worktree was not captured: " + source_->error().message);
  if (!completed) return end;
  end.kind = RunEnd::Kind::failed;
  end.phase = "capture";
  end.code = "capture_failed";
  end.error = source_->error().message;
  end.retryable = true;
  return end;
}

}  // namespace dossier::worker
