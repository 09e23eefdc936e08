// The worker's rules about offers, claims and reports, one by one.
#include "tests/unit/worker_protocol_fixture.hpp"

namespace dossier::worker {
namespace {

TEST_F(WorkerProtocol, claims_an_offer_at_once_and_prepares_while_it_waits_for_the_grant) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  take();
  EXPECT_EQ(order_, (Strings{"report", "prepare"}));
  EXPECT_EQ(kinds(), Strings{"claim"});
  EXPECT_EQ(reports_[0].sequence(), 1u);
  EXPECT_EQ(reports_[0].fence().task_id(), kTask);
  EXPECT_EQ(reports_[0].fence().offer(), 1u);
  EXPECT_EQ(reports_[0].boot_id(), "boot-1");
  EXPECT_EQ(protocol_.free_slots(), 0u);
}

TEST_F(WorkerProtocol, the_same_offer_twice_by_either_way_is_harmless) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  take();
  protocol_.on_offer(offer_of(kTask, 1), now());
  auto m = message();
  *m.mutable_offer() = offer_of(kTask, 1);
  control(m);
  take();
  EXPECT_TRUE(order_.empty());
}

TEST_F(WorkerProtocol, an_offer_that_ended_is_not_claimed_again_when_it_comes_late) {
  start_running();
  protocol_.on_run_ended(kRun, completed(), now());
  take();
  protocol_.on_offer(offer_of(kTask, 1), now());
  take();
  EXPECT_TRUE(order_.empty());
}

TEST_F(WorkerProtocol, says_at_once_which_partitions_it_has_now) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  protocol_.on_tick(now());
  take();
  ASSERT_EQ(heartbeats_.size(), 1u);
  pass(1'000);
  protocol_.on_partitions({2, 1}, now());
  EXPECT_LE(protocol_.next_due_us(), boot_us_);
  protocol_.on_tick(now());
  take();
  ASSERT_EQ(heartbeats_.size(), 1u);
  const auto& told = heartbeats_[0].partitions();
  EXPECT_EQ(std::vector<std::int32_t>(told.begin(), told.end()), (std::vector<std::int32_t>{1, 2}));
  protocol_.on_partitions({1, 2}, now());
  protocol_.on_tick(now());
  take();
  EXPECT_TRUE(heartbeats_.empty());
}

TEST_F(WorkerProtocol, ignores_what_is_addressed_to_others) {
  protocol_.on_offer(offer_of(kTask, 1, "wkr_00000000000000000000000000000009"), now());
  take();
  EXPECT_TRUE(order_.empty());
  start_running();
  auto m = message();
  m.set_worker_id("wkr_00000000000000000000000000000009");
  m.mutable_fenced()->set_task_id(kTask);
  m.mutable_fenced()->set_offer(1);
  control(m);
  take();
  EXPECT_TRUE(order_.empty());
}

TEST_F(WorkerProtocol, a_busy_worker_declines_at_once) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  take();
  protocol_.on_offer(offer_of(kOther, 1), now());
  take();
  EXPECT_EQ(kinds(), Strings{"decline"});
  EXPECT_EQ(reports_[0].decline().reason(), "busy");
  EXPECT_TRUE(prepared_.empty());
}

TEST_F(WorkerProtocol, declines_what_it_can_not_run) {
  auto offer = offer_of(kTask, 1);
  offer.mutable_spec()->set_provider("codex");
  protocol_.on_offer(offer, now());
  take();
  ASSERT_EQ(kinds(), Strings{"decline"});
  EXPECT_EQ(reports_[0].decline().reason(), "unsupported");
}

TEST_F(WorkerProtocol, starts_the_agent_only_when_it_is_granted_and_the_workdir_is_ready) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  protocol_.on_workdir_ready(kRun, now());
  take();
  EXPECT_TRUE(started_.empty());
  granted({kTask, 2});  // another offer's grant
  take();
  EXPECT_TRUE(started_.empty());
  granted(kRun);
  granted(kRun);
  take();
  EXPECT_EQ(started_, std::vector<RunKey>{kRun});
}

TEST_F(WorkerProtocol, a_grant_of_what_an_earlier_boot_claimed_starts_nothing) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  protocol_.on_workdir_ready(kRun, now());
  granted(kRun, "boot-0");
  take();
  EXPECT_TRUE(started_.empty());
  granted(kRun, "boot-1");
  take();
  EXPECT_EQ(started_, std::vector<RunKey>{kRun});
}

