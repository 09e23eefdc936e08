// The worker's rules about leases, cancels and draining, one by one.
#include "tests/unit/worker_protocol_fixture.hpp"

namespace dossier::worker {
namespace {

TEST_F(WorkerProtocol, heartbeats_every_five_seconds_say_what_it_owns_and_runs) {
  start_running();
  protocol_.on_partitions({7, 3}, now());
  protocol_.on_cached_projects({"prj_1"});
  accepted_through(1);
  protocol_.on_tick(now());
  take();
  ASSERT_EQ(heartbeats_.size(), 1u);  // at once: its partitions changed
  pass_connected(5 * kSecond);
  take();
  ASSERT_EQ(heartbeats_.size(), 1u);
  const auto& heartbeat = heartbeats_[0];
  EXPECT_EQ(heartbeat.free_slots(), 0u);
  ASSERT_EQ(heartbeat.partitions_size(), 2);
  EXPECT_EQ(heartbeat.partitions(0), 3);
  ASSERT_EQ(heartbeat.running_size(), 1);
  EXPECT_EQ(heartbeat.running(0).task_id(), kTask);
  EXPECT_EQ(heartbeat.control_offset(), offset_);
  EXPECT_FALSE(heartbeat.draining());
  EXPECT_EQ(heartbeat.cached_projects(0), "prj_1");
}

TEST_F(WorkerProtocol, fenced_stops_that_agent_and_nothing_more_is_said_about_it) {
  start_running();
  fenced(kRun);
  take();
  EXPECT_EQ(stopped_, (Stops{{kRun, StopReason::fenced}}));
  protocol_.on_turn_ended(kRun, v1::TurnEnded(), now());
  protocol_.on_tick(now());
  protocol_.on_run_ended(kRun, completed(), now());
  take();
  EXPECT_TRUE(reports_.empty());
  for (const auto& heartbeat : heartbeats_) EXPECT_EQ(heartbeat.running_size(), 0);
  EXPECT_EQ(protocol_.running(), 0u);
}

TEST_F(WorkerProtocol, a_later_offer_of_a_task_fences_the_run_under_the_earlier_one) {
  start_running();
  protocol_.on_offer(offer_of(kTask, 2), now());
  take();
  EXPECT_EQ(stopped_, (Stops{{kRun, StopReason::fenced}}));
  EXPECT_EQ(kinds(), Strings{"decline"});
}

TEST_F(WorkerProtocol, stops_its_agents_before_anything_else_when_no_report_reached_the_log_for_a_lease) {
  start_running();
  protocol_.on_report_acknowledged(now().boot_us, now());
  for (int second = 1; second < 20; ++second) {
    pass(kSecond);
    protocol_.on_control_current(offset_, now());
    protocol_.on_tick(now());
  }
  take();
  EXPECT_TRUE(stopped_.empty());
  pass(kSecond);
  protocol_.on_tick(now());
  take();
  EXPECT_EQ(stopped_, (Stops{{kRun, StopReason::silent}}));
  EXPECT_EQ(order_.front(), "stop");
}

TEST_F(WorkerProtocol, stops_its_agents_when_it_can_not_read_the_control_topic_for_a_lease) {
  start_running();
  for (int second = 1; second <= 20; ++second) {
    pass(kSecond);
    protocol_.on_report_acknowledged(boot_us_, now());
  }
  take();
  EXPECT_EQ(stopped_, (Stops{{kRun, StopReason::silent}}));
}

TEST_F(WorkerProtocol, a_worker_that_was_frozen_stops_its_agents_before_it_believes_a_late_acknowledgement) {
  start_running();
  pass(60 * kSecond);
  protocol_.on_report_acknowledged(boot_us_, now());
  take();
  ASSERT_FALSE(order_.empty());
  EXPECT_EQ(order_.front(), "stop");
  protocol_.on_run_ended(kRun, RunEnd{}, now());
  take();
  ASSERT_EQ(kinds(), Strings{"run_failed"});
  EXPECT_EQ(reports_[0].run_failed().code(), "lease_lost");
}

TEST_F(WorkerProtocol, a_grant_read_after_a_freeze_starts_nothing) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  protocol_.on_workdir_ready(kRun, now());
  pass(60 * kSecond);
  granted(kRun);
  take();
  EXPECT_TRUE(started_.empty());
  EXPECT_EQ(stopped_, (Stops{{kRun, StopReason::silent}}));
}

TEST_F(WorkerProtocol, a_long_agent_runs_on_while_heartbeats_reach_the_log) {
  start_running();
  pass_connected(3600 * kSecond);
  take();
  EXPECT_TRUE(stopped_.empty());
}

TEST_F(WorkerProtocol, a_cancelled_agent_is_stopped_and_reported_as_cancelled) {
  start_running();
  cancel(kRun, "not needed");
  take();
  EXPECT_EQ(stopped_, (Stops{{kRun, StopReason::cancelled}}));
  RunEnd end;
  end.last_activity_sequence = 4;
  protocol_.on_run_ended(kRun, end, now());
  take();
  ASSERT_EQ(kinds(), Strings{"run_cancelled"});
  EXPECT_EQ(reports_[0].run_cancelled().reason(), "not needed");
  EXPECT_EQ(reports_[0].run_cancelled().last_activity_sequence(), 4u);
}

TEST_F(WorkerProtocol, an_agent_that_ended_before_the_cancel_reached_it_reports_its_result) {
  start_running();
  cancel(kRun, "too late");
  protocol_.on_run_ended(kRun, completed(), now());
  take();
  EXPECT_EQ(kinds(), (Strings{"source", "run_completed"}));
}

TEST_F(WorkerProtocol, a_cancel_before_the_start_means_that_the_agent_never_starts) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  cancel(kRun, "");
  granted(kRun);
  protocol_.on_workdir_ready(kRun, now());
  take();
  EXPECT_TRUE(started_.empty());
  EXPECT_EQ(stopped_.size(), 1u);
}

