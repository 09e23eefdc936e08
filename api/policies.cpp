// /v1/workspaces/{ws}/policy, /v1/projects/{id}/policy
#include "api/body.hpp"
#include "api/json_object.hpp"
#include "api/resources.hpp"
#include "events/approval_policy.hpp"
#include "events/names.hpp"
#include "producers/commands/approval.hpp"

namespace dossier::api::policies {
namespace {

constexpr std::size_t kMaxReasonBytes = 4'000;

// One row each; without a policy: agents never ask.
constexpr std::string_view kOfWorkspaceSql = R"(
SELECT h.workspace, '', false, COALESCE(p.mode, 'never'), COALESCE(p.rules_json, '[]'), COALESCE(p.reason_json, 'null'),
       COALESCE(p.set_by, ''), COALESCE(p.set_us, 0), COALESCE(p.seq, 0)
FROM heads h
LEFT JOIN approval_policies p ON p.workspace = h.workspace AND p.project_id = ''
WHERE h.workspace = $1)";
constexpr std::string_view kOfProjectSql = R"(
SELECT r.workspace, r.id, o.inherits IS NOT FALSE, COALESCE(f.mode, 'never'), COALESCE(f.rules_json, '[]'),
       COALESCE(f.reason_json, 'null'), COALESCE(f.set_by, ''), COALESCE(f.set_us, 0), GREATEST(o.seq, f.seq, 0)
FROM projects r
LEFT JOIN approval_policies o ON o.workspace = r.workspace AND o.project_id = r.id
LEFT JOIN approval_policies f ON f.workspace = r.workspace AND f.project_id = CASE WHEN o.inherits IS FALSE THEN r.id ELSE '' END
WHERE r.id = $1 AND r.created_us IS NOT NULL LIMIT 1)";

constexpr std::string_view kRulesHelp =
    "tried in order, the first that fits counts: name, effect (allow, deny, ask), and what it is for: kind, command_prefix (words), path (glob), "
    "project (any, trusted, not_trusted)";

