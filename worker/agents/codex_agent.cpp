// The process around a Codex session.
#include "worker/agents/codex_agent.hpp"

#include <chrono>
#include <filesystem>
#include <system_error>

#include "worker/agents/agent_home.hpp"
#include "worker/agents/child.hpp"
#include "worker/agents/codex_session.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;

// A frame may hold a whole diff or a command's whole output.
// Of a gentle stop: for the turn to end by itself once it was interrupted.
constexpr std::int64_t kOwnStopMs = 1'500;

std::string describe(const ChildEnd& end) {
  if (end.exit.signal != 0) return "ended by signal " + std::to_string(end.exit.signal);
  return "exit status " + std::to_string(end.exit.code);
}

}  // namespace

std::vector<std::string> codex_argv(const std::vector<std::string>& command) {
  std::vector<std::string> argv = command;
  if (argv.empty()) argv.push_back(variable_or("DOSSIER_CODEX", "codex"));
  const std::string config = variable_or("DOSSIER_CODEX_CONFIG", "");
  LineSplitter lines(kMaxAgentLine);
  const auto take = [&](std::string_view line) {
    if (line.empty()) return;
    argv.emplace_back("-c");
    argv.emplace_back(line);
  };
  lines.feed(config, take);
  lines.finish(take);
  for (const char* word : {"app-server", "--listen", "stdio://"}) argv.emplace_back(word);
  return argv;
}

CodexAgent::CodexAgent() = default;
CodexAgent::~CodexAgent() = default;

bool CodexAgent::is_warm() const { return child_ != nullptr && session_->reusable() && child_->is_running(); }

void CodexAgent::drop() {
  child_.reset();
  session_.reset();
}

Status CodexAgent::start(const AgentRequest& request, const std::string& thread) {
  const std::string home = request.home + "/codex";
  TRY_STATUS(make_agent_home(request, home, codex_sign_in_file(), "auth.json"));
  process::SpawnOptions options;
  options.argv = codex_argv(request.command);
  options.working_directory = request.worktree;
  options.environment = request.environment;
  for (auto& item : task_environment(request)) options.environment.push_back(std::move(item));
  options.environment.emplace_back("CODEX_HOME", home);
  options.family = request.family;
  options.account = request.account;
  TRY(child_, Child::spawn(options, kMaxFrame));
  started_ = request;

  codex::Settings settings;
  std::error_code failed;
  const fs::path real = fs::canonical(request.worktree, failed);  // as Codex names what lies in it
  settings.worktree = failed ? request.worktree : real.string();
  settings.model = request.model;
  settings.instructions = clean_text(request.instructions);
  settings.sandbox = variable_or("DOSSIER_CODEX_SANDBOX", "workspace-write");
  settings.thread = thread;
  settings.approvals = request.approvals;
  session_ = std::make_unique<codex::Session>(std::move(settings));
  session_->on_time(steady_ms());
  session_->start();
  return {};
}

ChildEnd CodexAgent::run_process(const AgentRequest& request, AgentHost& host) {
  codex::Session& session = *session_;
  const auto hand_over = [&] {
    for (auto& event : session.take_events()) host.on_event(std::move(event));
  };
  ChildHandlers handlers;
  handlers.on_output = [&](std::string_view line) {
    session.on_line(line);
    hand_over();
  };
  handlers.on_error = [&](std::string_view line) {
    AgentEvent event;
    event.name = "stderr";
    event.text = line.substr(0, utf8_prefix(line, kMaxAgentLine));
    host.on_event(std::move(event));
  };
  handlers.more_input = [&](std::string& into) {
    session.on_time(steady_ms());
    if (host.stop() == AgentHost::Stop::gently) session.stop();
    // What comes once the process has to go is of the next turn, and waits for the next process.
    while (!session.must_end() && !session.finished()) {
      auto commands = host.take_commands();
      for (const auto& command : commands) session.on_command(command);
      if (commands.empty()) break;
    }
    hand_over();
    into += session.take_output();
  };
  handlers.wish = [&] {
    if (session.must_end()) return ChildWish::end;  // the end of its input is what ends Codex
    return session.reusable() ? ChildWish::leave : ChildWish::go_on;
  };
  handlers.timed_turn = [&] { return session.idle() || session.asks_somebody() ? 0U : session.turn(); };
  handlers.due_ms = [&] { return session.due_in_ms(); };
  handlers.own_stop_ms = kOwnStopMs;
  handlers.ends_with_output = true;
  const ChildEnd end = child_->run(request.timeout_ms, host, handlers);
  hand_over();
  return end;
}

AgentResult CodexAgent::end_of_run(const ChildEnd& end, const AgentRequest& request, AgentHost& host) {
  AgentResult result;
  switch (end.why) {
    case ChildEnd::Why::left: return session_->result();
    case ChildEnd::Why::terminated:
    case ChildEnd::Why::exited:
      session_->on_end(describe(end));
      result = session_->result();
      break;
    case ChildEnd::Why::timed_out:
      session_->on_end("it ran too long");
      result = session_->result();
      result.code = "agent_timeout";
      result.error = "Codex ran longer than " + std::to_string(request.timeout_ms / 1'000) + " s and was ended";
      result.retryable = false;
      break;
    case ChildEnd::Why::stopped: session_->on_end("it was stopped"); break;
  }
  for (auto& event : session_->take_events()) host.on_event(std::move(event));
  return result;
}

AgentResult CodexAgent::run(const AgentRequest& request, AgentHost& host) {
  const bool same = is_warm() && started_.worktree == request.worktree && started_.home == request.home && started_.model == request.model &&
                    started_.instructions == request.instructions && started_.command == request.command &&
                    (request.provider_session.empty() || request.provider_session == session_->thread());
  if (!same) drop();
  std::uint32_t turn = request.first_turn;
  std::vector<AgentInput> inputs{{request.message_id, request.prompt}};
  std::string thread = request.provider_session;
  while (true) {
    if (child_ == nullptr)
      if (const Status started = start(request, thread); !started) return AgentResult::failed("agent_unavailable", started.error().message, true);
    session_->begin(turn, inputs, request.approvals);
    const ChildEnd end = run_process(request, host);
    if (end.why == ChildEnd::Why::exited && !session_->must_end()) {
      AgentEvent ended;
      ended.kind = AgentEvent::Kind::ended;
      ended.text = "Codex ended: " + describe(end);
      host.on_event(std::move(ended));
    }
    const bool between_turns = end.why == ChildEnd::Why::exited && session_->idle();
    if (!between_turns || session_->finished()) {
      AgentResult result = session_->ended() || between_turns ? session_->result() : end_of_run(end, request, host);
      if (end.why != ChildEnd::Why::left) drop();
      return result;
    }
    thread = session_->thread();
    const AgentResult so_far = session_->result();
    drop();
    auto next = wait_for_turn(host);
    if (!next) return host.stop() == AgentHost::Stop::no ? so_far : AgentResult();
    turn = next->turn;
    inputs = std::move(next->inputs);
  }
}

std::string codex_sign_in_file() { return variable_or("CODEX_HOME", variable_or("HOME", "/root") + "/.codex") + "/auth.json"; }

}  // namespace dossier::worker
