// dossier worker: settings into options, signals into a request to stop.
#include "app/worker_command.hpp"

#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "app/cli/run.hpp"
#include "base/log.hpp"
#include "worker/capabilities.hpp"
#include "worker/daemon.hpp"

namespace dossier::app {
namespace {

using cli::Invocation;

worker::StopSignal* the_stop = nullptr;  // the handler's; set before it is installed

// async-signal-safe: one atomic and one write to a descriptor.
void on_signal(int) { the_stop->request(); }

constexpr std::size_t kMaxTokenFile = 4'096;
constexpr std::int64_t kMaxSeconds = 30 * 86'400;
constexpr std::int64_t kMaxOutputMib = 1'024;
constexpr std::int64_t kMaxProcesses = 1'000'000;
constexpr std::int64_t kMaxDiskGib = 100'000;

Result<std::string> work_root_of(const Invocation& in) {
  for (const char* name : {"--work-root", "--dir"})
    if (const std::string given = in.text(name); !given.empty()) return given;
  if (const std::string usual = default_work_root(cli::process_environment()); !usual.empty()) return usual;
  return in.required("--work-root");
}

Result<std::int64_t> number_or(const Invocation& in, const char* name, std::int64_t fallback, std::int64_t least, std::int64_t most) {
  if (in.text(name).empty()) return fallback;
  return in.number(name, least, most);
}

// A variable of the environment may say no.
bool is_on(const Invocation& in, const char* name) { return in.flag(name) && in.text(name) != "0" && in.text(name) != "false"; }

Result<worker::WorkerOptions> options_of(const Invocation& in) {
  worker::WorkerOptions options;
  options.gateway = !in.text("--gateway").empty();
  options.url = options.gateway ? in.text("--gateway") : in.text("--url");
  TRY(options.token, worker_token(in));
  options.name = in.text("--name");
  options.mode = in.text("--mode");
  options.once = is_on(in, "--once");
  TRY(const auto slots, number_or(in, "--slots", options.once ? 1 : 2, 1, worker::kMaxSlots));
  options.slots = static_cast<std::uint32_t>(slots);
  TRY(const auto max_agents, number_or(in, "--max-agents", 0, slots, worker::kMaxAgents));
  options.max_agents = static_cast<std::uint32_t>(max_agents);
  TRY(options.work_root, work_root_of(in));
  TRY(options.capabilities, worker::with_labels(in.text("--capabilities"), in.text("--labels")));
  options.account = in.text("--account");
  TRY(const auto warm_s, in.number("--warm-seconds", 0, kMaxSeconds));
  TRY(const auto timeout_s, in.number("--timeout-seconds", 1, kMaxSeconds));
  TRY(const auto drain_s, in.number("--drain-seconds", 0, kMaxSeconds));
  TRY(const auto output_mib, in.number("--max-output-mib", 1, kMaxOutputMib));
  TRY(const auto processes, in.number("--max-processes", 1, kMaxProcesses));
  TRY(const auto disk_gib, in.number("--max-disk-gib", 1, kMaxDiskGib));
  options.limits.output_bytes = static_cast<std::uint64_t>(output_mib) << 20;
  options.limits.processes = static_cast<std::uint64_t>(processes);
  options.limits.disk_bytes = static_cast<std::uint64_t>(disk_gib) << 30;
  options.warm_ms = warm_s * 1'000;
  options.default_timeout_ms = timeout_s * 1'000;
  options.drain_ms = drain_s * 1'000;
  return options;
}

Result<int> run(const Invocation& in) {
  TRY(const worker::WorkerOptions options, options_of(in));
  log::configure(in.text("--log-level"), "dossier-worker");

  // Agents of another account read the repositories and worktrees that are made here, whatever umask this was started
  // with. The folders above those are closed to everybody else, and secrets have modes of their own.
  ::umask(022);
  static worker::StopSignal stop;
  the_stop = &stop;
  struct sigaction action{};
  action.sa_handler = on_signal;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  TRY_STATUS(worker::run_worker(options, stop));
  return cli::kOk;
}

}  // namespace

std::string default_work_root(const cli::Environment& environment) {
  const std::string state = environment("XDG_STATE_HOME");
  if (!state.empty()) return state + "/dossier/worker";
  const std::string home = environment("HOME");
  return home.empty() ? std::string() : home + "/.local/state/dossier/worker";
}

Result<std::string> worker_token(const Invocation& in) {
  const std::string path = in.text("--token-file");
  if (path.empty()) return in.required("--token");
  std::ifstream file(path, std::ios::binary);
  std::string token(kMaxTokenFile + 1, '\0');
  file.read(token.data(), static_cast<std::streamsize>(token.size()));
  if (file.bad() || (file.fail() && !file.eof())) return make_error(Code::usage, "can't read " + path, "--token-file");
  token.resize(static_cast<std::size_t>(file.gcount()));
  if (token.size() > kMaxTokenFile) return make_error(Code::usage, path + " is too large for a token", "--token-file");
  token.erase(token.find_last_not_of(" \t\r\n") + 1);
  if (token.empty()) return make_error(Code::usage, path + " is empty; it must hold a worker's token, msw_…", "--token-file");
  return token;
}

int worker_command(const Invocation& in) { return cli::run<&run>(in); }

}  // namespace dossier::app
