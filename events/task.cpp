// Tasks: evolve and decide.
#include "events/task.hpp"

#include "base/mutation.hpp"
#include "events/fold.hpp"

namespace dossier::events {

using State = v1::TaskState;

bool evolve(State& state, const v1::TaskEvent& event) {
  switch (event.fact_case()) {
    case v1::TaskEvent::kTaskQueued: {
      const v1::TaskQueued& queued = event.task_queued();
      state.set_task_id(queued.task_id());
      state.set_session_id(queued.session_id());
      state.set_issue_id(queued.spec().issue_id());
      state.set_status(State::QUEUED);
      state.set_max_attempts(queued.max_attempts() == 0 ? kMaxAttempts : queued.max_attempts());
      *state.mutable_required_capabilities() = queued.required_capabilities();
      state.set_pool(queued.pool());
      state.set_copy_generation(queued.spec().copy_generation());
      state.set_project_id(queued.spec().project_id());
      return true;
    }
    case v1::TaskEvent::kTaskOffered:
      state.set_status(State::OFFERED);
      state.set_offer(event.task_offered().offer());
      state.set_worker_id(event.task_offered().worker_id());
      state.set_offer_deadline_us(event.task_offered().deadline_us());
      return true;
    case v1::TaskEvent::kTaskOfferLapsed:
      state.set_status(State::QUEUED);
      state.clear_worker_id();
      return true;
    case v1::TaskEvent::kTaskClaimed: {
      state.set_status(State::CLAIMED);
      state.set_attempts(event.task_claimed().attempt());
      v1::TaskClaimState& claim = *state.add_claims();
      claim.set_offer(event.task_claimed().offer());
      claim.set_worker_id(event.task_claimed().worker_id());
      claim.set_boot_id(event.task_claimed().boot_id());
      return true;
    }
    case v1::TaskEvent::kTaskStarted: state.set_status(State::RUNNING); return true;
    case v1::TaskEvent::kTaskLeaseExpired:
      state.set_status(State::QUEUED);
      state.clear_worker_id();
      return true;
    case v1::TaskEvent::kTaskCompleted: state.set_status(State::COMPLETED); return true;
    case v1::TaskEvent::kTaskFailed:
      state.set_status(event.task_failed().retryable() ? State::QUEUED : State::FAILED);
      if (event.task_failed().retryable()) state.clear_worker_id();
      return true;
    case v1::TaskEvent::kTaskCancelRequested:
      state.set_cancel_requested(true);
      state.set_cancel_reason(event.task_cancel_requested().reason().plain());
      return true;
    case v1::TaskEvent::kTaskCancelled: state.set_status(State::CANCELLED); return true;
    case v1::TaskEvent::kLateResultRecorded: return true;
    case v1::TaskEvent::FACT_NOT_SET: return false;
  }
  return false;
}

bool is_terminal(State::Status status) { return status == State::COMPLETED || status == State::FAILED || status == State::CANCELLED; }

bool is_leased(State::Status status) { return status == State::CLAIMED || status == State::RUNNING; }

bool was_claimed(const State& state, std::uint32_t offer, std::string_view worker_id) {
  for (const auto& claim : state.claims())
    if (claim.offer() == offer && claim.worker_id() == worker_id) return true;
  return false;
}

bool is_claim_of(const State& state, std::uint32_t offer, std::string_view boot_id) {
  const bool any_boot = mutation::on(mutation::Name::grant_to_another_boot);
  for (const auto& claim : state.claims())
    if (claim.offer() == offer && (any_boot || claim.boot_id().empty() || claim.boot_id() == boot_id)) return true;
  return false;
}

namespace {

Error superseded(const State& state) {
  if (is_terminal(state.status())) return make_error(Code::offer_superseded, "the task has ended as " + std::string(status_name(state.status())));
  return make_error(Code::offer_superseded, "the present offer of this task is number " + std::to_string(state.offer()));
}

Status require_task(const State& state) {
  if (state.task_id().empty()) return make_error(Code::not_found, "no such task");
  return {};
}

v1::TaskEvent cancelled(const State& state, std::string_view reason) {
  v1::TaskEvent event;
  event.mutable_task_cancelled()->set_offer(state.offer());
  event.mutable_task_cancelled()->set_reason(std::string(reason));
  return event;
}

// Of a task that is leased.
TaskEvents end_lease(const State& state, std::string_view reason) {
  TaskEvents events(1);
  v1::TaskLeaseExpired& expired = *events[0].mutable_task_lease_expired();
  expired.set_offer(state.offer());
  expired.set_worker_id(state.worker_id());
  expired.set_reason(std::string(reason));
  if (state.cancel_requested()) {
    events.push_back(cancelled(state, "the lease ended after the cancel request"));
  } else if (state.attempts() >= state.max_attempts()) {
    events[0].mutable_task_lease_expired()->set_attempts_exhausted(true);
    v1::TaskFailed& failed = *events.emplace_back().mutable_task_failed();
    failed.set_offer(state.offer());
    failed.set_code("attempts_exhausted");
    failed.mutable_error()->set_plain("every attempt lost its worker");
  }
  return events;
}

}  // namespace

Status require_fence(const State& state, std::uint32_t offer, std::string_view worker_id) {
  TRY_STATUS(require_task(state));
  if (mutation::on(mutation::Name::apply_late_result) && was_claimed(state, offer, worker_id)) return {};
  if (!is_leased(state.status()) || state.offer() != offer || state.worker_id() != worker_id) return superseded(state);
  return {};
}

Result<TaskEvents> offer(const State& state, std::string_view worker_id, std::int64_t deadline_us) {
  TRY_STATUS(require_task(state));
  if (is_terminal(state.status())) return make_error(Code::terminal_state, "the task has ended");
  if (state.status() != State::QUEUED) return make_error(Code::conflict, "the task is not queued");
  TaskEvents events(1);
  v1::TaskOffered& offered = *events[0].mutable_task_offered();
  offered.set_offer(state.offer() + 1);
  offered.set_worker_id(std::string(worker_id));
  offered.set_deadline_us(deadline_us);
  return events;
}

TaskEvents lapse(const State& state, std::uint32_t offer, std::string_view reason) {
  if (state.status() != State::OFFERED || state.offer() != offer) return {};
  TaskEvents events(1);
  events[0].mutable_task_offer_lapsed()->set_offer(offer);
  events[0].mutable_task_offer_lapsed()->set_reason(std::string(reason));
  return events;
}

Result<TaskEvents> claim(const State& state, std::uint32_t offer, std::string_view worker_id, std::string_view boot_id) {
  TRY_STATUS(require_task(state));
  if (require_fence(state, offer, worker_id))  // claimed before, by this very offer
    return is_claim_of(state, offer, boot_id) ? TaskEvents{} : end_lease(state, kWorkerRestarted);
  if (state.status() != State::OFFERED || state.offer() != offer || state.worker_id() != worker_id) return superseded(state);
  TaskEvents events(1);
  v1::TaskClaimed& claimed = *events[0].mutable_task_claimed();
  claimed.set_offer(offer);
  claimed.set_attempt(state.attempts() + 1);
  claimed.set_worker_id(std::string(worker_id));
  claimed.set_boot_id(std::string(boot_id));
  return events;
}

Result<TaskEvents> start(const State& state, std::uint32_t offer, std::string_view worker_id) {
  TRY_STATUS(require_fence(state, offer, worker_id));
  if (state.status() == State::RUNNING) return TaskEvents{};
  TaskEvents events(1);
  events[0].mutable_task_started()->set_offer(offer);
  events[0].mutable_task_started()->set_worker_id(std::string(worker_id));
  return events;
}

Result<TaskEvents> complete(const State& state, std::string_view worker_id, const v1::TaskCompleted& completed) {
  TRY_STATUS(require_fence(state, completed.offer(), worker_id));
  if (state.cancel_requested()) return TaskEvents{cancelled(state, "completed after the cancel request")};
  TaskEvents events(1);
  *events[0].mutable_task_completed() = completed;
  return events;
}

Result<TaskEvents> fail(const State& state, std::string_view worker_id, v1::TaskFailed failed) {
  TRY_STATUS(require_fence(state, failed.offer(), worker_id));
  const bool wants_retry = failed.retryable();
  failed.set_retryable(wants_retry && !state.cancel_requested() && state.attempts() < state.max_attempts());
  if (wants_retry && !state.cancel_requested() && !failed.retryable()) failed.set_code("attempts_exhausted");
  TaskEvents events(1);
  *events[0].mutable_task_failed() = std::move(failed);
  return events;
}

Result<TaskEvents> report_cancelled(const State& state, std::uint32_t offer, std::string_view worker_id, std::string_view reason) {
  TRY_STATUS(require_fence(state, offer, worker_id));
  return TaskEvents{cancelled(state, reason)};
}

TaskEvents expire_lease(const State& state, std::uint32_t offer) {
  if (!is_leased(state.status()) || state.offer() != offer) return {};
  return end_lease(state, {});
}

Result<TaskEvents> request_cancel(const State& state, std::string_view by, std::string_view reason) {
  TRY_STATUS(require_task(state));
  if (state.status() == State::CANCELLED || (state.cancel_requested() && !is_terminal(state.status()))) return TaskEvents{};
  if (is_terminal(state.status()))
    return make_error(Code::terminal_state, "the task has ended as " + std::string(status_name(state.status())) + " and can't be cancelled");
  if (!is_leased(state.status())) return TaskEvents{cancelled(state, reason)};
  TaskEvents events(1);
  events[0].mutable_task_cancel_requested()->set_by(std::string(by));
  events[0].mutable_task_cancel_requested()->mutable_reason()->set_plain(std::string(reason));
  return events;
}

v1::TaskEvent late_result(std::uint32_t offer, std::string_view worker_id, std::string_view what, std::string_view detail) {
  v1::TaskEvent event;
  v1::LateResultRecorded& late = *event.mutable_late_result_recorded();
  late.set_offer(offer);
  late.set_worker_id(std::string(worker_id));
  late.set_what(std::string(what));
  late.mutable_detail()->set_plain(std::string(detail));
  return event;
}

std::string_view status_name(State::Status status) {
  if (status == State::QUEUED) return "queued";
  if (status == State::OFFERED) return "offered";
  if (status == State::CLAIMED) return "claimed";
  if (status == State::RUNNING) return "running";
  if (status == State::COMPLETED) return "completed";
  if (status == State::FAILED) return "failed";
  if (status == State::CANCELLED) return "cancelled";
  return "unknown";
}

}  // namespace dossier::events
