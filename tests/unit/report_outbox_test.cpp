// Reports without an answer, sent again.
#include "worker/report_outbox.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace dossier::worker {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
using Sequences = std::vector<std::uint64_t>;

class ReportOutboxTest : public ::testing::Test {
 protected:
  void add(bool held = false) { outbox_.add(v1::Report(), now_us_, held); }
  Sequences due_after(std::int64_t us) {
    now_us_ += us;
    Sequences sequences;
    for (const auto& sent : outbox_.due(now_us_)) sequences.push_back(sent.sequence);
    return sequences;
  }

  std::int64_t now_us_ = 0;
  ReportOutbox outbox_;
};

TEST_F(ReportOutboxTest, all_that_wait_go_with_the_oldest_one) {
  add();
  now_us_ += kSecond / 2;
  add();
  EXPECT_EQ(outbox_.next_due_us(), kSecond);
  EXPECT_EQ(due_after(kSecond / 2), (Sequences{1, 2}));
  EXPECT_EQ(outbox_.next_due_us(), 3 * kSecond) << "the second one alone would be of no use";
  EXPECT_EQ(due_after(2 * kSecond), (Sequences{1, 2}));
}

TEST_F(ReportOutboxTest, a_worker_that_lost_one_report_catches_up_however_many_come_after_it) {
  std::uint64_t taken = 0;  // as the server does: in their order only
  const auto send = [&](std::uint64_t sequence) {
    if (sequence == taken + 1) taken = sequence;
  };
  add();  // and it is lost
  for (int second = 1; second <= 40; ++second) {
    now_us_ += kSecond;
    for (const auto& sent : outbox_.due(now_us_)) send(sent.sequence);
    outbox_.accepted_through(taken);
    send(outbox_.add(v1::Report(), now_us_).sequence);
  }
  outbox_.accepted_through(taken);
  EXPECT_EQ(taken, 41u);
  EXPECT_TRUE(outbox_.empty());
}

TEST_F(ReportOutboxTest, what_waits_behind_a_full_burst_goes_once_that_is_accepted) {
  for (std::size_t i = 0; i < ReportOutbox::kRepeatBurst + 3; ++i) add();
  EXPECT_EQ(due_after(kSecond).size(), ReportOutbox::kRepeatBurst);
  EXPECT_TRUE(due_after(kSecond / 2).empty());
  outbox_.accepted_through(ReportOutbox::kRepeatBurst);
  EXPECT_EQ(due_after(0).size(), 3u);
}

TEST_F(ReportOutboxTest, one_that_is_accepted_and_has_no_answer_keeps_its_own_pace) {
  add(true);
  now_us_ += kSecond / 2;
  add();
  outbox_.accepted_through(1);
  EXPECT_EQ(due_after(kSecond / 2), Sequences{1});
  EXPECT_EQ(due_after(kSecond / 2), Sequences{2});
  outbox_.release(1);
  outbox_.accepted_through(2);
  EXPECT_EQ(outbox_.next_due_us(), std::numeric_limits<std::int64_t>::max());
}

}  // namespace
}  // namespace dossier::worker
