// The conversation: turns and what the host asks for; see claude_session.hpp. claude_output.cpp has what the model says.
#include "worker/agents/claude_session.hpp"

#include <algorithm>
#include <cmath>

#include "platform/crypto/crypto.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker::claude {
namespace {

using json::Value;
using Kind = AgentEvent::Kind;

constexpr double kMicro = 1'000'000;
constexpr double kMostUsd = 1'000'000;  // of one result: more is no price

// What came since `before`; the program's own count never goes back, and if it did, nothing came.
std::uint64_t since(std::uint64_t now, std::uint64_t& before) {
  const std::uint64_t more = now > before ? now - before : 0;
  before = now;
  return more;
}

// People's words are words: a text that begins with a slash would be a command to the program, /clear for one.
std::string words_of(const AgentInput& input) {
  std::string text = clean_text(input.text);
  if (!text.empty() && text.front() == '/') text.insert(0, 1, '\n');
  return text;
}

Value content_of(const std::vector<AgentInput>& inputs) {
  if (inputs.size() == 1) return {words_of(inputs.front())};
  Value::Array blocks;
  for (const auto& input : inputs) blocks.emplace_back(Value::Object{{"type", "text"}, {"text", words_of(input)}});
  return {std::move(blocks)};
}

}  // namespace

Session::Session(SessionSetup setup) : setup_(std::move(setup)) {}

AgentEvent& Session::emit(Kind kind, std::string item, std::string name, std::string text, bool failed) {
  AgentEvent& event = events_.emplace_back();
  event.kind = kind;
  event.item = std::move(item);
  event.name = std::move(name);
  event.text = std::move(text);
  event.failed = failed;
  return event;
}

void Session::say(const char* stream, std::string_view text) {
  LineSplitter lines(kMaxAgentLine);
  const auto take = [&](std::string_view line) { emit(Kind::log_line, "", stream, std::string(line)); };
  lines.feed(text, take);
  lines.finish(take);
}

void Session::request(std::string_view subtype, Value::Object members, std::string message) {
  const std::string id = "dossier-" + std::to_string(++request_number_);
  output_ += request_line(id, subtype, std::move(members));
  if (asked_.size() >= kMaxAsked) asked_.erase(asked_.begin());  // it does not answer: nothing waits for that
  asked_[id] = {std::string(subtype), std::move(message)};
}

std::string Session::next_uuid() {
  const std::string seed = setup_.uuid_seed + "/" + std::to_string(++message_number_);
  return uuid_text(crypto::uuid8_hex(crypto::sha256(seed)));
}

void Session::start(std::uint32_t turn, std::vector<AgentInput> inputs) {
  request("initialize", {{"hooks", Value()}});
  turn_ = turn;
  turn_open_ = true;
  inputs_ = std::move(inputs);
}

void Session::on_command(const AgentCommand& command) {
  switch (command.kind) {
    case AgentCommand::Kind::next_turn: return next_turn(command);
    case AgentCommand::Kind::steer: return steer(command);
    case AgentCommand::Kind::resolve: return resolve(command);
    case AgentCommand::Kind::interrupt: return interrupt();
    case AgentCommand::Kind::finish: return finish();
  }
}

void Session::next_turn(const AgentCommand& command) {
  if (turn_open_ || step_ == Step::ended) return;
  finished_ = false;
  turn_ = command.turn;
  turn_open_ = true;
  inputs_ = command.inputs;
  if (step_ == Step::idle) begin();
}

// Sends the turn's message.
void Session::begin() {
  turn_uuid_ = next_uuid();
  output_ += message_line(turn_uuid_, content_of(inputs_));
  inputs_.clear();
  step_ = Step::running;
  turn_begun_ = false;
  interrupting_ = false;
  tokens_in_ = tokens_out_ = cost_microusd_ = 0;
  result_ = {};
}

// The program has begun to work on it.
void Session::seen_begun() {
  if (step_ != Step::running || turn_begun_) return;
  turn_begun_ = true;
  emit(Kind::turn_started, turn_uuid_).turn = turn_;
}

void Session::steer(const AgentCommand& command) {
  if (step_ != Step::running || interrupting_ || command.inputs.empty() || steers_.size() >= kMaxSteers) return;
  Steer sent{next_uuid(), command.inputs.front().id};
  output_ += message_line(sent.uuid, content_of({command.inputs.front()}));
  steers_.push_back(std::move(sent));
}

