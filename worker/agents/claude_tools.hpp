// Claude Code's tools: what a person reads of them, what is asked about them, and what may be granted. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/json/json.hpp"
#include "worker/agents/agent.hpp"

namespace dossier::worker::claude {

enum class ToolKind : std::uint8_t { command, file_change, question, other };
ToolKind kind_of_tool(std::string_view name);

// One use of a tool, from its call until its result.
struct ToolUse {
  std::string name;
  json::Value input;
};

std::string command_of(const ToolUse& use);  // empty: no command
// Relative where it lies in the worktree; empty: no file.
std::string path_of(const ToolUse& use, const std::string& worktree);
// What an Edit, Write or MultiEdit puts where, as lines with - and +.
std::string patch_of(const ToolUse& use);
// The steps of a plan, one a line; empty where the tool says nothing of plans.
std::string plan_of(const ToolUse& use);

// The text of a tool's result, whatever its form.
std::string result_text(const json::Value& content);
// Of a command's result. nullopt: it did not say.
std::optional<int> exit_code_of(std::string_view text, bool failed);

// The `request` of a can_use_tool frame. `command` is never empty but for file changes, so that two different actions
// are never told apart by `detail` alone.
inline constexpr std::size_t kMaxDetail = 64 * 1024;  // bytes of AgentApproval::detail; a longer one is left out, and says so
AgentApproval approval_of(const std::string& request_id, const json::Value& request, const std::string& worktree);
// What "for the whole session" grants, of what the program suggests: rules that allow, and folders; edits where the tool
// edits. All of it for this session only: its own default is a file in the worktree.
json::Value::Array session_permissions(const json::Value& suggestions, ToolKind kind);
// The input with people's answers in it; nullopt: `answer` is no object of lists of strings.
std::optional<json::Value> answered_input(const json::Value& input, const std::string& answer);

// Why a turn failed, of its result frame.
std::string failure_text(const json::Value& result);
// True where another try may succeed: the model's service was overloaded, broke or was not reached.
bool is_transient_failure(const json::Value& result);

}  // namespace dossier::worker::claude
