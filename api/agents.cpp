// /v1/workspaces/{ws}/agents
#include <algorithm>

#include "api/body.hpp"
#include "api/json_object.hpp"
#include "api/page.hpp"
#include "api/resources.hpp"
#include "events/names.hpp"
#include "producers/commands/workspace.hpp"

namespace dossier::api::agents {
namespace {

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxModelBytes = 200;
constexpr std::size_t kMaxInstructionsBytes = 100'000;
constexpr std::size_t kMaxArguments = 100;
constexpr std::size_t kMaxArgumentBytes = 10'000;
constexpr std::int64_t kMaxTimeoutMs = 24 * 3'600'000;

constexpr std::string_view kListSql = R"(
SELECT id, workspace, COALESCE(name, ''), COALESCE(provider, ''), COALESCE(model, ''), COALESCE(instructions_json, '""'),
       COALESCE(enabled, false), COALESCE(command_json, '[]'), COALESCE(timeout_ms, 0), created_us, COALESCE(seq, 0)
FROM agents
WHERE workspace = $1 AND created_us IS NOT NULL AND (created_us, id) > ($2, $3)
ORDER BY created_us, id LIMIT $4)";
constexpr std::string_view kByNameSql = R"(
SELECT id, workspace, COALESCE(name, ''), COALESCE(provider, ''), COALESCE(model, ''), COALESCE(instructions_json, '""'),
       COALESCE(enabled, false), COALESCE(command_json, '[]'), COALESCE(timeout_ms, 0), created_us, COALESCE(seq, 0)
FROM agents WHERE workspace = $1 AND name = $2 AND created_us IS NOT NULL LIMIT 1)";

const Schema& agent_schema() {
  static const Schema schema{"Agent",
                             {{"id", FieldType::string, true, "agt_…"},
                              {"workspace_id", FieldType::string, true, {}},
                              {"name", FieldType::string, true, "what a mention says"},
                              {"provider", FieldType::string, true, "command, codex or claude"},
                              {"model", FieldType::string, true, {}, {}, true},
                              {"instructions", FieldType::string, true, {}, {}, true},
                              {"enabled", FieldType::boolean, true, {}},
                              {"command", FieldType::strings, true, "the program and its arguments, of provider command"},
                              {"timeout_ms", FieldType::integer, true, "of a turn; 0: the worker's own"},
                              {"seq", FieldType::integer, true, "of its last change"}}};
  return schema;
}
const Schema& new_agent_schema() {
  static const Schema schema{
      "NewAgent",
      {{"name", FieldType::string, true, "[a-z][a-z0-9_-]*, at most 64; an earlier one of this name is replaced", R"("helper")"},
       {"provider", FieldType::string, true, "command, codex or claude", R"("command")"},
       {"model", FieldType::string, false, {}},
       {"instructions", FieldType::string, false, {}, R"("Be brief.")"},
       {"command", FieldType::strings, false, "needed by provider command", R"(["/bin/cat"])"},
       {"enabled", FieldType::boolean, false, "true if absent", "true"},
       {"timeout_ms", FieldType::integer, false, "at most a day", "600000"}}};
  return schema;
}

bool is_name(std::string_view name) {
  return !name.empty() && name.front() >= 'a' && name.front() <= 'z' &&
         std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
}

std::string row_json(const postgres::Row& row) {
  return std::move(JsonObject()
                       .text("id", row.text(0))
                       .text("workspace_id", row.text(1))
                       .text("name", row.text(2))
                       .text("provider", row.text(3))
                       .text_or_null("model", row.text(4))
                       .raw("instructions", row.text(5))
                       .boolean("enabled", row.boolean(6))
                       .raw("command", row.text(7))
                       .number("timeout_ms", row.int64(8))
                       .number("seq", row.int64(10)))
      .finish();
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
  for (const postgres::Row row : rows[0])
    if (!list.add(row_json(row), row.int64(9), row.text(0))) break;
  return std::move(list).finish(call.access.seq);
}

Result<std::vector<postgres::Statement>> plan_by_name(const Call& call) {
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kByNameSql;
  statements[0].params.text(call.path_value("ws")).text(call.path_value("name"));
  return statements;
}

