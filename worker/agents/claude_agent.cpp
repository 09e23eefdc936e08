// The process around a Claude Code session.
#include "worker/agents/claude_agent.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

#include "platform/crypto/crypto.hpp"
#include "worker/agents/agent_home.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxInstructions = 100'000;  // an argument may hold at most 128 KiB on Linux
constexpr std::size_t kMaxLastWords = 512;         // of its standard error, for the error
constexpr std::int64_t kInterruptMs = 1'500;       // for its own answer to an interrupt, when it shall stop
// They would work outside the worktree, or after the turn.
constexpr const char* kRefusedTools = "EnterWorktree,ExitWorktree,CronCreate,CronDelete,CronList,ScheduleWakeup";

AgentEvent line_event(const char* stream, std::string_view line) {
  AgentEvent event;
  event.name = stream;
  event.text = line.substr(0, utf8_prefix(line, kMaxAgentLine));
  return event;
}

std::string describe(const process::Exit& exit) {
  if (exit.signal != 0) return "ended by signal " + std::to_string(exit.signal);
  return "exit status " + std::to_string(exit.code);
}

// Nobody is asked: it may edit in its worktree, and what goes beyond is denied. Else it asks before each change.
const char* permission_mode(ApprovalMode approvals) {
  switch (approvals) {
    case ApprovalMode::never: return "acceptEdits";
    case ApprovalMode::on_request:
    case ApprovalMode::untrusted: return "default";
  }
  return "default";
}

std::string home_of(const AgentRequest& request) { return request.home + "/claude"; }

// The conversation's own file; empty where there is none. The program looks for it by the worktree, which may be another now.
std::string find_transcript(const AgentRequest& request) {
  if (!claude::is_uuid(request.provider_session)) return {};
  std::error_code failed;
  for (fs::directory_iterator at(home_of(request) + "/projects", failed), end; !failed && at != end; at.increment(failed)) {
    const fs::path file = at->path() / (request.provider_session + ".jsonl");
    std::error_code missing;
    if (fs::is_regular_file(file, missing)) return file.string();
  }
  return {};
}

}  // namespace

std::vector<std::string> claude_argv(const AgentRequest& request) {
  std::vector<std::string> argv = request.command;
  if (argv.empty()) argv.push_back(variable_or("DOSSIER_CLAUDE", "claude"));
  for (const char* word :
       {"-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose", "--include-partial-messages", "--replay-user-messages",
        "--permission-prompt-tool", "stdio", "--disallowedTools", kRefusedTools, "--permission-mode", permission_mode(request.approvals)})
    argv.emplace_back(word);
  const auto add = [&](const char* option, std::string value) {
    if (value.empty()) return;
    argv.emplace_back(option);
    argv.push_back(std::move(value));
  };
  add("--model", request.model);
  add("--append-system-prompt", clean_text(request.instructions, kMaxInstructions));
  add("--settings", variable_or("DOSSIER_CLAUDE_SETTINGS", ""));
  return argv;
}

process::Environment claude_environment(const std::string& home) {
  process::Environment environment{{"CLAUDE_CONFIG_DIR", home}};
  for (const char* name : {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY", "DISABLE_ERROR_REPORTING",
                           "DISABLE_FEEDBACK_COMMAND", "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS"})
    environment.emplace_back(name, "1");
  return environment;
}

bool ClaudeAgent::is_warm() const { return child_ != nullptr && session_->finished() && session_->is_idle() && child_->is_running(); }

Status ClaudeAgent::start(const AgentRequest& request, std::vector<AgentInput> inputs, bool is_fresh) {
  child_.reset();
  const std::string home = home_of(request);
  TRY_STATUS(make_agent_home(request, home, claude_sign_in_file(), ".credentials.json"));
  const std::string transcript = is_fresh ? std::string() : find_transcript(request);
  claude::SessionSetup setup;
  std::error_code failed;
  const fs::path real = fs::canonical(request.worktree, failed);  // as the program names what lies in it
  setup.worktree = failed ? request.worktree : real.string();
  setup.approvals = request.approvals;
  setup.resumed = !transcript.empty();
  setup.lost = transcript.empty() && !request.provider_session.empty();
  setup.session_id = setup.resumed ? request.provider_session : claude::uuid_text(crypto::random_uuid_hex());
  setup.uuid_seed = crypto::random_uuid_hex();

  process::SpawnOptions options;
  argv_ = claude_argv(request);
  options.argv = argv_;
  options.argv.emplace_back(setup.resumed ? "--resume" : "--session-id");
  options.argv.push_back(setup.resumed ? transcript : setup.session_id);
  options.working_directory = request.worktree;
  options.environment = request.environment;
  for (auto& item : task_environment(request)) options.environment.push_back(std::move(item));
  for (auto& item : claude_environment(home)) options.environment.push_back(std::move(item));
  options.family = request.family;
  options.account = request.account;
  TRY(child_, Child::spawn(options, kMaxFrame));
  session_ = std::make_unique<claude::Session>(std::move(setup));
  session_->start(request.first_turn, std::move(inputs));
  return {};
}

