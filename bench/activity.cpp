// Log lines: how many a second come from a worker's agent into Postgres, and how soon a live reader of the API sees one.
#include <atomic>
#include <chrono>
#include <thread>

#include "bench/bench.hpp"
#include "bench/raw_kafka.hpp"
#include "bench/workload.hpp"
#include "platform/postgres/pool.hpp"

namespace dossier::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

Result<std::int64_t> lines_of(postgres::Pool& pool, const std::string& session) {
  postgres::Params params;
  params.text(session);
  TRY(const auto rows, pool.read_one("SELECT coalesce(sum(lines), 0)::bigint FROM dossier.activity_blocks WHERE session_id = $1", params));
  return rows.front().int64(0);
}

std::int64_t now_us() { return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count(); }

// Lines that carry the moment of their printing, as microseconds after "t=".
Result<std::vector<double>> live_delays(test::Installation& installation, const std::string& issue, std::size_t count) {
  const auto asked = installation.ask(issue, "@ticker go");
  std::vector<double> delays;
  TRY(auto client, http_client::Client::make({.base_url = installation.url(), .bearer_token = installation.api().token()}));
  TRY(const auto end, client.events("/v1/sessions/" + asked.session + "/activity", {{"Accept", "text/event-stream"}}, 20'000,
                                    [&](const http_client::ServerEvent& event) {
                                      for (std::size_t at = event.data.find("t="); at != std::string::npos; at = event.data.find("t=", at + 2))
                                        delays.push_back(static_cast<double>(now_us() - std::atoll(event.data.c_str() + at + 2)) / 1000);
                                      return delays.size() < count;
                                    }));
  if (delays.size() < count) return make_error(Code::io, "the live stream answered " + std::to_string(end.status) + " " + end.body);
  return delays;
}

}  // namespace

Result<std::vector<Measurement>> bench_activity(const Settings& settings) {
  test::Installation installation(test::Clusters::shared());
  installation.start_server();
  installation.bootstrap();
  installation.start_worker("bench", 1);
  const std::string project = installation.make_project("bench");
  const std::int64_t lines = settings.scaled(1'000'000);
  installation.make_agent(
      {.name = "talker",
       .command = {"/bin/sh", "-c", "yes 'a log line of an ordinary length, as compilers and tests print them' | head -n " + std::to_string(lines)},
       .model = {}});
  installation.make_agent(
      {.name = "ticker", .command = {"/bin/bash", "-c", "for i in $(seq 60); do echo t=$(date +%s%6N); sleep 0.05; done"}, .model = {}});
  TRY(const auto cluster, kafka::load_cluster({}, installation.clusters().kafka_properties));
  TRY(auto raw, RawTopic::make(cluster, false));
  postgres::PoolOptions options;
  options.connection.url = installation.database_url();
  options.size = 1;
  postgres::Pool pool(options);

  auto rate = measurement("log_lines_per_s", "1/s", false, 150'000.0);
  auto live = measurement("log_line_live_p50_ms", "ms", true, 300.0);
  std::vector<double> bare;
  for (int run = 0; run < settings.runs; ++run) {
    const auto asked = installation.ask(installation.open_issue("talk", project), "@talker go");
    std::int64_t seen = 0;
    const auto deadline = SteadyClock::now() + std::chrono::minutes(3);
    while (seen == 0 && SteadyClock::now() < deadline) {
      TRY(seen, lines_of(pool, asked.session));
    }
    const auto began = SteadyClock::now();
    const std::int64_t counted_from = seen;
    while (seen < lines && SteadyClock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      TRY(seen, lines_of(pool, asked.session));
    }
    if (seen < lines) return make_error(Code::timeout, "only " + std::to_string(seen) + " lines arrived:\n" + installation.logs());
    rate.runs.push_back(static_cast<double>(seen - counted_from) / std::chrono::duration<double>(SteadyClock::now() - began).count());
    installation.wait_for_task(asked.task, {"completed"});
    TRY(auto produced, raw.produce(kafka::WriterKind::activity, lines, 70, 10'000));
    bare.push_back(produced.per_second);
    TRY(auto delays, live_delays(installation, installation.open_issue("tick", project), 50));
    live.runs.push_back(percentile(delays, 0.5));
  }
  rate.limit = median_of(bare);
  rate.limit_name = "raw produce, a record a line";
  return std::vector<Measurement>{rate, live};
}

}  // namespace dossier::bench
