// What every agent program looks like to the worker: one interface, whatever the program speaks.
//
//   request ─► run() ─► events … turn_ended ─► next_turn ─► events … turn_ended ─► finish ─► result
//                           ▲ approval_requested ─► resolve
//
// Events go to the host as they happen. Commands of the host (next turn, steer, answer, interrupt, finish) wait in its
// mailbox until the agent's thread takes them. Adapters are a codec and a session without I/O (lines in, lines and events
// out) in the shell of one child process.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "platform/process/process.hpp"

namespace dossier::worker {

// When the agent asks before it acts.
enum class ApprovalMode : std::uint8_t { never, on_request, untrusted };

struct AgentInput {
  std::string id;  // of ours: the provider gives it back with the message, where it can
  std::string text;
};

struct AgentRequest {
  std::string workspace_id, issue_id, session_id, task_id;
  std::uint64_t issue_number = 0;
  std::uint32_t offer = 0;
  std::string issue_title;
  std::string agent_name;
  std::string prompt;  // of the first turn
  std::string instructions;
  std::string model;                 // empty: the agent's own choice
  std::vector<std::string> command;  // argv: the program of `command`, or in place of `codex` or `claude`
  std::string worktree, branch, base_commit;
  std::string home;                  // a folder of this session's own for the agent's state
  std::string family;                // mark of its processes
  process::Environment environment;  // of the machine; see agent_environment()
  std::optional<process::Account> account;
  std::int64_t timeout_ms = 0;   // wall time of a turn, without the time that approvals were open
  std::string message_id;        // AgentInput::id of the first turn's prompt
  std::uint32_t first_turn = 1;  // number of the first turn of this run
  std::string provider_session;  // go on with that one; a fresh one where the agent does not know it (any more)
  ApprovalMode approvals = ApprovalMode::never;
};

// What the agent wants to be allowed.
struct AgentApproval {
  std::string request;  // the agent's name for it; resolve() quotes it
  std::string kind;     // command, file_change, permissions, user_input, tool
  std::string command;
  std::string patch;
  std::string cwd;  // relative to the worktree where it lies in it (".": itself), so that it is the same in another worktree
  std::string reason;
  std::vector<std::string> paths;  // as cwd
  std::string detail;              // JSON: permissions, questions, a tool's input
};

// One thing that the agent said or did, in one form for all providers.
struct AgentEvent {
  enum class Kind : std::uint8_t {
    session_started,     // item: the provider's session (Codex: thread); failed: a fresh one, the wanted one is unknown
    turn_started,        // turn; item: the provider's turn
    turn_ended,          // turn; text: why (completed, interrupted, failed); tokens and cost of the whole turn
    message,             // text: a finished message of the agent
    text_delta,          // item, text: a piece of a message being written
    reasoning,           // text
    plan,                // text: one step a line
    tool_use,            // item, name, text: input
    tool_result,         // item, text: output, failed
    file_change,         // item, text: what changed, paths
    command_execution,   // item, text: the command; sent when it has ended: exit_code, failed
    approval_requested,  // item, approval
    approval_resolved,   // item, approval->request, name: the decision that the agent was told, or "withdrawn" by it
    steered,             // turn; item: AgentInput::id, which the present turn took
    token_usage,         // tokens of one call of the model
    log_line,            // name: the stream, text: one line, as the program wrote it
    raw_item,            // item, name: its kind, text: the provider's own frame
    error,               // text
    system,              // text: what the program says about itself
    ended,               // text: how the process ended
  };
  Kind kind = Kind::log_line;
  std::string item;
  std::string name;
  std::string text;
  bool failed = false;
  std::uint32_t turn = 0;
  std::uint64_t tokens_in = 0;
  std::uint64_t tokens_out = 0;
  std::uint64_t cost_microusd = 0;
  std::optional<int> exit_code;
  std::vector<std::string> paths;
  std::optional<AgentApproval> approval;
};

// What the host wants of a running agent.
struct AgentCommand {
  enum class Kind : std::uint8_t {
    next_turn,  // turn, inputs; after turn_ended
    steer,      // inputs[0], into the present turn; no turn: passed over, no `steered` comes
    resolve,    // request, decision, reason, answer; a request that is not open: passed over
    interrupt,  // ends the present turn; then next_turn or finish
    finish,     // after turn_ended: run() returns
  };
  Kind kind = Kind::finish;
  std::uint32_t turn = 0;
  std::vector<AgentInput> inputs;
  std::string request;
  std::string decision;  // accept, accept_for_session, decline, cancel
  std::string reason;
  std::string answer;  // user_input: JSON object, question → list of answers
};

struct AgentResult {
  enum class Kind : std::uint8_t { completed, failed, stopped };
  Kind kind = Kind::stopped;
  std::string result;  // completed: its last words
  std::string code;    // failed: agent_failed, agent_timeout, agent_lost, agent_unavailable
  std::string error;
  bool retryable = false;  // another worker, or another try, may succeed

  static AgentResult failed(std::string code, std::string error, bool retryable) {
    return {Kind::failed, {}, std::move(code), std::move(error), retryable};
  }
};

// Where events go, commands come from, and when to stop. Called on the thread that runs the agent.
class AgentHost {
 public:
  virtual ~AgentHost() = default;
  virtual void on_event(AgentEvent event) = 0;
  // What was asked since the last call, in order. The wakeup is notified when there is something.
  virtual std::vector<AgentCommand> take_commands() = 0;
  // True: take no more output for now; the wakeup is notified when there is room.
  virtual bool congested() = 0;
  // Sends what is due; how long it may be left alone (microseconds).
  virtual std::int64_t pump() = 0;
  enum class Stop : std::uint8_t { no, gently, now };
  virtual Stop stop() const = 0;
  virtual process::Wakeup& wakeup() = 0;
};

class Agent {
 public:
  virtual ~Agent() = default;
  // Runs turns until the host says finish or stop, or a turn fails. It returns when the agent and everything it started is
  // gone, unless is_warm(). Each turn is bounded by timeout_ms and some seconds; between turns it waits for the host.
  // Of an agent that is warm, run() again goes on with the same process, on any thread: the request's provider_session,
  // worktree and home must be those of the run before.
  virtual AgentResult run(const AgentRequest& request, AgentHost& host) = 0;
  // After run(): its process lives on, idle, with no turn, tool or approval open. The destructor ends it.
  virtual bool is_warm() const { return false; }
};

// nullptr: no such provider. Providers: command, codex, claude.
std::unique_ptr<Agent> make_agent(std::string_view provider);

// What an agent sees of this machine's environment: an allowlist (PATH, HOME, language, proxies, keys of models) and the
// names in DOSSIER_AGENT_ENV (separated by commas). Never a variable of ours, so never a token of the control plane.
process::Environment agent_environment(const std::optional<process::Account>& account);
// The DOSSIER_* variables that describe the task (docs/agents.md lists them).
process::Environment task_environment(const AgentRequest& request);

inline constexpr std::size_t kMaxAgentLine = 64 * 1024;  // a longer line of output comes in pieces

}  // namespace dossier::worker
