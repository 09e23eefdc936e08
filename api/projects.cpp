// /v1/workspaces/{ws}/projects, /v1/projects/{id}
#include "api/body.hpp"
#include "api/json_object.hpp"
#include "api/page.hpp"
#include "api/resources.hpp"
#include "events/names.hpp"
#include "producers/commands/approval.hpp"
#include "producers/commands/workspace.hpp"

namespace dossier::api::projects {
namespace {

constexpr std::size_t kMaxNameBytes = 200;
constexpr std::size_t kMaxSourceBytes = 2'000;
constexpr std::size_t kMaxBranchBytes = 250;

constexpr std::string_view kOneSql = R"(
SELECT id, workspace, COALESCE(name_json, 'null'), COALESCE(git_url, ''), COALESCE(local_path, ''), COALESCE(default_branch, ''),
       COALESCE(trusted, false), COALESCE(removed, false), created_us, COALESCE(seq, 0)
FROM projects WHERE id = $1 AND created_us IS NOT NULL LIMIT 1)";
constexpr std::string_view kListSql = R"(
SELECT id, workspace, COALESCE(name_json, 'null'), COALESCE(git_url, ''), COALESCE(local_path, ''), COALESCE(default_branch, ''),
       COALESCE(trusted, false), COALESCE(removed, false), created_us, COALESCE(seq, 0)
FROM projects
WHERE workspace = $1 AND created_us IS NOT NULL AND removed IS NOT TRUE AND (created_us, id) > ($2, $3)
ORDER BY created_us, id LIMIT $4)";

const Schema& project_schema() {
  static const Schema schema{"Project",
                             {{"id", FieldType::string, true, "prj_…"},
                              {"workspace_id", FieldType::string, true, {}},
                              {"name", FieldType::string, true, {}, {}, true},
                              {"git_url", FieldType::string, true, "where it is fetched from", {}, true},
                              {"local_path", FieldType::string, true, "or a folder on the workers' machine", {}, true},
                              {"default_branch", FieldType::string, true, "null: the repository's own", {}, true},
                              {"trusted", FieldType::boolean, true, {}},
                              {"removed", FieldType::boolean, true, {}},
                              {"created_at", FieldType::string, true, "RFC 3339"},
                              {"seq", FieldType::integer, true, "of its last change"}}};
  return schema;
}
const Schema& new_project_schema() {
  static const Schema schema{"NewProject",
                             {{"name", FieldType::string, true, "1 to 200 bytes", R"("greeter")"},
                              {"git_url", FieldType::string, false, "this or local_path", R"("https://example.org/greeter.git")"},
                              {"local_path", FieldType::string, false, "an absolute path"},
                              {"default_branch", FieldType::string, false, "the repository's own if absent", R"("main")"}}};
  return schema;
}

const Schema& trust_schema() {
  static const Schema schema{"TrustProject", {{"trusted", FieldType::boolean, true, {}, "true"}}};
  return schema;
}

struct Project {
  std::string id, workspace, name_json, git_url, local_path, default_branch;
  bool trusted = false;
  bool removed = false;
  std::int64_t created_us = 0;
  std::int64_t seq = 0;
};

std::string project_json(const Project& project) {
  return std::move(JsonObject()
                       .text("id", project.id)
                       .text("workspace_id", project.workspace)
                       .raw("name", project.name_json)
                       .text_or_null("git_url", project.git_url)
                       .text_or_null("local_path", project.local_path)
                       .text_or_null("default_branch", project.default_branch)
                       .boolean("trusted", project.trusted)
                       .boolean("removed", project.removed)
                       .raw("created_at", time_json(project.created_us))
                       .number("seq", project.seq))
      .finish();
}

std::string row_json(const postgres::Row& row) {
  return project_json(
      {row.str(0), row.str(1), row.str(2), row.str(3), row.str(4), row.str(5), row.boolean(6), row.boolean(7), row.int64(8), row.int64(9)});
}

Result<std::vector<postgres::Statement>> plan_one(const Call& call) {
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kOneSql;
  statements[0].params.text(call.path_value("id"));
  return statements;
}

Result<Reply> render_one(const Call&, std::span<const postgres::ResultSet> rows) {
  if (rows[0].empty()) return make_error(Code::not_found, "there is no such project");
  Reply reply;
  reply.body = row_json(rows[0].front());
  return reply;
}
const Read kProjectRead{plan_one, render_one};

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
  for (const postgres::Row row : rows[0])
    if (!list.add(row_json(row), row.int64(8), row.text(0))) break;
  return std::move(list).finish(call.access.seq);
}

