// The worker's rules, one by one: what goes in, and what the worker then does and says.
#include "worker/protocol.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace dossier::worker {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
const std::string kWorkspace = "ws_00000000000000000000000000000001";
const std::string kWorker = "wkr_00000000000000000000000000000001";
const std::string kTask = "tsk_00000000000000000000000000000001";
const std::string kOther = "tsk_00000000000000000000000000000002";
const RunKey kRun{kTask, 1};

v1::TaskOffer offer_of(const std::string& task, std::uint32_t number, const std::string& worker = kWorker) {
  v1::TaskOffer offer;
  offer.set_workspace_id(kWorkspace);
  offer.set_task_id(task);
  offer.set_offer(number);
  offer.set_worker_id(worker);
  offer.mutable_spec()->set_provider("command");
  return offer;
}

// A worker, its clock, and what it did since the last look.
class WorkerProtocol : public ::testing::Test {
 protected:
  explicit WorkerProtocol(std::uint32_t slots = 1)
      : protocol_({kWorkspace, kWorker, "boot-1", slots, {"command"}, 60 * kSecond}, now()) {
    take();
  }

  Now now() const { return {boot_us_, 1'800'000'000 * kSecond + boot_us_}; }
  void pass(std::int64_t us) { boot_us_ += us; }
  // Time in which all is well: what is sent is acknowledged, the control topic is read.
  void pass_connected(std::int64_t us) {
    for (std::int64_t passed = 0; passed < us; passed += kSecond) {
      pass(std::min(kSecond, us - passed));
      protocol_.on_report_acknowledged(boot_us_, now());
      protocol_.on_control_current(offset_, now());
      protocol_.on_tick(now());
    }
  }
  void take() {
    reports_.clear(), bodies_.clear(), heartbeats_.clear(), prepared_.clear(), started_.clear(), stopped_.clear();
    finished_.reset();
    order_.clear();
    for (auto& action : protocol_.take_actions()) {
      if (const auto* send = std::get_if<SendReport>(&action)) {
        v1::Report report;
        ASSERT_TRUE(report.ParseFromString(send->body));
        EXPECT_EQ(report.sequence(), send->sequence);
        order_.push_back(report.has_heartbeat() ? "heartbeat" : "report");
        if (report.has_heartbeat()) heartbeats_.push_back(report.heartbeat());
        else reports_.push_back(report), bodies_.push_back(send->body);
      } else if (const auto* prepare = std::get_if<PrepareWorkdir>(&action)) {
        order_.push_back("prepare");
        prepared_.push_back(prepare->run);
      } else if (const auto* start = std::get_if<StartAgent>(&action)) {
        order_.push_back("start");
        started_.push_back(start->run);
      } else if (const auto* stop = std::get_if<StopRun>(&action)) {
        order_.push_back("stop");
        stopped_.push_back({stop->run, stop->reason});
      } else if (const auto* finished = std::get_if<Finished>(&action)) {
        order_.push_back("finished");
        finished_ = finished->reason;
      }
    }
  }

  v1::ControlMessage message() const {
    v1::ControlMessage message;
    message.set_workspace_id(kWorkspace);
    message.set_worker_id(kWorker);
    return message;
  }
  void control(const v1::ControlMessage& message) { protocol_.on_control(message, ++offset_, now()); }
  void granted(const RunKey& run) {
    auto m = message();
    m.mutable_granted()->set_task_id(run.task_id);
    m.mutable_granted()->set_offer(run.offer);
    control(m);
  }
  void fenced(const RunKey& run) {
    auto m = message();
    m.mutable_fenced()->set_task_id(run.task_id);
    m.mutable_fenced()->set_offer(run.offer);
    control(m);
  }
  void cancel(const RunKey& run, const std::string& reason) {
    auto m = message();
    m.mutable_cancel_run()->set_task_id(run.task_id);
    m.mutable_cancel_run()->set_offer(run.offer);
    m.mutable_cancel_run()->set_reason(reason);
    control(m);
  }
  void accepted_through(std::uint64_t sequence, const std::string& boot = "boot-1") {
    auto m = message();
    m.mutable_accepted_through()->set_boot_id(boot);
    m.mutable_accepted_through()->set_sequence(sequence);
    control(m);
  }
  void start_running() {
    protocol_.on_offer(offer_of(kTask, 1), now());
    protocol_.on_workdir_ready(kRun, now());
    granted(kRun);
    take();
    ASSERT_EQ(started_, std::vector<RunKey>{kRun});
  }
  RunEnd completed() const {
    RunEnd end;
    end.kind = RunEnd::Kind::completed;
    end.result = "all done";
    end.source.emplace();
    end.source->set_commit("c0ffee");
    end.source->set_branch("dossier/1-x-o1");
    end.last_activity_sequence = 9;
    end.activity_root = "root";
    return end;
  }
  std::vector<std::string> kinds() const {
    std::vector<std::string> names;
    for (const auto& report : reports_) {
      const auto* field = v1::Report::descriptor()->FindFieldByNumber(report.report_case());
      names.push_back(field == nullptr ? "none" : field->name());
    }
    return names;
  }

  std::int64_t boot_us_ = 100 * kSecond;
  std::int64_t offset_ = -1;
  Protocol protocol_;
  std::vector<v1::Report> reports_;
  std::vector<std::string> bodies_;
  std::vector<v1::Heartbeat> heartbeats_;
  std::vector<RunKey> prepared_, started_;
  std::vector<std::pair<RunKey, StopReason>> stopped_;
  std::vector<std::string> order_;
  std::optional<StopReason> finished_;
};

using Strings = std::vector<std::string>;
using Stops = std::vector<std::pair<RunKey, StopReason>>;

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
