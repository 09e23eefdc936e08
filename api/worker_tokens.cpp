// /v1/workspaces/{ws}/worker-tokens
#include "api/body.hpp"
#include "api/json_object.hpp"
#include "api/page.hpp"
#include "api/resources.hpp"
#include "base/encoding.hpp"
#include "events/names.hpp"
#include "producers/commands/workspace.hpp"

namespace dossier::api::worker_tokens {
namespace {

constexpr std::size_t kMaxLabelBytes = 200;
constexpr std::size_t kPrefixBytes = 12;

constexpr std::string_view kListSql = R"(
SELECT secret_id, COALESCE(token_prefix, ''), COALESCE(label_json, 'null'), COALESCE(issued_by, ''), issued_us, COALESCE(revoked, false),
       COALESCE(revoked_us, 0), COALESCE(seq, 0)
FROM worker_tokens
WHERE workspace = $1 AND issued_us IS NOT NULL AND (issued_us, secret_id) > ($2, $3)
ORDER BY issued_us, secret_id LIMIT $4)";

const Schema& token_schema() {
  static const Schema schema{"WorkerToken",
                             {{"id", FieldType::string, true, "sec_…"},
                              {"prefix", FieldType::string, true, "how the token begins"},
                              {"label", FieldType::string, true, {}, {}, true},
                              {"issued_by", FieldType::string, true, "usr_…"},
                              {"issued_at", FieldType::string, true, "RFC 3339"},
                              {"revoked", FieldType::boolean, true, {}},
                              {"revoked_at", FieldType::string, true, "RFC 3339", {}, true},
                              {"seq", FieldType::integer, true, "of its last change"}}};
  return schema;
}
const Schema& issued_schema() {
  static const Schema schema{"IssuedWorkerToken",
                             {{"id", FieldType::string, true, "sec_…"},
                              {"prefix", FieldType::string, true, {}},
                              {"label", FieldType::string, true, {}, {}, true},
                              {"token", FieldType::string, true, "msw_…: shown here and nowhere else"},
                              {"seq", FieldType::integer, true, {}}}};
  return schema;
}
const Schema& new_token_schema() {
  static const Schema schema{"NewWorkerToken", {{"label", FieldType::string, false, "for people", R"("build machines")"}}};
  return schema;
}

// The same for the same request, so that its repeat gets the same answer; it can't be had from the log, which knows
// neither the server's key nor the request's.
std::string make_token(const Call& call, const CommitId& commit) {
  const auto mac = crypto::hmac_sha256(call.environment->token_key, "dossier.worker-token.v1:" + commit.str() + ":" + call.key);
  return "msw_" + to_base64url(crypto::view(mac));
}

Result<std::vector<postgres::Statement>> plan_list(const Call& call) {
  TRY(const Page page, read_page(call));
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kListSql;
  statements[0].params.text(call.path_value("ws")).int8(page.number).text(page.text).int8(page.limit + 1);
  return statements;
}

Result<Reply> render_list(const Call& call, std::span<const postgres::ResultSet> rows) {
  TRY(const Page page, read_page(call));
  ListReply list(page.limit);
  for (const postgres::Row row : rows[0]) {
    std::string item = std::move(JsonObject()
                                     .text("id", row.text(0))
                                     .text("prefix", row.text(1))
                                     .raw("label", row.text(2))
                                     .text("issued_by", row.text(3))
                                     .raw("issued_at", time_json(row.int64(4)))
                                     .boolean("revoked", row.boolean(5))
                                     .raw("revoked_at", time_json(row.int64(6)))
                                     .number("seq", row.int64(7)))
                           .finish();
    if (!list.add(std::move(item), row.int64(4), row.text(0))) break;
  }
  return std::move(list).finish(call.access.seq);
}

Result<Prepared> prepare_issue(const Call& call, const CommitId& commit_id) {
  TRY(const json::Value body, parse_body(call.request, true));
  json::ObjectReader reader(body);
  std::string label = reader.optional_string("label", kMaxLabelBytes).value_or("");
  TRY_STATUS(reader.finish());
  const std::string token = make_token(call, commit_id);
  producers::TokenRecord record;
  record.id = events::derive_id<SecretId>(commit_id);
  record.kind = producers::TokenKind::worker;
  record.subject = call.access.workspace;
  record.sha256 = crypto::sha256(token);
  record.prefix = token.substr(0, kPrefixBytes);
  // Before the event that gives it force; a repeated request finds its own row.
  const Status stored = call.environment->secrets.put_token(record);
  if (!stored && stored.error().code != Code::already_exists) return stored.error();
  Prepared prepared;
  prepared.hot_stream = events::workspace_stream(WorkspaceId(call.access.workspace));
  prepared.decide = producers::commands::issue_worker_token(record.id, record.prefix, std::move(label));
  return prepared;
}

Result<Reply> render_issue(const Call& call, const producers::Committed& committed) {
  const std::vector<Fact> facts = facts_of(committed.commit);
  for (const Fact& fact : facts) {
    if (!fact.payload.workspace().has_worker_token_issued()) continue;
    const v1::WorkerTokenIssued& issued = fact.payload.workspace().worker_token_issued();
    Reply reply;
    reply.body = std::move(JsonObject()
                               .text("id", issued.secret_id())
                               .text("prefix", issued.token_prefix())
                               .raw("label", text_json(issued.label()))
                               .text("token", make_token(call, committed.commit.id))
                               .number("seq", static_cast<std::int64_t>(committed.commit.seq)))
                     .finish();
    return reply;
  }
  return make_error(Code::internal, "the commit holds no worker token");
}

Result<Prepared> prepare_revoke(const Call& call, const CommitId&) {
  TRY(SecretId secret, SecretId::parse(call.path_value("id"), "id"));
  Prepared prepared;
  prepared.hot_stream = events::workspace_stream(WorkspaceId(call.access.workspace));
  prepared.decide = producers::commands::revoke_worker_token(std::move(secret));
  return prepared;
}

Result<Reply> render_revoke(const Call&, const producers::Committed&) { return Reply{}; }

}  // namespace

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/workspaces/{ws}/worker-tokens",
                    .operation = "listWorkerTokens",
                    .summary = "The workspace's worker tokens, oldest first, without the tokens themselves",
                    .scope = Scope::workspace,
                    .least_role = "admin",
                    .response = &token_schema(),
                    .lists = true,
                    .query = page_parameters(),
                    .answer = Read{plan_list, render_list}});
  routes.push_back({.method = "POST",
                    .path = "/v1/workspaces/{ws}/worker-tokens",
                    .operation = "issueWorkerToken",
                    .summary = "Issue a token for workers",
                    .scope = Scope::workspace,
                    .least_role = "admin",
                    .status = 201,
                    .request = &new_token_schema(),
                    .response = &issued_schema(),
                    .answer = Command{prepare_issue, render_issue}});
  routes.push_back({.method = "DELETE",
                    .path = "/v1/workspaces/{ws}/worker-tokens/{id}",
                    .operation = "revokeWorkerToken",
                    .summary = "Revoke a token; workers that use it are turned away",
                    .scope = Scope::workspace,
                    .least_role = "admin",
                    .status = 204,
                    .answer = Command{prepare_revoke, render_revoke}});
}

}  // namespace dossier::api::worker_tokens
