// The projector on a backlog, beside COPY of the very rows that it wrote.
#include <unistd.h>

#include <chrono>

#include "bench/bench.hpp"
#include "bench/workload.hpp"
#include "platform/postgres/pool.hpp"

namespace dossier::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
double seconds_since(SteadyClock::time_point then) { return std::chrono::duration<double>(SteadyClock::now() - then).count(); }

Result<double> seconds_to_copy(postgres::Pool& pool, const std::string& table, const std::string& copy, const std::string& file) {
  TRY([[maybe_unused]] auto out, pool.write_one("COPY " + table + " TO " + file + " (FORMAT binary)"));
  TRY([[maybe_unused]] auto like, pool.write_one("CREATE TABLE " + copy + " (LIKE " + table + " INCLUDING ALL)"));
  const auto began = SteadyClock::now();
  TRY([[maybe_unused]] auto in, pool.write_one("COPY " + copy + " FROM " + file + " (FORMAT binary)"));
  const double seconds = seconds_since(began);
  TRY([[maybe_unused]] auto gone, pool.write_one("COPY (SELECT 1 WHERE false) TO " + file));
  return seconds;
}

// Copies every table of the generation and the journal out to files and in again, and times the way in.
Result<double> copy_seconds(const test::Installation& installation) {
  postgres::PoolOptions options;
  options.connection.url = installation.database_url();
  options.connection.statement_timeout_ms = 600'000;
  options.size = 1;
  postgres::Pool pool(options);
  TRY(const auto tables, pool.read_one("SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
                                       "WHERE schemaname = 'g1' OR (schemaname = 'dossier' AND tablename = 'journal')"));
  TRY([[maybe_unused]] auto schema, pool.write_one("CREATE SCHEMA bench_copy"));
  double seconds = 0;
  int number = 0;
  const std::string file = "'/tmp/dossier-bench-copy-" + std::to_string(::getpid()) + ".bin'";
  for (const auto& row : tables) {
    TRY(const double one, seconds_to_copy(pool, row.str(0), "bench_copy.t" + std::to_string(++number), file));
    seconds += one;
  }
  TRY([[maybe_unused]] auto dropped, pool.write_one("DROP SCHEMA bench_copy CASCADE"));
  return seconds;
}

}  // namespace

Result<std::vector<Measurement>> bench_projection(const Settings& settings) {
  auto rate = measurement("projection_events_per_s", "1/s", false, 40'000.0);
  std::vector<double> copied;
  for (int run = 0; run < settings.runs; ++run) {
    test::Installation installation(test::Clusters::shared());
    Backlog backlog;
    backlog.events = settings.scaled(1'000'000);
    TRY(const auto written, write_backlog(installation, backlog));
    TRY(const double events_per_s, project_backlog(installation, backlog, written, 1));
    rate.runs.push_back(events_per_s);
    installation.server().stop();
    TRY(const double copy, copy_seconds(installation));
    copied.push_back(static_cast<double>(written.events) / copy);
  }
  rate.limit = median_of(copied);
  rate.limit_name = "COPY of the same rows";
  return std::vector<Measurement>{rate};
}

}  // namespace dossier::bench
