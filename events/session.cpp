// Sessions: evolve and decide.
#include "events/session.hpp"

#include "events/approval.hpp"
#include "events/fold.hpp"
#include "events/follow_up.hpp"

namespace dossier::events {

bool evolve(v1::SessionState& state, const v1::SessionEvent& event) {
  switch (event.fact_case()) {
    case v1::SessionEvent::kSessionRequested: {
      const v1::SessionRequested& requested = event.session_requested();
      state.set_session_id(requested.session_id());
      state.set_issue_id(requested.issue_id());
      state.set_agent_id(requested.agent_id());
      state.set_trigger_comment_id(requested.trigger_comment_id());
      state.set_copy_generation(requested.copy_generation());
      state.set_task_id(requested.task_id());
      state.set_continues_session_id(requested.continues_session_id());
      state.set_status(v1::SessionState::REQUESTED);
      return true;
    }
    case v1::SessionEvent::kSessionStarted:
      state.set_status(v1::SessionState::STARTED);
      state.set_provider_session(event.session_started().provider_session());
      state.set_worker_id(event.session_started().worker_id());
      state.set_turn_open(false);  // a new attempt begins its turns anew
      return true;
    case v1::SessionEvent::kTurnStarted:
      state.set_turns(event.turn_started().turn());
      state.set_turn_open(true);
      // Told what was delivered to it; or, after one that broke off, told the same once more.
      state.set_inputs_turn(event.turn_started().turn());
      return true;
    case v1::SessionEvent::kTurnCompleted:
      state.set_turns(event.turn_completed().turn());
      state.set_turn_open(false);
      return true;
    case v1::SessionEvent::kSessionEnded: state.set_status(v1::SessionState::ENDED); return evolve_approvals(state, event);
    case v1::SessionEvent::kApprovalRequested:
    case v1::SessionEvent::kApprovalResolved:
    case v1::SessionEvent::kApprovalDelivered: return evolve_approvals(state, event);
    case v1::SessionEvent::kFollowUpQueued:
    case v1::SessionEvent::kFollowUpEdited:
    case v1::SessionEvent::kFollowUpRemoved:
    case v1::SessionEvent::kFollowUpSteerRequested:
    case v1::SessionEvent::kFollowUpDelivered: return evolve_follow_ups(state, event);
    case v1::SessionEvent::kLimitReached: return true;  // evidence
    case v1::SessionEvent::FACT_NOT_SET: return false;
  }
  return false;
}

namespace {

Status require_open(const v1::SessionState& state) {
  if (state.session_id().empty()) return make_error(Code::not_found, "no such session");
  if (state.status() == v1::SessionState::ENDED) return make_error(Code::terminal_state, "the session has ended");
  return {};
}

}  // namespace

Result<std::optional<v1::SessionEvent>> start_session(const v1::SessionState& state, const v1::SessionStarted& started) {
  TRY_STATUS(require_open(state));
  v1::SessionEvent event;
  *event.mutable_session_started() = started;
  return std::optional(std::move(event));
}

Result<std::optional<v1::SessionEvent>> begin_turn(const v1::SessionState& state, const v1::TurnStarted& turn) {
  TRY_STATUS(require_open(state));
  if (state.turn_open() && state.turns() == turn.turn()) return std::optional<v1::SessionEvent>{};
  v1::SessionEvent event;
  *event.mutable_turn_started() = turn;
  return std::optional(std::move(event));
}

Result<std::optional<v1::SessionEvent>> end_turn(const v1::SessionState& state, const v1::TurnCompleted& turn) {
  TRY_STATUS(require_open(state));
  if (!state.turn_open() && state.turns() == turn.turn()) return std::optional<v1::SessionEvent>{};
  v1::SessionEvent event;
  *event.mutable_turn_completed() = turn;
  return std::optional(std::move(event));
}

Result<std::optional<v1::SessionEvent>> reach_limit(const v1::SessionState& state, const v1::LimitReached& limit) {
  TRY_STATUS(require_open(state));
  v1::SessionEvent event;
  *event.mutable_limit_reached() = limit;
  return std::optional(std::move(event));
}

std::optional<v1::SessionEvent> end_session(const v1::SessionState& state, std::string_view outcome) {
  if (!require_open(state)) return std::nullopt;
  v1::SessionEvent event;
  event.mutable_session_ended()->set_outcome(std::string(outcome));
  return event;
}

}  // namespace dossier::events
