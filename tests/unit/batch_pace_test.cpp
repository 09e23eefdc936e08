// When a batch is held for the writers of the one before.
#include "platform/kafka/batch_pace.hpp"

#include <gtest/gtest.h>

namespace dossier::kafka {
namespace {

constexpr std::int64_t kSync = 1'000;

class BatchPaceTest : public ::testing::Test {
 protected:
  // A batch of so many, sent at once or at the end of its hold, whose sync meets so many that came meanwhile.
  void round(std::size_t records, std::size_t waiting) {
    pace_.sent(records, now_);
    now_ += kSync;
    pace_.answered(waiting, now_);
  }
  bool holds(std::size_t waiting) { return pace_.hold_until_us(waiting, now_) != 0; }

  BatchPace pace_;
  std::int64_t now_ = 1'000'000;
};

TEST_F(BatchPaceTest, one_writer_waits_for_nobody_and_so_do_a_few) {
  EXPECT_FALSE(holds(1));
  for (int n = 0; n < 5; ++n) {
    round(1, 0);
    EXPECT_FALSE(holds(1));
  }
  round(1, BatchPace::kFewest - 2);
  EXPECT_FALSE(holds(BatchPace::kFewest - 2));
  round(1, BatchPace::kFewest - 1);
  EXPECT_TRUE(holds(BatchPace::kFewest - 1));
}

TEST_F(BatchPaceTest, who_came_while_the_first_was_synced_waits_for_it_to_come_back) {
  round(1, 31);
  EXPECT_EQ(pace_.round(), 32u);
  EXPECT_EQ(pace_.hold_until_us(31, now_), now_ + kSync / 2);
  now_ += 100;
  round(32, 0);  // it came back, so that all go in one batch from now on
  EXPECT_EQ(pace_.round(), 32u);
  EXPECT_TRUE(holds(1));
  now_ += 100;
  EXPECT_FALSE(pace_.hold_until_us(32, now_)) << "all are there";
}

TEST_F(BatchPaceTest, a_hold_lasts_half_a_sync_and_never_longer_than_its_limit) {
  pace_.sent(20, now_);
  now_ += 60'000'000;
  pace_.answered(0, now_);
  EXPECT_EQ(pace_.hold_until_us(1, now_), now_ + BatchPace::kLongestHoldUs);
}

TEST_F(BatchPaceTest, holds_that_bring_nobody_become_rare_and_one_that_pays_makes_them_usual_again) {
  round(4, 4);
  const auto passes_until_the_next_hold = [&] {
    int passes = 0;
    for (; passes < 1'000 && !holds(4); ++passes) round(4, 4);
    return passes;
  };
  int before = 0;
  for (int n = 0; n < 12; ++n) {
    const int passes = passes_until_the_next_hold();
    if (n > 1) {
      EXPECT_EQ(passes, std::min<int>(2 * before, BatchPace::kMostPasses)) << n;
    }
    before = std::max(passes, 1);
    now_ += kSync / 2;
    round(4, 4);  // nobody came back in that time
  }
  EXPECT_EQ(passes_until_the_next_hold(), static_cast<int>(BatchPace::kMostPasses));
  now_ += kSync / 4;
  round(8, 0);  // four in a quarter of a sync
  EXPECT_TRUE(holds(1));
}

TEST_F(BatchPaceTest, one_that_brings_no_more_than_would_have_come_anyway_does_not_pay) {
  round(10, 10);
  ASSERT_TRUE(holds(10));
  now_ += kSync / 2;
  round(15, 5);  // five in half a sync, at ten a sync
  EXPECT_FALSE(holds(5));
}

}  // namespace
}  // namespace dossier::kafka
