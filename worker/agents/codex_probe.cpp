// Two short-lived processes.
#include "worker/agents/codex_probe.hpp"

#include "worker/agents/agent.hpp"
#include "worker/agents/codex_agent.hpp"
#include "worker/agents/codex_frames.hpp"
#include "worker/agents/codex_version.hpp"
#include "worker/agents/probe.hpp"

namespace dossier::worker {
namespace {

using json::Value;

constexpr std::int64_t kInitialize = 0;
constexpr std::int64_t kThread = 1;

std::string initialize_line() {
  const Value client(Value::Object{{"name", "dossier"}, {"title", "Dossier"}, {"version", "1"}});
  return codex::request_line(kInitialize, "initialize",
                             Value(Value::Object{{"clientInfo", client}, {"capabilities", Value(Value::Object{{"experimentalApi", false}})}}));
}

std::string thread_line(const std::string& folder) {
  return codex::notification_line("initialized") +
         codex::request_line(kThread, "thread/start",
                             Value(Value::Object{{"cwd", folder}, {"approvalPolicy", "untrusted"}, {"sandbox", "read-only"}, {"ephemeral", true}}));
}

}  // namespace

Result<CodexProbe> probe_codex(const std::vector<std::string>& command) {
  const ProbeHome home;
  const std::string program = command.empty() ? codex_argv({}).front() : command.front();
  ProbeOptions options;
  options.argv = command.empty() ? std::vector<std::string>{program} : command;
  options.argv.emplace_back("--version");
  options.directory = home.path();
  options.environment = agent_environment(std::nullopt);
  options.environment.emplace_back("CODEX_HOME", home.path());
  std::optional<codex::Version> version;
  TRY(const bool has_version, probe(options, [&](std::string_view line, std::string&) {
        version = codex::find_version(line);
        return version.has_value();
      }));
  if (!has_version) return make_error(Code::io, program + " --version does not say a version");
  if (const std::string refusal = codex::refusal_of(*version); !refusal.empty()) return make_error(Code::io, program + ": " + refusal);

  CodexProbe seen;
  seen.version = codex::to_string(*version);
  options.argv = codex_argv(command);
  options.input = initialize_line();
  bool initialized = false;
  TRY(const bool has_thread, probe(options, [&](std::string_view line, std::string& reply) {
        const auto frame = codex::read_frame(line);
        if (!frame) return false;
        if (codex::own_id(*frame) == kInitialize && frame->kind == codex::Frame::Kind::response) {
          initialized = true;
          reply += thread_line(home.path());
        }
        if (codex::own_id(*frame) != kThread) return false;
        seen.approvals = frame->kind == codex::Frame::Kind::response && frame->body.text("approvalPolicy") == "untrusted";
        return true;
      }));
  if (!initialized) return make_error(Code::io, program + " app-server does not answer the handshake");
  if (!has_thread) return make_error(Code::io, program + " app-server opens no thread");
  return seen;
}

}  // namespace dossier::worker
