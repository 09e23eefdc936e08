// GET an issue with 20 comments over 32 connections, beside pgbench's reads by primary key.
#include <cstdlib>

#include "bench/bench.hpp"
#include "bench/workload.hpp"

namespace dossier::bench {
namespace {

// Transactions a second of `pgbench -S` with prepared statements on a small table of its own.
Result<double> pgbench_reads(const test::Installation& installation, int seconds) {
  static const char* kScript = R"(
    bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
    "$bin/pgbench" -q -i -s 1 "$0" >/dev/null 2>&1 || exit 1
    "$bin/pgbench" -S -M prepared -c 32 -j 1 -T "$1" "$0" 2>/dev/null | awk '/^tps/ {print $3}')";
  const auto answer = test::run_command({"/bin/sh", "-c", kScript, installation.database_url(), std::to_string(seconds)}, {}, installation.folder());
  const double rate = std::atof(answer.out.c_str());
  if (answer.exit_code != 0 || rate <= 0) return make_error(Code::io, "pgbench failed: " + answer.err);
  return rate;
}

Result<double> reads_a_second(test::Installation& installation, const std::string& issue, std::int64_t requests) {
  std::string request = http_request("GET", "/v1/issues/" + issue, installation.api().token());
  TRY(auto result, load_server(installation, 32, requests, [&](std::int64_t) { return request; }));
  return static_cast<double>(result.answered) / result.seconds;
}

}  // namespace

Result<std::vector<Measurement>> bench_reads(const Settings& settings) {
  auto cached = measurement("read_issue_per_s", "1/s", false, 10'000.0);
  auto uncached = measurement("read_issue_per_s_no_cache", "1/s", false);
  test::Installation installation(test::Clusters::shared());
  installation.start_server();
  installation.start_server(1, {{"DOSSIER_READ_CACHE", "off"}});
  installation.bootstrap();
  const std::string issue = installation.api().post(installation.in_workspace("/issues"), test::object({{"title", "read me"}})).text("id");
  for (int n = 0; n < 20; ++n)
    installation.api().post("/v1/issues/" + issue + "/comments",
                            test::object({{"body", "a comment of an ordinary length, number " + std::to_string(n)}}));
  std::vector<double> limit;
  std::string request = http_request("GET", "/v1/issues/" + issue, installation.api().token());
  for (int run = 0; run < settings.runs; ++run) {
    TRY(const double rate, reads_a_second(installation, issue, settings.scaled(60'000)));
    cached.runs.push_back(rate);
    HttpLoad load;
    load.port = static_cast<std::uint16_t>(std::atoi(installation.url(1).c_str() + installation.url(1).rfind(':') + 1));
    load.connections = 32;
    load.requests = settings.scaled(30'000);
    load.make_request = [&](std::int64_t) { return request; };
    TRY(const auto plain, run_load(load));
    uncached.runs.push_back(static_cast<double>(plain.answered) / plain.seconds);
    TRY(const double bare, pgbench_reads(installation, 3));
    limit.push_back(bare);
  }
  for (auto* rate : {&cached, &uncached}) {
    rate->limit = median_of(limit);
    rate->limit_name = "pgbench -S, 32 clients";
  }
  return std::vector<Measurement>{cached, uncached};
}

}  // namespace dossier::bench
