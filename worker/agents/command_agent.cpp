// A program, its lines and its exit status.
#include "worker/agents/command_agent.hpp"

#include <deque>

#include "platform/json/json.hpp"
#include "worker/agents/child.hpp"
#include "worker/agents/claude_agent.hpp"
#include "worker/agents/codex_agent.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

// The last lines of a stream, for the result and for the error.
class Tail {
 public:
  static constexpr std::size_t kMaxLines = 20;
  static constexpr std::size_t kMaxBytes = 4'096;

  void add(std::string_view line) {
    lines_.push_back(clean_text(line, kMaxBytes));
    bytes_ += lines_.back().size() + 1;
    while (lines_.size() > kMaxLines || (bytes_ > kMaxBytes && lines_.size() > 1)) {
      bytes_ -= lines_.front().size() + 1;
      lines_.pop_front();
    }
  }
  std::string text() const {
    std::string text;
    for (const auto& line : lines_) (text += line) += '\n';
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }

 private:
  std::deque<std::string> lines_;
  std::size_t bytes_ = 0;
};

AgentEvent line_event(const char* stream, std::string_view line) {
  AgentEvent event;
  event.kind = AgentEvent::Kind::log_line;
  event.name = stream;
  event.text = line;
  return event;
}

AgentEvent turn_event(AgentEvent::Kind kind, std::uint32_t turn, const char* text = "") {
  AgentEvent event;
  event.kind = kind;
  event.turn = turn;
  event.text = text;
  return event;
}

// stopped: it was interrupted, or the host wants the whole run to stop.
AgentResult judge(const ChildEnd& end, const AgentRequest& request, const Tail& output, const Tail& error) {
  switch (end.why) {
    case ChildEnd::Why::left:
    case ChildEnd::Why::terminated:
    case ChildEnd::Why::stopped: return {};
    case ChildEnd::Why::timed_out:
      return AgentResult::failed("agent_timeout", "the program ran longer than " + std::to_string(request.timeout_ms / 1'000) + " s and was ended",
                                 false);
    case ChildEnd::Why::exited: break;
  }
  if (end.exit.signal == 0 && end.exit.code == 0) {
    AgentResult result;
    result.kind = AgentResult::Kind::completed;
    result.result = output.text();
    return result;
  }
  std::string why = end.exit.signal != 0 ? "the program was ended by signal " + std::to_string(end.exit.signal)
                                         : "the program ended with exit status " + std::to_string(end.exit.code);
  const std::string last = error.text().empty() ? output.text() : error.text();
  if (!last.empty()) why += ":\n" + last;
  return AgentResult::failed("agent_failed", std::move(why), false);
}

// The program, run once: `request` carries the turn's number and prompt.
AgentResult run_turn(const AgentRequest& request, AgentHost& host) {
  process::SpawnOptions options;
  options.argv = request.command;
  options.working_directory = request.worktree;
  options.environment = request.environment;
  for (auto& variable : task_environment(request)) options.environment.push_back(std::move(variable));
  options.family = request.family;
  options.account = request.account;

  host.on_event(turn_event(AgentEvent::Kind::turn_started, request.first_turn));
  Tail output, error;
  bool asked = false;
  bool interrupted = false;
  ChildHandlers handlers;
  handlers.on_output = [&](std::string_view line) {
    output.add(line);
    host.on_event(line_event("agent", line));
  };
  handlers.on_error = [&](std::string_view line) {
    error.add(line);
    host.on_event(line_event("stderr", line));
  };
  handlers.more_input = [&](std::string& into) {
    if (!std::exchange(asked, true)) into += command_request_json(request);
    // Of what a host may want during a turn, a program of any kind understands only that it shall end.
    for (const auto& command : host.take_commands()) interrupted = interrupted || command.kind == AgentCommand::Kind::interrupt;
  };
  handlers.wish = [&] { return interrupted ? ChildWish::terminate : ChildWish::close_input; };
  const auto child = Child::spawn(options, kMaxAgentLine);
  AgentResult result = child ? judge((*child)->run(request.timeout_ms, host, handlers), request, output, error)
                             : AgentResult::failed("agent_unavailable", child.error().message, child.error().code != Code::invalid_field);
  const char* reason = result.kind == AgentResult::Kind::completed ? "completed"
                       : result.kind == AgentResult::Kind::failed  ? "failed"
                                                                   : "interrupted";
  host.on_event(turn_event(AgentEvent::Kind::turn_ended, request.first_turn, reason));
  return result;
}

}  // namespace

std::string command_request_json(const AgentRequest& request) {
  using json::Value;
  const auto text = [](const std::string& value) { return Value(clean_text(value)); };
  Value issue(
      Value::Object{{"id", request.issue_id}, {"number", static_cast<std::int64_t>(request.issue_number)}, {"title", text(request.issue_title)}});
  const Value whole(Value::Object{{"version", 1},
                                  {"workspace_id", request.workspace_id},
                                  {"issue", std::move(issue)},
                                  {"session_id", request.session_id},
                                  {"task_id", request.task_id},
                                  {"offer", static_cast<std::int64_t>(request.offer)},
                                  {"turn", static_cast<std::int64_t>(request.first_turn)},
                                  {"agent", text(request.agent_name)},
                                  {"model", text(request.model)},
                                  {"instructions", text(request.instructions)},
                                  {"prompt", text(request.prompt)},
                                  {"worktree", request.worktree},
                                  {"branch", request.branch},
                                  {"base_commit", request.base_commit}});
  return json::write(whole) + "\n";
}

std::string joined_inputs(const std::vector<AgentInput>& inputs) {
  std::string text;
  for (const auto& input : inputs) {
    if (!text.empty()) text += "\n\n";
    text += input.text;
  }
  return text;
}

AgentResult CommandAgent::run(const AgentRequest& request, AgentHost& host) {
  if (request.command.empty()) return AgentResult::failed("agent_unavailable", "the agent's profile has no command; set one", false);
  AgentEvent started;
  started.kind = AgentEvent::Kind::session_started;
  host.on_event(std::move(started));
  AgentRequest turn = request;
  while (true) {
    AgentResult result = run_turn(turn, host);
    if (result.kind == AgentResult::Kind::failed || host.stop() != AgentHost::Stop::no) return result;
    const auto next = wait_for_turn(host);
    if (!next) {
      if (host.stop() != AgentHost::Stop::no) return {};
      // Interrupted, and nothing more to do: what it did is all there is.
      result.kind = AgentResult::Kind::completed;
      return result;
    }
    turn.first_turn = next->turn;
    turn.prompt = joined_inputs(next->inputs);
  }
}

std::unique_ptr<Agent> make_agent(std::string_view provider) {
  if (provider == "command") return std::make_unique<CommandAgent>();
  if (provider == "codex") return std::make_unique<CodexAgent>();
  if (provider == "claude") return std::make_unique<ClaudeAgent>();
  return nullptr;
}

}  // namespace dossier::worker
