// The process around a Codex session.
#include "worker/agents/codex_agent.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "worker/agents/child.hpp"
#include "worker/agents/codex_session.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;

// A frame may hold a whole diff or a command's whole output.
constexpr std::size_t kMaxFrame = 32u << 20;

std::string variable(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

// Lends the account's sign-in: a link, so that renewed tokens are kept; a copy where the agent is another account.
Status make_home(const AgentRequest& request, const std::string& home) {
  std::error_code failed;
  fs::create_directories(home, failed);
  if (failed) return make_error(Code::io, "can't make " + home + ": " + failed.message());
  const std::string own = variable("CODEX_HOME", (variable("HOME", "/root") + "/.codex").c_str()) + "/auth.json";
  const std::string lent = home + "/auth.json";
  if (fs::exists(own) && !fs::exists(lent)) {
    if (request.account)
      fs::copy_file(own, lent, failed);
    else
      fs::create_symlink(own, lent, failed);
    if (failed) return make_error(Code::io, "can't lend " + own + " to Codex: " + failed.message());
  }
  if (request.account)
    for (const std::string& path : {home, lent})
      if (fs::exists(path) && ::lchown(path.c_str(), request.account->uid, request.account->gid) != 0)
        return make_error(Code::io, "can't give " + path + " to the account " + request.account->name);
  return {};
}

AgentResult unavailable(const Error& error) {
  AgentResult result;
  result.kind = AgentResult::Kind::failed;
  result.code = "agent_unavailable";
  result.error = error.message;
  result.retryable = true;
  return result;
}

std::string describe(const ChildEnd& end) {
  if (end.exit.signal != 0) return "ended by signal " + std::to_string(end.exit.signal);
  return "exit status " + std::to_string(end.exit.code);
}

}  // namespace

std::vector<std::string> codex_argv(const std::vector<std::string>& command) {
  std::vector<std::string> argv = command;
  if (argv.empty()) argv.push_back(variable("DOSSIER_CODEX", "codex"));
  const std::string config = variable("DOSSIER_CODEX_CONFIG", "");
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

AgentResult CodexAgent::run(const AgentRequest& request, AgentHost& host) {
  const std::string home = request.home + "/codex";
  if (const Status made = make_home(request, home); !made) return unavailable(made.error());
  process::SpawnOptions options;
  options.argv = codex_argv(request.command);
  options.working_directory = request.worktree;
  options.environment = request.environment;
  for (auto& item : task_environment(request)) options.environment.push_back(std::move(item));
  options.environment.emplace_back("CODEX_HOME", home);
  options.family = request.family;
  options.account = request.account;

  codex::Turn turn;
  turn.worktree = request.worktree;
  turn.model = request.model;
  turn.instructions = clean_text(request.instructions);
  turn.prompt = clean_text(request.prompt);
  turn.message_id = request.task_id + "-o" + std::to_string(request.offer);
  turn.sandbox = variable("DOSSIER_CODEX_SANDBOX", "workspace-write");
  codex::Session session(std::move(turn));
  session.start();

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
  bool interrupted = false;
  handlers.more_input = [&](std::string& into) {
    host.take_commands();
    if (host.stop() == AgentHost::Stop::gently && !std::exchange(interrupted, true)) session.interrupt();
    into += session.take_output();
  };
  // The end of its input is what ends Codex.
  handlers.wish = [&] { return session.ended() ? ChildWish::end : ChildWish::go_on; };
  const auto child = Child::spawn(options, kMaxFrame);
  if (!child) return unavailable(child.error());
  const ChildEnd end = (*child)->run(request.timeout_ms, host, handlers);
  if (session.ended()) return session.result();
  AgentResult result;
  switch (end.why) {
    case ChildEnd::Why::exited:
      session.on_end(describe(end));
      result = session.result();
      break;
    case ChildEnd::Why::timed_out:
      session.on_end("it ran too long");
      result = session.result();
      result.code = "agent_timeout";
      result.error = "Codex ran longer than " + std::to_string(request.timeout_ms / 1'000) + " s and was ended";
      result.retryable = false;
      break;
    case ChildEnd::Why::left:
    case ChildEnd::Why::terminated:
    case ChildEnd::Why::stopped: session.on_end("it was stopped"); break;
  }
  hand_over();
  return result;
}

}  // namespace dossier::worker
