// Decisions on tasks.
#include "producers/commands/task.hpp"

#include <algorithm>

#include "events/fold.hpp"
#include "events/follow_up.hpp"
#include "events/issue.hpp"
#include "events/names.hpp"
#include "events/session.hpp"
#include "events/task.hpp"
#include "events/worker.hpp"
#include "producers/commands/approval.hpp"
#include "producers/commands/decision_builder.hpp"
#include "producers/commands/session.hpp"
#include "producers/commands/session_request.hpp"

namespace dossier::producers::commands {
namespace {

struct Ending {
  std::string outcome;  // completed, failed, cancelled
  std::string head;     // commit that the working copy was left at
};

// nullopt: these events do not end the task.
std::optional<Ending> ending_of(const events::TaskEvents& task_events) {
  for (const auto& event : task_events) {
    if (event.has_task_completed()) return Ending{"completed", event.task_completed().commit()};
    if (event.has_task_cancelled()) return Ending{"cancelled", {}};
    if (event.has_task_failed() && !event.task_failed().retryable()) return Ending{"failed", {}};
  }
  return std::nullopt;
}

// The session's end, and what goes with it. Follow-ups that no turn was told begin another session, which continues this
// one; of a session that failed or was cancelled they stay as they are, for people to read.
Status end_session(DecisionBuilder& decision, const v1::TaskState& task, const Ending& ending) {
  const std::string session_stream = events::session_stream(SessionId(task.session_id()));
  TRY(const auto session, decision.rely<v1::SessionState>(session_stream));
  const std::string copy_stream = events::copy_stream(IssueId(task.issue_id()));
  TRY(auto copy, decision.rely<v1::CopyState>(copy_stream));
  const auto ended = events::end_session(session, ending.outcome);
  const auto released = events::release_copy(copy, task.session_id(), ending.head);
  const auto untold = events::untold_follow_ups(session);
  std::optional<SessionRequest> next;
  if (ended && released && !untold.empty() && ending.outcome == "completed") {
    events::evolve(copy, *released);
    TRY(next, continuation(decision, session, untold, copy));
  }
  if (next)
    for (const auto& delivered : events::deliver_follow_ups(session, session.turns() + 1)) decision.add(session_stream, task.issue_id(), delivered);
  if (ended) decision.add(session_stream, task.issue_id(), *ended);
  if (released) decision.add(copy_stream, task.issue_id(), *released);
  return next ? add_session(decision, *next) : Status();
}

// Adds a task's events, and where they end it, the end of its session and of its hold on the working copy.
Status add_task_events(DecisionBuilder& decision, const v1::TaskState& task, const events::TaskEvents& task_events) {
  const std::string stream = events::task_stream(TaskId(task.task_id()));
  for (const auto& event : task_events) decision.add(stream, task.issue_id(), event);
  const auto ending = ending_of(task_events);
  if (!ending.has_value() || task.session_id().empty()) return {};

  TRY_STATUS(cancel_open_approvals(decision, task));
  return end_session(decision, task, *ending);
}

Result<Decision> on_task(Snapshot& snapshot, const CommandContext& context, const TaskId& id,
                         const std::function<Result<events::TaskEvents>(const v1::TaskState&)>& decide) {
  DecisionBuilder decision(snapshot, context);
  TRY(const auto task, decision.rely<v1::TaskState>(events::task_stream(id)));
  TRY(const auto task_events, decide(task));
  TRY_STATUS(add_task_events(decision, task, task_events));
  return decision.finish();
}

void add_failure(DecisionBuilder& decision, const v1::TaskState& task, const v1::RunFailed& failed) {
  v1::IssueEvent event;
  v1::FailureRecorded& failure = *event.mutable_failure_recorded();
  failure.set_phase(failed.phase());
  failure.set_code(failed.code());
  *failure.mutable_excerpt() = failed.error();
  failure.set_session_id(task.session_id());
  failure.set_task_id(task.task_id());
  decision.add(events::issue_stream(IssueId(task.issue_id())), task.issue_id(), event);
}

Result<events::TaskEvents> task_events_of(const v1::Report& report, const v1::TaskState& task) {
  const std::string& worker = report.worker_id();
  const std::uint32_t offer = report.fence().offer();
  switch (report.report_case()) {
    case v1::Report::kClaim: return events::claim(task, offer, worker, report.boot_id());
    case v1::Report::kDecline:
      if (task.worker_id() != worker) return make_error(Code::offer_superseded, "this offer is not for this worker");
      return events::lapse(task, offer, report.decline().reason().empty() ? "declined" : report.decline().reason());
    case v1::Report::kRunStarted: return events::start(task, offer, worker);
    case v1::Report::kRunCompleted: {
      v1::TaskCompleted completed;
      completed.set_offer(offer);
      *completed.mutable_result() = report.run_completed().result();
      completed.set_commit(report.run_completed().commit());
      completed.set_branch(report.run_completed().branch());
      return events::complete(task, worker, completed);
    }
    case v1::Report::kRunFailed: {
      v1::TaskFailed failed;
      failed.set_offer(offer);
      failed.set_code(report.run_failed().code());
      *failed.mutable_error() = report.run_failed().error();
      failed.set_retryable(report.run_failed().retryable());
      return events::fail(task, worker, failed);
    }
    case v1::Report::kRunCancelled: return events::report_cancelled(task, offer, worker, report.run_cancelled().reason());
    case v1::Report::kTurnBegan:
    case v1::Report::kTurnEnded:
    case v1::Report::kSource:
    case v1::Report::kApprovalAsked:
    case v1::Report::kApprovalAnswered:
    case v1::Report::kFollowUpSteered:
    case v1::Report::kEvidenceRejected:
    case v1::Report::kLimitReached:
    case v1::Report::kEvidence: {
      TRY_STATUS(events::require_fence(task, offer, worker));
      return events::TaskEvents{};
    }
    case v1::Report::kHeartbeat:
    case v1::Report::kDrainBegan:
    case v1::Report::REPORT_NOT_SET: break;
  }
  return make_error(Code::invalid_field, "a report of a kind which this server does not know", "report");
}

// What a report says beside its task events: turns, source, evidence.
Status add_session_facts(DecisionBuilder& decision, const v1::Report& report, const v1::TaskState& task) {
  const std::string stream = events::session_stream(SessionId(task.session_id()));
  const auto add = [&](const std::optional<v1::SessionEvent>& event) {
    if (event.has_value()) decision.add(stream, task.issue_id(), *event);
  };
  const auto issue_stream = events::issue_stream(IssueId(task.issue_id()));
  if (report.has_run_started()) {
    TRY(const auto session, decision.rely<v1::SessionState>(stream));
    v1::SessionStarted started;
    started.set_worker_id(report.worker_id());
    started.set_provider_session(report.run_started().provider_session());
    started.set_offer(report.fence().offer());
    TRY(const auto event, events::start_session(session, started));
    add(event);
  } else if (report.has_turn_began()) {
    TRY(const auto session, decision.rely<v1::SessionState>(stream));
    v1::TurnStarted turn;
    turn.set_turn(report.turn_began().turn());
    turn.set_provider_turn(report.turn_began().provider_turn());
    TRY(const auto event, events::begin_turn(session, turn));
    add(event);
  } else if (report.has_turn_ended()) {
    TRY(const auto session, decision.rely<v1::SessionState>(stream));
    v1::TurnCompleted turn;
    turn.set_turn(report.turn_ended().turn());
    turn.set_tokens_in(report.turn_ended().tokens_in());
    turn.set_tokens_out(report.turn_ended().tokens_out());
    turn.set_cost_microusd(report.turn_ended().cost_microusd());
    turn.set_reason(report.turn_ended().reason());
    TRY_STATUS(add_turn_end(decision, session, turn));
  } else if (report.has_follow_up_steered()) {
    TRY(const auto session, decision.rely<v1::SessionState>(stream));
    v1::FollowUpDelivered delivered;
    delivered.set_follow_up_id(report.follow_up_steered().follow_up_id());
    delivered.set_turn(report.follow_up_steered().turn());
    TRY(const auto event, events::steered(session, delivered));
    add(event);
  } else if (report.has_limit_reached()) {
    TRY(const auto session, decision.rely<v1::SessionState>(stream));
    v1::LimitReached limit = report.limit_reached();
    limit.set_offer(report.fence().offer());
    TRY(const auto event, events::reach_limit(session, limit));
    add(event);
  } else if (report.has_source()) {
    v1::IssueEvent event;
    v1::SourceCaptured& source = *event.mutable_source_captured();
    source = report.source();
    source.set_session_id(task.session_id());
    source.set_task_id(task.task_id());
    source.set_offer(report.fence().offer());
    decision.add(issue_stream, task.issue_id(), event);
  } else if (report.has_evidence()) {
    v1::IssueEvent event;
    *event.mutable_evidence_recorded() = report.evidence();
    event.mutable_evidence_recorded()->set_session_id(task.session_id());
    event.mutable_evidence_recorded()->set_offer(report.fence().offer());
    decision.add(issue_stream, task.issue_id(), event);
  } else if (report.has_evidence_rejected()) {
    v1::IssueEvent event;
    *event.mutable_evidence_rejected() = report.evidence_rejected();
    event.mutable_evidence_rejected()->set_session_id(task.session_id());
    event.mutable_evidence_rejected()->set_offer(report.fence().offer());
    decision.add(issue_stream, task.issue_id(), event);
  } else if (report.has_approval_asked() || report.has_approval_answered()) {
    TRY_STATUS(add_approval_facts(decision, report, task));
  } else if (report.has_run_failed()) {
    add_failure(decision, task, report.run_failed());
  }
  return {};
}

// Decided by the session and the issue alone, without a fact of the task.
bool is_session_fact(const v1::Report& report) {
  return report.has_turn_began() || report.has_turn_ended() || report.has_source() || report.has_evidence() || report.has_evidence_rejected() ||
         report.has_limit_reached() || report.has_follow_up_steered() || report.has_approval_asked() || report.has_approval_answered();
}

std::string_view what_of(const v1::Report& report) {
  const auto* field = v1::Report::descriptor()->FindFieldByNumber(static_cast<int>(report.report_case()));
  return field == nullptr ? std::string_view("report") : std::string_view(field->name());
}

std::string detail_of(const v1::Report& report) {
  if (report.has_run_completed()) return report.run_completed().result().plain();
  if (report.has_run_failed()) return report.run_failed().error().plain();
  if (report.has_source()) return report.source().branch() + " " + report.source().commit();
  return {};
}

Result<Decision> refuse_or_keep_late(Snapshot& snapshot, const CommandContext& context, const v1::Report& report, const v1::TaskState& task,
                                     Error refusal) {
  const bool harmless = report.has_claim() || report.has_decline();
  if (refusal.code != Code::offer_superseded || harmless || !events::was_claimed(task, report.fence().offer(), report.worker_id())) return refusal;
  // That this offer is over can't change any more, so nothing is expected.
  DecisionBuilder decision(snapshot, context);
  v1::EventPayload payload;
  *payload.mutable_task() = events::late_result(report.fence().offer(), report.worker_id(), what_of(report), detail_of(report));
  decision.add(events::task_stream(TaskId(task.task_id())), task.issue_id(), payload);
  return decision.finish();
}

Result<Decision> decide_fenced(Snapshot& snapshot, const CommandContext& context, const v1::Report& report) {
  DecisionBuilder decision(snapshot, context);
  const TaskId id(report.fence().task_id());
  TRY(const auto task, decision.rely<v1::TaskState>(events::task_stream(id)));
  auto task_events = task_events_of(report, task);
  if (!task_events) return refuse_or_keep_late(snapshot, context, report, task, std::move(task_events).error());
  const bool applies = !task_events->empty() || is_session_fact(report);
  if (applies && !task.session_id().empty() && !task.cancel_requested()) TRY_STATUS(add_session_facts(decision, report, task));
  TRY_STATUS(add_task_events(decision, task, *task_events));
  return decision.finish();
}

}  // namespace

Decide cancel_task(TaskId task, std::string reason) {
  return [task = std::move(task), reason = std::move(reason)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY_STATUS(require_member(decision, v1::MEMBER));
    TRY(const auto state, decision.rely<v1::TaskState>(events::task_stream(task)));
    TRY(const auto task_events, events::request_cancel(state, context.actor.id(), reason));
    TRY_STATUS(add_task_events(decision, state, task_events));
    return decision.finish();
  };
}

Decide offer_task(TaskId task, WorkerId worker, std::int64_t deadline_us) {
  return [=](Snapshot& snapshot, const CommandContext& context) {
    return on_task(snapshot, context, task, [&](const v1::TaskState& state) { return events::offer(state, worker.str(), deadline_us); });
  };
}

Decide lapse_offer(TaskId task, std::uint32_t offer, std::string reason) {
  return [=](Snapshot& snapshot, const CommandContext& context) {
    return on_task(snapshot, context, task,
                   [&](const v1::TaskState& state) -> Result<events::TaskEvents> { return events::lapse(state, offer, reason); });
  };
}

Decide expire_lease(TaskId task, std::uint32_t offer) {
  return [=](Snapshot& snapshot, const CommandContext& context) {
    return on_task(snapshot, context, task,
                   [&](const v1::TaskState& state) -> Result<events::TaskEvents> { return events::expire_lease(state, offer); });
  };
}

Decide worker_report(v1::Report report) {
  return [report = std::move(report)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    if (report.report_case() != v1::Report::kDrainBegan) return decide_fenced(snapshot, context, report);
    DecisionBuilder decision(snapshot, context);
    const std::string stream = events::worker_stream(WorkerId(report.worker_id()));
    TRY(const auto worker, decision.rely<v1::WorkerState>(stream));
    if (const auto event = events::worker_draining(worker)) decision.add(stream, {}, *event);
    return decision.finish();
  };
}

namespace {

bool has_task_fact(const v1::Commit& commit, v1::TaskEvent::FactCase fact) {
  return std::any_of(commit.events().begin(), commit.events().end(), [&](const v1::Event& event) {
    v1::EventPayload payload;
    return payload.ParseFromString(event.payload()) && payload.task().fact_case() == fact;
  });
}

}  // namespace

bool recorded_as_late(const v1::Commit& commit) { return has_task_fact(commit, v1::TaskEvent::kLateResultRecorded); }

bool ended_the_lease(const v1::Commit& commit) { return has_task_fact(commit, v1::TaskEvent::kTaskLeaseExpired); }

}  // namespace dossier::producers::commands
