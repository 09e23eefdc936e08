// Items to events; see codex_items.hpp.
#include "worker/agents/codex_items.hpp"

#include <algorithm>
#include <utility>

#include "worker/agents/codex_frames.hpp"

namespace dossier::worker::codex {
namespace {

using json::Value;
using Kind = AgentEvent::Kind;

// mcpToolCall, dynamicToolCall, collabAgentToolCall, webSearch, imageGeneration.
std::string tool_name(const Value& item) {
  const std::string server = item.text("server", item.text("namespace"));
  const std::string tool = item.text("tool", item.text("type"));
  return server.empty() ? tool : server + "." + tool;
}

std::string tool_input(const Value& item) {
  for (const char* name : {"arguments", "query", "prompt", "revisedPrompt"}) {
    const Value& value = member(item, name);
    if (value.string() != nullptr) return *value.string();
    if (!value.is_null()) return json::write(value);
  }
  return {};
}

std::string tool_output(const Value& item) {
  for (const char* name : {"error", "result", "contentItems", "results", "failure", "savedPath"}) {
    const Value& value = member(item, name);
    if (value.string() != nullptr) return *value.string();
    if (!value.is_null()) return json::write(value);
  }
  return {};
}

bool tool_failed(const Value& item) {
  const bool* success = member(item, "success").boolean();
  const std::string status = item.text("status", "completed");
  return status == "failed" || status == "declined" || (success != nullptr && !*success) || !member(item, "error").is_null();
}

}  // namespace

void Items::emit(Kind kind, std::string item, std::string name, std::string text, bool failed) {
  AgentEvent event;
  event.kind = kind;
  event.item = std::move(item);
  event.name = std::move(name);
  event.text = std::move(text);
  event.failed = failed;
  events_.push_back(std::move(event));
}

void Items::say(const char* stream, std::string_view text) {
  LineSplitter lines(kMaxAgentLine);
  const auto take = [&](std::string_view line) { emit(Kind::log_line, "", stream, std::string(line)); };
  lines.feed(text, take);
  lines.finish(take);
}

void Items::started(const Value& item) {
  const std::string id = item.text("id");
  const ItemKind kind = item_kind_of(item.text("type"));
  if (ended_.count(id) > 0 || open_.count(id) > 0 || open_.size() >= kMaxOpenItems) return;
  switch (kind) {
    case ItemKind::command: {
      Open& open = open_[id];
      open.kind = kind;
      open.text = item.text("command");
      emit(Kind::tool_use, id, "command", open.text);
      say("command", "$ " + open.text);
      return;
    }
    case ItemKind::file_change: {
      Open& open = open_[id];
      open.kind = kind;
      open.patch = patch_of_item(item, worktree_);
      return;
    }
    case ItemKind::tool:
      open_[id].kind = kind;
      emit(Kind::tool_use, id, tool_name(item), tool_input(item));
      return;
    case ItemKind::user_message:
    case ItemKind::agent_message:
    case ItemKind::reasoning:
    case ItemKind::plan:
    case ItemKind::other: return;
  }
}

void Items::output(const std::string& item, std::string_view delta) {
  const auto open = open_.find(item);
  if (open == open_.end() || open->second.kind != ItemKind::command) return;
  open->second.spoke = true;
  open->second.lines.feed(delta, [&](std::string_view line) { emit(Kind::log_line, "", "command", std::string(line)); });
}

void Items::end_lines(Open& open) {
  open.lines.finish([&](std::string_view line) { emit(Kind::log_line, "", "command", std::string(line)); });
}

bool Items::ended_before(const std::string& id) {
  if (!ended_.insert(id).second) return true;
  ended_order_.push_back(id);
  if (ended_order_.size() > kMaxEndedItems) {
    ended_.erase(ended_order_.front());
    ended_order_.pop_front();
  }
  return false;
}

void Items::completed(const Value& item) {
  const std::string id = item.text("id");
  const std::string type = item.text("type");
  const ItemKind kind = item_kind_of(type);
  if (kind == ItemKind::user_message || ended_before(id)) return;
  bool told = false;
  if (const auto open = open_.find(id); open != open_.end()) {
    end_lines(open->second);
    told = open->second.closed;
    // A short command's output comes only here.
    if (kind == ItemKind::command && !open->second.spoke) say("command", item.text("aggregatedOutput"));
    open_.erase(open);
  }
  switch (kind) {
    case ItemKind::user_message: return;
    case ItemKind::agent_message:
      last_message_ = item.text("text");
      emit(Kind::message, id, "", last_message_);
      break;
    case ItemKind::reasoning: {
      const std::string summary = joined_text(item.find("summary"));
      const std::string text = summary.empty() ? joined_text(item.find("content")) : summary;
      if (!text.empty()) emit(Kind::reasoning, id, "", text);
      break;
    }
    case ItemKind::plan: emit(Kind::plan, id, "", item.text("text")); break;
    case ItemKind::command: command_ended(item, told); break;
    case ItemKind::file_change: file_changed(item); break;
    case ItemKind::tool:
      if (!told) emit(Kind::tool_result, id, tool_name(item), tool_output(item), tool_failed(item));
      break;
    case ItemKind::other: break;
  }
  emit(Kind::raw_item, id, type, json::write(item));
}

void Items::command_ended(const Value& item, bool told) {
  AgentEvent event;
  event.kind = Kind::command_execution;
  event.item = item.text("id");
  event.text = item.text("command");
  if (const auto* code = member(item, "exitCode").integer()) event.exit_code = static_cast<int>(*code);
  event.failed = item.text("status") != "completed" || event.exit_code.value_or(0) != 0;
  if (!told) emit(Kind::tool_result, event.item, "command", item.text("aggregatedOutput"), event.failed);
  events_.push_back(std::move(event));
}

void Items::file_changed(const Value& item) {
  Patch patch = patch_of_item(item, worktree_);
  AgentEvent event;
  event.kind = Kind::file_change;
  event.item = item.text("id");
  event.name = item.text("status");
  event.text = std::move(patch.text);
  event.paths = std::move(patch.paths);
  event.failed = event.name != "completed";
  events_.push_back(std::move(event));
}

void Items::close_all() {
  for (auto at = open_.begin(); at != open_.end();) {
    Open& open = at->second;
    if (!std::exchange(open.closed, true)) {
      end_lines(open);
      switch (open.kind) {
        case ItemKind::command: emit(Kind::tool_result, at->first, "command", "its end was not seen", true); break;
        case ItemKind::tool: emit(Kind::tool_result, at->first, "tool", "its end was not seen", true); break;
        case ItemKind::file_change: {
          AgentEvent event;
          event.kind = Kind::file_change;
          event.item = at->first;
          event.name = "interrupted";
          event.text = std::move(open.patch.text);
          event.paths = std::move(open.patch.paths);
          event.failed = true;
          events_.push_back(std::move(event));
          break;
        }
        case ItemKind::user_message:
        case ItemKind::agent_message:
        case ItemKind::reasoning:
        case ItemKind::plan:
        case ItemKind::other: break;
      }
    }
    at = open.kind == ItemKind::command ? std::next(at) : open_.erase(at);
  }
}

const Patch* Items::patch(const std::string& item) const {
  const auto open = open_.find(item);
  return open == open_.end() || open->second.kind != ItemKind::file_change ? nullptr : &open->second.patch;
}

std::string Items::command(const std::string& item) const {
  const auto open = open_.find(item);
  return open == open_.end() ? std::string() : open->second.text;
}

bool Items::any_running() const {
  return std::any_of(open_.begin(), open_.end(), [](const auto& open) { return open.second.kind == ItemKind::command; });
}

}  // namespace dossier::worker::codex
