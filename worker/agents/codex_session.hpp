// One turn with `codex app-server`, without I/O: lines in, lines and events out.
//
//   initialize ─► initialized, thread/start ─► turn/start ─► items … ─► turn/completed
//
// Approvals are refused at once (the policy is "never", so none should come), requests that it does not know are answered
// with an error, for an unanswered one stalls the turn. What it does not know is kept as it is and otherwise passed over.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "worker/agents/agent.hpp"
#include "worker/agents/codex_frames.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker::codex {

struct Turn {
  std::string worktree;
  std::string model;         // empty: Codex's own default
  std::string instructions;  // developer instructions
  std::string prompt;
  std::string message_id;  // comes back as the user message's clientId: links the turn to what caused it
  std::string sandbox = "workspace-write";
};

class Session {
 public:
  explicit Session(Turn turn);

  void start();
  void on_line(std::string_view line);
  // Its output ended: every request without an answer has failed, what was open is lost.
  void on_end(std::string_view how);
  // Asks for the end of the turn.
  void interrupt();

  std::string take_output() { return std::exchange(output_, {}); }
  std::vector<AgentEvent> take_events() { return std::exchange(events_, {}); }
  bool ended() const { return ended_; }
  const AgentResult& result() const { return result_; }  // once ended

 private:
  enum class Step : std::uint8_t { initialize, thread, turn, running, ended };
  void on_response(const Frame& frame);
  void on_failure(const Frame& frame);
  void on_notification(const Frame& frame);
  void on_server_request(const Frame& frame);
  void on_item_started(const json::Value& item);
  void on_item_completed(const json::Value& item);
  void on_turn_completed(const json::Value& turn);
  void on_usage(const json::Value& usage);
  void output_delta(const std::string& item, std::string_view delta);
  void end(AgentResult result, const std::string& reason);
  void request(std::string_view method, json::Value params);
  void emit(AgentEvent::Kind kind, std::string item, std::string name, std::string text, bool failed = false);
  void say(const char* stream, std::string_view text);

  const Turn turn_;
  Step step_ = Step::initialize;
  std::int64_t next_id_ = 0;
  std::int64_t awaited_id_ = -1;  // requests are made one after the other
  std::string thread_id_;
  std::string turn_id_;
  std::string last_message_;
  std::string last_error_;
  std::uint64_t tokens_in_ = 0;
  std::uint64_t tokens_out_ = 0;
  struct OpenCommand {
    LineSplitter lines{kMaxAgentLine};
    bool spoke = false;  // its output came as it was written
  };
  std::map<std::string, OpenCommand> open_items_;  // commands that run; ended by item/completed
  bool ended_ = false;
  AgentResult result_;
  std::string output_;
  std::vector<AgentEvent> events_;
};

inline constexpr std::size_t kMaxOpenItems = 256;

// Texts of items: what a person would want to read of each.
std::string change_text(const json::Value& file_change);
std::string plan_text(const json::Value& plan);
std::string joined_text(const json::Value* parts);
std::string failure_text(const json::Value& error);
// True where another try may succeed: the model's service was overloaded or broke, not the request.
bool is_transient_failure(const json::Value& error);

}  // namespace dossier::worker::codex
