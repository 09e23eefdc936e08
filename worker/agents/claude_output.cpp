// What the program says by itself: frames to events.
#include <algorithm>
#include <array>

#include "worker/agents/claude_session.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker::claude {
namespace {

using json::Value;
using Kind = AgentEvent::Kind;

std::uint64_t input_tokens(const Value& usage) {
  return count_of(usage, "input_tokens") + count_of(usage, "cache_read_input_tokens") + count_of(usage, "cache_creation_input_tokens");
}

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// They say nothing about the work, or say it again.
constexpr std::array<std::string_view, 9> kPassedOverSystem{"status",        "thinking_tokens", "task_started",
                                                            "task_progress", "task_updated",    "task_notification",
                                                            "hook_started",  "hook_progress",   "session_state_changed"};
constexpr std::array<std::string_view, 4> kPassedOver{"tool_progress", "keep_alive", "auth_status", "prompt_suggestion"};

const Value::Array& content_of(const Value& message) {
  static const Value::Array kNone;
  const Value& content = member(message, "content");
  return content.array() == nullptr ? kNone : *content.array();
}

}  // namespace

void Session::on_line(std::string_view line) {
  if (line.empty() || step_ == Step::ended) return;
  const auto frame = read_frame(line);
  if (!frame) return say("claude-raw", line);  // its log, or a broken line: kept, and otherwise nothing
  if (const std::string uuid = frame->body.text("uuid"); !uuid.empty()) {
    if (std::find(seen_.begin(), seen_.end(), uuid) != seen_.end()) return;
    seen_.push_back(uuid);
    if (seen_.size() > kMaxSeenFrames) seen_.pop_front();
  }
  on_frame(*frame);
}

void Session::on_frame(const Frame& frame) {
  switch (frame.kind) {
    case Frame::Kind::system: return on_system(frame);
    case Frame::Kind::assistant: return on_assistant(frame);
    case Frame::Kind::user: return on_user(frame);
    case Frame::Kind::result: return on_result(frame);
    case Frame::Kind::stream_event: return on_stream_event(frame);
    case Frame::Kind::control_request: return on_control_request(frame);
    case Frame::Kind::control_response: return on_control_response(frame);
    case Frame::Kind::control_cancel: return on_withdrawn(frame.request_id);
    case Frame::Kind::unknown:
      if (!is_one_of(frame.name, kPassedOver)) emit(Kind::raw_item, "", frame.name, json::write(frame.body));
      return;
  }
}

void Session::on_system(const Frame& frame) {
  if (frame.name == "init") {
    if (step_ == Step::idle) {
      // Nobody asked: a message that was taken just before it could be taken back.
      step_ = Step::stray;
      request("interrupt");
      return;
    }
    if (std::exchange(session_told_, true)) return seen_begun();
    setup_.session_id = frame.body.text("session_id", setup_.session_id);
    emit(Kind::session_started, setup_.session_id, "", "", std::exchange(setup_.lost, false));
    emit(Kind::raw_item, setup_.session_id, "system/init", json::write(frame.body));
    return seen_begun();
  }
  if (frame.name == "api_retry") {
    const std::string status = std::to_string(frame.body.integer_or("error_status", 0));
    emit(Kind::system, "", "",
         "the model's service failed (" + status + " " + frame.body.text("error") + "); try " + std::to_string(frame.body.integer_or("attempt", 0)) +
             " of " + std::to_string(frame.body.integer_or("max_retries", 0)));
    return;
  }
  if (frame.name == "compact_boundary") {
    emit(Kind::system, "", "", "the conversation was compacted");
    return;
  }
  if (!is_one_of(frame.name, kPassedOverSystem)) emit(Kind::raw_item, "", "system/" + frame.name, json::write(frame.body));
}

void Session::on_assistant(const Frame& frame) {
  if (step_ != Step::running) return;
  seen_begun();
  const Value& message = member(frame.body, "message");
  const std::string id = message.text("id");
  const bool of_subagent = member(frame.body, "parent_tool_use_id").string() != nullptr;
  if (message.text("model") == "<synthetic>") {  // the program's own words about a failure
    for (const auto& block : content_of(message)) emit(Kind::error, "", "", block.text("text"));
    return;
  }
  if (blocks_.size() >= kMaxMessages) blocks_.clear();
  std::int64_t& number = blocks_[id];
  for (const auto& block : content_of(message)) on_block(block, id + "/" + std::to_string(number++), of_subagent);
}