TEST_F(WorkerProtocol, a_grant_of_a_server_that_names_no_boot_is_believed) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  protocol_.on_workdir_ready(kRun, now());
  granted(kRun, "");
  take();
  EXPECT_EQ(started_, std::vector<RunKey>{kRun});
}

TEST_F(WorkerProtocol, a_grant_before_the_workdir_is_ready_waits_for_it) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  granted(kRun);
  take();
  EXPECT_TRUE(started_.empty());
  protocol_.on_workdir_ready(kRun, now());
  take();
  EXPECT_EQ(started_, std::vector<RunKey>{kRun});
}

TEST_F(WorkerProtocol, gives_up_a_claim_that_is_never_answered) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  protocol_.on_workdir_ready(kRun, now());
  pass_connected(Protocol::kGrantWaitUs - kSecond);
  take();
  EXPECT_TRUE(stopped_.empty());
  pass_connected(kSecond);
  take();
  EXPECT_EQ(stopped_, (Stops{{kRun, StopReason::not_granted}}));
  granted(kRun);  // too late
  take();
  EXPECT_TRUE(started_.empty());
  protocol_.on_run_ended(kRun, RunEnd{}, now());
  take();
  ASSERT_EQ(kinds(), Strings{"run_failed"});
  EXPECT_EQ(reports_[0].run_failed().code(), "not_granted");
  EXPECT_TRUE(reports_[0].run_failed().retryable());
}

TEST_F(WorkerProtocol, reports_are_dense_and_come_in_the_order_of_the_run) {
  start_running();
  protocol_.on_run_started(kRun, "thread-1", now());
  protocol_.on_turn_began(kRun, 1, "turn-1", now());
  v1::TurnEnded turn;
  turn.set_turn(1);
  turn.set_tokens_in(100);
  protocol_.on_turn_ended(kRun, turn, now());
  protocol_.on_run_ended(kRun, completed(), now());
  take();
  EXPECT_EQ(kinds(), (Strings{"run_started", "turn_began", "turn_ended", "source", "run_completed"}));
  for (std::size_t i = 0; i < reports_.size(); ++i) EXPECT_EQ(reports_[i].sequence(), i + 2);
  const auto& last = reports_.back().run_completed();
  EXPECT_EQ(last.result().plain(), "all done");
  EXPECT_EQ(last.commit(), "c0ffee");
  EXPECT_EQ(last.branch(), "dossier/1-x-o1");
  EXPECT_EQ(last.last_activity_sequence(), 9u);
  EXPECT_EQ(last.activity_root(), "root");
  EXPECT_EQ(protocol_.free_slots(), 1u);
}

TEST_F(WorkerProtocol, a_report_is_repeated_with_the_same_bytes_until_it_is_accepted) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  take();
  const std::string first = bodies_.at(0);
  pass_connected(ReportOutbox::kFirstRepeatUs);
  take();
  ASSERT_EQ(bodies_.size(), 1u);
  EXPECT_EQ(bodies_[0], first);
  pass_connected(kSecond);  // the second pause is longer
  take();
  EXPECT_TRUE(bodies_.empty());
  pass_connected(kSecond);
  take();
  EXPECT_EQ(bodies_, Strings{first});
  accepted_through(1, "boot-0");  // of an earlier boot
  pass_connected(10 * kSecond);
  take();
  EXPECT_FALSE(bodies_.empty());
  accepted_through(1);
  pass_connected(10 * kSecond);
  take();
  EXPECT_TRUE(bodies_.empty());
  EXPECT_TRUE(protocol_.outbox().empty());
}

TEST_F(WorkerProtocol, a_refused_report_counts_as_handled) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  auto m = message();
  m.mutable_report_refused()->set_boot_id("boot-1");
  m.mutable_report_refused()->set_sequence(1);
  control(m);
  EXPECT_TRUE(protocol_.outbox().empty());
}

TEST_F(WorkerProtocol, repeats_come_in_bursts_of_bounded_size_and_offers_are_left_alone_when_too_many_wait) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  for (std::size_t i = 0; i < 2 * ReportOutbox::kMaxOutstanding; ++i) protocol_.on_offer(offer_of("tsk_" + std::to_string(i), 1), now());
  EXPECT_EQ(protocol_.outbox().size(), ReportOutbox::kMaxOutstanding / 2);
  take();
  pass_connected(ReportOutbox::kFirstRepeatUs);
  take();
  ASSERT_EQ(reports_.size(), ReportOutbox::kRepeatBurst);
  EXPECT_EQ(reports_.front().sequence(), 1u);
}

}  // namespace
}  // namespace dossier::worker
