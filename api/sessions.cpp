// /v1/sessions/{id}, …/stop, /v1/issues/{id}/sessions
#include <algorithm>

#include "api/body.hpp"
#include "api/follow_up_document.hpp"
#include "api/json_object.hpp"
#include "api/page.hpp"
#include "api/resources.hpp"
#include "events/names.hpp"
#include "producers/commands/session.hpp"

namespace dossier::api::sessions {
namespace {

constexpr std::size_t kMaxReasonBytes = 1'000;
constexpr int kShownFollowUps = 100;  // the latest; all of them are a list of their own

constexpr std::string_view kOneSql = R"(
SELECT id, COALESCE(issue_id, ''), COALESCE(agent_id, ''), COALESCE(agent_name, ''), COALESCE(status, 'requested'),
       COALESCE(outcome, ''), COALESCE(worker_id, ''), COALESCE(provider_session, ''), COALESCE(task_id, ''), COALESCE(turns, 0),
       COALESCE(tokens_in, 0), COALESCE(tokens_out, 0), COALESCE(cost_microusd, 0), requested_us, COALESCE(started_us, 0),
       COALESCE(ended_us, 0), COALESCE(base_commit, ''), COALESCE(commit, ''), COALESCE(branch, ''), COALESCE(files_json, '[]'),
       COALESCE(diff_json, 'null'), COALESCE(diff_blob_json, 'null'), COALESCE(trigger_comment_id, ''),
       GREATEST(s.seq, c.seq, 0), COALESCE(continues_session_id, ''), COALESCE(c.open, 0), COALESCE(c.asked, 0)
FROM sessions s LEFT JOIN approval_counts c ON c.session_id = s.id AND c.workspace = s.workspace
WHERE id = $1 AND requested_us IS NOT NULL LIMIT 1)";
constexpr std::string_view kOfIssueSql = R"(
SELECT id, COALESCE(issue_id, ''), COALESCE(agent_id, ''), COALESCE(agent_name, ''), COALESCE(status, 'requested'),
       COALESCE(outcome, ''), COALESCE(worker_id, ''), COALESCE(provider_session, ''), COALESCE(task_id, ''), COALESCE(turns, 0),
       COALESCE(tokens_in, 0), COALESCE(tokens_out, 0), COALESCE(cost_microusd, 0), requested_us, COALESCE(started_us, 0),
       COALESCE(ended_us, 0), COALESCE(base_commit, ''), COALESCE(commit, ''), COALESCE(branch, ''), COALESCE(files_json, '[]'),
       COALESCE(diff_json, 'null'), COALESCE(diff_blob_json, 'null'), COALESCE(trigger_comment_id, ''),
       GREATEST(s.seq, c.seq, 0), COALESCE(continues_session_id, ''), COALESCE(c.open, 0), COALESCE(c.asked, 0)
FROM sessions s LEFT JOIN approval_counts c ON c.session_id = s.id AND c.workspace = s.workspace
WHERE issue_id = $1 AND requested_us IS NOT NULL AND (requested_us, id) > ($2, $3)
ORDER BY requested_us, id LIMIT $4)";

const std::string& follow_ups_sql() {
  static const std::string sql = "SELECT " + std::string(follow_ups::kColumns) +
                                 " WHERE f.session_id = $1 AND f.first_seq IS NOT NULL ORDER BY f.first_seq DESC, f.first_index DESC LIMIT $2";
  return sql;
}

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
                              {"continues_session_id", FieldType::string, true, "the agent goes on with what it knew there", {}, true},
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

// Of one session alone: what people said to it too.
const Schema& session_document_schema() {
  static const Schema schema = [] {
    Schema whole = session_schema();
    whole.name = "SessionDocument";
    whole.fields.push_back({"follow_ups", FieldType::array, true, "what people said to it while it was at work: the latest 100, in order"});
    return whole;
  }();
  return schema;
}
const Schema& stop_schema() {
  static const Schema schema{"StopSession", {{"reason", FieldType::string, false, "for whoever reads the timeline", R"("the wrong branch")"}}};
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
  return std::move(JsonObject().number("open", row.int64(25)).number("asked", row.int64(26))).finish();
}

// `more`: members behind the session's own.
std::string session_json(const postgres::Row& row, std::string_view more = {}) {
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
                       .text_or_null("continues_session_id", row.text(24))
                       .number("turns", row.int64(9))
                       .number("tokens_in", row.int64(10))
                       .number("tokens_out", row.int64(11))
                       .number("cost_microusd", row.int64(12))
                       .raw("requested_at", time_json(row.int64(13)))
                       .raw("started_at", time_json(row.int64(14)))
                       .raw("ended_at", time_json(row.int64(15)))
                       .raw("source", source_json(row))
                       .raw("approvals", approvals_json(row))
                       .number("seq", row.int64(23))
                       .members(more))
      .finish();
}

Result<std::vector<postgres::Statement>> plan_one(const Call& call) {
  std::vector<postgres::Statement> statements(2);
  statements[0].sql = kOneSql;
  statements[0].params.text(call.path_value("id"));
  statements[1].sql = follow_ups_sql();
  statements[1].params.text(call.path_value("id")).int8(kShownFollowUps);
  return statements;
}

Result<Reply> render_one(const Call&, std::span<const postgres::ResultSet> rows) {
  if (rows[0].empty()) return make_error(Code::not_found, "there is no such session");
  std::vector<std::string> follow_ups;
  for (const postgres::Row row : rows[1]) follow_ups.push_back(follow_ups::row_json(row));
  std::reverse(follow_ups.begin(), follow_ups.end());
  Reply reply;
  reply.body = session_json(rows[0].front(), "\"follow_ups\":" + json_array(follow_ups));
  return reply;
}
const Read kSessionRead{plan_one, render_one};

Result<Prepared> prepare_stop(const Call& call, const CommitId&) {
  TRY(const json::Value body, parse_body(call.request, true));
  json::ObjectReader reader(body);
  std::string reason = reader.optional_string("reason", kMaxReasonBytes).value_or("");
  TRY_STATUS(reader.finish());
  const SessionId session(call.path_value("id"));
  Prepared prepared;
  prepared.hot_stream = events::session_stream(session);
  prepared.decide = producers::commands::stop_session(session, std::move(reason));
  return prepared;
}

bool stop_shows(Call&, const producers::Committed&) { return true; }

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

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/sessions/{id}",
                    .operation = "getSession",
                    .summary = "A session of an agent",
                    .scope = Scope::session,
                    .response = &session_document_schema(),
                    .answer = kSessionRead});
  routes.push_back({.method = "GET",
                    .path = "/v1/issues/{id}/sessions",
                    .operation = "listSessions",
                    .summary = "The issue's sessions, oldest first",
                    .scope = Scope::issue,
                    .response = &session_schema(),
                    .lists = true,
                    .query = page_parameters(),
                    .answer = Read{plan_list, render_list}});
  follow_ups::add_routes(routes);
  routes.push_back({.method = "POST",
                    .path = "/v1/sessions/{id}/stop",
                    .operation = "stopSession",
                    .summary = "Stop a session: its task is cancelled",
                    .scope = Scope::session,
                    .request = &stop_schema(),
                    .response = &session_document_schema(),
                    .answer = Command{prepare_stop, nullptr, stop_shows, &kSessionRead}});
}

}  // namespace dossier::api::sessions
