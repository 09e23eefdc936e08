// The benchmarks and what they run against.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "bench/report.hpp"

namespace dossier::bench {

// Everything runs on loopback against a Kafka and a Postgres that `./dev bench` started for it alone (DOSSIER_TEST_*).
struct Settings {
  int runs = 3;        // figures a measurement
  double scale = 1.0;  // of the amount of work; 1 is what the goals are about
  std::int64_t scaled(std::int64_t amount) const { return std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(amount) * scale)); }
};

struct Benchmark {
  std::string name;  // what `./dev bench NAME` says
  std::string about;
  std::function<Result<std::vector<Measurement>>(const Settings&)> run;
  bool only_by_name = false;  // it takes half an hour
};

// One file each.
Result<std::vector<Measurement>> bench_commands(const Settings& settings);
Result<std::vector<Measurement>> bench_masking(const Settings& settings);
Result<std::vector<Measurement>> bench_reads(const Settings& settings);
Result<std::vector<Measurement>> bench_projection(const Settings& settings);
Result<std::vector<Measurement>> bench_dispatch(const Settings& settings);
Result<std::vector<Measurement>> bench_scaling(const Settings& settings);
Result<std::vector<Measurement>> bench_membership(const Settings& settings);
Result<std::vector<Measurement>> bench_activity(const Settings& settings);
Result<std::vector<Measurement>> bench_replay(const Settings& settings);
Result<std::vector<Measurement>> bench_idle(const Settings& settings);
Result<std::vector<Measurement>> bench_growth(const Settings& settings);

}  // namespace dossier::bench
