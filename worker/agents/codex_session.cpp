// The conversation: frames in; see codex_session.hpp. What goes out is in codex_turns.cpp.
#include "worker/agents/codex_session.hpp"

#include <algorithm>
#include <utility>

#include "worker/text/text.hpp"

namespace dossier::worker::codex {
namespace {

using json::Value;
using Kind = AgentEvent::Kind;

constexpr std::int64_t kOverloaded = -32001;

}  // namespace

Session::Session(Settings settings) : settings_(std::move(settings)), items_(settings_.worktree, events_) {}

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

void Session::on_line(std::string_view line) {
  if (line.empty() || step_ == Step::ended) return;
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
  const auto found = sent_.find(own_id(frame));
  if (found == sent_.end()) return;  // answered before, or none of ours
  const Sent sent = std::move(found->second);
  sent_.erase(found);
  switch (sent.call) {
    case Call::initialize: {
      version_ = find_version(frame.body.text("userAgent"));
      if (version_)
        if (const std::string refusal = refusal_of(*version_); !refusal.empty()) return fail(refusal, true, "agent_unavailable");
      output_ += notification_line("initialized");
      return open_thread(!settings_.thread.empty());
    }
    case Call::thread_start: return thread_opened(frame.body, false);
    case Call::thread_resume: return thread_opened(frame.body, true);
    case Call::turn_start: return turn_known(member(frame.body, "turn").text("id"));
    case Call::steer:
      emit(Kind::steered, sent.input, "", "");
      events_.back().turn = sent.turn;
      return;
    case Call::look: return look_again(member(frame.body, "thread"));
    case Call::interrupt: return;  // the end of the turn tells
  }
}

void Session::on_failure(const Frame& frame) {
  const auto found = sent_.find(own_id(frame));
  if (found == sent_.end()) return;
  Sent sent = std::move(found->second);
  sent_.erase(found);
  const std::string why = frame.body.text("message", "no reason given");
  const bool overloaded = frame.body.integer_or("code", 0) == kOverloaded;
  if (overloaded && sent.tries < kMaxTries) {
    const std::int64_t pause = kFirstRetryMs << (sent.tries - 1);
    // Spread by the thread's name, so that sessions of one machine do not come back at once.
    const auto spread = static_cast<std::int64_t>(std::hash<std::string>()(settings_.worktree + thread_id_) % 64);
    sent.due_ms = now_ms_ + pause + pause * spread / 256;
    ++sent.tries;
    repeats_.push_back(std::move(sent));
    return;
  }
  switch (sent.call) {
    case Call::thread_resume:
      say("system", "Codex can't go on with thread " + settings_.thread + " (" + why + "); a fresh one begins");
      resume_failed_ = true;
      return open_thread(false);
    case Call::steer: return say("system", "the turn took no more input: " + why);
    case Call::interrupt:
    case Call::look: return;  // the turn has just ended
    case Call::initialize:
    case Call::thread_start:
    case Call::turn_start: return fail("Codex refused the request: " + why, overloaded);
  }
}

void Session::on_server_request(const Frame& frame) {
  const std::string name = request_name(frame.id);
  if (pending_.count(name) > 0 || std::find(answered_.begin(), answered_.end(), name) != answered_.end()) return;  // said twice
  auto approval = approval_of(frame, items_, settings_.worktree);
  const char* why_not = nullptr;
  if (!approval)
    why_not = "this client does not know that";
  else if (settings_.approvals == ApprovalMode::never || stopping_)
    why_not = "nobody is asked here";
  else if (step_ != Step::running && step_ != Step::starting)
    why_not = "no turn runs";
  else if (pending_.size() >= kMaxPendingApprovals)
    why_not = "too many requests are open";
  if (why_not != nullptr) {
    say("system", "Codex asked for " + frame.method + "; " + why_not + ", so it was refused");
    output_ += refusal_line(frame, version_);
    answered_.push_back(name);
    if (answered_.size() > kMaxAnsweredRequests) answered_.pop_front();
    return;
  }
  const std::string item = frame.body.text("itemId", frame.body.text("callId"));
  pending_.emplace(name, Pending{frame, item});
  AgentEvent event;
  event.kind = Kind::approval_requested;
  event.item = item;
  event.turn = turn_;
  event.approval = std::move(approval);
  events_.push_back(std::move(event));
}

void Session::on_notification(const Frame& frame) {
  const Value& params = frame.body;
  const std::string thread = params.text("threadId");
  if (!thread.empty() && !thread_id_.empty() && thread != thread_id_) return;  // of a side agent's thread
  switch (notice_of(frame.method)) {
    case Notice::turn_started:
      if (step_ == Step::starting) turn_known(member(params, "turn").text("id"));
      return;
    case Notice::turn_completed: return on_turn_completed(member(params, "turn"));
    case Notice::turn_diff: last_diff_ = params.text("diff"); return;
    case Notice::turn_plan: return emit(Kind::plan, "", "", plan_text(params));
    // NOLINTNEXTLINE(bugprone-branch-clone)
    case Notice::item_started: return items_.started(member(params, "item"));
    case Notice::item_completed: return items_.completed(member(params, "item"));
    case Notice::command_output: return items_.output(params.text("itemId"), params.text("delta"));
    case Notice::message_delta: return emit(Kind::text_delta, params.text("itemId"), "", params.text("delta"));
    case Notice::token_usage: {
      const std::string turn = params.text("turnId");
      const Tokens spent = usage_.report(member(params, "tokenUsage"), step_ == Step::running && (turn.empty() || turn == turn_id_));
      if (spent.in + spent.out == 0) return;
      emit(Kind::token_usage, "", "", "");
      events_.back().tokens_in = spent.in;
      events_.back().tokens_out = spent.out;
      return;
    }
    case Notice::thread_status: return on_status(member(params, "status"));
    case Notice::request_resolved: return resolved_elsewhere(member(params, "requestId"));
    case Notice::error: {
      last_error_ = failure_text(member(params, "error"));
      const bool* again = member(params, "willRetry").boolean();
      return again != nullptr && *again ? say("system", last_error_ + " (Codex tries again)") : emit(Kind::error, "", "", last_error_);
    }
    case Notice::warning: return say("system", params.text("message", params.text("summary")));
    case Notice::passed_over: return;
    case Notice::unknown: return emit(Kind::raw_item, "", frame.method, json::write(params));
  }
}

void Session::on_turn_completed(const Value& turn) {
  if (step_ != Step::running && step_ != Step::starting) return;  // late, or said twice
  if (!turn_id_.empty() && turn.text("id") != turn_id_) return;   // of another turn
  const std::string status = turn.text("status");
  if (status == "completed" || status == "interrupted") {
    // A command that was interrupted goes on: it ends with its process.
    if (status == "interrupted" && items_.any_running()) must_restart_ = true;
    end_turn(status);
    if (!stopping_) {
      result_.kind = AgentResult::Kind::completed;
      result_.result = items_.last_message();
      step_ = Step::idle;
      return;
    }
    step_ = Step::ended;
    return;
  }
  const Value& error = member(turn, "error");
  if (status == "failed") return fail(error.is_null() && !last_error_.empty() ? last_error_ : failure_text(error), is_transient_failure(error));
  fail("the turn ended as \"" + status + "\", which this worker does not know", false);
}

void Session::on_status(const Value& status) {
  if (status.text("type") == "idle" && step_ == Step::running) look_at_ms_ = now_ms_ + kReconcileMs;
}

void Session::look_again(const Value& thread) {
  const auto* turns = member(thread, "turns").array();
  if (turns == nullptr) return;
  for (const auto& turn : *turns)
    if (turn.text("id") == turn_id_ && turn.text("status") != "inProgress") on_turn_completed(turn);
}

void Session::resolved_elsewhere(const Value& id) {
  const std::string name = request_name(id);
  if (const auto found = pending_.find(name); found != pending_.end()) withdraw(name, found->second.item, "withdrawn");
}

void Session::on_end(std::string_view how) {
  if (step_ == Step::ended || step_ == Step::idle) return;
  fail("Codex ended in the middle of its turn: " + std::string(how), true, "agent_lost", "lost");
}

}  // namespace dossier::worker::codex
