// The benchmarks and what they run against.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "bench/report.hpp"

namespace dossier::bench {

// Everything runs on loopback against parts that `./dev bench` started for it alone.
struct Environment {
  std::string kafka_properties;         // librdkafka settings of the admin
  std::string server_kafka_properties;  // of the server
  std::string worker_kafka_properties;  // of workers
  std::string database_url;             // of a superuser, of a throw-away server
  std::string dossier;                  // path of the program
  std::string scratch;                  // folder for files; removed by its owner
  int runs = 3;                         // figures a measurement
  double scale = 1.0;                   // of the amount of work; 1 is what the goals are about
};

struct Benchmark {
  std::string name;  // what `./dev bench NAME` says
  std::string about;
  std::function<Result<std::vector<Measurement>>(const Environment&)> run;
};

// In the order of the table in docs/benchmarks.md.
const std::vector<Benchmark>& benchmarks();

}  // namespace dossier::bench
