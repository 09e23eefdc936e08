// Replaying one long issue out of a large log, as whole runs of the program.
#include <algorithm>
#include <chrono>

#include "bench/bench.hpp"
#include "bench/workload.hpp"

namespace dossier::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

Result<double> replay_ms(test::Installation& installation, const WrittenBacklog& written, const std::string& from) {
  const auto began = SteadyClock::now();
  const auto answer = installation.dossier({"replay", "--issue", written.long_issue, "--from", from, "--format", "ndjson"});
  const double ms = std::chrono::duration<double, std::milli>(SteadyClock::now() - began).count();
  if (answer.exit_code != 0) return make_error(Code::io, "replay --from " + from + " failed: " + answer.err);
  const auto lines = std::count(answer.out.begin(), answer.out.end(), '\n');
  if (lines < 100) return make_error(Code::corrupt, "replay printed only " + std::to_string(lines) + " lines");
  return ms;
}

}  // namespace

Result<std::vector<Measurement>> bench_replay(const Settings& settings) {
  test::Installation installation(test::Clusters::shared());
  Backlog backlog;
  backlog.events = settings.scaled(1'000'000);
  backlog.long_issue_events = settings.scaled(10'000);
  TRY(const auto written, write_backlog(installation, backlog));
  TRY([[maybe_unused]] const double events_per_s, project_backlog(installation, backlog, written, 1));
  auto journal = measurement("replay_journal_ms", "ms", true, 300.0);
  auto kafka = measurement("replay_kafka_ms", "ms", true, 1'500.0);
  for (int run = 0; run < settings.runs; ++run) {
    TRY(const double from_journal, replay_ms(installation, written, "journal"));
    TRY(const double from_kafka, replay_ms(installation, written, "kafka"));
    journal.runs.push_back(from_journal);
    kafka.runs.push_back(from_kafka);
  }
  return std::vector<Measurement>{journal, kafka};
}

}  // namespace dossier::bench