TEST_F(WorkerProtocol, a_failed_workdir_is_reported_with_its_phase) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  take();
  RunEnd end;
  end.kind = RunEnd::Kind::failed;
  end.code = "workdir_failed";
  end.error = "no branch \xff";
  end.phase = "workdir";
  end.retryable = true;
  protocol_.on_run_ended(kRun, end, now());
  take();
  ASSERT_EQ(kinds(), Strings{"run_failed"});
  EXPECT_EQ(reports_[0].run_failed().phase(), "workdir");
  EXPECT_EQ(reports_[0].run_failed().error().plain(), "no branch \xef\xbf\xbd");
  EXPECT_TRUE(reports_[0].run_failed().retryable());
}

TEST_F(WorkerProtocol, draining_finishes_what_runs_declines_the_rest_and_ends_when_all_is_accepted) {
  start_running();
  protocol_.on_drain(now());
  protocol_.on_drain(now());
  take();
  EXPECT_EQ(kinds(), Strings{"drain_began"});
  EXPECT_TRUE(stopped_.empty());
  protocol_.on_offer(offer_of(kOther, 1), now());
  take();
  ASSERT_EQ(kinds(), Strings{"decline"});
  EXPECT_EQ(reports_[0].decline().reason(), "draining");
  protocol_.on_run_ended(kRun, completed(), now());
  take();
  EXPECT_FALSE(finished_);
  accepted_through(protocol_.outbox().last_sequence());
  take();
  EXPECT_EQ(finished_, StopReason::none);
}

TEST_F(WorkerProtocol, draining_stops_agents_at_its_deadline_and_hands_the_task_on) {
  start_running();
  protocol_.on_drain(now());
  pass_connected(60 * kSecond);
  take();
  EXPECT_EQ(stopped_, (Stops{{kRun, StopReason::drain_deadline}}));
  protocol_.on_run_ended(kRun, RunEnd{}, now());
  take();
  ASSERT_EQ(kinds(), Strings{"run_failed"});
  EXPECT_EQ(reports_[0].run_failed().code(), "worker_drained");
  EXPECT_TRUE(reports_[0].run_failed().retryable());
}

TEST_F(WorkerProtocol, draining_ends_in_bounded_time_when_nobody_answers) {
  protocol_.on_drain(now());
  pass_connected(Protocol::kFlushUs - kSecond);
  take();
  EXPECT_FALSE(finished_);
  pass_connected(kSecond);
  take();
  EXPECT_EQ(finished_, StopReason::none);
}

TEST_F(WorkerProtocol, a_revoked_worker_stops_everything_and_ends) {
  start_running();
  auto m = message();
  m.mutable_revoked()->set_reason("token revoked");
  control(m);
  take();
  EXPECT_EQ(stopped_, (Stops{{kRun, StopReason::revoked}}));
  EXPECT_FALSE(finished_);
  protocol_.on_run_ended(kRun, RunEnd{}, now());
  take();
  EXPECT_TRUE(reports_.empty());
  EXPECT_EQ(finished_, StopReason::revoked);
}

TEST_F(WorkerProtocol, the_next_due_time_never_lies_in_the_past_after_a_tick) {
  start_running();
  for (int i = 0; i < 200; ++i) {
    pass(kSecond / 2);  // nobody answers: leases end, repeats come due
    protocol_.on_tick(now());
    EXPECT_GT(protocol_.next_due_us(), boot_us_);
  }
}

class TwoSlots : public WorkerProtocol {
 protected:
  TwoSlots() : WorkerProtocol(2) {}
};

TEST_F(TwoSlots, two_tasks_run_side_by_side_and_the_third_is_declined) {
  protocol_.on_offer(offer_of(kTask, 1), now());
  protocol_.on_offer(offer_of(kOther, 1), now());
  protocol_.on_offer(offer_of("tsk_3", 1), now());
  take();
  EXPECT_EQ(kinds(), (Strings{"claim", "claim", "decline"}));
  fenced(kRun);
  take();
  EXPECT_EQ(stopped_, (Stops{{kRun, StopReason::fenced}}));
  EXPECT_EQ(protocol_.free_slots(), 0u);  // until it has really stopped
  protocol_.on_run_ended(kRun, RunEnd{}, now());
  EXPECT_EQ(protocol_.free_slots(), 1u);
}

}  // namespace
}  // namespace dossier::worker
