// The conversation with `codex app-server`, without I/O: lines and commands in, lines and events out.
//
//   initialize ─► thread/start | thread/resume ─► idle ─► turn/start ─► items, approvals … ─► turn/completed ─► idle ─► …
//
// A thread that Codex does not know (any more) is replaced by a fresh one. Each request of the server gets exactly one
// answer: what a person decided, a refusal at once where nobody is asked, an error where it is unknown, for an unanswered
// one stalls the turn. What it does not know is kept as it is and otherwise passed over. Where the server is overloaded the
// request is repeated, kMaxTries times in all, with growing pauses.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/agents/agent.hpp"
#include "worker/agents/codex_approvals.hpp"
#include "worker/agents/codex_frames.hpp"
#include "worker/agents/codex_items.hpp"
#include "worker/agents/codex_usage.hpp"
#include "worker/agents/codex_version.hpp"

namespace dossier::worker::codex {

inline constexpr std::size_t kMaxPendingApprovals = 32;   // beyond: declined at once
inline constexpr std::size_t kMaxHeldSteers = 20;         // while the turn is starting; beyond: passed over
inline constexpr std::size_t kMaxAnsweredRequests = 256;  // remembered, so that a repeated one is not asked again
inline constexpr std::size_t kMaxOpenRequests = 64;       // of ours without an answer; a steer beyond is passed over
inline constexpr int kMaxTries = 5;
inline constexpr std::int64_t kFirstRetryMs = 250;    // then twice as long each time, and up to a quarter more
inline constexpr std::int64_t kInterruptMs = 10'000;  // for a turn to end once its interrupt was sent
inline constexpr std::int64_t kReconcileMs = 1'000;   // an idle thread whose turn has not ended: it is looked at
inline constexpr std::int64_t kNothingDueMs = 3'600'000;

struct Settings {
  std::string worktree;      // absolute, without links
  std::string model;         // empty: Codex's own default
  std::string instructions;  // developer instructions
  std::string sandbox = "workspace-write";
  std::string thread;  // go on with that one; empty: a fresh one
  ApprovalMode approvals = ApprovalMode::never;
};

class Session {
 public:
  explicit Session(Settings settings);

  // The handshake; once, before anything else.
  void start();
  // The first turn of a run. Once before a turn could run, later when idle(): the process was warm.
  void begin(std::uint32_t turn, const std::vector<AgentInput>& inputs, ApprovalMode approvals);
  void on_command(const AgentCommand& command);
  void on_line(std::string_view line);
  // Its output ended in the middle: every request without an answer has failed, what was open is lost. Approvals stay
  // unresolved: whoever goes on with the thread asks for the decision again.
  void on_end(std::string_view how);
  // Nothing more shall be done: the turn is interrupted, but for one that waits for an approval, which stays open.
  void stop();
  // Milliseconds of any clock that does not go back.
  void on_time(std::int64_t now_ms);
  std::int64_t due_in_ms() const;

  std::string take_output() { return std::exchange(output_, {}); }
  std::vector<AgentEvent> take_events() { return std::exchange(events_, {}); }

  bool idle() const { return step_ == Step::idle; }  // waits for the next turn, or for the end
  bool asks_somebody() const { return !pending_.empty(); }
  bool finished() const { return idle() && finish_wanted_; }
  // finished() and nothing goes on in the process: it can serve another run.
  bool reusable() const { return finished() && !must_restart_ && !items_.any_running(); }
  // The process has to go: the run failed, was stopped, or a command goes on which nobody waits for. idle() tells whether
  // another process can go on with the thread.
  bool must_end() const { return step_ == Step::ended || closing_ || (idle() && must_restart_) || (finished() && !reusable()); }
  bool ended() const { return step_ == Step::ended; }
  const AgentResult& result() const { return result_; }  // once finished() or ended()
  std::uint32_t turn() const { return turn_; }
  const std::string& thread() const { return thread_id_; }

 private:
  enum class Step : std::uint8_t { opening, idle, starting, running, ended };
  enum class Call : std::uint8_t { initialize, thread_start, thread_resume, turn_start, steer, interrupt, look };
  struct Sent {
    Call call = Call::initialize;
    json::Value params;
    std::string input;  // steer: AgentInput::id
    std::uint32_t turn = 0;
    int tries = 1;
    std::int64_t due_ms = 0;  // of a repetition
  };

  void send(Sent sent);
  void request(Call call, json::Value::Object params, std::string input = {});
  void on_response(const Frame& frame);
  void on_failure(const Frame& frame);
  void on_notification(const Frame& frame);
  void on_server_request(const Frame& frame);
  void open_thread(bool resume);
  void thread_opened(const json::Value& body, bool resumed);
  void start_turn();
  void turn_known(const std::string& id);
  void steer(const AgentInput& input);
  void resolve(const AgentCommand& command);
  void resolved_elsewhere(const json::Value& id);
  void interrupt();
  void on_turn_completed(const json::Value& turn);
  void on_status(const json::Value& status);
  void look_again(const json::Value& thread);
  void end_turn(const std::string& reason);
  void fail(std::string error, bool retryable, std::string code = "agent_failed", const std::string& reason = "failed");
  void withdraw(const std::string& request, const std::string& item, const char* decision);
  void emit(AgentEvent::Kind kind, std::string item, std::string name, std::string text, bool failed = false);
  void say(const char* stream, std::string_view text);

  Settings settings_;
  Step step_ = Step::opening;
  std::int64_t now_ms_ = 0;
  std::optional<Version> version_;
  std::int64_t next_id_ = 0;
  std::map<std::int64_t, Sent> sent_;  // our requests without an answer
  std::vector<Sent> repeats_;          // our requests that wait for their time

  std::string thread_id_;
  bool resume_failed_ = false;
  std::uint32_t turn_ = 0;
  std::vector<AgentInput> inputs_;  // of a turn that waits for its thread
  std::string turn_id_;
  std::vector<AgentInput> held_steers_;
  bool interrupt_wanted_ = false;
  std::int64_t interrupt_by_ms_ = 0;  // 0: none was sent
  std::int64_t look_at_ms_ = 0;       // 0: nothing to look at
  std::string last_diff_;
  std::string last_error_;

  struct Pending {
    Frame frame;
    std::string item;
  };
  std::map<std::string, Pending> pending_;  // approvals, by request_name()
  std::deque<std::string> answered_;

  bool finish_wanted_ = false;
  bool stopping_ = false;
  bool closing_ = false;
  bool must_restart_ = false;
  AgentResult result_;
  std::string output_;
  std::vector<AgentEvent> events_;
  Items items_;
  Usage usage_;
};

}  // namespace dossier::worker::codex
