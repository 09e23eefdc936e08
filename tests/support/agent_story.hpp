// Events and results of agents as lines of text, for stories that are compared word by word.
#pragma once

#include <string>

#include "platform/json/json.hpp"
#include "worker/agents/agent.hpp"

namespace dossier::test {

inline const char* name_of(worker::AgentEvent::Kind kind) {
  using Kind = worker::AgentEvent::Kind;
  switch (kind) {
    case Kind::session_started: return "session_started";
    case Kind::turn_started: return "turn_started";
    case Kind::turn_ended: return "turn_ended";
    case Kind::message: return "message";
    case Kind::text_delta: return "text_delta";
    case Kind::reasoning: return "reasoning";
    case Kind::plan: return "plan";
    case Kind::tool_use: return "tool_use";
    case Kind::tool_result: return "tool_result";
    case Kind::file_change: return "file_change";
    case Kind::command_execution: return "command_execution";
    case Kind::approval_requested: return "approval_requested";
    case Kind::approval_resolved: return "approval_resolved";
    case Kind::steered: return "steered";
    case Kind::token_usage: return "token_usage";
    case Kind::log_line: return "log_line";
    case Kind::raw_item: return "raw_item";
    case Kind::error: return "error";
    case Kind::system: return "system";
    case Kind::ended: return "ended";
  }
  return "";
}

inline std::string quoted(const std::string& text) {
  std::string line;
  json::append_string(line, text);
  return line;
}

inline std::string describe_event(const worker::AgentEvent& event) {
  std::string line = std::string("event ") + name_of(event.kind);
  if (event.turn != 0) line += " turn=" + std::to_string(event.turn);
  if (!event.item.empty()) line += " item=" + event.item;
  if (!event.name.empty()) line += " name=" + event.name;
  // The frame itself is in the recording; what counts here is that it is kept.
  if (event.kind == worker::AgentEvent::Kind::raw_item) return line + "\n";
  if (!event.text.empty()) line += " text=" + quoted(event.text);
  if (event.failed) line += " failed";
  if (event.exit_code) line += " exit=" + std::to_string(*event.exit_code);
  for (const auto& path : event.paths) line += " path=" + path;
  if (event.tokens_in + event.tokens_out > 0) line += " tokens=" + std::to_string(event.tokens_in) + "/" + std::to_string(event.tokens_out);
  if (event.cost_microusd > 0) line += " cost=" + std::to_string(event.cost_microusd);
  if (event.approval) {
    const worker::AgentApproval& approval = *event.approval;
    line += " request=" + approval.request;
    if (!approval.kind.empty()) line += " kind=" + approval.kind;
    if (!approval.command.empty()) line += " command=" + quoted(approval.command);
    if (!approval.patch.empty()) line += " patch=" + quoted(approval.patch);
    if (!approval.cwd.empty()) line += " cwd=" + approval.cwd;
    if (!approval.reason.empty()) line += " reason=" + quoted(approval.reason);
    for (const auto& path : approval.paths) line += " path=" + path;
    if (!approval.detail.empty()) line += " detail=" + quoted(approval.detail);
  }
  return line + "\n";
}

inline std::string describe_result(const worker::AgentResult& result) {
  switch (result.kind) {
    case worker::AgentResult::Kind::completed: return "result completed " + quoted(result.result) + "\n";
    case worker::AgentResult::Kind::failed:
      return "result failed " + result.code + (result.retryable ? " retryable " : " ") + quoted(result.error) + "\n";
    case worker::AgentResult::Kind::stopped: return "result stopped\n";
  }
  return "";
}

}  // namespace dossier::test
