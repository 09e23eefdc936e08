// Commands by HTTP: latency of one client, throughput of 64, each beside a bare producer on a topic that syncs as ours does.
#include "bench/bench.hpp"
#include "bench/raw_kafka.hpp"
#include "bench/workload.hpp"

namespace dossier::bench {
namespace {

constexpr std::size_t kRecordBytes = 400;  // about what a comment's commit weighs

struct Workload {
  test::Installation& installation;
  std::vector<std::string> issues;

  std::string comment(std::int64_t n, std::size_t spread) const {
    return http_request("POST", "/v1/issues/" + issues[static_cast<std::size_t>(n) % spread] + "/comments", installation.api().token(),
                        R"({"body":"measured comment number )" + std::to_string(n) + R"("})");
  }
  std::string issue(std::int64_t n) const {
    return http_request("POST", installation.in_workspace("/issues"), installation.api().token(),
                        R"({"title":"measured issue number )" + std::to_string(n) + R"("})");
  }
};

Result<HttpLoadResult> load(const Workload& workload, int connections, std::int64_t requests, std::function<std::string(std::int64_t)> make_request) {
  return load_server(workload.installation, connections, requests, std::move(make_request));
}

}  // namespace

Result<std::vector<Measurement>> bench_commands(const Settings& settings) {
  test::Installation installation(test::Clusters::shared());
  installation.start_server();
  installation.bootstrap();
  TRY(const auto cluster, kafka::load_cluster({}, installation.clusters().kafka_properties));
  TRY(auto raw, RawTopic::make(cluster, true));
  Workload workload{installation, {}};
  for (int n = 0; n < 200; ++n)
    workload.issues.push_back(installation.api().post(installation.in_workspace("/issues"), test::object({{"title", "i"}})).text("id"));

  auto p50 = measurement("command_visible_p50_ms", "ms", true, 4.0);
  auto p99 = measurement("command_visible_p99_ms", "ms", true, 25.0);
  auto spread = measurement("commits_per_s", "1/s", false, 5'000.0);
  auto one_issue = measurement("commits_per_s_one_issue", "1/s", false, std::nullopt);
  auto opening = measurement("commits_per_s_opening_issues", "1/s", false, std::nullopt);
  std::vector<double> raw_p50, raw_p99, raw_rate;
  TRY(auto warm, load(workload, 8, settings.scaled(2'000), [&](std::int64_t n) { return workload.comment(n, 200); }));
  for (int run = 0; run < settings.runs; ++run) {
    TRY(auto bare, raw.produce(kafka::WriterKind::commits, settings.scaled(1'500), kRecordBytes, 1));
    raw_p50.push_back(percentile(bare.latencies_ms, 0.50));
    raw_p99.push_back(percentile(bare.latencies_ms, 0.99));
    TRY(auto single, load(workload, 1, settings.scaled(1'500), [&](std::int64_t n) { return workload.comment(n, 200); }));
    p50.runs.push_back(percentile(single.latencies_ms, 0.50));
    p99.runs.push_back(percentile(single.latencies_ms, 0.99));
    TRY(auto bare_many, raw.produce(kafka::WriterKind::commits, settings.scaled(50'000), kRecordBytes, 64));
    raw_rate.push_back(bare_many.per_second);
    TRY(auto many, load(workload, 64, settings.scaled(30'000), [&](std::int64_t n) { return workload.comment(n, 200); }));
    spread.runs.push_back(static_cast<double>(many.answered) / many.seconds);
    TRY(auto narrow, load(workload, 64, settings.scaled(20'000), [&](std::int64_t n) { return workload.comment(n, 1); }));
    one_issue.runs.push_back(static_cast<double>(narrow.answered) / narrow.seconds);
    TRY(auto opened, load(workload, 64, settings.scaled(20'000), [&](std::int64_t n) { return workload.issue(n); }));
    opening.runs.push_back(static_cast<double>(opened.answered) / opened.seconds);
  }
  p50.limit = median_of(raw_p50);
  p99.limit = median_of(raw_p99);
  p50.limit_name = p99.limit_name = "raw produce → ack, fsync, 1 outstanding";
  for (auto* rate : {&spread, &one_issue, &opening}) {
    rate->limit = median_of(raw_rate);
    rate->limit_name = "raw produce, fsync, 64 outstanding";
  }
  return std::vector<Measurement>{p50, p99, spread, one_issue, opening};
}

}  // namespace dossier::bench