Result<Prepared> prepare_create(const Call& call, const CommitId&) {
  TRY(const json::Value body, parse_body(call.request));
  json::ObjectReader reader(body);
  producers::commands::CreateProject command;
  command.name = reader.required_string("name", kMaxNameBytes);
  const auto git_url = reader.optional_string("git_url", kMaxSourceBytes);
  const auto local_path = reader.optional_string("local_path", kMaxSourceBytes);
  command.default_branch = reader.optional_string("default_branch", kMaxBranchBytes).value_or("");
  TRY_STATUS(reader.finish());
  if (git_url && local_path) return make_error(Code::invalid_field, "give git_url or local_path, not both", "local_path");
  if (!git_url && !local_path) return make_error(Code::missing_field, "give git_url or local_path", "git_url");
  if (git_url) command.source.set_git_url(*git_url);
  if (local_path) command.source.set_local_path(*local_path);
  Prepared prepared;
  prepared.decide = producers::commands::create_project(std::move(command));
  return prepared;
}

Result<Reply> render_create(const Call&, const producers::Committed& committed) {
  const producers::AcceptedCommit& commit = committed.commit;
  const std::vector<Fact> facts = facts_of(commit);
  for (const Fact& fact : facts) {
    if (!fact.payload.project().has_project_created()) continue;
    const v1::ProjectCreated& created = fact.payload.project().project_created();
    Reply reply;
    reply.body =
        project_json({created.project_id(), commit.workspace.str(), text_json(created.name()), created.source().git_url(),
                      created.source().local_path(), created.default_branch(), false, false, commit.time_us, static_cast<std::int64_t>(commit.seq)});
    reply.headers.emplace_back("Location", "/v1/projects/" + created.project_id());
    return reply;
  }
  return make_error(Code::internal, "the commit holds no project");
}

Result<Prepared> prepare_trust(const Call& call, const CommitId&) {
  TRY(const json::Value body, parse_body(call.request));
  json::ObjectReader reader(body);
  const auto trusted = reader.optional_bool("trusted");
  TRY_STATUS(reader.finish());
  if (!trusted.has_value()) return make_error(Code::missing_field, "is required", "trusted");
  const ProjectId project(call.path_value("id"));
  Prepared prepared;
  prepared.hot_stream = events::project_stream(project);
  prepared.decide = producers::commands::trust_project(project, *trusted);
  return prepared;
}

bool trust_shows(Call&, const producers::Committed&) { return true; }

}  // namespace

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/workspaces/{ws}/projects",
                    .operation = "listProjects",
                    .summary = "The workspace's projects, oldest first",
                    .scope = Scope::workspace,
                    .response = &project_schema(),
                    .lists = true,
                    .query = page_parameters(),
                    .answer = Read{plan_list, render_list}});
  routes.push_back({.method = "POST",
                    .path = "/v1/workspaces/{ws}/projects",
                    .operation = "createProject",
                    .summary = "Add a repository for agents to work on",
                    .scope = Scope::workspace,
                    .status = 201,
                    .request = &new_project_schema(),
                    .response = &project_schema(),
                    .answer = Command{prepare_create, render_create}});
  routes.push_back({.method = "GET",
                    .path = "/v1/projects/{id}",
                    .operation = "getProject",
                    .summary = "A project",
                    .scope = Scope::project,
                    .response = &project_schema(),
                    .answer = kProjectRead});
  routes.push_back({.method = "POST",
                    .path = "/v1/projects/{id}/trust",
                    .operation = "trustProject",
                    .summary = "Say whether a project is trusted: rules of approval policies may ask for it",
                    .scope = Scope::project,
                    .least_role = "admin",
                    .request = &trust_schema(),
                    .response = &project_schema(),
                    .answer = Command{prepare_trust, nullptr, trust_shows, &kProjectRead}});
}

}  // namespace dossier::api::projects
