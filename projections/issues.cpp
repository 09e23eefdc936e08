// Issues: a row each, ready to be listed and served. Comments count into it; the number comes from the workspace's stream.
#include "events/issue.hpp"
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::issues {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t {
  kId,
  kWorkspace,
  kNumber,
  kTitleJson,
  kBodyJson,
  kStatus,
  kProjectId,
  kAuthorId,
  kAssigneeId,
  kLabelsJson,
  kParentIssueId,
  kCreatedUs,
  kUpdatedUs,
  kCommentCount,
  kActiveSessionId,
  kCopyGeneration,
  kSeq
};
const rows::Table& issues_table() {
  static const rows::Table table{"issues",
                                 {{"id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"number", Type::int8, Merge::set},
                                  {"title_json", Type::text, Merge::set},
                                  {"body_json", Type::text, Merge::set},
                                  {"status", Type::text, Merge::set},
                                  {"project_id", Type::text, Merge::set},
                                  {"author_id", Type::text, Merge::keep},
                                  {"assignee_id", Type::text, Merge::set},
                                  {"labels_json", Type::text, Merge::set},
                                  {"parent_issue_id", Type::text, Merge::keep},
                                  {"created_us", Type::int8, Merge::keep},
                                  {"updated_us", Type::int8, Merge::greatest},
                                  {"comment_count", Type::int8, Merge::add},
                                  {"active_session_id", Type::text, Merge::set},
                                  {"copy_generation", Type::int8, Merge::set},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO issues AS t (
  id, workspace, number, title_json, body_json, status, project_id, author_id, assignee_id, labels_json,
  parent_issue_id, created_us, updated_us, comment_count, active_session_id, copy_generation, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
  unnest($7::text[]), unnest($8::text[]), unnest($9::text[]), unnest($10::text[]), unnest($11::text[]), unnest($12::bigint[]),
  unnest($13::bigint[]), unnest($14::bigint[]), unnest($15::text[]), unnest($16::bigint[]), unnest($17::bigint[])
ON CONFLICT (id, workspace) DO UPDATE SET
  number = COALESCE(excluded.number, t.number),
  title_json = COALESCE(excluded.title_json, t.title_json),
  body_json = COALESCE(excluded.body_json, t.body_json),
  status = COALESCE(excluded.status, t.status),
  project_id = COALESCE(excluded.project_id, t.project_id),
  author_id = COALESCE(t.author_id, excluded.author_id),
  assignee_id = COALESCE(excluded.assignee_id, t.assignee_id),
  labels_json = COALESCE(excluded.labels_json, t.labels_json),
  parent_issue_id = COALESCE(t.parent_issue_id, excluded.parent_issue_id),
  created_us = COALESCE(t.created_us, excluded.created_us),
  updated_us = GREATEST(t.updated_us, excluded.updated_us),
  comment_count = COALESCE(t.comment_count + excluded.comment_count, t.comment_count, excluded.comment_count),
  active_session_id = COALESCE(excluded.active_session_id, t.active_session_id),
  copy_generation = COALESCE(excluded.copy_generation, t.copy_generation),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}

Patch touched(const AcceptedEvent& e, std::string id) {
  Patch patch(issues_table());
  patch.text(kId, std::move(id)).text(kWorkspace, e.commit.workspace_id()).number(kSeq, e.seq).number(kUpdatedUs, e.time_us);
  return patch;
}

void opened(const AcceptedEvent& e, std::string id, const v1::IssueOpened& fact, rows::Batch& out) {
  touched(e, std::move(id))
      .text(kTitleJson, json_of(fact.title()))
      .text(kBodyJson, json_of(fact.body()))
      .text(kStatus, std::string(events::status_name(fact.status())))
      .text(kProjectId, {})
      .text(kAssigneeId, {})
      .text(kLabelsJson, "[]")
      .text(kAuthorId, e.commit.actor().id())
      .text(kParentIssueId, fact.parent_issue_id())
      .number(kCreatedUs, e.time_us)
      .number(kCommentCount, 0)
      .into(out);
}

void on_issue(const AcceptedEvent& e, const v1::IssueEvent& event, rows::Batch& out) {
  std::string id = id_in(e.event.stream(), "issue/");
  if (id.empty()) return;
  switch (event.fact_case()) {
    case v1::IssueEvent::kIssueOpened: return opened(e, std::move(id), event.issue_opened(), out);
    case v1::IssueEvent::kIssueEdited: {
      Patch patch = touched(e, std::move(id));
      if (event.issue_edited().has_title()) patch.text(kTitleJson, json_of(event.issue_edited().title()));
      if (event.issue_edited().has_body()) patch.text(kBodyJson, json_of(event.issue_edited().body()));
      return patch.into(out);
    }
    case v1::IssueEvent::kIssueStatusChanged:
      return touched(e, std::move(id)).text(kStatus, std::string(events::status_name(event.issue_status_changed().to()))).into(out);
    case v1::IssueEvent::kProjectAttached: return touched(e, std::move(id)).text(kProjectId, event.project_attached().project_id()).into(out);
    case v1::IssueEvent::kLabelsReplaced:
      return touched(e, std::move(id)).text(kLabelsJson, json_array_of(event.labels_replaced().labels())).into(out);
    case v1::IssueEvent::kAssigneeSet: return touched(e, std::move(id)).text(kAssigneeId, event.assignee_set().user_id()).into(out);
    case v1::IssueEvent::kChildIssueLinked:
    case v1::IssueEvent::kChildIssueUnlinked:
    case v1::IssueEvent::kSourceCaptured:
    case v1::IssueEvent::kEvidenceRecorded:
    case v1::IssueEvent::kFailureRecorded:
    case v1::IssueEvent::kActivitySealed:
    case v1::IssueEvent::kEvidenceRejected:
    case v1::IssueEvent::FACT_NOT_SET: return;  // not part of the issue's document
  }
}

void on_comment(const AcceptedEvent& e, const v1::CommentEvent& event, rows::Batch& out) {
  if (e.event.issue_id().empty()) return;
  Patch patch = touched(e, e.event.issue_id());
  if (event.has_comment_added()) patch.number(kCommentCount, 1);
  if (event.has_comment_removed()) patch.number(kCommentCount, -1);
  patch.into(out);
}

void on_copy(const AcceptedEvent& e, const v1::CopyEvent& event, rows::Batch& out) {
  std::string id = id_in(e.event.stream(), "issue/", "/copy");
  if (id.empty()) return;
  if (event.has_working_copy_reserved())
    touched(e, std::move(id))
        .text(kActiveSessionId, event.working_copy_reserved().session_id())
        .number(kCopyGeneration, event.working_copy_reserved().generation())
        .into(out);
  else if (event.has_working_copy_released())
    touched(e, std::move(id)).text(kActiveSessionId, {}).into(out);
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (e.payload.has_issue()) return on_issue(e, e.payload.issue(), out);
  if (e.payload.has_comment()) return on_comment(e, e.payload.comment(), out);
  if (e.payload.has_copy()) return on_copy(e, e.payload.copy(), out);
  if (e.payload.has_issue_numbers() && e.payload.issue_numbers().has_issue_numbered())
    touched(e, e.payload.issue_numbers().issue_numbered().issue_id()).number(kNumber, e.version).into(out);
}
}  // namespace

Projection model() {
  return {"issues",
          1,
          {&issues_table()},
          &project,
          aggregates(v1::EventPayload::kIssue, v1::EventPayload::kComment, v1::EventPayload::kCopy, v1::EventPayload::kIssueNumbers)};
}

}  // namespace dossier::projections::issues
