// /v1/sessions/{id}/approvals, /v1/issues/{id}/approvals, /v1/workspaces/{ws}/approvals
#include "api/body.hpp"
#include "api/json_object.hpp"
#include "api/page.hpp"
#include "api/resources.hpp"
#include "events/approval.hpp"
#include "events/names.hpp"
#include "producers/commands/approval.hpp"

namespace dossier::api::approvals {
namespace {

constexpr std::size_t kMaxReasonBytes = 4'000;
constexpr std::size_t kMaxAnswerBytes = 64 * 1024;

// What approval_json() reads, in its order.
std::string select(std::string_view which) {
  constexpr std::string_view kColumns = R"(
SELECT id, session_id, COALESCE(issue_id, ''), COALESCE(kind, ''), COALESCE(status, 'open'), COALESCE(command_json, 'null'),
       COALESCE(patch_json, 'null'), COALESCE(detail_json, 'null'), COALESCE(ask_reason_json, 'null'), COALESCE(cwd, ''),
       COALESCE(paths_json, '[]'), COALESCE(action_sha256, ''), COALESCE(offer, 0), COALESCE(turn, 0), COALESCE(provider_item, ''),
       asked_us, COALESCE(decision, ''), COALESCE(decided_by, ''), COALESCE(rule, ''), COALESCE(reason_json, 'null'),
       COALESCE(answer_json, 'null'), COALESCE(resolved_us, 0), COALESCE(delivered_how, ''), COALESCE(delivered_offer, 0),
       COALESCE(delivered_us, 0), COALESCE(seq, 0)
FROM approvals
)";
  return std::string(kColumns) + std::string(which);
}

const std::string kOneSql = select(R"(WHERE id = $1 AND session_id = $2 AND asked_us IS NOT NULL LIMIT 1)");
const std::string kOfSessionSql =
    select(R"(WHERE session_id = $1 AND asked_us IS NOT NULL AND (asked_us, id) > ($2, $3) AND ($4 = '' OR COALESCE(status, 'open') = $4)
ORDER BY asked_us, id LIMIT $5)");
const std::string kOfIssueSql =
    select(R"(WHERE issue_id = $1 AND asked_us IS NOT NULL AND (asked_us, id) > ($2, $3) AND ($4 = '' OR COALESCE(status, 'open') = $4)
ORDER BY asked_us, id LIMIT $5)");
const std::string kOfWorkspaceSql =
    select(R"(WHERE workspace = $1 AND asked_us IS NOT NULL AND (asked_us, id) > ($2, $3) AND ($4 = '' OR COALESCE(status, 'open') = $4)
ORDER BY asked_us, id LIMIT $5)");
const std::string kOpenSql = select(R"(WHERE workspace = $1 AND status = 'open' AND asked_us IS NOT NULL AND (asked_us, id) > ($2, $3)
ORDER BY asked_us, id LIMIT $4)");

const Schema& approval_schema() {
  static const Schema schema{
      "Approval",
      {{"id", FieldType::string, true, "apr_…"},
       {"session_id", FieldType::string, true, {}},
       {"issue_id", FieldType::string, true, {}, {}, true},
       {"kind", FieldType::string, true, "command, file_change, permissions, user_input or tool"},
       {"status", FieldType::string, true, "open or resolved"},
       {"command", FieldType::string, true, "what would run", {}, true},
       {"patch", FieldType::string, true, "what would be written", {}, true},
       {"detail", FieldType::string, true, "JSON text: permissions asked for, questions, or a tool's input", {}, true},
       {"reason", FieldType::string, true, "the agent's", {}, true},
       {"cwd", FieldType::string, true, {}, {}, true},
       {"paths", FieldType::strings, true, {}},
       {"action_sha256", FieldType::string, true, "of kind, command, cwd and patch"},
       {"offer", FieldType::integer, true, "of the task, under which it was asked for"},
       {"turn", FieldType::integer, true, {}},
       {"provider_item", FieldType::string, true, {}, {}, true},
       {"asked_at", FieldType::string, true, "RFC 3339"},
       {"resolution", FieldType::object, true, "decision, by (usr_…, policy or system), rule, reason, answer, at; null while it is open", {}, true},
       {"delivery", FieldType::object, true, "how (answered, quoted or withdrawn), offer, at; null until the agent knows", {}, true},
       {"seq", FieldType::integer, true, "of its last change"}}};
  return schema;
}
const Schema& resolve_schema() {
  static const Schema schema{
      "ResolveApproval",
      {{"decision", FieldType::string, true, "accept, accept_for_session, decline or cancel (which ends the turn)", R"("accept")"},
       {"reason", FieldType::string, false, "the agent is told, where it can be", R"("looks harmless")"},
       {"answer", FieldType::object, false, "with accept of user_input: question → list of answers"}}};
  return schema;
}

std::string resolution_json(const postgres::Row& row) {
  if (row.int64(21) == 0) return "null";
  return std::move(JsonObject()
                       .text("decision", row.text(16))
                       .text("by", row.text(17))
                       .text_or_null("rule", row.text(18))
                       .raw("reason", row.text(19))
                       .raw("answer", row.text(20))
                       .raw("at", time_json(row.int64(21))))
      .finish();
}

std::string delivery_json(const postgres::Row& row) {
  if (row.int64(24) == 0) return "null";
  return std::move(JsonObject().text("how", row.text(22)).number("offer", row.int64(23)).raw("at", time_json(row.int64(24)))).finish();
}

std::string approval_json(const postgres::Row& row) {
  return std::move(JsonObject()
                       .text("id", row.text(0))
                       .text("session_id", row.text(1))
                       .text_or_null("issue_id", row.text(2))
                       .text("kind", row.text(3))
                       .text("status", row.text(4))
                       .raw("command", row.text(5))
                       .raw("patch", row.text(6))
                       .raw("detail", row.text(7))
                       .raw("reason", row.text(8))
                       .text_or_null("cwd", row.text(9))
                       .raw("paths", row.text(10))
                       .text("action_sha256", row.text(11))
                       .number("offer", row.int64(12))
                       .number("turn", row.int64(13))
                       .text_or_null("provider_item", row.text(14))
                       .raw("asked_at", time_json(row.int64(15)))
                       .raw("resolution", resolution_json(row))
                       .raw("delivery", delivery_json(row))
                       .number("seq", row.int64(25)))
      .finish();
}

Result<std::string> read_status(const Call& call) {
  const std::string* word = call.request.parameter("status");
  if (word == nullptr || *word == "open" || *word == "resolved") return word == nullptr ? std::string() : *word;
  return make_error(Code::invalid_field, "must be open or resolved", "status");
}

Result<std::vector<postgres::Statement>> plan_one(const Call& call) {
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kOneSql;
  statements[0].params.text(call.path_value("apr")).text(call.path_value("id"));
  return statements;
}

Result<Reply> render_one(const Call&, std::span<const postgres::ResultSet> rows) {
  if (rows[0].empty()) return make_error(Code::not_found, "there is no such approval in this session");
  Reply reply;
  reply.body = approval_json(rows[0].front());
  return reply;
}
const Read kOneRead{plan_one, render_one};

Result<std::vector<postgres::Statement>> plan_list(const Call& call, std::string_view sql, std::string_view variable) {
  TRY(const Page page, read_page(call));
  TRY(const std::string status, read_status(call));
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = sql;
  statements[0].params.text(call.path_value(variable)).int8(page.number).text(page.text).text(status).int8(page.limit + 1);
  return statements;
}

Result<std::vector<postgres::Statement>> plan_of_session(const Call& call) { return plan_list(call, kOfSessionSql, "id"); }
Result<std::vector<postgres::Statement>> plan_of_issue(const Call& call) { return plan_list(call, kOfIssueSql, "id"); }
// What waits for somebody is few of many: an index of its own has it.
Result<std::vector<postgres::Statement>> plan_of_workspace(const Call& call) {
  TRY(const std::string status, read_status(call));
  if (status != "open") return plan_list(call, kOfWorkspaceSql, "ws");
  TRY(const Page page, read_page(call));
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kOpenSql;
  statements[0].params.text(call.path_value("ws")).int8(page.number).text(page.text).int8(page.limit + 1);
  return statements;
}

Result<Reply> render_list(const Call& call, std::span<const postgres::ResultSet> rows) {
  TRY(const Page page, read_page(call));
  ListReply list(page.limit);
  for (const postgres::Row row : rows[0])
    if (!list.add(approval_json(row), row.int64(15), row.text(0))) break;
  return std::move(list).finish(call.access.seq);
}

// An object, question → list of answers.
bool is_answer(const json::Value& value) {
  if (value.object() == nullptr || value.object()->empty()) return false;
  for (const auto& [question, answers] : *value.object()) {
    if (answers.array() == nullptr) return false;
    for (const json::Value& answer : *answers.array())
      if (answer.string() == nullptr) return false;
  }
  return true;
}

Result<Prepared> prepare_resolve(const Call& call, const CommitId&) {
  TRY(const json::Value body, parse_body(call.request));
  json::ObjectReader reader(body);
  producers::commands::ResolveApproval command;
  command.decision = reader.required_string("decision", 40);
  if (!command.decision.empty() && !events::is_approval_decision(command.decision))
    reader.fail("decision", "must be accept, accept_for_session, decline or cancel");
  command.reason = reader.optional_string("reason", kMaxReasonBytes).value_or("");
  if (const json::Value* answer = reader.optional_value("answer")) {
    command.answer = json::write(*answer);
    if (!is_answer(*answer)) reader.fail("answer", "must be an object, question → list of answers");
    if (command.answer.size() > kMaxAnswerBytes) reader.fail("answer", "must be at most " + std::to_string(kMaxAnswerBytes) + " bytes of JSON");
  }
  TRY_STATUS(reader.finish());
  if (!is_id(call.path_value("apr"), ApprovalId::prefix())) return make_error(Code::not_found, "there is no such approval in this session");
  command.session = SessionId(call.path_value("id"));
  command.approval = ApprovalId(call.path_value("apr"));
  Prepared prepared;
  prepared.hot_stream = events::session_stream(command.session);
  prepared.decide = producers::commands::resolve_approval(std::move(command));
  return prepared;
}

bool resolve_shows(Call&, const producers::Committed&) { return true; }

}  // namespace

