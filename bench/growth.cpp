// The same figures of logs of different sizes, partitions and projectors: what grows with the log, and what must not.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "bench/bench.hpp"
#include "bench/workload.hpp"

namespace dossier::bench {
namespace {

constexpr std::int64_t kIssueEvents = 1'000;  // of the issue that is replayed, in a log of any size

struct Case {
  std::int64_t events;
  std::int32_t partitions;
  int projectors;
  std::string name() const {
    return std::to_string(events) + "_events_" + std::to_string(partitions) + "_partitions_" + std::to_string(projectors) + "_projectors";
  }
};

double megabytes(pid_t pid, const std::string& field) {
  const std::string status = test::read_whole_file("/proc/" + std::to_string(pid) + "/status");
  const auto at = status.find(field + ":");
  return at == std::string::npos ? 0 : std::atof(status.c_str() + at + field.size() + 1) / 1024;
}

Result<double> replay_ms(test::Installation& installation, const std::string& issue, int runs) {
  std::vector<double> times;
  for (int run = 0; run < runs; ++run) {
    const auto began = std::chrono::steady_clock::now();
    const auto answer = installation.dossier({"replay", "--issue", issue, "--from", "journal", "--format", "ndjson"});
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count());
    if (answer.exit_code != 0) return make_error(Code::io, "replay failed: " + answer.err);
    const auto lines = std::count(answer.out.begin(), answer.out.end(), '\n');
    if (lines < 100) return make_error(Code::corrupt, "replay printed only " + std::to_string(lines) + " lines");
  }
  return median_of(times);
}

Result<std::vector<Measurement>> measure(const Case& one, int runs) {
  test::Installation installation(test::Clusters::shared(), one.partitions);
  Backlog backlog;
  backlog.events = one.events;
  backlog.partitions = one.partitions;
  backlog.long_issue_events = std::min(kIssueEvents, one.events / 2);
  TRY(const auto written, write_backlog(installation, backlog));
  auto rate = measurement("projection_events_per_s_" + one.name(), "1/s", false);
  TRY(const double events_per_s, project_backlog(installation, backlog, written, one.projectors));
  rate.runs.push_back(events_per_s);
  auto memory = measurement("projector_peak_mb_" + one.name(), "MB", true);
  for (int number = 0; number < one.projectors; ++number) memory.runs.push_back(megabytes(installation.server(number).pid(), "VmHWM"));
  auto replay = measurement("replay_issue_ms_" + one.name(), "ms", true);
  TRY(const double ms, replay_ms(installation, written.long_issue, runs));
  replay.runs.push_back(ms);
  return std::vector<Measurement>{rate, memory, replay};
}

}  // namespace

Result<std::vector<Measurement>> bench_growth(const Settings& settings) {
  const std::int64_t small = settings.scaled(10'000), middle = settings.scaled(1'000'000), large = settings.scaled(10'000'000);
  const std::vector<Case> cases = {{small, 12, 1}, {middle, 12, 1}, {middle, 1, 1}, {middle, 4, 1}, {middle, 12, 2}, {large, 12, 1}};
  std::vector<Measurement> all;
  for (const Case& one : cases) {
    std::fprintf(stderr, "  %s …\n", one.name().c_str());
    TRY(auto measured, measure(one, settings.runs));
    for (auto& measurement : measured) all.push_back(std::move(measurement));
  }
  return all;
}

}  // namespace dossier::bench
