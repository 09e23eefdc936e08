// The conversation; see codex_session.hpp.
#include "worker/agents/codex_session.hpp"

#include <utility>

namespace dossier::worker::codex {
namespace {

using json::Value;
using Kind = AgentEvent::Kind;

const Value kNothing;

const Value& member(const Value& value, std::string_view name) {
  const Value* found = value.find(name);
  return found == nullptr ? kNothing : *found;
}

std::uint64_t count(const Value& value, std::string_view name) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, value.integer_or(name, 0)));
}

}  // namespace

Session::Session(Turn turn) : turn_(std::move(turn)) {}

void Session::emit(Kind kind, std::string item, std::string name, std::string text, bool failed) {
  AgentEvent event;
  event.kind = kind;
  event.item = std::move(item);
  event.name = std::move(name);
  event.text = std::move(text);
  event.failed = failed;
  events_.push_back(std::move(event));
}

void Session::say(const char* stream, std::string_view text) {
  LineSplitter lines(kMaxAgentLine);
  const auto take = [&](std::string_view line) { emit(Kind::log_line, "", stream, std::string(line)); };
  lines.feed(text, take);
  lines.finish(take);
}

void Session::request(std::string_view method, Value params) {
  awaited_id_ = next_id_++;
  output_ += request_line(awaited_id_, method, std::move(params));
}

void Session::start() {
  const Value client(Value::Object{{"name", "dossier"}, {"title", "Dossier"}, {"version", "1"}});
  request("initialize", Value(Value::Object{{"clientInfo", client}, {"capabilities", Value(Value::Object{{"experimentalApi", false}})}}));
}

void Session::on_line(std::string_view line) {
  if (line.empty() || ended_) return;
  const auto frame = read_frame(line);
  if (!frame) return say("codex-raw", line);  // its log, or a broken line: kept, and otherwise nothing
  switch (frame->kind) {
    case Frame::Kind::response: return on_response(*frame);
    case Frame::Kind::error_response: return on_failure(*frame);
    case Frame::Kind::notification: return on_notification(*frame);
    case Frame::Kind::request: return on_server_request(*frame);
  }
}

void Session::on_response(const Frame& frame) {
  if (own_id(frame) != awaited_id_) return;
  awaited_id_ = -1;
  switch (step_) {
    case Step::initialize: {
      output_ += notification_line("initialized");
      Value::Object params{{"cwd", turn_.worktree}, {"approvalPolicy", "never"}, {"sandbox", turn_.sandbox}};
      if (!turn_.model.empty()) params.emplace_back("model", turn_.model);
      if (!turn_.instructions.empty()) params.emplace_back("developerInstructions", turn_.instructions);
      step_ = Step::thread;
      return request("thread/start", Value(std::move(params)));
    }
    case Step::thread: {
      thread_id_ = member(frame.body, "thread").text("id");
      emit(Kind::session_started, thread_id_, "", "");
      const Value text(Value::Object{{"type", "text"}, {"text", turn_.prompt}, {"text_elements", Value(Value::Array{})}});
      step_ = Step::turn;
      return request("turn/start",
                     Value(Value::Object{{"threadId", thread_id_}, {"clientUserMessageId", turn_.message_id}, {"input", Value(Value::Array{text})}}));
    }
    case Step::turn:
      turn_id_ = member(frame.body, "turn").text("id");
      emit(Kind::turn_started, turn_id_, "", "");
      step_ = Step::running;
      return;
    case Step::running:
    case Step::ended: return;
  }
}

void Session::on_failure(const Frame& frame) {
  if (own_id(frame) != awaited_id_) return;
  if (step_ == Step::running) return;  // an interrupt that came too late
  AgentResult result;
  result.kind = AgentResult::Kind::failed;
  result.code = "agent_failed";
  result.error = "Codex refused the request: " + frame.body.text("message", "no reason given");
  constexpr std::int64_t kOverloaded = -32001;
  result.retryable = frame.body.integer_or("code", 0) == kOverloaded;
  end(std::move(result), "failed");
}

void Session::on_server_request(const Frame& frame) {
  say("system", "Codex asked for " + frame.method + "; nobody is asked here, so it was refused");
  output_ += refusal_line(frame);
}

void Session::on_notification(const Frame& frame) {
  const std::string& method = frame.method;
  const Value& params = frame.body;
  const std::string thread = params.text("threadId");
  if (!thread.empty() && !thread_id_.empty() && thread != thread_id_) return;  // of a side agent's thread
  if (method == "item/started") return on_item_started(member(params, "item"));
  if (method == "item/completed") return on_item_completed(member(params, "item"));
  if (method == "item/commandExecution/outputDelta") return output_delta(params.text("itemId"), params.text("delta"));
  if (method == "item/agentMessage/delta") return emit(Kind::text_delta, params.text("itemId"), "", params.text("delta"));
  if (method == "turn/completed") return on_turn_completed(member(params, "turn"));
  if (method == "turn/plan/updated") return emit(Kind::plan, "", "", plan_text(params));
  if (method == "thread/tokenUsage/updated") return on_usage(member(params, "tokenUsage"));
  if (method == "error") {
    last_error_ = failure_text(member(params, "error"));
    return emit(Kind::error, "", "", last_error_);
  }
  if (method == "warning" || method == "configWarning" || method == "deprecationNotice")
    return say("system", params.text("message", params.text("summary")));
  // Pieces of what item/completed brings whole, and states that say nothing about the work.
  static const char* const kPassedOver[] = {"turn/started",
                                            "turn/diff/updated",
                                            "thread/started",
                                            "thread/status/changed",
                                            "serverRequest/resolved",
                                            "account/rateLimits/updated",
                                            "item/reasoning/textDelta",
                                            "item/reasoning/summaryTextDelta",
                                            "item/reasoning/summaryPartAdded",
                                            "item/fileChange/outputDelta",
                                            "item/fileChange/patchUpdated",
                                            "item/plan/delta",
                                            "remoteControl/status/changed"};
  for (const char* known : kPassedOver)
    if (method == known) return;
  emit(Kind::raw_item, "", method, json::write(params));
}

