// The worker's rules about turns: what follows one, who says so, and what if nobody does.
#include "tests/unit/worker_protocol_fixture.hpp"

namespace dossier::worker {
namespace {

class WorkerTurns : public WorkerProtocol {
 protected:
  void SetUp() override {
    start_running();
    protocol_.on_run_started(kRun, "thread-1", now());
    turn_began(1);
    take();
  }
  void end_first_turn() {
    turn_ended(1);
    take();
    ended_as_ = reports_.at(0).sequence();
  }
  std::uint64_t ended_as_ = 0;
};

TEST_F(WorkerTurns, after_a_turn_the_run_waits_for_what_the_server_says) {
  end_first_turn();
  EXPECT_EQ(kinds(), Strings{"turn_ended"});
  EXPECT_EQ(order_, Strings{"report"});
}

TEST_F(WorkerTurns, follow_ups_begin_the_next_turn_once_however_often_they_are_said) {
  end_first_turn();
  next_turn(2, "and tests");
  next_turn(2, "and tests");
  take();
  ASSERT_EQ(turns_.size(), 1u);
  EXPECT_EQ(turns_[0].run, kRun);
  EXPECT_EQ(turns_[0].turn, 2u);
  EXPECT_EQ(turns_[0].inputs.at(0).body().plain(), "and tests");
  turn_began(2);
  next_turn(2, "and tests");  // late
  take();
  EXPECT_TRUE(turns_.empty());
}

TEST_F(WorkerTurns, where_nothing_waits_the_run_is_told_once_to_finish) {
  end_first_turn();
  finish(1);
  finish(1);
  take();
  EXPECT_EQ(finishing_, std::vector<RunKey>{kRun});
  next_turn(2, "too late");
  take();
  EXPECT_TRUE(turns_.empty());
}

TEST_F(WorkerTurns, a_word_about_another_turn_changes_nothing) {
  end_first_turn();
  next_turn(3, "from the future");
  next_turn(1, "from the past");
  finish(2);
  take();
  EXPECT_TRUE(order_.empty());
  next_turn(2, "go on");
  turn_began(2);
  finish(1);  // of the first turn, late, while the second runs
  take();
  EXPECT_TRUE(finishing_.empty());
  turn_ended(2);
  finish(1);  // and while it waits for its own answer
  take();
  EXPECT_TRUE(finishing_.empty());
  finish(2);
  take();
  EXPECT_EQ(finishing_, std::vector<RunKey>{kRun});
}

TEST_F(WorkerTurns, a_word_before_the_turn_ended_is_no_answer) {
  next_turn(2, "early");
  finish(1);
  take();
  EXPECT_TRUE(order_.empty());
}

TEST_F(WorkerTurns, a_turn_in_which_nothing_is_said_is_none) {
  end_first_turn();
  next_turn(2, "");
  take();
  EXPECT_TRUE(turns_.empty());
  EXPECT_EQ(finishing_, std::vector<RunKey>{kRun});
}

TEST_F(WorkerTurns, the_report_is_repeated_with_its_bytes_until_the_answer_comes_even_when_it_is_accepted) {
  turn_ended(1);
  take();
  const std::string said = bodies_.at(0);
  accepted_through(protocol_.outbox().last_sequence());
  take();
  pass_connected(10 * kSecond);
  take();
  ASSERT_GE(bodies_.size(), 2u);
  for (const auto& body : bodies_) EXPECT_EQ(body, said);
  finish(1);
  take();
  pass_connected(10 * kSecond);
  take();
  EXPECT_TRUE(bodies_.empty());
  EXPECT_TRUE(protocol_.outbox().empty());
}

TEST_F(WorkerTurns, an_answer_does_not_end_the_repeats_of_a_report_that_is_not_accepted) {
  end_first_turn();
  finish(1);
  take();
  pass_connected(2 * kSecond);
  take();
  EXPECT_EQ(std::count_if(reports_.begin(), reports_.end(), [&](const auto& report) { return report.sequence() == ended_as_; }), 1);
}

TEST_F(WorkerTurns, a_run_finishes_by_itself_when_its_report_is_accepted_and_no_answer_comes) {
  end_first_turn();
  accepted_through(ended_as_);
  pass_connected(Protocol::kTurnAnswerUs - kSecond);
  take();
  EXPECT_TRUE(finishing_.empty());
  pass_connected(kSecond);
  take();
  EXPECT_EQ(finishing_, std::vector<RunKey>{kRun});
  EXPECT_TRUE(stopped_.empty());
}

TEST_F(WorkerTurns, without_an_acceptance_the_server_is_not_there_and_the_run_waits_for_it) {
  end_first_turn();
  pass_connected(3'600 * kSecond);
  take();
  EXPECT_TRUE(finishing_.empty());
  accepted_through(ended_as_);
  pass_connected(kSecond);
  next_turn(2, "here I am");
  take();
  EXPECT_EQ(turns_.size(), 1u);
}

TEST_F(WorkerTurns, the_acceptance_of_earlier_reports_starts_no_wait) {
  end_first_turn();
  accepted_through(ended_as_ - 1);
  pass_connected(2 * Protocol::kTurnAnswerUs);
  take();
  EXPECT_TRUE(finishing_.empty());
}

TEST_F(WorkerTurns, the_wait_of_a_turn_is_its_own) {
  end_first_turn();
  accepted_through(ended_as_);
  pass_connected(Protocol::kTurnAnswerUs - kSecond);
  next_turn(2, "more");
  turn_began(2);
  pass_connected(3'600 * kSecond);
  take();
  EXPECT_TRUE(finishing_.empty());
}

TEST_F(WorkerTurns, a_refused_report_has_no_answer_so_the_run_finishes) {
  end_first_turn();
  refused(ended_as_, "no such session");
  take();
  EXPECT_EQ(finishing_, std::vector<RunKey>{kRun});
  EXPECT_TRUE(std::none_of(reports_.begin(), reports_.end(), [&](const auto& report) { return report.sequence() == ended_as_; }));
}

TEST_F(WorkerTurns, a_turn_that_ends_twice_is_reported_once) {
  end_first_turn();
  turn_ended(1);
  take();
  EXPECT_TRUE(reports_.empty());
}

TEST_F(WorkerTurns, a_run_that_is_stopped_between_turns_begins_no_other) {
  end_first_turn();
  accepted_through(ended_as_);
  cancel(kRun, "enough");
  next_turn(2, "more");
  finish(1);
  pass_connected(2 * Protocol::kTurnAnswerUs);
  take();
  EXPECT_EQ(stopped_, (Stops{{kRun, StopReason::cancelled}}));
  EXPECT_TRUE(turns_.empty());
  EXPECT_TRUE(finishing_.empty());
}

TEST_F(WorkerTurns, a_run_that_ends_while_it_waits_leaves_nothing_to_be_repeated) {
  end_first_turn();
  protocol_.on_run_ended(kRun, completed(), now());
  accepted_through(protocol_.outbox().last_sequence());
  EXPECT_TRUE(protocol_.outbox().empty());
  next_turn(2, "nobody is there");
  take();
  EXPECT_TRUE(turns_.empty());
}

TEST_F(WorkerTurns, the_work_of_a_turn_is_reported_with_it_and_not_again_at_the_end) {
  end_first_turn();
  v1::SourceCaptured source;
  source.set_turn(1);
  source.set_commit("c0ffee");
  protocol_.on_note(kRun, source, now());
  take();
  EXPECT_EQ(kinds(), Strings{"source"});
  RunEnd end = completed();
  end.source = source;
  protocol_.on_run_ended(kRun, end, now());
  take();
  EXPECT_EQ(kinds(), Strings{"run_completed"});
  EXPECT_EQ(reports_[0].run_completed().commit(), "c0ffee");
}

TEST_F(WorkerTurns, each_turns_work_is_reported_even_where_it_changed_nothing) {
  v1::SourceCaptured source;
  source.set_commit("c0ffee");
  for (const std::uint32_t turn : {1u, 2u}) {
    source.set_turn(turn);
    protocol_.on_note(kRun, source, now());
  }
  take();
  EXPECT_EQ(kinds(), (Strings{"source", "source"}));
}

TEST_F(WorkerTurns, notes_are_reported_as_they_are) {
  v1::EvidenceRecorded evidence;
  evidence.set_name("junit.xml");
  v1::EvidenceRejected rejected;
  rejected.set_code("too_large");
  v1::LimitReached limit;
  limit.set_limit("disk");
  protocol_.on_note(kRun, evidence, now());
  protocol_.on_note(kRun, rejected, now());
  protocol_.on_note(kRun, limit, now());
  take();
  ASSERT_EQ(kinds(), (Strings{"evidence", "evidence_rejected", "limit_reached"}));
  EXPECT_EQ(reports_[0].evidence().name(), "junit.xml");
  EXPECT_EQ(reports_[1].evidence_rejected().code(), "too_large");
  EXPECT_EQ(reports_[2].limit_reached().limit(), "disk");
  EXPECT_EQ(reports_[2].fence().task_id(), kTask);
}

TEST_F(WorkerTurns, nothing_of_a_fenced_run_is_said_any_more) {
  fenced(kRun);
  take();
  turn_began(2);
  turn_ended(2);
  asked("0");
  protocol_.on_approval_answered(kRun, "apr_1", "answered", now());
  protocol_.on_note(kRun, v1::LimitReached(), now());
  take();
  EXPECT_TRUE(reports_.empty());
}

// ---- steering

TEST_F(WorkerTurns, a_follow_up_is_steered_into_the_present_turn_once) {
  steer("fup_1");
  steer("fup_1");
  take();
  ASSERT_EQ(steers_.size(), 1u);
  EXPECT_EQ(steers_[0].input.follow_up_id(), "fup_1");
  protocol_.on_follow_up_steered(kRun, "fup_1", 1, now());
  protocol_.on_follow_up_steered(kRun, "fup_1", 1, now());
  take();
  ASSERT_EQ(kinds(), Strings{"follow_up_steered"});
  EXPECT_EQ(reports_[0].follow_up_steered().follow_up_id(), "fup_1");
  EXPECT_EQ(reports_[0].follow_up_steered().turn(), 1u);
}

TEST_F(WorkerTurns, without_a_turn_nothing_is_steered_and_a_later_repeat_finds_one) {
  end_first_turn();
  steer("fup_1");
  take();
  EXPECT_TRUE(steers_.empty());
  next_turn(2, "another one");
  turn_began(2);
  steer("fup_1");
  take();
  EXPECT_EQ(steers_.size(), 1u);
}

TEST_F(WorkerTurns, what_a_turn_did_not_take_may_be_steered_into_the_next) {
  steer("fup_1");
  end_first_turn();
  next_turn(2, "another one");
  turn_began(2);
  steer("fup_1");
  take();
  EXPECT_EQ(steers_.size(), 1u);
}

// Found by the simulation: the first word was still on its way to an agent that had died, and the one that was started again read both.
TEST_F(WorkerTurns, what_was_handed_to_a_turn_that_broke_off_is_not_handed_to_the_one_after_it_too) {
  steer("fup_1");
  turn_began(2);  // the first one never ended
  steer("fup_1");
  take();
  EXPECT_EQ(steers_.size(), 1u);
  turn_ended(2);
  next_turn(3, "what waited", "fup_1");
  take();
  EXPECT_EQ(turns_.size(), 1u) << "if nobody read it, it goes with the next turn";
}

// Both found by the simulation: the message was on its way while the turn ended, and the agent was told the same twice.
TEST_F(WorkerTurns, what_begins_a_turn_is_not_steered_into_it_by_a_late_word) {
  end_first_turn();
  next_turn(2, "another one", "fup_1");
  turn_began(2);
  steer("fup_1");
  take();
  EXPECT_TRUE(steers_.empty());
}

TEST_F(WorkerTurns, what_an_earlier_turn_took_is_not_steered_again_by_a_late_repeat) {
  steer("fup_1");
  protocol_.on_follow_up_steered(kRun, "fup_1", 1, now());
  end_first_turn();
  next_turn(2, "another one", "fup_2");
  turn_began(2);
  take();
  steer("fup_1");
  take();
  EXPECT_TRUE(steers_.empty());
}

TEST_F(WorkerTurns, an_input_which_nobody_steered_is_no_follow_up) {
  protocol_.on_follow_up_steered(kRun, "", 1, now());
  protocol_.on_follow_up_steered(kRun, "fup_9", 1, now());
  take();
  EXPECT_TRUE(reports_.empty());
}

TEST_F(WorkerTurns, only_so_much_is_steered_into_one_turn) {
  for (std::size_t i = 0; i <= Protocol::kMaxSteered; ++i) steer("fup_" + std::to_string(i));
  take();
  EXPECT_EQ(steers_.size(), Protocol::kMaxSteered);
}

// ---- one task only

class OneTask : public WorkerProtocol {
 protected:
  OneTask() : WorkerProtocol(1, true) {}
};

TEST_F(OneTask, a_worker_for_one_task_drains_when_it_has_ended_and_says_how) {
  start_running();
  protocol_.on_run_ended(kRun, completed(), now());
  take();
  EXPECT_EQ(kinds(), (Strings{"source", "run_completed", "drain_began"}));
  protocol_.on_offer(offer_of(kOther, 1), now());
  take();
  EXPECT_EQ(reports_.at(0).decline().reason(), "draining");
  accepted_through(protocol_.outbox().last_sequence());
  take();
  EXPECT_EQ(finished_, StopReason::none);
  EXPECT_EQ(completed_, true);
}

TEST_F(OneTask, a_failed_task_is_no_success) {
  start_running();
  RunEnd end;
  end.kind = RunEnd::Kind::failed;
  protocol_.on_run_ended(kRun, end, now());
  accepted_through(protocol_.outbox().last_sequence());
  take();
  EXPECT_EQ(completed_, false);
}

TEST_F(OneTask, a_claim_that_came_to_nothing_is_not_the_one_task) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  fenced(kRun);
  protocol_.on_run_ended(kRun, RunEnd{}, now());
  take();
  EXPECT_TRUE(std::none_of(reports_.begin(), reports_.end(), [](const auto& report) { return report.has_drain_began(); }));
  EXPECT_EQ(protocol_.free_slots(), 1u);
}

}  // namespace
}  // namespace dossier::worker
