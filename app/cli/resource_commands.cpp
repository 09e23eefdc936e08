// Tasks, workers, projects, agents, workspaces: lists and the few things done to them, over HTTP.
#include "app/cli/api_client.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/output.hpp"

namespace dossier::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// A list of a workspace's resources: the members that make the columns, and their titles.
Result<int> print_list(const Invocation& in, const std::string& resource, const std::vector<std::string>& members,
                       const std::vector<Column>& columns) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto limit, in.number("--limit", 1, 100'000));
  TRY(const auto workspace, client.workspace(in));
  TRY(const auto list, client.list("/v1/workspaces/" + segment(workspace) + resource, limit));
  if (in.json()) return print_json(list);
  Rows rows;
  for (const auto& item : *list.find("items")->array()) {
    auto& row = rows.emplace_back();
    for (const auto& member : members) row.push_back(member.ends_with("_at") ? short_time(cell(item, member)) : cell(item, member));
  }
  return print(table(columns, rows));
}

// Prints what a command made: its JSON, or one line of these members.
int print_made(const Invocation& in, const json::Value& made, const std::vector<std::string>& members) {
  if (in.json()) return print_json(made);
  std::string line;
  for (const auto& member : members) line += (line.empty() ? "" : "  ") + cell(made, member);
  return print(line + "\n");
}

Result<Reply> create(const Invocation& in, const std::string& resource, const json::Value::Object& body) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto workspace, client.workspace(in));
  return client.post("/v1/workspaces/" + segment(workspace) + resource, body, in.text("--idempotency-key"));
}

}  // namespace

Result<int> task_list(const Invocation& in) {
  const auto status = in.optional("--status");
  return print_list(in, "/tasks" + (status ? "?status=" + segment(*status) : ""),
                    {"status", "offer", "attempts", "queued_at", "id", "issue_id", "worker_id"},
                    {{"STATUS"}, {"OFFER", true}, {"ATTEMPTS", true}, {"QUEUED (UTC)"}, {"ID"}, {"ISSUE"}, {"WORKER"}});
}

Result<int> task_show(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto reply, client.get("/v1/tasks/" + segment(in.text("TASK"))));
  if (in.json()) return print_json(reply.body);
  Rows rows;
  for (const auto& [name, value] : *reply.body.object()) rows.push_back({name, cell(reply.body, name)});
  return print(table({{"FIELD"}, {"VALUE"}}, rows));
}

Result<int> task_cancel(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  json::Value::Object body;
  if (const auto reason = in.optional("--reason")) body.emplace_back("reason", *reason);
  TRY(const auto reply, client.post("/v1/tasks/" + segment(in.text("TASK")) + "/cancel", body, in.text("--idempotency-key")));
  return print_made(in, reply.body, {"id", "status"});
}

Result<int> worker_list(const Invocation& in) {
  return print_list(in, "/workers", {"name", "status", "mode", "free_slots", "slots", "last_seen_at", "id"},
                    {{"NAME"}, {"STATUS"}, {"MODE"}, {"FREE", true}, {"SLOTS", true}, {"LAST SEEN (UTC)"}, {"ID"}});
}

Result<int> worker_token_create(const Invocation& in) {
  json::Value::Object body;
  if (const auto label = in.optional("--label")) body.emplace_back("label", *label);
  TRY(const auto reply, create(in, "/worker-tokens", body));
  return print_made(in, reply.body, {"token"});
}

Result<int> worker_token_list(const Invocation& in) {
  return print_list(in, "/worker-tokens", {"id", "prefix", "label"}, {{"ID"}, {"PREFIX"}, {"LABEL"}});
}

Result<int> worker_token_revoke(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto workspace, client.workspace(in));
  TRY(const auto reply, client.remove("/v1/workspaces/" + segment(workspace) + "/worker-tokens/" + segment(in.text("TOKEN_ID"))));
  if (in.json()) return print_json(reply.body);
  return print("revoked\n");
}

Result<int> project_create(const Invocation& in) {
  json::Value::Object body{{"name", in.text("NAME")}};
  const auto url = in.optional("--git-url"), path = in.optional("--local-path");
  if (url.has_value() == path.has_value()) return make_error(Code::usage, "give one of --git-url and --local-path");
  if (url) body.emplace_back("git_url", *url);
  if (path) body.emplace_back("local_path", *path);
  if (const auto branch = in.optional("--default-branch")) body.emplace_back("default_branch", *branch);
  TRY(const auto reply, create(in, "/projects", body));
  return print_made(in, reply.body, {"id", "name"});
}

Result<int> project_list(const Invocation& in) {
  return print_list(in, "/projects", {"name", "git_url", "local_path", "default_branch", "id"},
                    {{"NAME"}, {"GIT URL"}, {"LOCAL PATH"}, {"BRANCH"}, {"ID"}});
}

Result<int> agent_create(const Invocation& in) {
  json::Value::Object body{{"name", in.text("NAME")}, {"provider", in.text("--provider")}};
  if (const auto model = in.optional("--model")) body.emplace_back("model", *model);
  if (const auto text = in.optional("--instructions")) body.emplace_back("instructions", *text);
  // A command is one line, split at spaces: what needs more is put into a script.
  if (const auto line = in.optional("--command")) {
    json::Value::Array argv;
    for (std::size_t from = 0; from < line->size();) {
      const auto space = std::min(line->find(' ', from), line->size());
      if (space > from) argv.emplace_back(line->substr(from, space - from));
      from = space + 1;
    }
    body.emplace_back("command", std::move(argv));
  }
  if (in.optional("--timeout-ms")) {
    TRY(const auto timeout, in.number("--timeout-ms", 1, 86'400'000));
    body.emplace_back("timeout_ms", timeout);
  }
  TRY(const auto reply, create(in, "/agents", body));
  return print_made(in, reply.body, {"id", "name", "provider"});
}

Result<int> agent_list(const Invocation& in) {
  return print_list(in, "/agents", {"name", "provider", "model", "enabled", "id"}, {{"NAME"}, {"PROVIDER"}, {"MODEL"}, {"ENABLED"}, {"ID"}});
}

Result<int> workspace_create(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  const json::Value::Object body{{"name", in.text("NAME")}, {"slug", in.text("SLUG")}};
  TRY(const auto reply, client.post("/v1/workspaces", body, in.text("--idempotency-key")));
  return print_made(in, reply.body, {"id", "slug", "name"});
}

Result<int> workspace_list(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto me, client.get("/v1/me"));
  const auto* workspaces = me.body.find("workspaces");
  if (workspaces == nullptr || workspaces->array() == nullptr) return make_error(Code::io, "the server's answer has no workspaces");
  if (in.json()) return print_json(json::Value::Object{{"items", *workspaces->array()}});
  Rows rows;
  for (const auto& workspace : *workspaces->array())
    rows.push_back({cell(workspace, "slug"), cell(workspace, "role"), cell(workspace, "id"), cell(workspace, "name")});
  return print(table({{"SLUG"}, {"ROLE"}, {"ID"}, {"NAME"}}, rows));
}

}  // namespace dossier::cli
