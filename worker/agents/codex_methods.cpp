// Tables of names.
#include "worker/agents/codex_methods.hpp"

#include <utility>

namespace dossier::worker::codex {
namespace {

template <class Kind>
using Name = std::pair<std::string_view, Kind>;

constexpr Name<Notice> kNotices[] = {{"turn/started", Notice::turn_started},
                                     {"turn/completed", Notice::turn_completed},
                                     {"turn/diff/updated", Notice::turn_diff},
                                     {"turn/plan/updated", Notice::turn_plan},
                                     {"item/started", Notice::item_started},
                                     {"item/completed", Notice::item_completed},
                                     {"item/commandExecution/outputDelta", Notice::command_output},
                                     {"item/agentMessage/delta", Notice::message_delta},
                                     {"thread/tokenUsage/updated", Notice::token_usage},
                                     {"thread/status/changed", Notice::thread_status},
                                     {"serverRequest/resolved", Notice::request_resolved},
                                     {"error", Notice::error},
                                     {"warning", Notice::warning},
                                     {"guardianWarning", Notice::warning},
                                     {"configWarning", Notice::warning},
                                     {"deprecationNotice", Notice::warning},
                                     {"thread/started", Notice::passed_over},
                                     {"thread/goal/cleared", Notice::passed_over},
                                     {"account/rateLimits/updated", Notice::passed_over},
                                     {"item/reasoning/textDelta", Notice::passed_over},
                                     {"item/reasoning/summaryTextDelta", Notice::passed_over},
                                     {"item/reasoning/summaryPartAdded", Notice::passed_over},
                                     {"item/fileChange/outputDelta", Notice::passed_over},
                                     {"item/fileChange/patchUpdated", Notice::passed_over},
                                     {"item/plan/delta", Notice::passed_over},
                                     {"remoteControl/status/changed", Notice::passed_over}};

constexpr Name<Ask> kAsks[] = {{"item/commandExecution/requestApproval", Ask::command},
                               {"item/fileChange/requestApproval", Ask::file_change},
                               {"item/permissions/requestApproval", Ask::permissions},
                               {"item/tool/requestUserInput", Ask::user_input},
                               {"mcpServer/elicitation/request", Ask::elicitation},
                               {"item/tool/call", Ask::tool_call},
                               {"execCommandApproval", Ask::legacy_command},
                               {"applyPatchApproval", Ask::legacy_patch}};

constexpr Name<ItemKind> kItems[] = {{"userMessage", ItemKind::user_message}, {"agentMessage", ItemKind::agent_message},
                                     {"reasoning", ItemKind::reasoning},      {"plan", ItemKind::plan},
                                     {"commandExecution", ItemKind::command}, {"fileChange", ItemKind::file_change},
                                     {"mcpToolCall", ItemKind::tool},         {"dynamicToolCall", ItemKind::tool},
                                     {"collabAgentToolCall", ItemKind::tool}, {"webSearch", ItemKind::tool},
                                     {"imageGeneration", ItemKind::tool}};

template <class Kind, std::size_t count>
Kind find(const Name<Kind> (&names)[count], std::string_view name, Kind otherwise) {
  for (const auto& [known, kind] : names)
    if (known == name) return kind;
  return otherwise;
}

}  // namespace

Notice notice_of(std::string_view method) { return find(kNotices, method, Notice::unknown); }
Ask ask_of(std::string_view method) { return find(kAsks, method, Ask::unknown); }
ItemKind item_kind_of(std::string_view type) { return find(kItems, type, ItemKind::other); }

}  // namespace dossier::worker::codex