Result<Reply> render_by_name(const Call&, std::span<const postgres::ResultSet> rows) {
  if (rows[0].empty()) return make_error(Code::not_found, "there is no such agent");
  Reply reply;
  reply.body = row_json(rows[0].front());
  return reply;
}
const Read kByNameRead{plan_by_name, render_by_name};

Result<v1::AgentProfileDefined> read_profile(const Call& call) {
  TRY(const json::Value body, parse_body(call.request));
  json::ObjectReader reader(body);
  v1::AgentProfileDefined profile;
  profile.set_name(reader.required_string("name", kMaxNameBytes));
  profile.set_provider(reader.required_string("provider", 40));
  profile.set_model(reader.optional_string("model", kMaxModelBytes).value_or(""));
  profile.mutable_instructions()->set_plain(reader.optional_string("instructions", kMaxInstructionsBytes).value_or(""));
  for (std::string& argument : reader.optional_strings("command", kMaxArguments, kMaxArgumentBytes).value_or(std::vector<std::string>{}))
    profile.add_command(std::move(argument));
  profile.set_enabled(reader.optional_bool("enabled").value_or(true));
  profile.set_timeout_ms(reader.optional_integer("timeout_ms", 0, kMaxTimeoutMs).value_or(0));
  if (!profile.name().empty() && !is_name(profile.name())) reader.fail("name", "must be a lower-case letter, then letters, digits, - or _");
  static constexpr std::string_view kProviders[] = {"command", "codex", "claude"};
  if (!profile.provider().empty() && std::find(std::begin(kProviders), std::end(kProviders), profile.provider()) == std::end(kProviders))
    reader.fail("provider", "must be command, codex or claude");
  if (profile.provider() == "command" && (profile.command().empty() || profile.command(0).empty()))
    reader.fail("command", "must name the program to run");
  TRY_STATUS(reader.finish());
  return profile;
}

Result<Prepared> prepare_define(const Call& call, const CommitId&) {
  TRY(auto profile, read_profile(call));
  Prepared prepared;
  prepared.hot_stream = events::workspace_stream(WorkspaceId(call.access.workspace));
  prepared.decide = producers::commands::define_agent(std::move(profile));
  return prepared;
}

// The profile was the same before: there is no event to make the answer of.
bool define_shows(Call& call, const producers::Committed& committed) {
  if (committed.commit.commit.events_size() > 0) return false;
  const auto profile = read_profile(call);
  call.path.emplace_back("name", profile ? profile->name() : std::string());
  return true;
}

Result<Reply> render_define(const Call&, const producers::Committed& committed) {
  const std::vector<Fact> facts = facts_of(committed.commit);
  for (const Fact& fact : facts) {
    if (!fact.payload.workspace().has_agent_profile_defined()) continue;
    const v1::AgentProfileDefined& agent = fact.payload.workspace().agent_profile_defined();
    std::vector<std::string> command;
    for (const std::string& argument : agent.command()) json::append_string(command.emplace_back(), argument);
    Reply reply;
    reply.body = std::move(JsonObject()
                               .text("id", agent.agent_id())
                               .text("workspace_id", committed.commit.workspace.str())
                               .text("name", agent.name())
                               .text("provider", agent.provider())
                               .text_or_null("model", agent.model())
                               .raw("instructions", text_json(agent.instructions()))
                               .boolean("enabled", agent.enabled())
                               .raw("command", json_array(command))
                               .number("timeout_ms", agent.timeout_ms())
                               .number("seq", static_cast<std::int64_t>(committed.commit.seq)))
                     .finish();
    return reply;
  }
  return make_error(Code::internal, "the commit holds no agent profile");
}

}  // namespace

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/workspaces/{ws}/agents",
                    .operation = "listAgents",
                    .summary = "The workspace's agents, oldest first",
                    .scope = Scope::workspace,
                    .response = &agent_schema(),
                    .lists = true,
                    .query = page_parameters(),
                    .answer = Read{plan_list, render_list}});
  routes.push_back({.method = "POST",
                    .path = "/v1/workspaces/{ws}/agents",
                    .operation = "defineAgent",
                    .summary = "Define an agent, or replace the one of this name",
                    .scope = Scope::workspace,
                    .status = 201,
                    .request = &new_agent_schema(),
                    .response = &agent_schema(),
                    .answer = Command{prepare_define, render_define, define_shows, &kByNameRead}});
}

}  // namespace dossier::api::agents
