// /v1/workspaces
#include "api/access.hpp"
#include "api/body.hpp"
#include "api/commanding.hpp"
#include "api/json_object.hpp"
#include "api/page.hpp"
#include "api/problem.hpp"
#include "api/resources.hpp"
#include "api/workspace_process.hpp"
#include "events/identity.hpp"
#include "producers/commands/identity.hpp"

namespace dossier::api::workspaces {
namespace {

constexpr std::size_t kMaxNameBytes = 200;
constexpr std::size_t kMaxSlugBytes = 64;

constexpr std::string_view kOneSql = R"(
SELECT w.id, COALESCE(w.slug, ''), COALESCE(w.name_json, 'null'), COALESCE(w.kind, ''), COALESCE(w.owner_id, ''), w.created_us, COALESCE(w.seq, 0)
FROM workspaces w WHERE w.id = $1 AND w.created_us IS NOT NULL)";
// $1 the user's token: its memberships.
constexpr std::string_view kMineSql = R"(
SELECT w.id, COALESCE(w.slug, ''), COALESCE(w.name_json, 'null'), COALESCE(w.kind, ''), COALESCE(w.owner_id, ''), w.created_us, COALESCE(w.seq, 0), m.role
FROM dossier.token_hashes t
JOIN members m ON m.user_id = t.subject AND m.role IS NOT NULL AND m.removed IS NOT TRUE
JOIN workspaces w ON w.id = m.workspace AND w.created_us IS NOT NULL
WHERE t.sha256 = $1 AND (w.created_us, w.id) > ($2, $3)
ORDER BY w.created_us, w.id LIMIT $4)";

const Schema& new_workspace_schema() {
  static const Schema schema{"NewWorkspace",
                             {{"name", FieldType::string, true, "1 to 200 bytes", R"("Team Rocket")"},
                              {"slug", FieldType::string, true, "[a-z0-9] and inner -, 2 to 64", R"("team-rocket")"}}};
  return schema;
}

std::string workspace_json(const postgres::Row& row, std::string_view role) {
  return std::move(JsonObject()
                       .text("id", row.text(0))
                       .text("slug", row.text(1))
                       .raw("name", row.text(2))
                       .text("kind", row.text(3))
                       .text("owner_id", row.text(4))
                       .text("role", role)
                       .raw("created_at", time_json(row.int64(5)))
                       .number("seq", row.int64(6)))
      .finish();
}

Result<std::vector<postgres::Statement>> plan_one(const Call& call) {
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kOneSql;
  statements[0].params.text(call.path_value("ws"));
  return statements;
}

Result<Reply> render_one(const Call& call, std::span<const postgres::ResultSet> rows) {
  if (rows[0].empty()) return make_error(Code::not_found, "there is no such workspace");
  Reply reply;
  reply.body = workspace_json(rows[0].front(), call.access.role);
  return reply;
}

Result<std::vector<postgres::Statement>> plan_mine(const Call& call) {
  TRY(const Page page, read_page(call));
  TRY(const crypto::Hash token, bearer_token(call.request));
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kMineSql;
  statements[0].params.bytes(crypto::view(token)).int8(page.number).text(page.text).int8(page.limit + 1);
  return statements;
}

Result<Reply> render_mine(const Call& call, std::span<const postgres::ResultSet> rows) {
  TRY(const Page page, read_page(call));
  ListReply list(page.limit);
  for (const postgres::Row row : rows[0])
    if (!list.add(workspace_json(row, row.text(7)), row.int64(5), row.text(0))) break;
  return std::move(list).finish(call.access.seq);
}

Result<producers::commands::ReserveWorkspace> read_body(const http::Request& request) {
  TRY(const json::Value body, parse_body(request));
  json::ObjectReader reader(body);
  producers::commands::ReserveWorkspace command;
  command.name = reader.required_string("name", kMaxNameBytes);
  command.slug = reader.required_string("slug", kMaxSlugBytes);
  TRY_STATUS(reader.finish());
  TRY_STATUS(events::check_slug(command.slug));
  return command;
}

void create(CallPtr call, http::Responder responder) {
  Environment& environment = *call->environment;
  auto key = request_key(call->request);
  if (!key) return responder(problem(key.error()));
  auto body = read_body(call->request);
  if (!body) return responder(problem(body.error()));
  const auto context = command_context(*call, identity_domain(), *key, request_fingerprint(call->request));
  producers::Command reserve{context, producers::commands::reserve_workspace(*std::move(body)), {}};
  environment.commands.run(std::move(reserve), [&environment, context, key = *key, responder](Result<producers::Committed> reserved) {
    if (!reserved) return responder(command_problem(reserved.error(), context));
    const auto workspace = reserved_workspace(reserved->commit);
    if (!workspace) return responder(problem(make_error(Code::internal, "the commit reserves no workspace")));
    finish_workspace(environment, *workspace, [workspace = *workspace, context, key, responder](Result<producers::Committed> created) {
      if (!created) return responder(command_problem(created.error(), context));
      http::Response response;
      response.status = 201;
      response.body = with_commit(new_workspace_json(workspace, created->commit), *created);
      response.set("Content-Type", "application/json");
      response.set("Location", "/v1/workspaces/" + workspace.workspace_id());
      response.set("Dossier-Seq", std::to_string(created->commit.seq));
      response.set("Idempotency-Key", key.text);
      responder(std::move(response));
    });
  });
}

}  // namespace

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/workspaces",
                    .operation = "listWorkspaces",
                    .summary = "The workspaces you are a member of",
                    .scope = Scope::identity,
                    .response = &workspace_schema(),
                    .lists = true,
                    .query = page_parameters(),
                    .answer = Read{plan_mine, render_mine, nullptr, true}});
  routes.push_back({.method = "POST",
                    .path = "/v1/workspaces",
                    .operation = "createWorkspace",
                    .summary = "Make a workspace",
                    .scope = Scope::identity,
                    .status = 201,
                    .request = &new_workspace_schema(),
                    .response = &workspace_schema(),
                    .answer = Custom{create}});
  routes.push_back({.method = "GET",
                    .path = "/v1/workspaces/{ws}",
                    .operation = "getWorkspace",
                    .summary = "A workspace",
                    .scope = Scope::workspace,
                    .response = &workspace_schema(),
                    .answer = Read{plan_one, render_one}});
}

}  // namespace dossier::api::workspaces
