// The conversation: requests out, turns, answers; see codex_session.hpp.
#include <algorithm>
#include <utility>

#include "worker/agents/codex_session.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker::codex {
namespace {

using json::Value;
using Kind = AgentEvent::Kind;

// Seen to resume a thread without telling its turns again; 0.130 refuses to be asked that.
constexpr Version kResumesWithoutTurns{0, 169, 0};

const char* policy_of(ApprovalMode mode) {
  switch (mode) {
    case ApprovalMode::never: return "never";
    case ApprovalMode::on_request: return "on-request";
    case ApprovalMode::untrusted: return "untrusted";
  }
  return "never";
}

Value text_input(const std::string& text) {
  return Value(Value::Object{{"type", "text"}, {"text", clean_text(text)}, {"text_elements", Value(Value::Array{})}});
}

}  // namespace

void Session::send(Sent sent) {
  const auto method = [&]() -> const char* {
    switch (sent.call) {
      case Call::initialize: return "initialize";
      case Call::thread_start: return "thread/start";
      case Call::thread_resume: return "thread/resume";
      case Call::turn_start: return "turn/start";
      case Call::steer: return "turn/steer";
      case Call::interrupt: return "turn/interrupt";
      case Call::look: return "thread/read";
    }
    return "";
  };
  const std::int64_t id = next_id_++;
  output_ += request_line(id, method(), sent.params);
  sent_.emplace(id, std::move(sent));
}

void Session::request(Call call, Value::Object params, std::string input) {
  Sent sent;
  sent.call = call;
  sent.params = Value(std::move(params));
  sent.input = std::move(input);
  sent.turn = turn_;
  send(std::move(sent));
}

void Session::start() {
  Value client(Value::Object{{"name", "dossier"}, {"title", "Dossier"}, {"version", "1"}});
  request(Call::initialize, {{"clientInfo", std::move(client)}, {"capabilities", Value(Value::Object{{"experimentalApi", false}})}});
}

void Session::open_thread(bool resume) {
  Value::Object params;
  if (resume) {
    params.emplace_back("threadId", settings_.thread);
    if (version_ && *version_ >= kResumesWithoutTurns) params.emplace_back("excludeTurns", true);
  }
  params.emplace_back("cwd", settings_.worktree);
  params.emplace_back("approvalPolicy", policy_of(settings_.approvals));
  params.emplace_back("sandbox", settings_.sandbox);
  if (!settings_.model.empty()) params.emplace_back("model", settings_.model);
  if (!settings_.instructions.empty()) params.emplace_back("developerInstructions", settings_.instructions);
  request(resume ? Call::thread_resume : Call::thread_start, std::move(params));
}

void Session::thread_opened(const Value& body, bool resumed) {
  thread_id_ = member(body, "thread").text("id");
  if (thread_id_.empty()) return fail("Codex opened a thread without an id", true);
  if (!resumed) usage_.open_fresh_thread();
  emit(Kind::session_started, thread_id_, "", "", resume_failed_);
  step_ = Step::idle;
  if (!inputs_.empty()) start_turn();
}

void Session::begin(std::uint32_t turn, const std::vector<AgentInput>& inputs, ApprovalMode approvals) {
  turn_ = turn;
  inputs_ = inputs;
  settings_.approvals = approvals;
  finish_wanted_ = false;
  if (step_ != Step::idle) return;  // the thread is not open yet
  emit(Kind::session_started, thread_id_, "", "");
  start_turn();
}

void Session::start_turn() {
  Value::Array input;
  for (const auto& part : inputs_) input.push_back(text_input(part.text));
  Value::Object params{{"threadId", thread_id_}};
  if (!inputs_.empty() && !inputs_.front().id.empty()) params.emplace_back("clientUserMessageId", inputs_.front().id);
  params.emplace_back("input", Value(std::move(input)));
  params.emplace_back("approvalPolicy", policy_of(settings_.approvals));
  inputs_.clear();
  turn_id_.clear();
  interrupt_wanted_ = false;
  interrupt_by_ms_ = 0;
  look_at_ms_ = 0;
  last_error_.clear();
  last_diff_.clear();
  usage_.begin_turn();
  step_ = Step::starting;
  request(Call::turn_start, std::move(params));
}

void Session::turn_known(const std::string& id) {
  if (step_ != Step::starting || id.empty()) return;
  turn_id_ = id;
  step_ = Step::running;
  emit(Kind::turn_started, turn_id_, "", "");
  events_.back().turn = turn_;
  for (const auto& input : std::exchange(held_steers_, {})) steer(input);
  if (interrupt_wanted_) interrupt();
}

void Session::on_command(const AgentCommand& command) {
  switch (command.kind) {
    case AgentCommand::Kind::next_turn:
      // A repeated one is of a turn that has begun.
      if (step_ != Step::idle || command.turn <= turn_ || must_end()) return;
      turn_ = command.turn;
      inputs_ = command.inputs;
      return start_turn();
    case AgentCommand::Kind::steer:
      if (!command.inputs.empty()) steer(command.inputs.front());
      return;
    case AgentCommand::Kind::resolve: return resolve(command);
    case AgentCommand::Kind::interrupt:
      if (step_ == Step::running)
        interrupt();
      else
        interrupt_wanted_ = step_ == Step::starting;
      return;
    case AgentCommand::Kind::finish: finish_wanted_ = true; return;
  }
}