void Session::interrupt() {
  if (step_ == Step::opening && turn_open_) {  // nothing was sent yet, and nothing will be
    inputs_.clear();
    return end_turn("interrupted");
  }
  if (step_ != Step::running || interrupting_) return;
  take_back();
  request("interrupt");
}

// What is not taken yet would begin an answer of its own once the turn is interrupted.
void Session::take_back() {
  interrupting_ = true;
  for (const auto& steer : steers_) request("cancel_async_message", {{"message_uuid", steer.uuid}}, steer.uuid);
}

void Session::finish() {
  if (turn_open_ || step_ == Step::ended) return;
  finished_ = true;
  session_told_ = false;  // whoever runs it next is told
}

void Session::resolve(const AgentCommand& command) {
  const auto found = approvals_.find(command.request);
  if (found == approvals_.end()) return;
  const Approval approval = std::move(found->second);
  approvals_.erase(found);
  std::string decision = command.decision;
  std::string message = command.reason;
  Value input = approval.input;
  const bool is_accepted = decision == "accept" || decision == "accept_for_session";
  if (is_accepted && approval.kind == ToolKind::question) {
    if (auto answered = answered_input(approval.input, command.answer)) {
      input = std::move(*answered);
    } else {
      decision = "decline";
      message = "the answer could not be read";
    }
  }
  // NOLINTNEXTLINE(bugprone-branch-clone): other permissions
  if (decision == "accept") {
    output_ += answer_line(command.request, allowance(std::move(input), {}));
  } else if (decision == "accept_for_session") {
    output_ += answer_line(command.request, allowance(std::move(input), session_permissions(approval.suggestions, approval.kind)));
  } else {
    const bool is_cancelled = decision == "cancel";
    if (message.empty()) message = is_cancelled ? "The request was cancelled." : "The request was declined.";
    if (is_cancelled && !interrupting_) take_back();
    output_ += answer_line(command.request, denial(clean_text(message), is_cancelled));
    mark_denied(approval.item);
  }
  emit(Kind::approval_resolved, approval.item, decision).approval.emplace().request = command.request;
}

void Session::forget_steer(const std::string& uuid) {
  steers_.erase(std::remove_if(steers_.begin(), steers_.end(), [&](const Steer& steer) { return steer.uuid == uuid; }), steers_.end());
}

void Session::mark_denied(const std::string& item) {
  if (denied_.size() < kMaxDenied) denied_.insert(item);
}

void Session::on_control_request(const Frame& frame) {
  if (frame.name != "can_use_tool") {
    say("system", "Claude Code asked for " + frame.name + ", which this worker does not answer");
    output_ += error_line(frame.request_id, "this client does not answer " + frame.name);
    return;
  }
  const Value& asked = member(frame.body, "request");
  const std::string item = asked.text("tool_use_id");
  AgentApproval approval = approval_of(frame.request_id, asked, setup_.worktree);
  const auto refuse = [&](const char* why, bool interrupt) {
    mark_denied(item);
    output_ += answer_line(frame.request_id, denial(why, interrupt));
    say("system", "Claude Code asked for " + asked.text("tool_name") + "; it was refused: " + why);
  };
  if (!turn_begun_) return refuse("no turn runs", step_ != Step::running);
  if (setup_.approvals == ApprovalMode::never) return refuse("nobody is asked in this session; go on without it", false);
  if (approvals_.size() >= kMaxOpenApprovals) return refuse("too many requests are open", false);
  approvals_.emplace(frame.request_id,
                     Approval{kind_of_tool(asked.text("tool_name")), item, member(asked, "input"), member(asked, "permission_suggestions")});
  emit(Kind::approval_requested, item, asked.text("tool_name")).approval = std::move(approval);
}

void Session::on_withdrawn(const std::string& request_id) {
  const auto found = approvals_.find(request_id);
  if (found == approvals_.end()) return;
  emit(Kind::approval_resolved, found->second.item, "withdrawn").approval.emplace().request = request_id;
  mark_denied(found->second.item);
  approvals_.erase(found);
}

