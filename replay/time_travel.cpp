// Folding an issue's events into its document. The same rules as the read models of issues and comments; a test holds
// the two against each other.
#include "replay/time_travel.hpp"

#include <algorithm>

#include "events/issue.hpp"
#include "events/json.hpp"
#include "events/names.hpp"

namespace dossier::replay {
namespace {

std::string json_of(const v1::Text& text) {
  if (text.form_case() == v1::Text::kSealed) return "null";
  std::string out;
  events::append_json_string(out, text.plain());
  return out;
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += name;
  events::append_json_string(out, text);
}

void append_time(std::string& out, std::string_view name, std::int64_t time_us) {
  out += name;
  out += '"';
  out += events::time_text(time_us);
  out += '"';
}

void append_comment(std::string& out, const std::string& issue_id, const CommentDocument& comment) {
  append_member(out, "{\"id\":", comment.id);
  append_member(out, ",\"issue_id\":", issue_id);
  append_member(out, ",\"author_id\":", comment.author_id);
  out += ",\"body\":";
  out += comment.body_json;
  append_time(out, ",\"created_at\":", comment.created_us);
  out += comment.edited ? ",\"edited\":true" : ",\"edited\":false";
  out += comment.removed ? ",\"removed\":true" : ",\"removed\":false";
  out += ",\"seq\":";
  out += std::to_string(comment.seq);
  out += '}';
}

}  // namespace

void append_json(std::string& out, const IssueDocument& issue) {
  append_member(out, "{\"id\":", issue.id);
  append_member(out, ",\"workspace_id\":", issue.workspace_id);
  out += ",\"number\":";
  out += std::to_string(issue.number);
  out += ",\"title\":";
  out += issue.title_json;
  out += ",\"body\":";
  out += issue.body_json;
  append_member(out, ",\"status\":", issue.status);
  if (issue.project_id.empty())
    out += ",\"project_id\":null";
  else
    append_member(out, ",\"project_id\":", issue.project_id);
  append_member(out, ",\"author_id\":", issue.author_id);
  append_time(out, ",\"created_at\":", issue.created_us);
  append_time(out, ",\"updated_at\":", issue.updated_us);
  out += ",\"seq\":";
  out += std::to_string(issue.seq);
  out += ",\"comment_count\":";
  out += std::to_string(issue.comment_count);
  out += ",\"comments\":[";
  for (const auto& comment : issue.comments) {
    if (&comment != issue.comments.data()) out += ',';
    append_comment(out, issue.id, comment);
  }
  out += "]}";
}

IssueFold::IssueFold(const WorkspaceId& workspace, const IssueId& issue) {
  document_.id = issue.str();
  document_.workspace_id = workspace.str();
  document_.title_json = "\"\"";
  document_.body_json = "\"\"";
}

void IssueFold::touch(const Entry& entry) {
  document_.seq = std::max(document_.seq, entry.seq);
  document_.updated_us = std::max(document_.updated_us, entry.time_us);
}

void IssueFold::apply(const Entry& entry) {
  if (!entry.known) return;
  if (entry.payload.has_issue()) return apply_issue(entry, entry.payload.issue());
  if (entry.payload.has_comment()) return apply_comment(entry, entry.payload.comment());
  if (entry.payload.has_issue_numbers() && entry.payload.issue_numbers().has_issue_numbered()) {
    document_.number = entry.version;
    return touch(entry);
  }
  if (entry.payload.has_copy() && (entry.payload.copy().has_working_copy_reserved() || entry.payload.copy().has_working_copy_released()))
    touch(entry);
}

void IssueFold::apply_issue(const Entry& entry, const v1::IssueEvent& event) {
  if (entry.event.stream() != events::issue_stream(IssueId(document_.id))) return;
  switch (event.fact_case()) {
    case v1::IssueEvent::kIssueOpened:
      opened_ = true;
      document_.title_json = json_of(event.issue_opened().title());
      document_.body_json = json_of(event.issue_opened().body());
      document_.status = events::status_name(event.issue_opened().status());
      document_.author_id = entry.actor.id();
      document_.created_us = entry.time_us;
      break;
    case v1::IssueEvent::kIssueEdited:
      if (event.issue_edited().has_title()) document_.title_json = json_of(event.issue_edited().title());
      if (event.issue_edited().has_body()) document_.body_json = json_of(event.issue_edited().body());
      break;
    case v1::IssueEvent::kIssueStatusChanged: document_.status = events::status_name(event.issue_status_changed().to()); break;
    case v1::IssueEvent::kProjectAttached: document_.project_id = event.project_attached().project_id(); break;
    case v1::IssueEvent::kLabelsReplaced:
    case v1::IssueEvent::kAssigneeSet: break;  // not in the document, but they touch it
    case v1::IssueEvent::kChildIssueLinked:
    case v1::IssueEvent::kChildIssueUnlinked:
    case v1::IssueEvent::kSourceCaptured:
    case v1::IssueEvent::kEvidenceRecorded:
    case v1::IssueEvent::kFailureRecorded:
    case v1::IssueEvent::kActivitySealed:
    case v1::IssueEvent::kEvidenceRejected:
    case v1::IssueEvent::FACT_NOT_SET: return;
  }
  touch(entry);
}

void IssueFold::apply_comment(const Entry& entry, const v1::CommentEvent& event) {
  static constexpr std::string_view kPrefix = "comment/";
  const std::string& stream = entry.event.stream();
  if (stream.compare(0, kPrefix.size(), kPrefix) != 0) return;
  const std::string_view id = std::string_view(stream).substr(kPrefix.size());
  // The newest are edited most, so look from the end.
  const auto found = std::find_if(document_.comments.rbegin(), document_.comments.rend(), [&](const auto& comment) { return comment.id == id; });
  CommentDocument* comment = found == document_.comments.rend() ? nullptr : &*found;
  switch (event.fact_case()) {
    case v1::CommentEvent::kCommentAdded:
      if (comment != nullptr) return;
      comment = &document_.comments.emplace_back();
      comment->id = id;
      comment->author_id = entry.actor.id();
      comment->body_json = json_of(event.comment_added().body());
      comment->created_us = entry.time_us;
      document_.comment_count += 1;
      break;
    case v1::CommentEvent::kCommentEdited:
      if (comment == nullptr) return;
      comment->body_json = json_of(event.comment_edited().body());
      comment->edited = true;
      break;
    case v1::CommentEvent::kCommentRemoved:
      if (comment == nullptr) return;
      comment->body_json = "null";
      comment->removed = true;
      document_.comment_count -= 1;
      break;
    case v1::CommentEvent::FACT_NOT_SET: return;
  }
  comment->seq = entry.seq;
  touch(entry);
}

}  // namespace dossier::replay
