// The whole projector on a backlog of mixed events (journal, folded streams, every read model), and a rebuild of all of it.
#include <chrono>
#include <memory>
#include <thread>

#include "bench/beside/beside.hpp"
#include "bench/workload.hpp"

namespace dossier::bench::beside {
namespace {

using SteadyClock = std::chrono::steady_clock;
double seconds_since(SteadyClock::time_point then) { return std::chrono::duration<double>(SteadyClock::now() - then).count(); }

constexpr std::int64_t kLongestRebuildMs = 14 * 60'000;  // the driver waits a minute more

// Until so many records are applied.
Result<std::int64_t> wait_for(const test::Installation& installation, std::int64_t records) {
  const auto deadline = SteadyClock::now() + std::chrono::minutes(10);
  for (;;) {
    TRY(const std::int64_t applied, applied_records(installation));
    if (applied >= records) return applied;
    if (SteadyClock::now() > deadline) return make_error(Code::timeout, "the projector did not get through the backlog:\n" + installation.logs());
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

// The clock starts behind the process's own start, when a twentieth is applied, as the driver's does for the other sinks.
Result<Figures> project(test::Installation& installation, const WrittenBacklog& written) {
  const std::int64_t all = written.records + 12;  // and a Genesis in each partition
  installation.launch_server(0, {{"DOSSIER_ROLES", "projector"}});
  TRY(const std::int64_t start, wait_for(installation, all / 20));
  const auto began = SteadyClock::now();
  TRY([[maybe_unused]] const std::int64_t end, wait_for(installation, all));
  const double events_a_record = static_cast<double>(written.events) / static_cast<double>(written.records);
  return Figures{{"per_second", static_cast<double>(all - start) * events_a_record / seconds_since(began)}};
}

Result<Figures> rebuild(test::Installation& installation, const WrittenBacklog& written) {
  const auto began = SteadyClock::now();
  const auto answer = installation.dossier({"admin", "rebuild"}, {}, kLongestRebuildMs);
  if (answer.exit_code == -1) return make_error(Code::timeout, "dossier admin rebuild did not end in time: " + answer.err);
  if (answer.exit_code != 0) return make_error(Code::io, "dossier admin rebuild failed: " + answer.err);
  const double seconds = seconds_since(began);
  return Figures{{"per_second", static_cast<double>(written.events) / seconds}, {"seconds", seconds}};
}

}  // namespace

Status backlog_rows(const Words&) {
  std::unique_ptr<test::Installation> installation;
  WrittenBacklog written;
  return answer_lines({}, [&](const Words& words) -> Result<Figures> {
    if (words[0] == "rebuild" && installation) return rebuild(*installation, written);
    if (words[0] == "project" && installation) return project(*installation, written);
    TRY(const std::int64_t events, number_at(words, 1));
    installation.reset();
    installation = std::make_unique<test::Installation>(test::Clusters::shared());
    Backlog backlog;
    backlog.events = events;
    TRY(written, write_backlog(*installation, backlog));
    return Figures{{"events", written.events}, {"records", written.records}};
  });
}

}  // namespace dossier::bench::beside