const Schema& policy_schema() {
  static const Schema schema{"ApprovalPolicy",
                             {{"workspace_id", FieldType::string, true, {}},
                              {"project_id", FieldType::string, true, "null: the workspace's", {}, true},
                              {"inherits", FieldType::boolean, true, "a project without a policy of its own: this is the workspace's"},
                              {"mode", FieldType::string, true, "when agents ask: never, on_request or untrusted"},
                              {"rules", FieldType::array, true, kRulesHelp},
                              {"reason", FieldType::string, true, "why it was set", {}, true},
                              {"set_by", FieldType::string, true, "usr_…; null: never set", {}, true},
                              {"set_at", FieldType::string, true, "RFC 3339", {}, true},
                              {"seq", FieldType::integer, true, "of its last change"}}};
  return schema;
}
constexpr std::string_view kRulesExample =
    R"([{"name":"status","effect":"allow","kind":"command","command_prefix":["git","status"]},{"name":"workflows","effect":"deny","path":".github/**"}])";

const Schema& workspace_policy_schema() {
  static const Schema schema{"SetWorkspacePolicy",
                             {{"mode", FieldType::string, true, "never, on_request or untrusted", R"("on_request")"},
                              {"rules", FieldType::array, false, kRulesHelp, kRulesExample},
                              {"reason", FieldType::string, true, "why", R"("agents may look around")"}}};
  return schema;
}
const Schema& project_policy_schema() {
  static const Schema schema{"SetProjectPolicy",
                             {{"mode", FieldType::string, false, "never, on_request or untrusted; needed unless inherit", R"("untrusted")"},
                              {"rules", FieldType::array, false, kRulesHelp, kRulesExample},
                              {"inherit", FieldType::boolean, false, "true, without mode and rules: by the workspace's policy again"},
                              {"reason", FieldType::string, true, "why", R"("it deploys")"}}};
  return schema;
}

Result<Reply> render(const Call&, std::span<const postgres::ResultSet> rows) {
  if (rows[0].empty()) return make_error(Code::not_found, "there is no such thing, or you may not see it");
  const postgres::Row row = rows[0].front();
  Reply reply;
  reply.body = std::move(JsonObject()
                             .text("workspace_id", row.text(0))
                             .text_or_null("project_id", row.text(1))
                             .boolean("inherits", row.boolean(2))
                             .text("mode", row.text(3))
                             .raw("rules", row.text(4))
                             .raw("reason", row.text(5))
                             .text_or_null("set_by", row.text(6))
                             .raw("set_at", time_json(row.int64(7)))
                             .number("seq", row.int64(8)))
                   .finish();
  return reply;
}

Result<std::vector<postgres::Statement>> plan_of_workspace(const Call& call) {
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kOfWorkspaceSql;
  statements[0].params.text(call.path_value("ws"));
  return statements;
}
Result<std::vector<postgres::Statement>> plan_of_project(const Call& call) {
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kOfProjectSql;
  statements[0].params.text(call.path_value("id"));
  return statements;
}
const Read kWorkspaceRead{plan_of_workspace, render};
const Read kProjectRead{plan_of_project, render};

// The value of the word in this enumeration of the schema, 0: none of its words.
int enum_value(const google::protobuf::EnumDescriptor* words, std::string_view word) {
  std::string upper;
  for (const char c : word) upper += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c == '_' ? c : '-');
  const auto* found = words->FindValueByName(upper);
  return found == nullptr ? 0 : found->number();
}

Status read_rule(const json::Value& value, std::size_t index, v1::ApprovalRule& rule) {
  json::ObjectReader reader(value, "rules[" + std::to_string(index) + "]");
  rule.set_name(reader.required_string("name", events::kMaxRuleNameBytes));
  const std::string effect = reader.required_string("effect", 20);
  if (const int known = enum_value(v1::ApprovalRule::Effect_descriptor(), effect); known != 0)
    rule.set_effect(static_cast<v1::ApprovalRule::Effect>(known));
  else
    reader.fail("effect", "must be allow, deny or ask");
  rule.set_kind(reader.optional_string("kind", 40).value_or(""));
  for (std::string& word :
       reader.optional_strings("command_prefix", events::kMaxPrefixWords, events::kMaxPrefixWordBytes).value_or(std::vector<std::string>{}))
    rule.add_command_prefix(std::move(word));
  rule.set_path(reader.optional_string("path", events::kMaxGlobBytes).value_or(""));
  const std::string project = reader.optional_string("project", 20).value_or("any");
  const int trust = enum_value(v1::ApprovalRule::Trust_descriptor(), project);
  if (trust == 0 && project != "any") reader.fail("project", "must be any, trusted or not_trusted");
  rule.set_project(static_cast<v1::ApprovalRule::Trust>(trust));
  return reader.finish();
}

Result<producers::commands::SetApprovalPolicy> read_policy(const Call& call, bool may_inherit) {
  TRY(const json::Value body, parse_body(call.request));
  json::ObjectReader reader(body);
  producers::commands::SetApprovalPolicy command;
  const auto mode = reader.optional_string("mode", 20);
  const json::Value* rules = reader.optional_value("rules");
  const bool inherits = may_inherit && reader.optional_bool("inherit").value_or(false);
  v1::ApprovalPolicy policy;
  if (mode.has_value()) {
    policy.set_mode(static_cast<v1::ApprovalPolicy::Mode>(enum_value(v1::ApprovalPolicy::Mode_descriptor(), *mode)));
    if (policy.mode() == v1::ApprovalPolicy::MODE_UNSPECIFIED) reader.fail("mode", "must be never, on_request or untrusted");
  }
  if (rules != nullptr && (rules->array() == nullptr || rules->array()->size() > static_cast<std::size_t>(events::kMaxRules)))
    reader.fail("rules", "must be an array of at most " + std::to_string(events::kMaxRules) + " rules");
  command.reason = reader.required_string("reason", kMaxReasonBytes);
  if (inherits && (mode.has_value() || rules != nullptr)) reader.fail("inherit", "goes without mode and rules");
  TRY_STATUS(reader.finish());
  if (inherits) return command;
  if (!mode.has_value()) return make_error(Code::missing_field, "is required", "mode");
  if (rules != nullptr)
    for (std::size_t i = 0; i < rules->array()->size(); ++i) TRY_STATUS(read_rule((*rules->array())[i], i, *policy.add_rules()));
  TRY_STATUS(events::check_policy(policy));
  command.policy = std::move(policy);
  return command;
}

Prepared prepared_of(const Call& call, producers::commands::SetApprovalPolicy command) {
  Prepared prepared;
  prepared.hot_stream = events::workspace_stream(WorkspaceId(call.access.workspace));
  prepared.decide = producers::commands::set_approval_policy(std::move(command));
  return prepared;
}

Result<Prepared> prepare_for_workspace(const Call& call, const CommitId&) {
  TRY(auto command, read_policy(call, false));
  return prepared_of(call, std::move(command));
}

Result<Prepared> prepare_for_project(const Call& call, const CommitId&) {
  TRY(auto command, read_policy(call, true));
  command.project = ProjectId(call.path_value("id"));
  return prepared_of(call, std::move(command));
}

bool set_shows(Call&, const producers::Committed&) { return true; }

}  // namespace

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/workspaces/{ws}/policy",
                    .operation = "getWorkspacePolicy",
                    .summary = "When the workspace's agents ask, and what rules decide for people",
                    .scope = Scope::workspace,
                    .response = &policy_schema(),
                    .answer = kWorkspaceRead});
  routes.push_back({.method = "POST",
                    .path = "/v1/workspaces/{ws}/policy",
                    .operation = "setWorkspacePolicy",
                    .summary = "Set the approval policy of the workspace, for projects without one of their own",
                    .scope = Scope::workspace,
                    .least_role = "admin",
                    .request = &workspace_policy_schema(),
                    .response = &policy_schema(),
                    .answer = Command{prepare_for_workspace, nullptr, set_shows, &kWorkspaceRead}});
  routes.push_back({.method = "GET",
                    .path = "/v1/projects/{id}/policy",
                    .operation = "getProjectPolicy",
                    .summary = "The approval policy in force for a project",
                    .scope = Scope::project,
                    .response = &policy_schema(),
                    .answer = kProjectRead});
  routes.push_back({.method = "POST",
                    .path = "/v1/projects/{id}/policy",
                    .operation = "setProjectPolicy",
                    .summary = "Set the approval policy of a project, or let it go by the workspace's again",
                    .scope = Scope::project,
                    .least_role = "admin",
                    .request = &project_policy_schema(),
                    .response = &policy_schema(),
                    .answer = Command{prepare_for_project, nullptr, set_shows, &kProjectRead}});
}

}  // namespace dossier::api::policies
