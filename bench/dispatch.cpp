// A task from queued to claimed by an idle worker: three commits and two hops, by the commits' own times.
#include "bench/bench.hpp"
#include "bench/raw_kafka.hpp"
#include "bench/workload.hpp"

namespace dossier::bench {
namespace {

// Microseconds of "…:SS.ffffffZ" within its day: differences are all that is asked.
double ms_of_day(const std::string& time) {
  if (time.size() < 27) return 0;
  const auto part = [&](std::size_t at, std::size_t size) { return std::stod(time.substr(at, size)); };
  return ((part(11, 2) * 60 + part(14, 2)) * 60 + part(17, 9)) * 1000;
}

}  // namespace

Result<std::vector<Measurement>> bench_dispatch(const Settings& settings) {
  test::Installation installation(test::Clusters::shared());
  installation.start_server();
  installation.bootstrap();
  installation.start_worker("bench", 4);
  const std::string project = installation.make_project("bench");
  installation.make_agent({.name = "noop", .command = {"/bin/true"}, .model = {}});
  TRY(const auto cluster, kafka::load_cluster({}, installation.clusters().kafka_properties));
  TRY(auto raw, RawTopic::make(cluster, false));

  auto p50 = measurement("dispatch_p50_ms", "ms", true, 10.0);
  auto p99 = measurement("dispatch_p99_ms", "ms", true, 50.0);
  std::vector<double> hops_p50, hops_p99;
  for (int run = 0; run < settings.runs; ++run) {
    std::vector<double> waits;
    const std::int64_t tasks = settings.scaled(100);
    for (std::int64_t n = 0; n < tasks; ++n) {
      const std::string issue = installation.open_issue("dispatch " + std::to_string(n), project);
      const auto asked = installation.ask(issue, "@noop go");
      if (installation.wait_for_task(asked.task, {"completed"}) != "completed")
        return make_error(Code::timeout, "a task did not complete:\n" + installation.logs());
      const auto task = installation.task(asked.task);
      waits.push_back(ms_of_day(task.text("claimed_at")) - ms_of_day(task.text("queued_at")));
    }
    p50.runs.push_back(percentile(waits, 0.50));
    p99.runs.push_back(percentile(waits, 0.99));
    TRY(auto hops, raw.two_hops(settings.scaled(500), 300));
    hops_p50.push_back(percentile(hops, 0.50));
    hops_p99.push_back(percentile(hops, 0.99));
  }
  p50.limit = median_of(hops_p50);
  p99.limit = median_of(hops_p99);
  p50.limit_name = p99.limit_name = "two hops of raw produce → consume";
  return std::vector<Measurement>{p50, p99};
}

}  // namespace dossier::bench
