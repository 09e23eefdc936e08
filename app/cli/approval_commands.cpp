// dossier approval … and dossier policy …: what agents ask for, and what decides without asking.
#include <fstream>
#include <iostream>
#include <iterator>

#include "app/cli/api_client.hpp"
#include "app/cli/commands.hpp"
#include "app/cli/output.hpp"

namespace dossier::cli {
namespace {

constexpr std::int64_t kMaxListed = 10'000;
constexpr std::size_t kMaxRulesBytes = 1u << 20;
constexpr std::size_t kShownWhat = 60;

// What would be done, on one line.
std::string what_of(const json::Value& approval) {
  std::string what = cell(approval, "command");
  if (what.empty()) what = cell(approval, "paths");
  if (what.empty() || what == "[]") what = cell(approval, "detail");
  std::size_t end = std::min(what.find_first_of("\r\n"), what.size());
  if (end <= kShownWhat) return what.substr(0, end);
  for (end = kShownWhat; end > 0 && (static_cast<unsigned char>(what[end]) & 0xc0) == 0x80;) --end;
  return what.substr(0, end) + "…";
}

// The session of an approval: as given, or of the open one with this id in the workspace.
Result<std::string> session_of(ApiClient& client, const Invocation& in) {
  if (const auto given = in.optional("--session")) return *given;
  TRY(const auto workspace, client.workspace(in));
  TRY(const auto open, client.list("/v1/workspaces/" + segment(workspace) + "/approvals?status=open", kMaxListed));
  for (const auto& approval : *open.find("items")->array())
    if (cell(approval, "id") == in.text("APPROVAL")) return cell(approval, "session_id");
  return make_error(Code::not_found, "no approval with this id is open in the workspace; of a decided one, --session says more", "APPROVAL");
}

Result<int> resolve(const Invocation& in, const std::string& decision) {
  TRY(auto client, ApiClient::make(in));
  json::Value::Object body{{"decision", decision}};
  if (const auto reason = in.optional("--reason")) body.emplace_back("reason", *reason);
  if (const auto answer = in.optional("--answer")) {
    auto parsed = json::parse(*answer);
    if (!parsed) return make_error(Code::usage, "is no JSON: " + parsed.error().message, "--answer");
    body.emplace_back("answer", *std::move(parsed));
  }
  TRY(const auto session, session_of(client, in));
  TRY(const auto reply,
      client.post("/v1/sessions/" + segment(session) + "/approvals/" + segment(in.text("APPROVAL")), body, in.text("--idempotency-key")));
  if (in.json()) return print_json(reply.body);
  return print(cell(reply.body, "id") + "  " + decision + "  " + what_of(reply.body) + "\n");
}

Result<std::string> policy_target(ApiClient& client, const Invocation& in) {
  if (const auto project = in.optional("--project")) return "/v1/projects/" + segment(*project) + "/policy";
  TRY(const auto workspace, client.workspace(in));
  return "/v1/workspaces/" + segment(workspace) + "/policy";
}

// A JSON array in a file; "-" is standard input.
Result<json::Value> rules_from(const std::string& file) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file, std::ios::binary);
    if (!opened) return make_error(Code::usage, "can't read " + file, "--rules");
  }
  std::istream& in = file == "-" ? std::cin : opened;
  std::string text(kMaxRulesBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxRulesBytes)
    return make_error(Code::payload_too_large, "has more than " + std::to_string(kMaxRulesBytes) + " bytes", "--rules");
  auto rules = json::parse(text);
  if (!rules || rules->array() == nullptr) return make_error(Code::usage, "must hold a JSON array of rules", "--rules");
  return rules;
}

