// dossier worker: settings into options, signals into a request to stop.
#include "app/worker_command.hpp"

#include <sys/stat.h>

#include <csignal>

#include "app/cli/run.hpp"
#include "base/log.hpp"
#include "worker/daemon.hpp"

namespace dossier::app {
namespace {

using cli::Invocation;

worker::StopSignal* the_stop = nullptr;  // the handler's; set before it is installed

// async-signal-safe: one atomic and one write to a descriptor.
void on_signal(int) { the_stop->request(); }

Result<int> run(const Invocation& in) {
  worker::WorkerOptions options;
  options.url = in.text("--url");
  TRY(options.token, in.required("--token"));
  options.name = in.text("--name");
  TRY(const auto slots, in.number("--slots", 1, worker::kMaxSlots));
  options.slots = static_cast<std::uint32_t>(slots);
  options.work_root = in.text("--dir");
  if (options.work_root.empty()) options.work_root = default_work_root(cli::process_environment());
  if (options.work_root.empty()) TRY_STATUS(in.required("--dir"));
  options.capabilities = in.text("--capabilities");
  options.account = in.text("--account");
  TRY(const auto drain_s, in.number("--drain-seconds", 0, 86'400));
  options.drain_ms = drain_s * 1'000;
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

int worker_command(const Invocation& in) { return cli::run<&run>(in); }

}  // namespace dossier::app
