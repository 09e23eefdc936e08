// What the frames of `codex app-server` are about: names to kinds. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace dossier::worker::codex {

// Notifications of the server.
enum class Notice : std::uint8_t {
  turn_started,
  turn_completed,
  turn_diff,
  turn_plan,
  item_started,
  item_completed,
  command_output,
  message_delta,
  token_usage,
  thread_status,
  request_resolved,
  error,
  warning,
  passed_over,  // pieces of what item/completed brings whole, and states that say nothing about the work
  unknown,
};
Notice notice_of(std::string_view method);

// Requests of the server.
enum class Ask : std::uint8_t {
  command,
  file_change,
  permissions,
  user_input,
  elicitation,
  tool_call,  // of a tool of the client's: we have none
  legacy_command,
  legacy_patch,
  unknown,
};
Ask ask_of(std::string_view method);

enum class ItemKind : std::uint8_t { user_message, agent_message, reasoning, plan, command, file_change, tool, other };
ItemKind item_kind_of(std::string_view type);

}  // namespace dossier::worker::codex
