// Processes share the partitions of a role out through a real PostgreSQL: each fairly, each partition by one, and what a
// process leaves or loses goes to the others.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "producers/partition_owners.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::producers {
namespace {

constexpr std::int32_t kPartitions = 12;

class PartitionSharing : public testing::Test {
 protected:
  PartitionOwners process(const std::string& name, const std::string& role = "projector", std::int32_t partitions = kPartitions) {
    return PartitionOwners(pool_, role, name, partitions);
  }
  static std::vector<std::int32_t> renewed(PartitionOwners& owners) {
    const auto owned = owners.renew();
    EXPECT_TRUE(owned.has_value()) << owned.error().message;
    return owned ? *owned : std::vector<std::int32_t>();
  }
  // All say twice that they live: what one gives up the others take.
  static std::vector<std::vector<std::int32_t>> settled(const std::vector<PartitionOwners*>& processes) {
    std::vector<std::vector<std::int32_t>> owned;
    for (int round = 0; round < 2; ++round) {
      owned.clear();
      for (auto* one : processes) owned.push_back(renewed(*one));
    }
    return owned;
  }
  static std::size_t together(const std::vector<std::vector<std::int32_t>>& owned) {
    std::set<std::int32_t> all;
    std::size_t sum = 0;
    for (const auto& one : owned) {
      all.insert(one.begin(), one.end());
      sum += one.size();
    }
    EXPECT_EQ(all.size(), sum) << "a partition has two owners";
    return all.size();
  }
  std::unique_ptr<test::TestDatabase> database_ = test::TestDatabase::create();
  postgres::Pool pool_{{.connection = {.url = database_->url()}, .size = 2}};
};

TEST_F(PartitionSharing, OneProcessOwnsAll) {
  auto one = process("one");
  const auto owned = renewed(one);
  ASSERT_EQ(owned.size(), static_cast<std::size_t>(kPartitions));
  EXPECT_TRUE(std::is_sorted(owned.begin(), owned.end()));
  EXPECT_EQ(owned.front(), 0);
  EXPECT_EQ(owned.back(), kPartitions - 1);
  EXPECT_EQ(renewed(one), owned);
}

TEST_F(PartitionSharing, TheyShareFairlyAndKeepWhatTheyHave) {
  auto one = process("one"), two = process("two"), three = process("three");
  const auto alone = renewed(one);
  const auto owned = settled({&one, &two, &three});
  EXPECT_EQ(together(owned), static_cast<std::size_t>(kPartitions));
  for (const auto& share : owned) EXPECT_EQ(share.size(), 4u);
  EXPECT_EQ(owned[0], std::vector<std::int32_t>(alone.begin(), alone.begin() + 4));
  EXPECT_EQ(settled({&one, &two, &three}), owned);
}

TEST_F(PartitionSharing, MoreProcessesThanPartitionsLeaveSomeWithout) {
  auto one = process("one", "projector", 2), two = process("two", "projector", 2), three = process("three", "projector", 2);
  const auto owned = settled({&one, &two, &three});
  EXPECT_EQ(together(owned), 2u);
  for (const auto& share : owned) EXPECT_LE(share.size(), 1u);
}

TEST_F(PartitionSharing, WhatAProcessLeavesTheOthersTakeAtOnce) {
  auto one = process("one"), two = process("two");
  settled({&one, &two});
  ASSERT_TRUE(one.leave().has_value());
  EXPECT_EQ(renewed(two).size(), static_cast<std::size_t>(kPartitions));
  ASSERT_TRUE(one.leave().has_value()) << "leaving twice";
}

TEST_F(PartitionSharing, AProcessThatFellSilentLosesItsPartitionsAndComesBackWithAShare) {
  auto silent = process("silent"), alive = process("alive");
  settled({&silent, &alive});
  ASSERT_TRUE(test::eventually(PartitionOwners::kTtlMs * 4, [&] { return renewed(alive).size() == static_cast<std::size_t>(kPartitions); }));
  EXPECT_TRUE(renewed(silent).empty()) << "the other owns all of them until it is told of its share";
  const auto owned = settled({&silent, &alive});
  EXPECT_EQ(together(owned), static_cast<std::size_t>(kPartitions));
  EXPECT_EQ(owned[0].size(), owned[1].size());
}

TEST_F(PartitionSharing, RolesDontKnowEachOther) {
  auto projector = process("one", "projector"), intake = process("one", "intake");
  EXPECT_EQ(renewed(projector).size(), static_cast<std::size_t>(kPartitions));
  EXPECT_EQ(renewed(intake).size(), static_cast<std::size_t>(kPartitions));
  ASSERT_TRUE(intake.leave().has_value());
  EXPECT_EQ(renewed(projector).size(), static_cast<std::size_t>(kPartitions));
}

TEST_F(PartitionSharing, WhileTheDatabaseIsAwayNobodyKnows) {
  postgres::Pool away({.connection = {.url = "postgresql://nobody@127.0.0.1:1/none"}, .size = 1});
  PartitionOwners owners(away, "projector", "one", kPartitions);
  EXPECT_EQ(owners.renew().error().code, Code::database_unavailable);
  EXPECT_EQ(owners.leave().error().code, Code::database_unavailable);
}

}  // namespace
}  // namespace dossier::producers