void Session::on_block(const Value& block, const std::string& item, bool of_subagent) {
  const std::string type = block.text("type");
  if (type == "text") {
    if (of_subagent) return say("subagent", block.text("text"));
    emit(Kind::message, item, "", block.text("text"));
    emit(Kind::raw_item, item, type, json::write(block));
    return;
  }
  if (type == "thinking") {
    if (!block.text("thinking").empty()) emit(Kind::reasoning, item, "", block.text("thinking"));
    return;
  }
  if (type == "tool_use") {
    const std::string id = block.text("id");
    ToolUse use{block.text("name"), member(block, "input")};
    if (tools_.count(id) != 0 || tools_.size() >= kMaxOpenTools) return;
    const std::string command = command_of(use);
    emit(Kind::tool_use, id, command.empty() ? use.name : "command", command.empty() ? json::write(use.input) : command);
    if (!command.empty()) say("command", "$ " + command);
    if (std::string plan = plan_of(use); !plan.empty()) emit(Kind::plan, id, "", std::move(plan));
    tools_.emplace(id, std::move(use));
  }
  emit(Kind::raw_item, item, type, json::write(block));
}

void Session::on_user(const Frame& frame) {
  const bool* is_replay = member(frame.body, "isReplay").boolean();
  if (is_replay != nullptr && *is_replay) {
    const std::string uuid = frame.body.text("uuid");
    if (uuid == turn_uuid_) return seen_begun();
    const auto taken = std::find_if(steers_.begin(), steers_.end(), [&](const Steer& steer) { return steer.uuid == uuid; });
    if (taken == steers_.end()) return;
    emit(Kind::steered, taken->input).turn = turn_;
    steers_.erase(taken);
    return;
  }
  if (step_ != Step::running) return;
  for (const auto& block : content_of(member(frame.body, "message")))
    if (block.text("type") == "tool_result") on_tool_result(block);
}

void Session::on_tool_result(const Value& block) {
  const std::string id = block.text("tool_use_id");
  const auto found = tools_.find(id);
  if (found == tools_.end()) return;
  const ToolUse use = std::move(found->second);
  tools_.erase(found);
  const bool* is_error = member(block, "is_error").boolean();
  const bool failed = is_error != nullptr && *is_error;
  const std::string text = result_text(member(block, "content"));
  const bool was_denied = denied_.erase(id) != 0;
  const std::string command = command_of(use);
  if (!command.empty()) say("command", text);
  emit(Kind::tool_result, id, command.empty() ? use.name : "command", text, failed);
  if (!command.empty() && !was_denied) emit(Kind::command_execution, id, "", command, failed).exit_code = exit_code_of(text, failed);
  if (const std::string path = path_of(use, setup_.worktree); !path.empty())
    emit(Kind::file_change, id,
         was_denied ? "declined"
         : failed   ? "failed"
                    : "completed",
         use.name + " " + path + "\n" + patch_of(use), failed)
        .paths = {path};
  emit(Kind::raw_item, id, "tool_result", json::write(block));
}

void Session::on_stream_event(const Frame& frame) {
  if (step_ != Step::running) return;
  seen_begun();
  const Value& event = member(frame.body, "event");
  if (frame.name == "message_start") {
    stream_message_ = member(event, "message").text("id");
    call_tokens_in_ = input_tokens(member(member(event, "message"), "usage"));
    return;
  }
  if (frame.name == "message_delta") {
    AgentEvent& usage = emit(Kind::token_usage);
    usage.tokens_in = call_tokens_in_;
    usage.tokens_out = count_of(member(event, "usage"), "output_tokens");
    return;
  }
  if (frame.name != "content_block_delta" || member(frame.body, "parent_tool_use_id").string() != nullptr) return;
  const Value& delta = member(event, "delta");
  if (delta.text("type") != "text_delta") return;  // the rest comes whole with its block
  emit(Kind::text_delta, stream_message_ + "/" + std::to_string(event.integer_or("index", 0)), "", delta.text("text"));
}

// What was not allowed, or waits for that, has not run.
void Session::close_tools(const char* why) {
  for (const auto& [request, approval] : approvals_) mark_denied(approval.item);
  for (const auto& [id, use] : tools_) {
    const std::string command = command_of(use);
    emit(Kind::tool_result, id, command.empty() ? use.name : "command", why, true);
    if (!command.empty() && denied_.count(id) == 0) emit(Kind::command_execution, id, "", command, true);
  }
  tools_.clear();
}

}  // namespace dossier::worker::claude