void Session::on_control_response(const Frame& frame) {
  const auto found = asked_.find(frame.request_id);
  if (found == asked_.end()) return;  // the program says our own answers again
  const auto [subtype, message] = std::move(found->second);
  asked_.erase(found);
  const Answer answer = answer_of(frame);
  if (subtype == "initialize") {
    if (!answer.error.empty()) return fail("agent_failed", "Claude Code refused to begin: " + answer.error, false);
    if (step_ != Step::opening) return;
    step_ = Step::idle;
    if (turn_open_) begin();
    return;
  }
  const bool* was_cancelled = member(answer.response, "cancelled").boolean();
  if (was_cancelled != nullptr && *was_cancelled) forget_steer(message);
  if (!answer.error.empty()) say("system", "Claude Code refused " + subtype + ": " + answer.error);
}

void Session::count(const Value& result) {
  const Value& models = member(result, "modelUsage");
  std::uint64_t in = 0, out = 0;
  if (models.object() != nullptr && !models.object()->empty()) {
    for (const auto& [name, usage] : *models.object()) {
      in += count_of(usage, "inputTokens") + count_of(usage, "cacheReadInputTokens") + count_of(usage, "cacheCreationInputTokens");
      out += count_of(usage, "outputTokens");
    }
    tokens_in_ += since(in, counted_in_);
    tokens_out_ += since(out, counted_out_);
  }
  const double usd = member(result, "total_cost_usd").number().value_or(0);
  if (usd > counted_usd_ && usd - counted_usd_ < kMostUsd) {
    cost_microusd_ += static_cast<std::uint64_t>(std::llround((usd - counted_usd_) * kMicro));
    counted_usd_ = usd;
  }
}

void Session::on_result(const Frame& frame) {
  const Value& result = frame.body;
  const bool* is_error = member(result, "is_error").boolean();
  const bool failed = frame.name != "success" || (is_error != nullptr && *is_error);
  if (step_ == Step::opening) {
    resume_refused_ = setup_.resumed;
    return fail("agent_failed", "Claude Code could not begin: " + failure_text(result), false);
  }
  if (step_ == Step::stray) {
    step_ = Step::idle;
    if (turn_open_) begin();
    return;
  }
  if (step_ != Step::running) return;
  if (!turn_begun_ && std::exchange(expects_stray_, false)) return;
  count(result);
  const bool aborted = interrupting_ || result.text("terminal_reason").rfind("aborted", 0) == 0;
  if (failed && !aborted) return fail("agent_failed", failure_text(result), is_transient_failure(result));
  if (!failed) {
    result_.kind = AgentResult::Kind::completed;
    result_.result = result.text("result");
  }
  if (!aborted && !steers_.empty()) return;  // it goes on with what waits
  end_turn(failed ? "interrupted" : "completed");
}

void Session::end_turn(const std::string& reason) {
  close_tools("its end was not seen");
  while (step_ != Step::ended && !approvals_.empty()) on_withdrawn(approvals_.begin()->first);
  if (!turn_begun_) emit(Kind::turn_started, turn_uuid_).turn = turn_;
  AgentEvent& event = emit(Kind::turn_ended, turn_uuid_, "", reason);
  event.turn = turn_;
  event.tokens_in = tokens_in_;
  event.tokens_out = tokens_out_;
  event.cost_microusd = cost_microusd_;
  // Interrupted, and nothing more to do: what it did is all there is.
  if (reason == "interrupted") result_.kind = AgentResult::Kind::completed;
  turn_open_ = turn_begun_ = interrupting_ = false;
  expects_stray_ = !steers_.empty();
  steers_.clear();
  denied_.clear();
  blocks_.clear();
  if (step_ == Step::running) step_ = Step::idle;
}

void Session::fail(std::string code, std::string error, bool retryable) {
  result_.kind = AgentResult::Kind::failed;
  result_.code = std::move(code);
  result_.error = std::move(error);
  result_.retryable = retryable;
  const bool is_lost = result_.code == "agent_lost";
  if (is_lost || resume_refused_) step_ = Step::ended;
  if (turn_open_ && !resume_refused_) end_turn(is_lost ? "lost" : "failed");
  step_ = Step::ended;
}

void Session::on_end(std::string_view how) {
  if (step_ == Step::ended || finished_) return;
  fail("agent_lost", std::string("Claude Code ended ") + (turn_open_ ? "in the middle of its turn: " : "between turns: ") + std::string(how), true);
}

}  // namespace dossier::worker::claude
