// Many seeds of the whole system, in chunks that run beside each other: 2,000, with `./dev test --all` 10,000, or what
// DOSSIER_SIM_SEEDS says (fewer under a sanitizer). A failing one prints itself and a trace; `./dev sim --seed N` runs it
// again, exactly.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/log.hpp"
#include "tests/simulation/mutation_table.hpp"
#include "tests/simulation/world.hpp"

namespace dossier::simulation {
namespace {

constexpr std::uint64_t kSeeds = 2'000;
constexpr std::uint64_t kSeedsOfAll = 10'000;
constexpr std::uint64_t kChunks = 20;

std::uint64_t wanted_seeds() {
  const std::uint64_t most = std::getenv("DOSSIER_TEST_ALL") != nullptr ? kSeedsOfAll : kSeeds;
  const char* const asked = std::getenv("DOSSIER_SIM_SEEDS");
  return asked != nullptr ? std::clamp<std::uint64_t>(std::strtoull(asked, nullptr, 10), 1, most) : most;
}

class Simulation : public testing::TestWithParam<std::uint64_t> {
  void SetUp() override { log::configure("off", "simulation"); }
};

TEST_P(Simulation, keeps_every_promise_on_every_seed) {
  const std::uint64_t each = (wanted_seeds() + kChunks - 1) / kChunks;
  int failures = 0;
  for (std::uint64_t seed = GetParam() * each + 1; seed <= (GetParam() + 1) * each && failures < 3; ++seed) {
    World world(seed);
    const std::string fault = world.run();
    if (fault.empty()) continue;
    ++failures;
    ADD_FAILURE() << fault << "again: ./dev sim --seed " << seed;
  }
}
INSTANTIATE_TEST_SUITE_P(Chunk, Simulation, testing::Range<std::uint64_t>(0, kChunks));

class SimulationWithMutation : public testing::TestWithParam<mutation::Description> {
  void SetUp() override { log::configure("off", "simulation"); }
};

TEST_P(SimulationWithMutation, is_found) {
#ifndef DOSSIER_MUTATIONS
  GTEST_SKIP() << "this tree is built without mutations (DOSSIER_MUTATIONS)";
#endif
  const Found found = find_mutation(GetParam().name, kMutationSeeds);
  EXPECT_GT(found.seeds, 0u) << "no checker notices within " << kMutationSeeds << " seeds that " << GetParam().what;
  RecordProperty("seeds", std::to_string(found.seeds));
}
INSTANTIATE_TEST_SUITE_P(Each, SimulationWithMutation, testing::ValuesIn(mutation::kAll),
                         [](const auto& description) { return std::string(description.param.text); });

TEST(SimulationReplay, goes_the_same_way_twice_from_one_seed) {
  World first(7);
  World second(7);
  EXPECT_EQ(first.run(), second.run());
  EXPECT_EQ(first.turns(), second.turns());
}

}  // namespace
}  // namespace dossier::simulation
