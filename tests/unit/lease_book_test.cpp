// Leases in broker time.
#include "producers/lease_book.hpp"

#include <gtest/gtest.h>

namespace dossier::producers {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kBegin = 1'800'000'000 * kSecond;
const TaskId kTask("tsk_1");
const WorkspaceId kLeaseWorkspace("ws_1");
const WorkerId kLeaseWorker("wkr_1");

class LeaseBookTest : public ::testing::Test {
 protected:
  void SetUp() override { book.advance(kBegin); }
  void pass(std::int64_t seconds) {  // as records come, one a second
    for (std::int64_t i = 0; i < seconds; ++i) book.advance(book.now_us() + kSecond);
  }
  LeaseBook book;
};

TEST_F(LeaseBookTest, a_lease_ends_one_term_after_the_last_sign_of_life_and_not_before) {
  book.hold(kTask, 1, kLeaseWorkspace, kLeaseWorker);
  pass(20);
  EXPECT_TRUE(book.expired().empty());
  pass(1);
  ASSERT_EQ(book.expired().size(), 1u);
  EXPECT_EQ(book.expired()[0].offer, 1u);
}

TEST_F(LeaseBookTest, a_renewal_begins_a_new_term) {
  book.hold(kTask, 1, kLeaseWorkspace, kLeaseWorker);
  pass(19);
  EXPECT_TRUE(book.renew(kTask, 1, kLeaseWorker));
  pass(20);
  EXPECT_TRUE(book.expired().empty());
}

TEST_F(LeaseBookTest, nobody_else_and_no_other_offer_renews_it) {
  book.hold(kTask, 2, kLeaseWorkspace, kLeaseWorker);
  EXPECT_FALSE(book.renew(kTask, 1, kLeaseWorker));
  EXPECT_FALSE(book.renew(kTask, 2, WorkerId("wkr_2")));
  EXPECT_FALSE(book.renew(TaskId("tsk_2"), 2, kLeaseWorker));
  pass(21);
  EXPECT_EQ(book.expired().size(), 1u);
}

TEST_F(LeaseBookTest, without_records_no_time_passes) {
  book.hold(kTask, 1, kLeaseWorkspace, kLeaseWorker);
  book.advance(kBegin);
  book.advance(kBegin - 100 * kSecond);
  EXPECT_EQ(book.now_us(), kBegin);
  EXPECT_TRUE(book.expired().empty());
}

TEST_F(LeaseBookTest, a_break_in_the_records_gives_a_full_term) {
  book.hold(kTask, 1, kLeaseWorkspace, kLeaseWorker);
  book.advance(book.now_us() + LeaseBook::kBreakUs + 1);
  pass(20);
  EXPECT_TRUE(book.expired().empty());
  pass(1);
  EXPECT_EQ(book.expired().size(), 1u);
}

TEST_F(LeaseBookTest, a_hole_that_is_no_break_gives_none) {
  book.hold(kTask, 1, kLeaseWorkspace, kLeaseWorker);
  book.advance(book.now_us() + LeaseBook::kBreakUs);
  book.advance(book.now_us() + LeaseBook::kBreakUs);
  book.advance(book.now_us() + 1);
  EXPECT_EQ(book.expired().size(), 1u);
}

TEST_F(LeaseBookTest, a_newer_offer_replaces_the_lease_and_an_older_one_does_not) {
  book.hold(kTask, 1, kLeaseWorkspace, kLeaseWorker);
  book.hold(kTask, 2, kLeaseWorkspace, WorkerId("wkr_2"));
  EXPECT_TRUE(book.holds(kTask, 2, WorkerId("wkr_2")));
  book.hold(kTask, 1, kLeaseWorkspace, kLeaseWorker);
  EXPECT_FALSE(book.holds(kTask, 1, kLeaseWorker));
  book.drop(kTask, 1);
  EXPECT_TRUE(book.holds(kTask, 2, WorkerId("wkr_2")));
  book.drop(kTask, 2);
  EXPECT_TRUE(book.empty());
}

}  // namespace
}  // namespace dossier::producers