void Session::on_item_started(const Value& item) {
  const std::string id = item.text("id");
  if (item.text("type") != "commandExecution") return;
  if (open_items_.size() < kMaxOpenItems) open_items_.try_emplace(id);
  emit(Kind::tool_use, id, "command", item.text("command"));
  say("command", "$ " + item.text("command"));
}

void Session::output_delta(const std::string& item, std::string_view delta) {
  const auto open = open_items_.find(item);
  if (open == open_items_.end()) return;
  open->second.spoke = true;
  open->second.lines.feed(delta, [&](std::string_view line) { emit(Kind::log_line, "", "command", std::string(line)); });
}

void Session::on_item_completed(const Value& item) {
  const std::string id = item.text("id");
  const std::string type = item.text("type");
  if (const auto open = open_items_.find(id); open != open_items_.end()) {
    open->second.lines.finish([&](std::string_view line) { emit(Kind::log_line, "", "command", std::string(line)); });
    // A short command's output comes only here.
    if (!open->second.spoke) say("command", item.text("aggregatedOutput"));
    open_items_.erase(open);
  }
  const std::string status = item.text("status");
  if (type == "userMessage") return;
  if (type == "agentMessage") {
    last_message_ = item.text("text");
    emit(Kind::message, id, "", last_message_);
  } else if (type == "reasoning") {
    const std::string summary = joined_text(item.find("summary"));
    const std::string text = summary.empty() ? joined_text(item.find("content")) : summary;
    if (!text.empty()) emit(Kind::reasoning, id, "", text);
  } else if (type == "plan") {
    emit(Kind::plan, id, "", item.text("text"));
  } else if (type == "commandExecution") {
    emit(Kind::tool_result, id, "command", item.text("aggregatedOutput"), status != "completed" || item.integer_or("exitCode", 0) != 0);
  } else if (type == "fileChange") {
    emit(Kind::file_change, id, status, change_text(item), status != "completed");
  }
  emit(Kind::raw_item, id, type, json::write(item));
}

void Session::on_usage(const Value& usage) {
  // `total` is of the whole thread, which is ours alone and new.
  const Value& total = member(usage, "total");
  tokens_in_ = count(total, "inputTokens");
  tokens_out_ = count(total, "outputTokens");
  AgentEvent event;
  event.kind = Kind::token_usage;
  event.tokens_in = count(member(usage, "last"), "inputTokens");
  event.tokens_out = count(member(usage, "last"), "outputTokens");
  events_.push_back(std::move(event));
}

void Session::on_turn_completed(const Value& turn) {
  if (!turn_id_.empty() && turn.text("id") != turn_id_) return;
  const std::string status = turn.text("status");
  AgentResult result;
  if (status == "completed") {
    result.kind = AgentResult::Kind::completed;
    result.result = last_message_;
  } else if (status == "failed") {
    const Value& error = member(turn, "error");
    result.kind = AgentResult::Kind::failed;
    result.code = "agent_failed";
    result.error = error.is_null() && !last_error_.empty() ? last_error_ : failure_text(error);
    result.retryable = is_transient_failure(error);
  } else if (status != "interrupted") {
    result.kind = AgentResult::Kind::failed;
    result.code = "agent_failed";
    result.error = "the turn ended as \"" + status + "\", which this worker does not know";
  }
  end(std::move(result), status);
}

void Session::on_end(std::string_view how) {
  if (ended_) return;
  AgentResult result;
  result.kind = AgentResult::Kind::failed;
  result.code = "agent_lost";
  result.error = "Codex ended in the middle of its turn: " + std::string(how);
  result.retryable = true;
  end(std::move(result), "lost");
}

void Session::end(AgentResult result, const std::string& reason) {
  for (auto& [id, command] : open_items_) {
    command.lines.finish([&](std::string_view line) { emit(Kind::log_line, "", "command", std::string(line)); });
    emit(Kind::tool_result, id, "command", "its end was not seen", true);
  }
  open_items_.clear();
  AgentEvent event;
  event.kind = Kind::turn_ended;
  event.item = turn_id_;
  event.text = reason;
  event.tokens_in = tokens_in_;
  event.tokens_out = tokens_out_;
  events_.push_back(std::move(event));
  result_ = std::move(result);
  step_ = Step::ended;
  ended_ = true;
}

void Session::interrupt() {
  if (step_ == Step::running) request("turn/interrupt", Value(Value::Object{{"threadId", thread_id_}, {"turnId", turn_id_}}));
}

}  // namespace dossier::worker::codex
