// /v1/issues/{id}/comments
#include "api/body.hpp"
#include "api/comment_document.hpp"
#include "api/json_object.hpp"
#include "api/page.hpp"
#include "api/resources.hpp"
#include "events/issue.hpp"
#include "events/markdown.hpp"
#include "events/names.hpp"
#include "producers/commands/issue.hpp"

namespace dossier::api::comments {

const Schema& document_schema() {
  static const Schema schema{"Comment",
                             {{"id", FieldType::string, true, "cmt_…"},
                              {"issue_id", FieldType::string, true, "iss_…"},
                              {"author_id", FieldType::string, true, "usr_… or wkr_…"},
                              {"body", FieldType::string, true, "Markdown; null once removed", {}, true},
                              {"created_at", FieldType::string, true, "RFC 3339"},
                              {"edited", FieldType::boolean, true, {}},
                              {"removed", FieldType::boolean, true, {}},
                              {"seq", FieldType::integer, true, "of its last change"}}};
  return schema;
}

std::string row_json(const postgres::Row& row) {
  std::string out = "{";
  out += row.text(0);
  out += ",\"body\":";
  out += row.text(1);
  out += row.boolean(2) ? ",\"edited\":true" : ",\"edited\":false";
  out += row.boolean(3) ? ",\"removed\":true" : ",\"removed\":false";
  out += ",\"seq\":" + std::to_string(row.int64(4)) + "}";
  return out;
}

namespace {

constexpr std::string_view kListSql = R"(
SELECT head_json, COALESCE(body_json, 'null'), COALESCE(edited, false), COALESCE(removed, false), COALESCE(seq, 0),
       first_seq, first_index
FROM comments
WHERE issue_id = $1 AND first_seq IS NOT NULL AND (first_seq, first_index) > ($2, $3::bigint)
ORDER BY first_seq, first_index LIMIT $4)";

const Schema& new_comment_schema() {
  static const Schema schema{"NewComment",
                             {{"body", FieldType::string, true, "Markdown; @name asks that agent to work on the issue", R"("Looks good to me.")"}}};
  return schema;
}
// A new comment also says what it set in motion.
const Schema& added_comment_schema() {
  static const Schema schema = [] {
    Schema added = document_schema();
    added.name = "AddedComment";
    added.fields.push_back({"session_id", FieldType::string, true, "the session that a mention asked for, or that the comment follows up", {}, true});
    added.fields.push_back({"task_id", FieldType::string, true, "its task", {}, true});
    added.fields.push_back({"follow_up_id", FieldType::string, true, "a session is at work on the issue: it gets the comment as this", {}, true});
    return added;
  }();
  return schema;
}

Result<std::vector<postgres::Statement>> plan_list(const Call& call) {
  TRY(const Page page, read_page(call));
  TRY(const std::int64_t index, page_index(page));
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kListSql;
  statements[0].params.text(call.path_value("id")).int8(page.number).int8(index).int8(page.limit + 1);
  return statements;
}

Result<Reply> render_list(const Call& call, std::span<const postgres::ResultSet> rows) {
  TRY(const Page page, read_page(call));
  ListReply list(page.limit);
  for (const postgres::Row row : rows[0])
    if (!list.add(row_json(row), row.int64(5), std::to_string(row.int64(6)))) break;
  return std::move(list).finish(call.access.seq);
}

Result<Prepared> prepare_add(const Call& call, const CommitId&) {
  TRY(const json::Value body, parse_body(call.request));
  json::ObjectReader reader(body);
  producers::commands::AddComment command;
  command.issue = IssueId(call.path_value("id"));
  command.body = reader.required_string("body", events::kMaxBodyBytes);
  TRY_STATUS(reader.finish());
  Prepared prepared;
  // Comments never meet; what a mention asks for may.
  if (!events::mentions(command.body).empty()) prepared.hot_stream = events::copy_stream(command.issue);
  prepared.decide = producers::commands::add_comment(std::move(command));
  return prepared;
}

Result<Reply> render_add(const Call&, const producers::Committed& committed) {
  const producers::AcceptedCommit& commit = committed.commit;
  std::string session;
  std::string task;
  std::string follow_up;
  const std::vector<Fact> facts = facts_of(commit);
  const v1::CommentAdded* added = nullptr;
  for (const Fact& fact : facts) {
    if (fact.payload.comment().has_comment_added()) added = &fact.payload.comment().comment_added();
    if (fact.payload.session().has_session_requested()) session = fact.payload.session().session_requested().session_id();
    if (fact.payload.session().has_follow_up_queued()) {
      follow_up = fact.payload.session().follow_up_queued().follow_up_id();
      session = fact.event->stream().substr(std::string_view("session/").size());
    }
    if (fact.payload.task().has_task_queued()) task = fact.payload.task().task_queued().task_id();
  }
  if (added == nullptr) return make_error(Code::internal, "the commit holds no comment");
  Reply reply;
  reply.body = std::move(JsonObject()
                             .text("id", added->comment_id())
                             .text("issue_id", added->issue_id())
                             .text("author_id", commit.commit.actor().id())
                             .raw("body", text_json(added->body()))
                             .raw("created_at", time_json(commit.time_us))
                             .boolean("edited", false)
                             .boolean("removed", false)
                             .number("seq", static_cast<std::int64_t>(commit.seq))
                             .text_or_null("session_id", session)
                             .text_or_null("task_id", task)
                             .text_or_null("follow_up_id", follow_up))
                   .finish();
  return reply;
}

}  // namespace

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/issues/{id}/comments",
                    .operation = "listComments",
                    .summary = "The issue's comments, oldest first",
                    .scope = Scope::issue,
                    .response = &document_schema(),
                    .lists = true,
                    .query = page_parameters(),
                    .answer = Read{plan_list, render_list}});
  routes.push_back({.method = "POST",
                    .path = "/v1/issues/{id}/comments",
                    .operation = "addComment",
                    .summary = "Comment on an issue; a mention of an agent starts a session, and one that is at work gets it with its next turn",
                    .scope = Scope::issue,
                    .status = 201,
                    .request = &new_comment_schema(),
                    .response = &added_comment_schema(),
                    .answer = Command{prepare_add, render_add}});
}

}  // namespace dossier::api::comments
