// Turns with Claude Code's stream-json, without I/O: lines and commands in, lines and events out.
//
//   opening ─ initialize answered ─► idle ─ our message ─► running ─ result ─► idle ─► … ─► ended
//
// A turn ends when the program has nothing of ours left to do: a message that steers is taken into the present answer after
// the next result of a tool, and where there is none the program begins an answer of its own for it. Both are one turn here,
// so results are counted together until every such message was seen to be taken. What nobody asked for (a rest of an
// interrupted turn) is interrupted. Approvals are answered exactly once; with ApprovalMode::never each is denied at once.
// Requests of the program which this does not know are answered with an error, for an unanswered one stalls the turn.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/agents/agent.hpp"
#include "worker/agents/claude_frames.hpp"
#include "worker/agents/claude_tools.hpp"

namespace dossier::worker::claude {

// What one process is started for.
struct SessionSetup {
  std::string worktree;
  std::string session_id;
  bool resumed = false;  // else a fresh session of that id
  bool lost = false;     // a fresh one because the wanted one is not known (any more)
  ApprovalMode approvals = ApprovalMode::never;
  // Our messages' UUIDs are made of this and their number. It must differ for each process of a session: the program
  // passes over a message whose UUID it has seen, also before it was resumed.
  std::string uuid_seed;
};

class Session {
 public:
  explicit Session(SessionSetup setup);

  // Once; further turns come as commands.
  void start(std::uint32_t turn, std::vector<AgentInput> inputs);
  void on_command(const AgentCommand& command);
  void on_line(std::string_view line);
  // Its output ended: what was open is lost. Approvals stay open, for their answers may still be used.
  void on_end(std::string_view how);
  void interrupt();

  std::string take_output() { return std::exchange(output_, {}); }
  std::vector<AgentEvent> take_events() { return std::exchange(events_, {}); }
  // The turn's number while its wall time passes; 0: none runs, or a person is asked.
  std::uint32_t timed_turn() const { return turn_open_ && approvals_.empty() ? turn_ : 0; }
  bool ended() const { return step_ == Step::ended; }
  // After finish, until the next turn: the host wants no more.
  bool finished() const { return finished_; }
  // Nothing is open: the process may wait for another run.
  bool is_idle() const { return step_ == Step::idle && !turn_open_; }
  // The program does not know the session that was to be resumed: a fresh one may be tried.
  bool resume_refused() const { return resume_refused_; }
  const AgentResult& result() const { return result_; }  // once ended or finished
  const std::string& session_id() const { return setup_.session_id; }

 private:
  enum class Step : std::uint8_t { opening, idle, stray, running, ended };
  struct Approval {
    ToolKind kind = ToolKind::other;
    std::string item;
    json::Value input;
    json::Value suggestions;
  };
  struct Asked {
    std::string subtype;
    std::string message;  // of cancel_async_message
  };
  struct Steer {
    std::string uuid;
    std::string input;
  };
  void on_frame(const Frame& frame);
  void on_system(const Frame& frame);
  void on_assistant(const Frame& frame);
  void on_block(const json::Value& block, const std::string& item, bool of_subagent);
  void on_user(const Frame& frame);
  void on_tool_result(const json::Value& block);
  void on_stream_event(const Frame& frame);
  void on_result(const Frame& frame);
  void on_control_request(const Frame& frame);
  void on_control_response(const Frame& frame);
  void take_back();
  void forget_steer(const std::string& uuid);
  void mark_denied(const std::string& item);
  void on_withdrawn(const std::string& request_id);
  void next_turn(const AgentCommand& command);
  void steer(const AgentCommand& command);
  void resolve(const AgentCommand& command);
  void finish();
  void begin();
  void seen_begun();
  void count(const json::Value& result);
  void end_turn(const std::string& reason);
  void fail(std::string code, std::string error, bool retryable);
  void close_tools(const char* why);
  void request(std::string_view subtype, json::Value::Object members = {}, std::string message = {});
  std::string next_uuid();
  AgentEvent& emit(AgentEvent::Kind kind, std::string item = {}, std::string name = {}, std::string text = {}, bool failed = false);
  void say(const char* stream, std::string_view text);

  SessionSetup setup_;
  Step step_ = Step::opening;
  bool turn_open_ = false;   // a turn was asked for and has not ended
  bool turn_begun_ = false;  // turn_started was said
  bool interrupting_ = false;
  bool expects_stray_ = false;  // a message could not be taken back: an answer to it may come before the next turn's
  bool finished_ = false;
  bool resume_refused_ = false;
  bool session_told_ = false;
  std::uint32_t turn_ = 0;
  std::vector<AgentInput> inputs_;  // of the turn, until they are sent
  std::string turn_uuid_;
  std::deque<Steer> steers_;                    // sent, not seen to be taken
  std::map<std::string, Asked> asked_;          // our requests without an answer
  std::map<std::string, Approval> approvals_;   // by the program's name for the request
  std::map<std::string, ToolUse> tools_;        // that run, by their ids
  std::set<std::string> denied_;                // tools which were not allowed to run; of this turn
  std::map<std::string, std::int64_t> blocks_;  // of each message of this turn: how many came
  std::deque<std::string> seen_;                // frames that came, to pass over one that comes twice
  std::uint64_t request_number_ = 0;
  std::uint64_t message_number_ = 0;
  // Of this turn.
  std::uint64_t tokens_in_ = 0;
  std::uint64_t tokens_out_ = 0;
  std::uint64_t cost_microusd_ = 0;
  // The program counts from its start, over all turns and models: what was there at the last result.
  std::uint64_t counted_in_ = 0;
  std::uint64_t counted_out_ = 0;
  double counted_usd_ = 0;
  std::string stream_message_;  // of the model's present call
  std::uint64_t call_tokens_in_ = 0;
  AgentResult result_;
  std::string output_;
  std::vector<AgentEvent> events_;
};

inline constexpr std::size_t kMaxOpenTools = 256;
inline constexpr std::size_t kMaxDenied = 1'024;  // of a turn, to know what did not run
inline constexpr std::size_t kMaxOpenApprovals = 32;
inline constexpr std::size_t kMaxAsked = 64;
inline constexpr std::size_t kMaxSteers = 20;
inline constexpr std::size_t kMaxSeenFrames = 256;
inline constexpr std::size_t kMaxMessages = 1'024;

}  // namespace dossier::worker::claude
