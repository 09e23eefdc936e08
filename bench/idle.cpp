// A server at rest: how much memory it holds, and how soon it is ready when Kafka and Postgres are there.
#include <chrono>
#include <cstdlib>
#include <thread>

#include "bench/bench.hpp"
#include "bench/workload.hpp"

namespace dossier::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

double resident_mb(pid_t pid) {
  const std::string status = test::read_whole_file("/proc/" + std::to_string(pid) + "/status");
  const auto at = status.find("VmRSS:");
  return at == std::string::npos ? 0 : std::atof(status.c_str() + at + 6) / 1024;
}

}  // namespace

Result<std::vector<Measurement>> bench_idle(const Settings& settings) {
  auto memory = measurement("idle_rss_mb", "MB", true, 60.0);
  auto ready = measurement("ready_ms", "ms", true, 1'000.0);
  test::Installation installation(test::Clusters::shared());
  for (int run = 0; run < settings.runs; ++run) {
    const auto began = SteadyClock::now();
    installation.start_server();
    ready.runs.push_back(std::chrono::duration<double, std::milli>(SteadyClock::now() - began).count());
    if (run == 0) installation.bootstrap();
    std::this_thread::sleep_for(std::chrono::seconds(5));
    memory.runs.push_back(resident_mb(installation.server().pid()));
    installation.server().stop();
  }
  return std::vector<Measurement>{memory, ready};
}

}  // namespace dossier::bench
