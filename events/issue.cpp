// Issues, comments and working copies: evolve and decide.
#include "events/issue.hpp"

#include "events/fold.hpp"

namespace dossier::events {

bool evolve(v1::IssueState& state, const v1::IssueEvent& event) {
  switch (event.fact_case()) {
    case v1::IssueEvent::kIssueOpened:
      state.set_issue_id(event.issue_opened().issue_id());
      state.set_status(event.issue_opened().status());
      *state.mutable_title() = event.issue_opened().title();
      state.set_parent_issue_id(event.issue_opened().parent_issue_id());
      return true;
    case v1::IssueEvent::kIssueEdited:
      if (event.issue_edited().has_title()) *state.mutable_title() = event.issue_edited().title();
      return true;
    case v1::IssueEvent::kIssueStatusChanged: state.set_status(event.issue_status_changed().to()); return true;
    case v1::IssueEvent::kProjectAttached: state.set_project_id(event.project_attached().project_id()); return true;
    case v1::IssueEvent::kLabelsReplaced: *state.mutable_labels() = event.labels_replaced().labels(); return true;
    case v1::IssueEvent::kAssigneeSet: state.set_assignee_id(event.assignee_set().user_id()); return true;
    case v1::IssueEvent::kChildIssueLinked:
    case v1::IssueEvent::kChildIssueUnlinked:
    case v1::IssueEvent::kSourceCaptured:
    case v1::IssueEvent::kEvidenceRecorded:
    case v1::IssueEvent::kFailureRecorded:
    case v1::IssueEvent::kActivitySealed:
    case v1::IssueEvent::kEvidenceRejected: return true;  // evidence: no decision reads it
    case v1::IssueEvent::FACT_NOT_SET: return false;
  }
  return false;
}

bool evolve(v1::CommentState& state, const v1::CommentEvent& event, const FoldContext& context) {
  switch (event.fact_case()) {
    case v1::CommentEvent::kCommentAdded:
      state.set_issue_id(event.comment_added().issue_id());
      if (context.actor != nullptr) state.set_author_id(context.actor->id());
      return true;
    case v1::CommentEvent::kCommentEdited: return true;
    case v1::CommentEvent::kCommentRemoved: state.set_removed(true); return true;
    case v1::CommentEvent::FACT_NOT_SET: return false;
  }
  return false;
}

bool evolve(v1::CopyState& state, const v1::CopyEvent& event) {
  switch (event.fact_case()) {
    case v1::CopyEvent::kWorkingCopyReserved:
      state.set_active_session_id(event.working_copy_reserved().session_id());
      state.set_generation(event.working_copy_reserved().generation());
      return true;
    case v1::CopyEvent::kWorkingCopyBound: state.set_storage(event.working_copy_bound().storage()); return true;
    case v1::CopyEvent::kWorkingCopyReleased:
      state.set_last_session_id(state.active_session_id());
      state.clear_active_session_id();
      return true;
    case v1::CopyEvent::kWorkingCopyRecoveryRequired: state.set_recovery_reason(event.working_copy_recovery_required().reason()); return true;
    case v1::CopyEvent::FACT_NOT_SET: return false;
  }
  return false;
}

Status require_issue(const v1::IssueState& state) {
  if (state.issue_id().empty()) return make_error(Code::not_found, "no such issue, or it is not visible to you");
  return {};
}

std::optional<v1::IssueStatus> parse_status(std::string_view word) {
  struct Word {
    std::string_view word;
    v1::IssueStatus status;
  };
  static constexpr Word kWords[] = {
      {"open", v1::OPEN},
      {"todo", v1::OPEN},
      {"queued", v1::OPEN},
      {"running", v1::OPEN},
      {"in_progress", v1::OPEN},
      {"needs_review", v1::NEEDS_REVIEW},
      {"review", v1::NEEDS_REVIEW},
      {"in_review", v1::NEEDS_REVIEW},
      {"testing", v1::NEEDS_REVIEW},
      {"ready_for_test", v1::READY_FOR_TEST},
      {"ready_to_test", v1::READY_FOR_TEST},
      {"closed", v1::CLOSED},
      {"done", v1::CLOSED},
      {"completed", v1::CLOSED},
  };
  for (const Word& known : kWords)
    if (known.word == word) return known.status;
  return std::nullopt;
}

std::string_view status_name(v1::IssueStatus status) {
  if (status == v1::NEEDS_REVIEW) return "needs_review";
  if (status == v1::READY_FOR_TEST) return "ready_for_test";
  if (status == v1::CLOSED) return "closed";
  return "open";
}

std::vector<v1::IssueEvent> edit_issue(const v1::IssueState& state, const IssueEdit& edit) {
  std::vector<v1::IssueEvent> events;
  const bool title_changes = edit.title.has_value() && *edit.title != state.title().plain();
  if (title_changes || edit.body.has_value()) {
    v1::IssueEdited& edited = *events.emplace_back().mutable_issue_edited();
    if (title_changes) edited.mutable_title()->set_plain(*edit.title);
    if (edit.body.has_value()) edited.mutable_body()->set_plain(*edit.body);
  }
  if (edit.status.has_value() && *edit.status != state.status()) {
    v1::IssueStatusChanged& changed = *events.emplace_back().mutable_issue_status_changed();
    changed.set_from(state.status());
    changed.set_to(*edit.status);
  }
  return events;
}

Result<std::optional<v1::CopyEvent>> reserve_copy(const v1::CopyState& state, std::string_view session_id) {
  if (state.active_session_id() == session_id) return std::optional<v1::CopyEvent>{};
  if (!state.active_session_id().empty())
    return make_error(Code::working_copy_busy,
                      "session " + state.active_session_id() + " is at work on this issue: wait for it to end, or cancel its task");
  v1::CopyEvent event;
  event.mutable_working_copy_reserved()->set_session_id(std::string(session_id));
  event.mutable_working_copy_reserved()->set_generation(state.generation() + 1);
  return std::optional(std::move(event));
}

std::optional<v1::CopyEvent> release_copy(const v1::CopyState& state, std::string_view session_id, std::string_view head) {
  if (state.active_session_id() != session_id || session_id.empty()) return std::nullopt;
  v1::CopyEvent event;
  event.mutable_working_copy_released()->set_session_id(std::string(session_id));
  event.mutable_working_copy_released()->set_generation(state.generation());
  event.mutable_working_copy_released()->set_head(std::string(head));
  return event;
}

}  // namespace dossier::events
