// One switch for the questions, one for the answers.
#include "worker/agents/codex_approvals.hpp"

#include <array>
#include <utility>

#include "base/encoding.hpp"
#include "platform/crypto/crypto.hpp"
#include "worker/agents/worktree_path.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker::codex {
namespace {

using json::Value;

// Since then a legacy denial carries words.
constexpr Version kDenialWithWords{0, 169, 0};
constexpr std::int64_t kNoSuchMethod = -32601;

constexpr std::array<std::pair<Decision, const char*>, 4> kDecisions{{{Decision::accept, "accept"},
                                                                      {Decision::accept_for_session, "accept_for_session"},
                                                                      {Decision::decline, "decline"},
                                                                      {Decision::cancel, "cancel"}}};

Value object(Value::Object members) { return Value(std::move(members)); }
std::string sha256_hex(const std::string& text) { return to_hex(crypto::view(crypto::sha256(text))); }

std::string detail_text(const Value& value) {
  std::string text = json::write(value);
  if (text.size() > kMaxDetail)
    text = json::write(object({{"left_out", "it has " + std::to_string(text.size()) + " bytes"}, {"sha256", sha256_hex(text)}}));
  return text;
}

std::string item_decision(Decision decision) {
  switch (decision) {
    case Decision::accept: return "accept";
    case Decision::accept_for_session: return "acceptForSession";
    case Decision::decline: return "decline";
    case Decision::cancel: return "cancel";
  }
  return "decline";
}

Value legacy_decision(Decision decision, std::string_view reason, const std::optional<Version>& version) {
  switch (decision) {
    case Decision::accept: return "approved";
    case Decision::accept_for_session: return "approved_for_session";
    case Decision::decline:
      if (!version || *version < kDenialWithWords) return "denied";
      return object({{"denied", object({{"rejection", reason.empty() ? std::string("declined") : std::string(reason)}})}});
    case Decision::cancel: return "abort";
  }
  return "denied";
}

// What was asked for, or nothing of it.
Value permissions_result(const Frame& request, Decision decision) {
  switch (decision) {
    // NOLINTNEXTLINE(bugprone-branch-clone): another scope
    case Decision::accept: return object({{"permissions", member(request.body, "permissions")}, {"scope", "turn"}});
    case Decision::accept_for_session: return object({{"permissions", member(request.body, "permissions")}, {"scope", "session"}});
    case Decision::decline:
    case Decision::cancel: break;
  }
  return object({{"permissions", object({})}, {"scope", "turn"}});
}

bool is_accepted(Decision decision) { return decision == Decision::accept || decision == Decision::accept_for_session; }

Value answers_to(const Frame& request, std::string_view answer) {
  Value::Object answers;
  const auto given = json::parse(answer);
  const auto* questions = member(request.body, "questions").array();
  if (!given || questions == nullptr) return object({});
  for (const auto& question : *questions) {
    const std::string id = question.text("id");
    const Value* found = given->find(id);
    if (found == nullptr) found = given->find(question.text("question"));
    if (found == nullptr) continue;
    Value list = found->array() != nullptr ? *found : Value(Value::Array{*found});
    answers.emplace_back(id, object({{"answers", std::move(list)}}));
  }
  return object(std::move(answers));
}

Value elicitation_result(Decision decision, std::string_view answer) {
  const auto content = json::parse(answer.empty() ? "{}" : answer);
  switch (decision) {
    case Decision::accept:
    case Decision::accept_for_session:
      if (!content || content->object() == nullptr) break;
      return object({{"action", "accept"}, {"content", *content}, {"_meta", Value()}});
    case Decision::cancel: return object({{"action", "cancel"}, {"content", Value()}, {"_meta", Value()}});
    case Decision::decline: break;
  }
  return object({{"action", "decline"}, {"content", Value()}, {"_meta", Value()}});
}

// A command as it would run; where the question is another one (the network, the input of a terminal) its words say so.
void describe_command(AgentApproval& approval, const Value& params, const Items& items) {
  approval.kind = "command";
  approval.command = params.text("command", items.command(params.text("itemId")));
  const Value& network = member(params, "networkApprovalContext");
  const std::string kind = params.text("kind", "command");
  Value::Object detail;
  if (const Value& amendment = member(params, "proposedExecpolicyAmendment"); !amendment.is_null())
    detail.emplace_back("proposedExecpolicyAmendment", amendment);
  if (kind != "command") {
    detail.emplace_back("kind", kind);
    approval.command = kind + " " + approval.command;
  }
  if (!network.is_null()) {
    detail.emplace_back("networkApprovalContext", network);
    approval.command =
        "connect to " + network.text("protocol") + "://" + network.text("host") + (approval.command.empty() ? "" : " for " + approval.command);
  }
  if (!detail.empty()) approval.detail = detail_text(Value(std::move(detail)));
}

void describe_patch(AgentApproval& approval, const Patch* patch, const Value& params) {
  approval.kind = "file_change";
  if (patch == nullptr)
    approval.command = "write a patch that was not shown (" + params.text("itemId") + ")";
  else {
    approval.patch = patch->text;
    approval.paths = patch->paths;
  }
  if (const std::string root = params.text("grantRoot"); !root.empty()) {
    approval.command = "write anywhere below " + root;
    approval.detail = detail_text(object({{"grantRoot", root}}));
  }
}

}  // namespace

