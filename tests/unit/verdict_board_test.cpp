// Waiting for verdicts, and who may answer.
#include "producers/verdict_board.hpp"

#include <gtest/gtest.h>

#include "producers/verdict_poller.hpp"

namespace dossier::producers {
namespace {

Decided accepted(std::int64_t offset, std::uint64_t seq = 1) { return {offset, events::Verdict::accepted, seq, 0, {}}; }

class VerdictBoardTest : public ::testing::Test {
 protected:
  VerdictBoard::Done note(std::int64_t name) {
    return [this, name](const Decided& decided) { answers.emplace_back(name, decided.seq); };
  }
  void apply(std::int64_t first, std::int64_t count) {
    std::vector<Decided> decided;
    decided.reserve(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) decided.push_back(accepted(first + i, static_cast<std::uint64_t>(first + i)));
    board.applied({0, first + count, 1, 0}, std::move(decided));
  }
  ManualClock clock;
  VerdictBoard board{2, clock, {.recent = 4, .max_waits = 3, .behind_us = 10'000'000}};
  std::vector<std::pair<std::int64_t, std::uint64_t>> answers;
};

using Answers = std::vector<std::pair<std::int64_t, std::uint64_t>>;

TEST_F(VerdictBoardTest, a_wait_is_answered_once_its_offset_is_applied) {
  ASSERT_TRUE(board.await(0, 1, note(1)));
  apply(0, 1);
  EXPECT_TRUE(answers.empty());
  apply(1, 1);
  EXPECT_EQ(answers, (Answers{{1, 1}}));
  EXPECT_EQ(board.waiting(), 0u);
}

TEST_F(VerdictBoardTest, a_writer_that_comes_after_the_projector_is_answered_at_once) {
  apply(0, 3);
  const auto ticket = board.await(0, 2, note(2));
  ASSERT_TRUE(ticket);
  EXPECT_EQ(ticket->id, 0u);
  EXPECT_EQ(answers, (Answers{{2, 2}}));
}

TEST_F(VerdictBoardTest, what_is_no_longer_among_the_recent_ones_is_left_to_the_poller) {
  apply(0, 10);
  ASSERT_TRUE(board.await(0, 5, note(5)));
  EXPECT_TRUE(answers.empty());
  ASSERT_EQ(board.unanswered(10).size(), 1u);
  EXPECT_EQ(board.unanswered(10)[0].offset, 5);
  board.answer(0, accepted(5, 55));
  EXPECT_EQ(answers, (Answers{{5, 55}}));
}

TEST_F(VerdictBoardTest, a_conflict_that_nobody_here_waited_for_is_anothers_loss_for_a_moment) {
  const Decided conflict{0, events::Verdict::void_conflict, 0, 0, {}};
  ASSERT_TRUE(board.await(0, 0, note(0)));
  board.applied({0, 1, 1, 0}, {conflict});
  EXPECT_FALSE(board.others_lose(0)) << "it was our own";
  board.applied({0, 2, 1, 0}, {{1, events::Verdict::void_conflict, 0, 0, {}}});
  EXPECT_TRUE(board.others_lose(0));
  EXPECT_FALSE(board.others_lose(1));
  clock.advance_us(VerdictBoard::kLosersUs + 1);
  EXPECT_FALSE(board.others_lose(0));
}

TEST_F(VerdictBoardTest, several_may_wait_for_one_offset_and_each_partition_is_its_own) {
  ASSERT_TRUE(board.await(0, 0, note(1)));
  ASSERT_TRUE(board.await(0, 0, note(2)));
  ASSERT_TRUE(board.await(1, 0, note(3)));
  apply(0, 1);
  EXPECT_EQ(answers, (Answers{{1, 0}, {2, 0}}));
  EXPECT_EQ(board.waiting(), 1u);
}

TEST_F(VerdictBoardTest, a_cancelled_wait_is_never_answered) {
  const auto ticket = board.await(0, 0, note(1));
  ASSERT_TRUE(ticket);
  EXPECT_TRUE(board.cancel(*ticket));
  EXPECT_FALSE(board.cancel(*ticket));
  apply(0, 1);
  EXPECT_TRUE(answers.empty());
}

TEST_F(VerdictBoardTest, the_number_of_waits_is_bounded) {
  for (std::int64_t i = 0; i < 3; ++i) ASSERT_TRUE(board.await(0, i, note(i)));
  const auto refused = board.await(0, 3, note(3));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);
}

TEST_F(VerdictBoardTest, a_source_that_lags_behind_another_moves_nothing_back) {
  apply(0, 10);
  board.progressed({0, 3, 1, 0});
  EXPECT_EQ(board.next_offset(0), 10);
  apply(2, 2);
  EXPECT_EQ(board.next_offset(0), 10);
  ASSERT_TRUE(board.await(0, 9, note(9)));
  EXPECT_EQ(board.waiting(), 1u);  // what joined on no longer is forgotten, never answered wrongly
}

TEST_F(VerdictBoardTest, a_new_history_begins_at_its_own_position_and_forgets_the_verdicts_of_the_old_one) {
  apply(0, 10);
  board.progressed({0, 4, 2, 0});
  EXPECT_EQ(board.next_offset(0), 4);
  EXPECT_EQ(board.history(0), 2u);
  ASSERT_TRUE(board.await(0, 3, note(3)));
  EXPECT_EQ(board.waiting(), 1u);  // the old history's verdict at this offset is of another record
  board.progressed({0, 10, 1, 0});
  EXPECT_EQ(board.next_offset(0), 4) << "a source in the old history teaches nothing";
}

TEST_F(VerdictBoardTest, a_source_that_does_not_know_the_history_moves_the_position_all_the_same) {
  apply(0, 10);
  board.progressed({0, 12, 0, 0});
  EXPECT_EQ(board.next_offset(0), 12);
  EXPECT_EQ(board.history(0), 1u);
}

TEST_F(VerdictBoardTest, it_is_behind_once_an_acknowledged_record_waits_longer_than_the_bound) {
  ASSERT_TRUE(board.await(0, 0, note(0)));
  clock.advance_us(10'000'000);
  EXPECT_TRUE(board.ready(0));
  clock.advance_us(1);
  EXPECT_EQ(board.ready(0).error().code, Code::projection_behind);
  EXPECT_TRUE(board.ready(1));
  apply(0, 1);
  EXPECT_TRUE(board.ready(0));
}

TEST_F(VerdictBoardTest, behind_it_lets_one_command_through_in_a_while_which_tells_of_a_log_that_lost_its_tail) {
  board.progressed({0, 5, 1, 0});
  ASSERT_TRUE(board.await(0, 9, [](const Decided&) {}));
  clock.advance_us(10'000'001);
  EXPECT_EQ(board.ready(0).error().code, Code::projection_behind);
  clock.advance_us(10'000'000);
  EXPECT_TRUE(board.ready(0));
  EXPECT_EQ(board.ready(0).error().code, Code::projection_behind) << "one";
  ASSERT_TRUE(board.await(0, 5, [](const Decided&) {}));  // it ends before what was acknowledged
  EXPECT_TRUE(board.ready(0));
  board.applied({0, 6, 1, 0}, {{.offset = 5, .verdict = events::Verdict::accepted, .seq = 1, .versions = {}}});
  clock.advance_us(60'000'000);
  EXPECT_TRUE(board.ready(0));
}

TEST_F(VerdictBoardTest, it_is_behind_where_the_projector_says_so) {
  board.applied({0, 1, 1, 10'000'001}, {accepted(0)});
  EXPECT_EQ(board.ready(0).error().code, Code::projection_behind);
  board.applied({0, 2, 1, 0}, {accepted(1)});
  EXPECT_TRUE(board.ready(0));
}

struct ScriptedSource final : VerdictSource {
  Look next;
  int looks = 0;
  Result<Look> look(const std::vector<VerdictBoard::Wait>&) override {
    ++looks;
    return next;
  }
};

TEST_F(VerdictBoardTest, a_poller_answers_for_partitions_that_another_process_projects) {
  ScriptedSource source;
  VerdictPoller poller(board, source, clock);
  ASSERT_TRUE(board.await(0, 0, note(7)));
  source.next.progress = {{0, 1, 3, 0}};
  source.next.answers = {{0, accepted(0, 12)}};
  ASSERT_TRUE(poller.step());
  EXPECT_EQ(answers, (Answers{{7, 12}}));
  EXPECT_EQ(board.history(0), 3u);
  EXPECT_EQ(board.next_offset(0), 1);
}

TEST_F(VerdictBoardTest, a_poller_looks_seldom_while_nobody_waits_and_often_while_somebody_does) {
  ScriptedSource source;
  VerdictPoller poller(board, source, clock);
  ASSERT_TRUE(poller.step());
  clock.advance_us(100'000);
  ASSERT_TRUE(poller.step());
  EXPECT_EQ(source.looks, 1);
  ASSERT_TRUE(board.await(0, 0, note(0)));
  ASSERT_TRUE(poller.step());
  EXPECT_EQ(source.looks, 2);
}

}  // namespace
}  // namespace dossier::producers