void Session::steer(const AgentInput& input) {
  if (step_ == Step::starting && held_steers_.size() < kMaxHeldSteers) return held_steers_.push_back(input);
  if (step_ != Step::running || sent_.size() >= kMaxOpenRequests) return;
  Value::Object params{{"threadId", thread_id_}, {"expectedTurnId", turn_id_}};
  if (!input.id.empty()) params.emplace_back("clientUserMessageId", input.id);
  params.emplace_back("input", Value(Value::Array{text_input(input.text)}));
  request(Call::steer, std::move(params), input.id);
}

void Session::resolve(const AgentCommand& command) {
  const auto found = pending_.find(command.request);
  if (found == pending_.end()) return;
  auto decision = decision_of(command.decision);
  if (!decision) {
    say("system", "\"" + command.decision + "\" is no decision that this worker knows, so the request was declined");
    decision = Decision::decline;
  }
  output_ += answer_line(found->second.frame, *decision, command.reason, command.answer, version_);
  withdraw(command.request, found->second.item, name_of(*decision));
}

void Session::withdraw(const std::string& request, const std::string& item, const char* decision) {
  AgentApproval approval;
  approval.request = request;
  AgentEvent event;
  event.kind = Kind::approval_resolved;
  event.item = item;
  event.name = decision;
  event.turn = turn_;
  event.approval = approval;
  events_.push_back(std::move(event));
  answered_.push_back(approval.request);
  if (answered_.size() > kMaxAnsweredRequests) answered_.pop_front();
  pending_.erase(approval.request);
}

void Session::interrupt() {
  if (step_ != Step::running || interrupt_by_ms_ != 0) return;
  interrupt_by_ms_ = now_ms_ + kInterruptMs;
  request(Call::interrupt, {{"threadId", thread_id_}, {"turnId", turn_id_}});
}

void Session::stop() {
  if (std::exchange(stopping_, true)) return;
  if (!pending_.empty() || step_ == Step::opening || step_ == Step::idle) {
    closing_ = true;
    return;
  }
  if (step_ == Step::running)
    interrupt();
  else
    interrupt_wanted_ = true;
}

void Session::on_time(std::int64_t now_ms) {
  now_ms_ = now_ms;
  for (std::size_t at = 0; at < repeats_.size();) {
    if (repeats_[at].due_ms > now_ms) {
      ++at;
      continue;
    }
    Sent sent = std::move(repeats_[at]);
    repeats_.erase(repeats_.begin() + static_cast<std::ptrdiff_t>(at));
    send(std::move(sent));
  }
  if (step_ != Step::running) return;
  if (interrupt_by_ms_ != 0 && now_ms >= interrupt_by_ms_) {
    say("system", "Codex did not end the turn that was interrupted; its process ends instead");
    must_restart_ = true;
    on_turn_completed(Value(Value::Object{{"id", turn_id_}, {"status", "interrupted"}}));
  } else if (look_at_ms_ != 0 && now_ms >= look_at_ms_) {
    look_at_ms_ = 0;
    request(Call::look, {{"threadId", thread_id_}, {"includeTurns", true}});
  }
}

std::int64_t Session::due_in_ms() const {
  std::int64_t due = now_ms_ + kNothingDueMs;
  for (const auto& sent : repeats_) due = std::min(due, sent.due_ms);
  if (step_ == Step::running && interrupt_by_ms_ != 0) due = std::min(due, interrupt_by_ms_);
  if (step_ == Step::running && look_at_ms_ != 0) due = std::min(due, look_at_ms_);
  return std::max<std::int64_t>(0, due - now_ms_);
}

void Session::end_turn(const std::string& reason) {
  held_steers_.clear();
  repeats_.clear();
  while (!pending_.empty() && reason != "lost") {
    const std::string item = pending_.begin()->second.item;
    const std::string request = pending_.begin()->first;
    withdraw(request, item, "withdrawn");
  }
  items_.close_all();
  if (!last_diff_.empty()) emit(Kind::raw_item, "", "turn/diff", std::exchange(last_diff_, {}));
  AgentEvent event;
  event.kind = Kind::turn_ended;
  event.turn = turn_;
  event.item = turn_id_;
  event.text = reason;
  event.tokens_in = usage_.turn().in;
  event.tokens_out = usage_.turn().out;
  events_.push_back(std::move(event));
}

void Session::fail(std::string error, bool retryable, std::string code, const std::string& reason) {
  end_turn(reason);
  result_ = {};
  result_.kind = AgentResult::Kind::failed;
  result_.code = std::move(code);
  result_.error = std::move(error);
  result_.retryable = retryable;
  pending_.clear();
  step_ = Step::ended;
}

}  // namespace dossier::worker::codex
