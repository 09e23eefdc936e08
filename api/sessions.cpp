// /v1/sessions/{id}, /v1/issues/{id}/sessions
#include "api/body.hpp"
#include "api/json_object.hpp"
#include "api/page.hpp"
#include "api/resources.hpp"

namespace dossier::api {
namespace {

constexpr std::string_view kOneSql = R"(
SELECT id, COALESCE(issue_id, ''), COALESCE(agent_id, ''), COALESCE(agent_name, ''), COALESCE(status, 'requested'),
       COALESCE(outcome, ''), COALESCE(worker_id, ''), COALESCE(provider_session, ''), COALESCE(task_id, ''), COALESCE(turns, 0),
       COALESCE(tokens_in, 0), COALESCE(tokens_out, 0), COALESCE(cost_microusd, 0), requested_us, COALESCE(started_us, 0),
       COALESCE(ended_us, 0), COALESCE(base_commit, ''), COALESCE(commit, ''), COALESCE(branch, ''), COALESCE(files_json, '[]'),
       COALESCE(diff_json, 'null'), COALESCE(diff_blob_json, 'null'), COALESCE(trigger_comment_id, ''),
       GREATEST(s.seq, c.seq, 0), COALESCE(c.open, 0), COALESCE(c.asked, 0)
FROM sessions s LEFT JOIN approval_counts c ON c.session_id = s.id AND c.workspace = s.workspace
WHERE id = $1 AND requested_us IS NOT NULL LIMIT 1)";
constexpr std::string_view kOfIssueSql = R"(
SELECT id, COALESCE(issue_id, ''), COALESCE(agent_id, ''), COALESCE(agent_name, ''), COALESCE(status, 'requested'),
       COALESCE(outcome, ''), COALESCE(worker_id, ''), COALESCE(provider_session, ''), COALESCE(task_id, ''), COALESCE(turns, 0),
       COALESCE(tokens_in, 0), COALESCE(tokens_out, 0), COALESCE(cost_microusd, 0), requested_us, COALESCE(started_us, 0),
       COALESCE(ended_us, 0), COALESCE(base_commit, ''), COALESCE(commit, ''), COALESCE(branch, ''), COALESCE(files_json, '[]'),
       COALESCE(diff_json, 'null'), COALESCE(diff_blob_json, 'null'), COALESCE(trigger_comment_id, ''),
       GREATEST(s.seq, c.seq, 0), COALESCE(c.open, 0), COALESCE(c.asked, 0)
FROM sessions s LEFT JOIN approval_counts c ON c.session_id = s.id AND c.workspace = s.workspace
WHERE issue_id = $1 AND requested_us IS NOT NULL AND (requested_us, id) > ($2, $3)
ORDER BY requested_us, id LIMIT $4)";

const Schema& session_schema() {
  static const Schema schema{"Session",
                             {{"id", FieldType::string, true, "ses_…"},
                              {"issue_id", FieldType::string, true, {}},
                              {"agent_id", FieldType::string, true, {}},
                              {"agent_name", FieldType::string, true, {}},
                              {"status", FieldType::string, true, "requested, started or ended"},
                              {"outcome", FieldType::string, true, "completed, failed or cancelled", {}, true},
                              {"worker_id", FieldType::string, true, {}, {}, true},
                              {"provider_session", FieldType::string, true, {}, {}, true},
                              {"task_id", FieldType::string, true, {}, {}, true},
                              {"trigger_comment_id", FieldType::string, true, {}, {}, true},
                              {"turns", FieldType::integer, true, {}},
                              {"tokens_in", FieldType::integer, true, {}},
                              {"tokens_out", FieldType::integer, true, {}},
                              {"cost_microusd", FieldType::integer, true, {}},
                              {"requested_at", FieldType::string, true, "RFC 3339"},
                              {"started_at", FieldType::string, true, "RFC 3339", {}, true},
                              {"ended_at", FieldType::string, true, "RFC 3339", {}, true},
                              {"source", FieldType::object, true, "base_commit, commit, branch, files, and diff or diff_blob", {}, true},
                              {"approvals", FieldType::object, true, "how many are open, and how many were asked for"},
                              {"seq", FieldType::integer, true, "of its last change"}}};
  return schema;
}

std::string source_json(const postgres::Row& row) {
  if (row.text(17).empty()) return "null";  // no commit was captured
  return std::move(JsonObject()
                       .text("base_commit", row.text(16))
                       .text("commit", row.text(17))
                       .text_or_null("branch", row.text(18))
                       .raw("files", row.text(19))
                       .raw("diff", row.text(20))
                       .raw("diff_blob", row.text(21)))
      .finish();
}

std::string approvals_json(const postgres::Row& row) {
  return std::move(JsonObject().number("open", row.int64(24)).number("asked", row.int64(25))).finish();
}

std::string session_json(const postgres::Row& row) {
  return std::move(JsonObject()
                       .text("id", row.text(0))
                       .text("issue_id", row.text(1))
                       .text("agent_id", row.text(2))
                       .text("agent_name", row.text(3))
                       .text("status", row.text(4))
                       .text_or_null("outcome", row.text(5))
                       .text_or_null("worker_id", row.text(6))
                       .text_or_null("provider_session", row.text(7))
                       .text_or_null("task_id", row.text(8))
                       .text_or_null("trigger_comment_id", row.text(22))
                       .number("turns", row.int64(9))
                       .number("tokens_in", row.int64(10))
                       .number("tokens_out", row.int64(11))
                       .number("cost_microusd", row.int64(12))
                       .raw("requested_at", time_json(row.int64(13)))
                       .raw("started_at", time_json(row.int64(14)))
                       .raw("ended_at", time_json(row.int64(15)))
                       .raw("source", source_json(row))
                       .raw("approvals", approvals_json(row))
                       .number("seq", row.int64(23)))
      .finish();
}

Result<std::vector<postgres::Statement>> plan_one(const Call& call) {
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kOneSql;
  statements[0].params.text(call.path_value("id"));
  return statements;
}

Result<Reply> render_one(const Call&, std::span<const postgres::ResultSet> rows) {
  if (rows[0].empty()) return make_error(Code::not_found, "there is no such session");
  Reply reply;
  reply.body = session_json(rows[0].front());
  return reply;
}

Result<std::vector<postgres::Statement>> plan_list(const Call& call) {
  TRY(const Page page, read_page(call));
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kOfIssueSql;
  statements[0].params.text(call.path_value("id")).int8(page.number).text(page.text).int8(page.limit + 1);
  return statements;
}

Result<Reply> render_list(const Call& call, std::span<const postgres::ResultSet> rows) {
  TRY(const Page page, read_page(call));
  ListReply list(page.limit);
  for (const postgres::Row row : rows[0])
    if (!list.add(session_json(row), row.int64(13), row.text(0))) break;
  return std::move(list).finish(call.access.seq);
}

}  // namespace

void add_session_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/sessions/{id}",
                    .operation = "getSession",
                    .summary = "A session of an agent",
                    .scope = Scope::session,
                    .response = &session_schema(),
                    .answer = Read{plan_one, render_one}});
  routes.push_back({.method = "GET",
                    .path = "/v1/issues/{id}/sessions",
                    .operation = "listSessions",
                    .summary = "The issue's sessions, oldest first",
                    .scope = Scope::issue,
                    .response = &session_schema(),
                    .lists = true,
                    .query = page_parameters(),
                    .answer = Read{plan_list, render_list}});
}

}  // namespace dossier::api