std::optional<Decision> decision_of(std::string_view name) {
  for (const auto& [decision, known] : kDecisions)
    if (known == name) return decision;
  return std::nullopt;
}

const char* name_of(Decision decision) { return kDecisions.at(static_cast<std::size_t>(decision)).second; }

std::string request_name(const Value& id) { return json::write(id); }

std::optional<AgentApproval> approval_of(const Frame& request, const Items& items, std::string_view worktree) {
  const Value& params = request.body;
  AgentApproval approval;
  approval.request = request_name(request.id);
  approval.reason = clean_text(params.text("reason"));
  if (const std::string cwd = params.text("cwd"); !cwd.empty()) approval.cwd = clean_text(path_in_worktree(cwd, worktree));
  switch (ask_of(request.method)) {
    case Ask::command: describe_command(approval, params, items); break;
    case Ask::file_change: describe_patch(approval, items.patch(params.text("itemId")), params); break;
    case Ask::permissions:
      approval.kind = "permissions";
      approval.detail = detail_text(member(params, "permissions"));
      approval.command = "grant " + approval.detail;
      break;
    case Ask::user_input:
      approval.kind = "user_input";
      approval.detail = detail_text(member(params, "questions"));
      approval.command = "ask " + approval.detail;
      break;
    case Ask::elicitation:
      approval.kind = "user_input";
      approval.reason = clean_text(params.text("message"));
      approval.detail = detail_text(params);
      approval.command = "ask " + detail_text(object({{"serverName", params.text("serverName")},
                                                      {"message", params.text("message")},
                                                      {"url", params.text("url")},
                                                      {"requestedSchema", member(params, "requestedSchema")}}));
      break;
    case Ask::legacy_command:
      approval.kind = "command";
      approval.command = command_line(member(params, "command"));
      break;
    case Ask::legacy_patch: {
      const Patch patch = patch_of_legacy(params, worktree);
      describe_patch(approval, &patch, params);
      break;
    }
    case Ask::tool_call:
    case Ask::unknown: return std::nullopt;
  }
  approval.command = clean_text(approval.command);
  approval.detail = clean_text(approval.detail);
  return approval;
}

std::string answer_line(const Frame& request, Decision decision, std::string_view reason, std::string_view answer,
                        const std::optional<Version>& version) {
  switch (ask_of(request.method)) {
    case Ask::command:
    case Ask::file_change: return result_line(request.id, object({{"decision", item_decision(decision)}}));
    case Ask::permissions: return result_line(request.id, permissions_result(request, decision));
    case Ask::user_input: return result_line(request.id, object({{"answers", is_accepted(decision) ? answers_to(request, answer) : object({})}}));
    case Ask::elicitation: return result_line(request.id, elicitation_result(decision, answer));
    case Ask::legacy_command:
    case Ask::legacy_patch: return result_line(request.id, object({{"decision", legacy_decision(decision, reason, version)}}));
    case Ask::tool_call: {
      const Value text = object({{"type", "inputText"}, {"text", "this tool is not available here"}});
      return result_line(request.id, object({{"contentItems", Value(Value::Array{text})}, {"success", false}}));
    }
    case Ask::unknown: break;
  }
  return error_line(request.id, kNoSuchMethod, "this client does not answer " + request.method);
}

std::string refusal_line(const Frame& request, const std::optional<Version>& version) {
  return answer_line(request, Decision::decline, "", "", version);
}

}  // namespace dossier::worker::codex