void add_routes(std::vector<Route>& routes) {
  std::vector<Parameter> listing = page_parameters();
  listing.push_back({"status", "Only those: open or resolved.", FieldType::string});
  routes.push_back({.method = "GET",
                    .path = "/v1/workspaces/{ws}/approvals",
                    .operation = "listApprovals",
                    .summary = "What the workspace's agents asked to be allowed, oldest first",
                    .scope = Scope::workspace,
                    .response = &approval_schema(),
                    .lists = true,
                    .query = listing,
                    .answer = Read{plan_of_workspace, render_list}});
  routes.push_back({.method = "GET",
                    .path = "/v1/issues/{id}/approvals",
                    .operation = "listIssueApprovals",
                    .summary = "What the agents of the issue's sessions asked to be allowed, oldest first",
                    .scope = Scope::issue,
                    .response = &approval_schema(),
                    .lists = true,
                    .query = listing,
                    .answer = Read{plan_of_issue, render_list}});
  routes.push_back({.method = "GET",
                    .path = "/v1/sessions/{id}/approvals",
                    .operation = "listSessionApprovals",
                    .summary = "What the session's agent asked to be allowed, oldest first",
                    .scope = Scope::session,
                    .response = &approval_schema(),
                    .lists = true,
                    .query = listing,
                    .answer = Read{plan_of_session, render_list}});
  routes.push_back({.method = "GET",
                    .path = "/v1/sessions/{id}/approvals/{apr}",
                    .operation = "getApproval",
                    .summary = "An approval",
                    .scope = Scope::session,
                    .response = &approval_schema(),
                    .answer = kOneRead});
  routes.push_back({.method = "POST",
                    .path = "/v1/sessions/{id}/approvals/{apr}",
                    .operation = "resolveApproval",
                    .summary = "Decide an approval; 409 approval_resolved where it was decided before, otherwise or by another",
                    .scope = Scope::session,
                    .request = &resolve_schema(),
                    .response = &approval_schema(),
                    .answer = Command{prepare_resolve, nullptr, resolve_shows, &kOneRead}});
}

}  // namespace dossier::api::approvals