std::optional<AgentResult> ClaudeAgent::drive(const AgentRequest& request, AgentHost& host) {
  std::string last_words;
  const auto hand_over = [&] {
    for (auto& event : session_->take_events()) host.on_event(std::move(event));
  };
  ChildHandlers handlers;
  handlers.on_output = [&](std::string_view line) {
    session_->on_line(line);
    hand_over();
  };
  handlers.on_error = [&](std::string_view line) {
    if (!line.empty()) last_words = clean_text(line, kMaxLastWords);
    host.on_event(line_event("stderr", line));
  };
  handlers.more_input = [&](std::string& into) {
    for (const auto& command : host.take_commands()) session_->on_command(command);
    if (host.stop() == AgentHost::Stop::gently) session_->interrupt();
    into += session_->take_output();
    hand_over();
  };
  handlers.wish = [&] {
    const bool is_stopping = host.stop() != AgentHost::Stop::no;
    if (session_->ended() || (is_stopping && session_->is_idle())) return ChildWish::end;
    return session_->finished() && session_->is_idle() ? ChildWish::leave : ChildWish::go_on;
  };
  handlers.timed_turn = [&] { return session_->timed_turn(); };
  handlers.own_stop_ms = kInterruptMs;
  handlers.ends_with_output = true;
  const ChildEnd end = child_->run(request.timeout_ms, host, handlers);
  AgentResult result;
  switch (end.why) {
    case ChildEnd::Why::left: return session_->result();
    case ChildEnd::Why::exited:
      if (session_->is_idle() && !session_->finished()) return std::nullopt;
      session_->on_end(describe(end.exit) + (last_words.empty() ? "" : ": " + last_words));
      result = session_->result();
      break;
    case ChildEnd::Why::timed_out:
      session_->on_end("it ran too long");
      result = AgentResult::failed("agent_timeout", "Claude Code ran longer than " + std::to_string(request.timeout_ms / 1'000) + " s and was ended",
                                   false);
      break;
    case ChildEnd::Why::terminated:
    case ChildEnd::Why::stopped: session_->on_end("it was stopped"); break;
  }
  hand_over();
  child_.reset();
  return result;
}

bool ClaudeAgent::may_go_on(const AgentRequest& request) const {
  return is_warm() && request.provider_session == session_->session_id() && claude_argv(request) == argv_;
}

AgentResult ClaudeAgent::run(const AgentRequest& request, AgentHost& host) {
  AgentRequest turn = request;
  std::vector<AgentInput> inputs{{request.message_id, request.prompt}};
  bool is_fresh = false;
  if (may_go_on(request)) {
    AgentCommand next;
    next.kind = AgentCommand::Kind::next_turn;
    next.turn = turn.first_turn;
    next.inputs = inputs;
    session_->on_command(next);
  } else if (const Status started = start(turn, inputs, is_fresh); !started) {
    return AgentResult::failed("agent_unavailable", started.error().message, true);
  }
  while (true) {
    const auto result = drive(turn, host);
    is_fresh = session_->resume_refused();
    if (result && !is_fresh) return *result;
    if (!is_fresh) {  // the process ended between turns: the next one gets another, which goes on with the session
      const auto next = wait_for_turn(host);
      if (!next) return host.stop() == AgentHost::Stop::no ? session_->result() : AgentResult{};
      turn.provider_session = session_->session_id();
      turn.first_turn = next->turn;
      inputs = next->inputs;
    }
    if (const Status started = start(turn, inputs, is_fresh); !started)
      return AgentResult::failed("agent_unavailable", started.error().message, true);
  }
}

std::string claude_sign_in_file() { return variable_or("CLAUDE_CONFIG_DIR", variable_or("HOME", "/root") + "/.claude") + "/.credentials.json"; }

}  // namespace dossier::worker
