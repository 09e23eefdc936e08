// However a log is cut into batches, the rows are the same: fold(a + b) = fold(fold(a), b). Within a batch patches meet
// in memory (rows::Batch), between batches in the table; both must say the same.
#include <gtest/gtest.h>

#include <random>

#include "tests/support/random_history.hpp"
#include "tests/support/table_rows.hpp"

namespace dossier::projections {
namespace {

using test::TableRows;

// All events of a script in batches of these sizes, the last size repeated.
TableRows in_batches(const test::EventScript& script, std::mt19937_64* random) {
  std::vector<rows::Batch> batches(1);
  std::size_t left = random == nullptr ? 1'000'000 : 1 + (*random)() % 40;
  test::for_each_accepted(script, [&](const AcceptedEvent& event) {
    if (left-- == 0) {
      batches.emplace_back();
      left = random == nullptr ? 1'000'000 : (*random)() % 40;
    }
    for (const auto& model : registry()) model.project(event, batches.back());
  });
  TableRows rows;
  for (const auto& batch : batches) rows.apply(batch);
  return rows;
}

TEST(BatchSplit, any_split_of_a_random_history_gives_the_same_rows) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    const auto script = test::random_history(random, 250);
    const TableRows one_by_one = test::project_all(script);
    EXPECT_TRUE(in_batches(script, nullptr) == one_by_one) << "one batch, seed " << seed;
    for (int split = 0; split < 4; ++split) EXPECT_TRUE(in_batches(script, &random) == one_by_one) << "seed " << seed;
  }
}

TEST(BatchSplit, random_histories_touch_every_table) {
  std::mt19937_64 random(5);
  const auto rows = test::project_all(test::random_history(random, 3'000));
  for (const auto& model : registry())
    for (const auto* table : model.tables) EXPECT_GT(rows.count(table->name), 0u) << table->name;
}

}  // namespace
}  // namespace dossier::projections
