// What every agent program looks like to the worker: a request goes in, a stream of events comes out, and it ends once.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "platform/process/process.hpp"

namespace dossier::worker {

struct AgentRequest {
  std::string workspace_id, issue_id, session_id, task_id;
  std::uint64_t issue_number = 0;
  std::uint32_t offer = 0;
  std::string issue_title;
  std::string agent_name;
  std::string prompt;
  std::string instructions;
  std::string model;                 // empty: the agent's own choice
  std::vector<std::string> command;  // argv: the program of `command`, or in place of `codex`
  std::string worktree, branch, base_commit;
  std::string home;                  // a folder of this session's own for the agent's state
  std::string family;                // mark of its processes
  process::Environment environment;  // of the machine; see agent_environment()
  std::optional<process::Account> account;
  std::int64_t timeout_ms = 0;  // wall time
};

// One thing that the agent said or did, in one form for all providers.
struct AgentEvent {
  enum class Kind : std::uint8_t {
    session_started,  // item: the provider's session (Codex: thread)
    turn_started,     // item: the provider's turn
    turn_ended,       // text: why (completed, interrupted, failed); tokens of the whole turn
    message,          // text: a finished message of the agent
    text_delta,       // item, text: a piece of a message being written
    reasoning,        // text
    plan,             // text: one step a line
    tool_use,         // item, name, text: input
    tool_result,      // item, text: output, failed
    file_change,      // item, text: what changed
    token_usage,      // tokens of one call of the model
    log_line,         // name: the stream, text: one line, as the program wrote it
    raw_item,         // item, name: its kind, text: the provider's own frame
    error,            // text
  };
  Kind kind = Kind::log_line;
  std::string item;
  std::string name;
  std::string text;
  bool failed = false;
  std::uint64_t tokens_in = 0;
  std::uint64_t tokens_out = 0;
};

struct AgentResult {
  enum class Kind : std::uint8_t { completed, failed, stopped };
  Kind kind = Kind::stopped;
  std::string result;  // completed: its last words
  std::string code;    // failed: agent_failed, agent_timeout, agent_lost, agent_unavailable
  std::string error;
  bool retryable = false;  // another worker, or another try, may succeed
};

// Where events go, and when to stop. Called on the thread that runs the agent.
class AgentHost {
 public:
  virtual ~AgentHost() = default;
  virtual void on_event(AgentEvent event) = 0;
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
  // Runs one turn and returns when the agent and everything it started is gone. Bounded by timeout_ms and some seconds.
  virtual AgentResult run(const AgentRequest& request, AgentHost& host) = 0;
};

// nullptr: no such provider. Providers: command, codex.
std::unique_ptr<Agent> make_agent(std::string_view provider);

// What an agent sees of this machine's environment: an allowlist (PATH, HOME, language, proxies, keys of models) and the
// names in DOSSIER_AGENT_ENV (separated by commas). Never a variable of ours, so never a token of the control plane.
process::Environment agent_environment(const std::optional<process::Account>& account);
// The DOSSIER_* variables that describe the task (docs/agents.md lists them).
process::Environment task_environment(const AgentRequest& request);

inline constexpr std::size_t kMaxAgentLine = 64 * 1024;  // a longer line of output comes in pieces

}  // namespace dossier::worker
