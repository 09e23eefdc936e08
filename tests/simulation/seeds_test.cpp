// Many seeds of the whole system. A failing one prints itself; DOSSIER_SIM_SEEDS=FROM-TO (or one number) runs it again, exactly.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "base/log.hpp"
#include "tests/simulation/world.hpp"

namespace dossier::simulation {
namespace {

struct Seeds {
  std::uint64_t from = 1;
  std::uint64_t to = 500;
};

Seeds wanted_seeds() {
  Seeds seeds;
  if (const char* text = std::getenv("DOSSIER_SIM_SEEDS")) {
    char* end = nullptr;
    seeds.from = seeds.to = std::strtoull(text, &end, 10);
    if (*end == '-') seeds.to = std::strtoull(end + 1, nullptr, 10);
  }
  return seeds;
}

TEST(Simulation, keeps_every_promise_on_every_seed) {
  const Seeds seeds = wanted_seeds();
  log::configure(std::getenv("DOSSIER_LOG_LEVEL") != nullptr ? std::getenv("DOSSIER_LOG_LEVEL") : "error", "simulation");
  const auto began = std::chrono::steady_clock::now();
  int failures = 0;
  std::int64_t turns = 0;
  for (std::uint64_t seed = seeds.from; seed <= seeds.to && failures < 5; ++seed) {
    World world(seed);
    const std::string fault = world.run();
    turns += world.turns();
    if (fault.empty()) continue;
    ++failures;
    ADD_FAILURE() << fault << "again: DOSSIER_SIM_SEEDS=" << seed << " dossier_simulation_tests";
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const auto count = static_cast<double>(seeds.to - seeds.from + 1);
  std::printf("%.0f seeds in %.1f s (%.0f a second), %.1f M steps\n", count, seconds, count / seconds, static_cast<double>(turns) / 1e6);
}

TEST(Simulation, goes_the_same_way_twice_from_one_seed) {
  World first(7);
  World second(7);
  EXPECT_EQ(first.run(), second.run());
  EXPECT_EQ(first.turns(), second.turns());
}

}  // namespace
}  // namespace dossier::simulation
