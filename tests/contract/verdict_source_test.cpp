// The contract of VerdictSource, held against both implementations: how far partitions are applied, and what the ledger
// said about the records that somebody waits for.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/contract/producer_system.hpp"
#include "tests/support/event_script.hpp"

namespace dossier::producers {
namespace {

using events::Verdict;

class VerdictSources : public testing::TestWithParam<test::MakeProducerSystem> {
 protected:
  void SetUp() override { system_ = GetParam()(); }

  // Applies records of these verdicts to a partition, from where it stands.
  static void apply(projections::ProjectionStore& store, std::int32_t partition, const std::vector<std::pair<Verdict, std::uint64_t>>& records) {
    auto position = store.position(partition);
    ASSERT_TRUE(position.has_value());
    if (!*position) {
      *position = projections::Position{partition, 0, crypto::kZeroHash, "log", test::EventScript::kPartitions, 4, 1};
      ASSERT_TRUE(store.create_position(**position).has_value());
    }
    projections::ProjectionBatch batch;
    batch.before = **position;
    batch.after = batch.before;
    for (const auto& [verdict, seq] : records) {
      const std::int64_t offset = batch.after.next_offset++;
      const bool commit = verdict != Verdict::control && verdict != Verdict::void_malformed;
      batch.journal.push_back({partition, offset, verdict, commit ? test::hex_id("ws", 1) : "", seq, verdict == Verdict::accepted ? 700 + offset : 0,
                               commit ? test::hex_id("cmm", static_cast<std::uint64_t>(offset)) : "", crypto::kZeroHash, 80, "value"});
    }
    const auto applied = store.apply(batch);
    ASSERT_TRUE(applied.has_value()) << applied.error().message;
  }
  // The answers by (partition, offset).
  std::map<std::pair<std::int32_t, std::int64_t>, Decided> answers(const std::vector<VerdictBoard::Wait>& waits) {
    const auto look = system_->verdicts->look(waits);
    EXPECT_TRUE(look.has_value());
    std::map<std::pair<std::int32_t, std::int64_t>, Decided> out;
    if (look)
      for (const auto& one : look->answers) out[{one.partition, one.decided.offset}] = one.decided;
    return out;
  }
  std::unique_ptr<test::ProducerSystem> system_;
};

TEST_P(VerdictSources, ALogThatNobodyProjectedHasNoProgressAndNoAnswers) {
  const auto look = *system_->verdicts->look({{0, 0}, {3, 7}});
  EXPECT_TRUE(look.progress.empty());
  EXPECT_TRUE(look.answers.empty());
}

TEST_P(VerdictSources, EveryPartitionWithAPositionShowsItsProgress) {
  apply(*system_->projection, 3, {{Verdict::control, 0}, {Verdict::accepted, 1}});
  apply(*system_->projection, 7, {{Verdict::control, 0}});
  auto look = *system_->verdicts->look({});
  ASSERT_EQ(look.progress.size(), 2u);
  std::sort(look.progress.begin(), look.progress.end(), [](const Progress& a, const Progress& b) { return a.partition < b.partition; });
  EXPECT_EQ(look.progress[0].partition, 3);
  EXPECT_EQ(look.progress[0].next_offset, 2);
  EXPECT_EQ(look.progress[0].history, 4u);
  EXPECT_EQ(look.progress[1].partition, 7);
  EXPECT_EQ(look.progress[1].next_offset, 1);
}

TEST_P(VerdictSources, EveryVerdictIsToldAsTheJournalHasIt) {
  apply(*system_->projection, 0,
        {{Verdict::control, 0},
         {Verdict::accepted, 1},
         {Verdict::void_conflict, 0},
         {Verdict::void_duplicate, 1},
         {Verdict::void_malformed, 0},
         {Verdict::void_history, 0}});
  const auto all = answers({{0, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 4}, {0, 5}});
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(all.at({0, 0}).verdict, Verdict::control);
  EXPECT_EQ(all.at({0, 1}).verdict, Verdict::accepted);
  EXPECT_EQ(all.at({0, 1}).seq, 1u);
  EXPECT_EQ(all.at({0, 1}).time_us, 701);
  EXPECT_EQ(all.at({0, 2}).verdict, Verdict::void_conflict);
  EXPECT_EQ(all.at({0, 3}).verdict, Verdict::void_duplicate);
  EXPECT_EQ(all.at({0, 3}).seq, 1u);  // of the commit that was accepted first
  EXPECT_EQ(all.at({0, 4}).verdict, Verdict::void_malformed);
  EXPECT_EQ(all.at({0, 5}).verdict, Verdict::void_history);
}

TEST_P(VerdictSources, AWaitIsAnsweredOnceItsPartitionIsAppliedPastIt) {
  apply(*system_->projection, 0, {{Verdict::control, 0}});
  apply(*system_->projection, 2, {{Verdict::control, 0}});
  EXPECT_TRUE(answers({{0, 1}, {2, 1}, {5, 0}}).empty());
  apply(*system_->projection, 2, {{Verdict::accepted, 1}});
  const auto now = answers({{0, 1}, {2, 1}, {5, 0}});
  ASSERT_EQ(now.size(), 1u);
  EXPECT_EQ(now.begin()->first, std::pair(2, std::int64_t{1}));
}

TEST_P(VerdictSources, TwoWaitsAtOneRecordHaveOneAnswerOrTwoOfTheSame) {
  apply(*system_->projection, 0, {{Verdict::control, 0}, {Verdict::accepted, 1}});
  const auto look = *system_->verdicts->look({{0, 1}, {0, 1}});
  ASSERT_FALSE(look.answers.empty());
  for (const auto& one : look.answers) EXPECT_EQ(one.decided.seq, 1u);
}

TEST_P(VerdictSources, WhatAGenerationInTheMakingJournaledIsNoAnswer) {
  apply(*system_->projection, 0, {{Verdict::control, 0}});
  apply(*system_->second, 0, {{Verdict::control, 0}, {Verdict::accepted, 1}});
  EXPECT_TRUE(answers({{0, 1}}).empty());
  EXPECT_EQ(system_->verdicts->look({})->progress.at(0).next_offset, 1);
  system_->switch_over();
  EXPECT_EQ(answers({{0, 1}}).size(), 1u);
  EXPECT_EQ(system_->verdicts->look({})->progress.at(0).next_offset, 2);
}

TEST_P(VerdictSources, NothingIsToldWhileTheDatabaseIsAway) {
  system_->lose_database();
  EXPECT_EQ(system_->verdicts->look({}).error().code, Code::database_unavailable);
  EXPECT_EQ(system_->verdicts->look({{0, 0}}).error().code, Code::database_unavailable);
}

INSTANTIATE_TEST_SUITE_P(Memory, VerdictSources, testing::Values(&test::memory_system));
INSTANTIATE_TEST_SUITE_P(Postgres, VerdictSources, testing::Values(&test::postgres_system));

}  // namespace
}  // namespace dossier::producers
