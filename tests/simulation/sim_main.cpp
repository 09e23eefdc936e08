// The program of this tier: GoogleTest, or with "sim" as its first argument what `./dev sim` runs.
//   --seed N            one seed, with the product's log of it
//   --seeds FROM-TO     these
//   --minutes M         as many as fit
//   --mutation NAME|all whether the checkers find a bug on purpose, and in how many seeds
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <string>

#include "base/log.hpp"
#include "tests/simulation/mutation_table.hpp"
#include "tests/simulation/world.hpp"

namespace dossier::simulation {
namespace {

struct Wanted {
  std::uint64_t from = 1;
  std::uint64_t to = 2'000;
  double minutes = 0;
  std::string mutation;
};

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

int run_seeds(const Wanted& wanted) {
  const double began = cpu_seconds();
  const std::time_t end = std::time(nullptr) + static_cast<std::time_t>(wanted.minutes * 60);
  std::int64_t turns = 0;
  std::uint64_t seeds = 0;
  int failures = 0;
  for (std::uint64_t seed = wanted.from; seed <= wanted.to && failures < 5; ++seed, ++seeds) {
    if (wanted.minutes > 0 && std::time(nullptr) >= end) break;
    World world(seed);
    const std::string fault = world.run();
    turns += world.turns();
    if (fault.empty()) continue;
    ++failures;
    std::printf("%sagain: ./dev sim --seed %llu\n", fault.c_str(), static_cast<unsigned long long>(seed));
  }
  const double seconds = cpu_seconds() - began;
  std::printf("%llu seeds in %.1f s of one core (%.0f a second), %.2f M steps, %d failed\n", static_cast<unsigned long long>(seeds), seconds,
              static_cast<double>(seeds) / seconds, static_cast<double>(turns) / 1e6, failures);
  return failures == 0 ? 0 : 1;
}

int run_mutations(const std::string& name) {
  bool known = false;
  int missed = 0;
  for (const auto& one : mutation::kAll) {
    if (name != "all" && name != one.text) continue;
    known = true;
    const Found found = find_mutation(one.name, kMutationSeeds);
    if (found.seeds == 0) ++missed;
    const std::string how = found.fault.substr(0, found.fault.find('\n'));
    std::printf("%-28s %s\n", std::string(one.text).c_str(),
                found.seeds == 0 ? "NOT FOUND" : (std::to_string(found.seeds) + " seeds: " + how).c_str());
    std::fflush(stdout);
  }
  if (!known) std::fprintf(stderr, "there is no mutation %s: see base/mutation.hpp\n", name.c_str());
  return known && missed == 0 ? 0 : 1;
}

int run(int argc, char** argv) {
  Wanted wanted;
  const char* level = std::getenv("DOSSIER_LOG_LEVEL");
  std::string log_level = level == nullptr ? "off" : level;
  for (int n = 2; n + 1 < argc; n += 2) {
    const std::string flag = argv[n];
    char* end = argv[n + 1];
    if (flag == "--seed") {
      wanted.from = wanted.to = std::strtoull(argv[n + 1], &end, 10);
      if (level == nullptr) log_level = "warn";
    } else if (flag == "--seeds") {
      wanted.from = std::strtoull(argv[n + 1], &end, 10);
      if (*end == '-') wanted.to = std::strtoull(end + 1, &end, 10);
    } else if (flag == "--minutes") {
      wanted.minutes = std::strtod(argv[n + 1], &end);
      wanted.to = std::numeric_limits<std::uint64_t>::max();
    } else if (flag == "--mutation") {
      wanted.mutation = argv[n + 1];
    } else {
      std::fprintf(stderr, "unknown: %s\n", flag.c_str());
      return 2;
    }
  }
  log::configure(log_level, "simulation");
  return wanted.mutation.empty() ? run_seeds(wanted) : run_mutations(wanted.mutation);
}

}  // namespace
}  // namespace dossier::simulation

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "sim") return dossier::simulation::run(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
