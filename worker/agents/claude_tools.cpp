// Tools by their names; a name that is not known here is a tool like any other.
#include "worker/agents/claude_tools.hpp"

#include <array>
#include <charconv>

#include "worker/agents/claude_frames.hpp"
#include "worker/agents/worktree_path.hpp"

namespace dossier::worker::claude {
namespace {

using json::Value;

constexpr std::array<std::string_view, 4> kEditors{"Edit", "Write", "MultiEdit", "NotebookEdit"};

void add_lines(std::string& into, char mark, const std::string& text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    into += mark;
    into.append(text, at, end - at);
    into += '\n';
    at = end + 1;
  }
}

void add_edit(std::string& into, const Value& edit) {
  const bool* everywhere = member(edit, "replace_all").boolean();
  if (everywhere != nullptr && *everywhere) into += "@@ every match\n";
  add_lines(into, '-', edit.text("old_string"));
  add_lines(into, '+', edit.text("new_string"));
}

const Value::Array& items(const Value& value) {
  static const Value::Array kNone;
  return value.array() == nullptr ? kNone : *value.array();
}

}  // namespace

ToolKind kind_of_tool(std::string_view name) {
  if (name == "Bash") return ToolKind::command;
  if (name == "AskUserQuestion") return ToolKind::question;
  for (const auto editor : kEditors)
    if (name == editor) return ToolKind::file_change;
  return ToolKind::other;
}

std::string command_of(const ToolUse& use) { return kind_of_tool(use.name) == ToolKind::command ? use.input.text("command") : std::string(); }

std::string path_of(const ToolUse& use, const std::string& worktree) {
  if (kind_of_tool(use.name) != ToolKind::file_change) return {};
  const std::string path = use.input.text("file_path", use.input.text("notebook_path"));
  return path_in_worktree(path, worktree);
}

std::string patch_of(const ToolUse& use) {
  std::string patch;
  add_edit(patch, use.input);
  for (const auto& edit : items(member(use.input, "edits"))) add_edit(patch, edit);
  add_lines(patch, '+', use.input.text("content"));
  add_lines(patch, '+', use.input.text("new_source"));
  return patch;
}

std::string plan_of(const ToolUse& use) {
  if (use.name == "ExitPlanMode") return use.input.text("plan");
  std::string plan;
  if (use.name != "TodoWrite") return plan;
  for (const auto& step : items(member(use.input, "todos"))) {
    const std::string status = step.text("status");
    plan += status == "completed" ? "[x] " : status == "in_progress" ? "[>] " : "[ ] ";
    plan += step.text("content") + "\n";
  }
  return plan;
}

std::string result_text(const Value& content) {
  if (content.string() != nullptr) return *content.string();
  std::string text;
  for (const auto& block : items(content)) {
    if (!text.empty()) text += '\n';
    const std::string type = block.text("type");
    text += type == "text" ? block.text("text") : "[" + type + "]";
  }
  return text;
}

std::optional<int> exit_code_of(std::string_view text, bool failed) {
  if (!failed) return 0;
  constexpr std::string_view kSays = "Exit code ";
  if (text.substr(0, kSays.size()) != kSays) return std::nullopt;
  int code = 0;
  const char* begin = text.data() + kSays.size();
  const auto read = std::from_chars(begin, text.data() + text.size(), code);
  return read.ec == std::errc() ? std::optional(code) : std::nullopt;
}

AgentApproval approval_of(const std::string& request_id, const Value& request, const std::string& worktree) {
  const ToolUse use{request.text("tool_name"), member(request, "input")};
  AgentApproval approval;
  approval.request = request_id;
  approval.cwd = ".";
  approval.reason = request.text("decision_reason", request.text("description"));
  const std::string input = json::write(use.input);
  approval.detail = input.size() <= kMaxDetail ? input : "{\"left_out\":\"" + std::to_string(input.size()) + " bytes\"}";
  switch (kind_of_tool(use.name)) {
    case ToolKind::command:
      approval.kind = "command";
      approval.command = command_of(use);
      break;
    case ToolKind::file_change:
      approval.kind = "file_change";
      approval.paths = {path_of(use, worktree)};
      approval.patch = use.name + " " + approval.paths.front() + "\n" + patch_of(use);
      break;
    case ToolKind::question:
      approval.kind = "user_input";
      approval.command = use.name + " " + input;
      break;
    case ToolKind::other:
      approval.kind = "tool";
      approval.command = use.name + " " + input;
      break;
  }
  return approval;
}

Value::Array session_permissions(const Value& suggestions, ToolKind kind) {
  Value::Array granted;
  for (const auto& suggestion : items(suggestions)) {
    const std::string type = suggestion.text("type");
    const bool is_rule = type == "addRules" && suggestion.text("behavior") == "allow";
    const bool is_mode = type == "setMode" && suggestion.text("mode") == "acceptEdits" && kind == ToolKind::file_change;
    if (!is_rule && !is_mode && type != "addDirectories") continue;
    Value::Object members;
    for (const auto& [name, value] : *suggestion.object())
      if (name != "destination") members.emplace_back(name, value);
    members.emplace_back("destination", "session");
    granted.emplace_back(std::move(members));
  }
  return granted;
}

std::optional<Value> answered_input(const Value& input, const std::string& answer) {
  const auto read = json::parse(answer);
  if (!read || read->object() == nullptr || input.object() == nullptr) return std::nullopt;
  Value::Object answers;
  for (const auto& [question, given] : *read->object()) {
    if (given.array() == nullptr) return std::nullopt;
    std::string joined;
    for (const auto& one : *given.array()) {
      if (one.string() == nullptr) return std::nullopt;
      if (!joined.empty()) joined += ", ";
      joined += *one.string();
    }
    answers.emplace_back(question, std::move(joined));
  }
  Value::Object members;
  for (const auto& [name, value] : *input.object())
    if (name != "answers") members.emplace_back(name, value);
  members.emplace_back("answers", Value(std::move(answers)));
  return Value(std::move(members));
}

std::string failure_text(const Value& result) {
  std::string text = result.text("result");
  for (const auto& error : items(member(result, "errors"))) {
    if (!text.empty()) text += '\n';
    text += error.string() != nullptr ? *error.string() : json::write(error);
  }
  return text.empty() ? "the turn failed (" + result.text("subtype", "no reason given") + ")" : text;
}

bool is_transient_failure(const Value& result) {
  constexpr std::int64_t kTooManyRequests = 429;
  constexpr std::int64_t kServerError = 500;
  const std::int64_t status = result.integer_or("api_error_status", 0);
  return status == kTooManyRequests || status >= kServerError;
}

}  // namespace dossier::worker::claude
