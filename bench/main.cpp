// dossier_bench [NAME …] [--json FILE] [--runs N] [--scale X] [--list]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "bench/bench.hpp"

namespace dossier::bench {
namespace {

const std::vector<Benchmark>& benchmarks() {
  static const std::vector<Benchmark> all = {
      {"commands", "a command until it is accepted and visible; commits a second by HTTP", bench_commands},
      {"projection", "a backlog of mixed events through the projector, all read models", bench_projection},
      {"dispatch", "a queued task until an idle worker's claim is accepted", bench_dispatch},
      {"scaling", "1, 2, 4 and 8 workers with tasks of a second", bench_scaling},
      {"membership", "workers that are killed, join and leave", bench_membership},
      {"activity", "log lines from a worker to Postgres, and to a reader of the API", bench_activity},
      {"masking", "secrets searched for in log lines that have none", bench_masking},
      {"reads", "GET an issue with 20 comments", bench_reads},
      {"replay", "a 10,000-event issue in a log of 1 M events", bench_replay},
      {"idle", "memory at rest, and the time until ready", bench_idle},
      {"growth", "logs of 10 k, 1 M and 10 M events; 1, 4 and 12 partitions; 1 and 2 projectors (only by name)", bench_growth, true},
  };
  return all;
}

int usage(const char* problem) {
  std::fprintf(stderr, "%s\nusage: dossier_bench [NAME …] [--json FILE] [--runs N] [--scale X] [--list]\n", problem);
  for (const auto& known : benchmarks()) std::fprintf(stderr, "  %-12s %s\n", known.name.c_str(), known.about.c_str());
  return 2;
}

int run(const std::vector<std::string>& names, const Settings& settings, const std::string& json_file) {
  std::vector<Measurement> all;
  int failures = 0;
  for (const auto& known : benchmarks()) {
    if (names.empty() && known.only_by_name) continue;
    if (!names.empty() && std::find(names.begin(), names.end(), known.name) == names.end()) continue;
    std::fprintf(stderr, "bench %s: %s …\n", known.name.c_str(), known.about.c_str());
    Result<std::vector<Measurement>> measured = std::vector<Measurement>{};
    try {
      measured = known.run(settings);
    } catch (const std::exception& problem) {  // the test harness speaks by exceptions
      measured = make_error(Code::io, problem.what());
    }
    if (!measured) {
      std::fprintf(stderr, "bench %s failed: %s\n", known.name.c_str(), measured.error().message.c_str());
      ++failures;
      continue;
    }
    for (auto& measurement : *measured) {
      measurement.command = "./dev bench " + known.name;
      all.push_back(std::move(measurement));
    }
  }
  std::fputs(table(all).c_str(), stdout);
  if (!json_file.empty()) {
    if (const Status written = write_json(all, json_file); !written) {
      std::fprintf(stderr, "%s\n", written.error().message.c_str());
      return 1;
    }
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace dossier::bench

int main(int argc, char** argv) {
  using namespace dossier::bench;
  std::vector<std::string> names;
  std::string json_file;
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool takes_value = argument == "--json" || argument == "--runs" || argument == "--scale";
    if (takes_value && i + 1 >= argc) return usage((argument + " needs a value").c_str());
    if (argument == "--list" || argument == "--help") return usage("benchmarks:") * 0;
    if (argument == "--json") {
      json_file = argv[++i];
    } else if (argument == "--runs") {
      settings.runs = std::max(1, std::atoi(argv[++i]));
    } else if (argument == "--scale") {
      settings.scale = std::atof(argv[++i]);
      if (settings.scale <= 0) return usage("--scale must be above 0");
    } else if (const auto& all = benchmarks(); std::any_of(all.begin(), all.end(), [&](const Benchmark& known) { return known.name == argument; })) {
      names.push_back(argument);
    } else {
      return usage(("no benchmark is called " + argument).c_str());
    }
  }
  return run(names, settings, json_file);
}
