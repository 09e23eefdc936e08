// The process: signals, settings, one Service.
#include "app/serve.hpp"

#include <pthread.h>
#include <unistd.h>
#include <csignal>
#include <ctime>

#include <atomic>

#include "app/server/service.hpp"
#include "app/server/settings.hpp"
#include "base/log.hpp"

namespace dossier::app {
namespace {

constexpr long kLookNs = 200'000'000;  // how often the main thread looks whether the service is well

// Ends the process at once; what a second signal asks for.
extern "C" void exit_now(int) { ::_exit(1); }

sigset_t stop_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  return set;
}

void let_second_signal_exit() {
  struct sigaction action{};
  action.sa_handler = exit_now;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  const sigset_t set = stop_signals();
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

int fail(const Error& error) {
  log::error("app", std::string(to_string(error.code)) + ": " + error.message);
  return 1;
}

}  // namespace

int serve_main(const ServeOptions& options) {
  log::configure(options.log_level, "dossier serve");
  // Blocked in every thread that is started from here on; the main thread takes them.
  const sigset_t set = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  auto settings = read_settings(options);
  if (!settings) return fail(settings.error());

  std::atomic<bool> stopping{false};
  std::atomic<bool> failed{false};
  // While it waits for its clusters nobody takes signals: a thread does.
  std::atomic<bool> started{false};
  std::thread early([&] {
    const timespec look{0, kLookNs};
    while (!started.load())
      if (::sigtimedwait(&set, nullptr, &look) > 0) {
        stopping.store(true);
        return;
      }
  });
  auto service = Service::start(*std::move(settings), stopping, [&failed](const Error& error) {
    log::error("app", std::string(to_string(error.code)) + ": " + error.message);
    failed.store(true);
  });
  started.store(true);
  early.join();
  if (!service) return stopping.load() ? 0 : fail(service.error());
  if (!options.roles.empty() && (*service)->port() != 0)
    log::info("app", "listening on " + options.listen + " (port " + std::to_string((*service)->port()) + ")");

  const timespec look{0, kLookNs};
  while (!stopping.load() && !failed.load()) {
    if (::sigtimedwait(&set, nullptr, &look) > 0) break;
    if (!(*service)->healthy()) {
      log::error("app", "a writer to the log failed for good: this process ends so that another one takes its place");
      failed.store(true);
    }
  }
  let_second_signal_exit();
  log::info("app", "stopping");
  (*service)->stop();
  service->reset();
  log::info("app", "stopped");
  return failed.load() ? 1 : 0;
}

}  // namespace dossier::app