int print_policy(const json::Value& policy) {
  std::string out = "mode " + cell(policy, "mode");
  const auto* inherits = policy.find("inherits");
  if (inherits != nullptr && inherits->boolean() != nullptr && *inherits->boolean()) out += "  (the workspace's)";
  if (const auto by = cell(policy, "set_by"); !by.empty()) out += "\nset by " + by + " at " + short_time(cell(policy, "set_at"));
  if (const auto reason = cell(policy, "reason"); !reason.empty()) out += ": " + reason;
  out += "\n";
  std::vector<std::vector<std::string>> rows;
  if (const auto* rules = policy.find("rules"); rules != nullptr && rules->array() != nullptr)
    for (const auto& rule : *rules->array())
      rows.push_back(
          {cell(rule, "name"), cell(rule, "effect"), cell(rule, "kind"), cell(rule, "command_prefix"), cell(rule, "path"), cell(rule, "project")});
  if (rows.empty()) return print(out);
  return print(out + "\n" + table({{"RULE"}, {"EFFECT"}, {"KIND"}, {"COMMAND"}, {"PATH"}, {"PROJECT"}}, rows));
}

}  // namespace

Result<int> approval_list(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto limit, in.number("--limit", 1, 100'000));
  std::string target;
  if (const auto session = in.optional("--session")) {
    target = "/v1/sessions/" + segment(*session) + "/approvals";
  } else {
    TRY(const auto workspace, client.workspace(in));
    target = "/v1/workspaces/" + segment(workspace) + "/approvals";
  }
  if (const auto status = in.text("--status"); status != "all") target += "?status=" + segment(status);
  TRY(const auto list, client.list(target, limit));
  if (in.json()) return print_json(list);
  std::vector<std::vector<std::string>> rows;
  for (const auto& approval : *list.find("items")->array()) {
    const auto* resolution = approval.find("resolution");
    const bool decided = resolution != nullptr && !resolution->is_null();
    rows.push_back({decided ? cell(*resolution, "decision") : "open", decided ? cell(*resolution, "by") : "", cell(approval, "kind"),
                    short_time(cell(approval, "asked_at")), cell(approval, "id"), what_of(approval)});
  }
  return print(table({{"STATUS"}, {"BY"}, {"KIND"}, {"ASKED (UTC)"}, {"ID"}, {"WHAT"}}, rows));
}

Result<int> approval_accept(const Invocation& in) { return resolve(in, in.flag("--for-session") ? "accept_for_session" : "accept"); }

Result<int> approval_decline(const Invocation& in) { return resolve(in, in.flag("--end-turn") ? "cancel" : "decline"); }

Result<int> policy_show(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  TRY(const auto target, policy_target(client, in));
  TRY(const auto reply, client.get(target));
  return in.json() ? print_json(reply.body) : print_policy(reply.body);
}

Result<int> policy_set(const Invocation& in) {
  const std::string mode = in.text("MODE");
  TRY(const auto reason, in.required("--reason"));
  json::Value::Object body{{"reason", reason}};
  if (mode == "inherit") {
    if (!in.optional("--project") || in.optional("--rules")) return make_error(Code::usage, "inherit goes with --project, and without --rules");
    body.emplace_back("inherit", true);
  } else {
    body.emplace_back("mode", mode);
  }
  if (const auto file = in.optional("--rules")) {
    TRY(auto rules, rules_from(*file));
    body.emplace_back("rules", std::move(rules));
  }
  TRY(auto client, ApiClient::make(in));
  TRY(const auto target, policy_target(client, in));
  TRY(const auto reply, client.post(target, body, in.text("--idempotency-key")));
  return in.json() ? print_json(reply.body) : print_policy(reply.body);
}

Result<int> project_trust(const Invocation& in) {
  TRY(auto client, ApiClient::make(in));
  const json::Value::Object body{{"trusted", !in.flag("--off")}};
  TRY(const auto reply, client.post("/v1/projects/" + segment(in.text("PROJECT")) + "/trust", body, in.text("--idempotency-key")));
  if (in.json()) return print_json(reply.body);
  return print(cell(reply.body, "id") + "  " + (in.flag("--off") ? "not trusted" : "trusted") + "\n");
}

}  // namespace dossier::cli
