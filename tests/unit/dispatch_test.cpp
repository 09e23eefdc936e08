// From a queued task to its end, with scheduler, intake and a scripted worker on a server in memory.
#include <gtest/gtest.h>

#include "tests/support/memory_office.hpp"

namespace dossier::producers {
namespace {

using test::MemoryOffice;
using test::MemoryServer;
using test::MemoryWorker;
using Status = v1::TaskState;
using Control = v1::ControlMessage;

constexpr std::int64_t kSecond = 1'000'000;

TEST(Dispatch, a_queued_task_is_offered_to_a_live_worker_with_all_it_needs) {
  MemoryOffice office;
  const MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  EXPECT_EQ(office.task(task).status(), Status::OFFERED);
  const auto offers = office.offers(task);
  ASSERT_EQ(offers.size(), 1u);
  EXPECT_EQ(offers[0].worker_id(), worker.id().str());
  EXPECT_EQ(offers[0].offer(), 1u);
  EXPECT_EQ(offers[0].issue_number(), 1u);
  EXPECT_EQ(offers[0].spec().agent_name(), "fixer");
  EXPECT_GT(offers[0].deadline_us(), office.at.clock.wall_us());
}

TEST(Dispatch, a_claim_is_granted_and_the_result_ends_the_task) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  worker.claim(office.fence(task));
  office.settle_all();
  EXPECT_EQ(office.task(task).status(), Status::CLAIMED);
  ASSERT_EQ(office.told(worker, Control::kGranted).size(), 1u);
  EXPECT_EQ(office.told(worker, Control::kGranted)[0].granted().offer(), 1u);
  worker.start(office.fence(task));
  const auto last = worker.complete(office.fence(task));
  office.settle_all();
  EXPECT_EQ(office.task(task).status(), Status::COMPLETED);
  EXPECT_EQ(office.accepted_through(worker), last);
}

TEST(Dispatch, a_worker_with_one_slot_is_offered_one_task_at_a_time) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId first = office.ask();
  const TaskId second = office.ask();
  EXPECT_EQ(office.task(second).status(), Status::QUEUED);
  worker.claim(office.fence(first));
  worker.start(office.fence(first));
  worker.complete(office.fence(first));
  office.settle_all();
  EXPECT_EQ(office.task(second).status(), Status::OFFERED);
}

TEST(Dispatch, an_offer_that_nobody_claims_is_repeated_by_the_control_topic_and_then_lapses) {
  MemoryOffice office;
  const MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  EXPECT_TRUE(office.told(worker, Control::kOffer).empty());
  office.at.clock.advance_us(events::kOfferRepeatUs);
  office.settle_all(1'000);
  EXPECT_EQ(office.told(worker, Control::kOffer).size(), 1u);
  office.pass(6 * kSecond, [&] { const_cast<MemoryWorker&>(worker).heartbeat(); });
  EXPECT_EQ(office.task(task).offer(), 2u);
  EXPECT_EQ(office.task(task).status(), Status::OFFERED);
  EXPECT_EQ(office.task(task).attempts(), 0u);
}

TEST(Dispatch, an_offer_in_a_partition_that_its_worker_gave_away_meanwhile_is_repeated_at_once) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  office.ask();
  EXPECT_TRUE(office.told(worker, Control::kOffer).empty());
  worker.partitions = {1};
  worker.heartbeat();
  office.settle_all(1'000);
  ASSERT_EQ(office.told(worker, Control::kOffer).size(), 1u);
  EXPECT_EQ(office.told(worker, Control::kOffer)[0].offer().offer(), 1u);
  worker.heartbeat();
  office.settle_all(1'000);
  EXPECT_EQ(office.told(worker, Control::kOffer).size(), 1u);
}

// Found with a server whose wall clock was two hours off: it saw no live worker, and ended the other servers' offers at once.
TEST(Dispatch, a_wall_clock_that_jumps_ends_no_offer_and_silences_no_worker) {
  for (const std::int64_t jump_us : {7'200 * kSecond, -7'200 * kSecond}) {
    MemoryOffice office;
    MemoryWorker worker = office.add_worker("a");
    const TaskId before = office.ask();
    office.at.clock.jump_wall_us(jump_us);
    office.settle_all(1'000);
    EXPECT_EQ(office.task(before).status(), Status::OFFERED);
    EXPECT_EQ(office.task(before).offer(), 1u);
    worker.claim(office.fence(before));
    worker.complete(office.fence(before));
    office.settle_all();
    const TaskId after = office.ask();
    EXPECT_EQ(office.task(after).status(), Status::OFFERED);
    EXPECT_EQ(office.task(after).offer(), 1u);
  }
}

TEST(Dispatch, a_declined_offer_goes_to_another_worker) {
  MemoryOffice office;
  MemoryWorker a = office.add_worker("a");
  MemoryWorker b = office.add_worker("b");
  const TaskId task = office.ask();
  MemoryWorker& chosen = office.task(task).worker_id() == a.id().str() ? a : b;
  chosen.report(office.fence(task), [](v1::Report& report) { report.mutable_decline()->set_reason("busy"); });
  office.settle_all();
  EXPECT_EQ(office.task(task).offer(), 2u);
  EXPECT_NE(office.task(task).worker_id(), chosen.id().str());
}

TEST(Dispatch, a_worker_whose_heartbeats_stop_loses_its_task_within_thirty_seconds_and_another_does_it) {
  MemoryOffice office;
  MemoryWorker a = office.add_worker("a");
  const TaskId task = office.ask();
  a.claim(office.fence(task));
  office.settle_all();
  ASSERT_EQ(office.task(task).status(), Status::CLAIMED);
  a.heartbeat({office.fence(task)});
  MemoryWorker b = office.add_worker("b");
  office.pass(19 * kSecond, [&] { b.heartbeat(); });
  EXPECT_EQ(office.task(task).offer(), 1u);
  office.pass(11 * kSecond, [&] { b.heartbeat(); });
  EXPECT_GE(office.task(task).offer(), 2u);
  EXPECT_EQ(office.task(task).worker_id(), b.id().str());
}

TEST(Dispatch, the_lease_of_the_only_worker_ends_too_because_the_server_moves_the_brokers_time) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  worker.claim(office.fence(task));
  office.settle_all();
  office.pass(30 * kSecond);
  EXPECT_EQ(office.task(task).status(), Status::QUEUED);
  EXPECT_EQ(office.worker(worker.id()).status(), v1::WorkerState::LOST);
}

TEST(Dispatch, heartbeats_that_name_the_task_keep_its_lease) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  worker.claim(office.fence(task));
  office.settle_all();
  office.pass(60 * kSecond, [&] { worker.heartbeat({office.fence(task)}); });
  EXPECT_EQ(office.task(task).status(), Status::CLAIMED);
  EXPECT_EQ(office.task(task).offer(), 1u);
}

TEST(Dispatch, heartbeats_of_a_worker_that_no_longer_names_the_task_do_not_keep_its_lease) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  worker.claim(office.fence(task));
  office.settle_all();
  worker.set_boot("boot-again");  // it was restarted and knows nothing of the task
  office.pass(22 * kSecond, [&] { worker.heartbeat(); });
  EXPECT_EQ(office.task(task).offer(), 2u);
}

TEST(Dispatch, a_break_of_the_whole_log_ends_no_lease) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  worker.claim(office.fence(task));
  office.settle_all();
  office.at.clock.advance_us(300 * kSecond);  // nobody wrote anything: broker, server and worker were away
  office.pass(15 * kSecond);
  EXPECT_EQ(office.task(task).status(), Status::CLAIMED);
}

TEST(Dispatch, what_a_worker_says_after_its_lease_ended_is_kept_as_late_and_it_is_fenced) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  worker.claim(office.fence(task));
  office.settle_all();
  office.pass(25 * kSecond);
  ASSERT_EQ(office.task(task).status(), Status::QUEUED);
  const auto last = worker.complete(office.fence(task));
  office.settle_all();
  EXPECT_NE(office.task(task).status(), Status::COMPLETED);
  ASSERT_FALSE(office.told(worker, Control::kFenced).empty());
  EXPECT_EQ(office.told(worker, Control::kFenced).back().fenced().offer(), 1u);
  EXPECT_EQ(office.accepted_through(worker), last);
}

TEST(Dispatch, an_agent_that_should_have_stopped_is_fenced_by_its_heartbeat) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  worker.claim(office.fence(task));
  office.settle_all();
  office.pass(25 * kSecond);
  worker.heartbeat({office.fence(task)});
  office.settle_all();
  EXPECT_FALSE(office.told(worker, Control::kFenced).empty());
}

TEST(Dispatch, a_report_sent_again_is_answered_and_decided_once) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  worker.claim(office.fence(task));
  office.settle_all();
  const auto records = office.at.events_of(office.workspace).size();
  worker.repeat_last();
  office.settle_all();
  EXPECT_EQ(office.at.events_of(office.workspace).size(), records);
  EXPECT_EQ(office.told(worker, Control::kGranted).size(), 2u);
  EXPECT_EQ(office.told(worker, Control::kAcceptedThrough).size(), 2u);
}

// Its agent would be told what was decided on questions of the one before.
TEST(Dispatch, an_offer_that_an_earlier_boot_claimed_is_not_granted_again_but_offered_anew) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  worker.claim(office.fence(task));
  office.settle_all();
  ASSERT_EQ(office.told(worker, Control::kGranted).size(), 1u);
  EXPECT_EQ(office.told(worker, Control::kGranted)[0].granted().boot_id(), worker.boot());
  worker.set_boot("boot-again");
  worker.heartbeat();
  worker.claim(office.fence(task));
  office.settle_all();
  worker.repeat_last();
  office.settle_all();
  EXPECT_EQ(office.told(worker, Control::kGranted).size(), 1u) << "that was the earlier boot's";
  ASSERT_EQ(office.told(worker, Control::kFenced).size(), 1u);
  EXPECT_EQ(office.told(worker, Control::kFenced)[0].fenced().offer(), 1u);
  EXPECT_EQ(office.task(task).status(), Status::OFFERED);
  EXPECT_EQ(office.task(task).offer(), 2u);
  worker.claim(office.fence(task, 2));
  office.settle_all();
  ASSERT_EQ(office.told(worker, Control::kGranted).size(), 2u);
  EXPECT_EQ(office.told(worker, Control::kGranted)[1].granted().offer(), 2u);
  EXPECT_EQ(office.told(worker, Control::kGranted)[1].granted().boot_id(), "boot-again");
  EXPECT_EQ(office.task(task).attempts(), 2u);
}

// They may come in one batch; the heartbeat makes intake read the worker's state again.
TEST(Dispatch, what_a_worker_reports_right_behind_the_first_heartbeat_of_a_boot_is_believed) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  worker.set_boot("boot-again");
  worker.heartbeat();
  const auto sequence = worker.claim(office.fence(task));
  office.settle_all();
  EXPECT_EQ(office.task(task).status(), Status::CLAIMED);
  EXPECT_EQ(office.accepted_through(worker), sequence);
}

// It forgets what is accepted: were that not saved, a server that starts after the reports' log lost its tail would wait for
// the lost ones for ever.
TEST(Dispatch, a_worker_is_told_that_its_reports_are_accepted_only_when_that_is_saved) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  bool away = true;
  office.at.database->set_faults(
      [&away](std::string_view operation) { return away && operation == "save" ? memory::DatabaseFault::unavailable : memory::DatabaseFault::none; });
  worker.claim(office.fence(task));
  office.settle_all();
  EXPECT_EQ(office.told(worker, Control::kGranted).size(), 1u) << "what the agent waits for is said at once";
  worker.repeat_last();
  office.settle_all();
  EXPECT_EQ(office.accepted_through(worker), 0u);
  away = false;
  office.settle_all();
  EXPECT_EQ(office.accepted_through(worker), 1u);
}

TEST(Dispatch, reports_of_one_task_keep_their_order_and_those_of_others_do_not_wait_for_them) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a", 2);
  const TaskId first = office.ask();
  const TaskId second = office.ask();
  ASSERT_EQ(office.task(second).status(), Status::OFFERED);
  const auto before = office.at.events_of(office.workspace).size();
  worker.claim(office.fence(first));
  worker.start(office.fence(first));
  worker.claim(office.fence(second));
  while (office.at.broker.step()) {
  }
  office.server.step();
  while (office.at.broker.step()) {
  }
  EXPECT_EQ(office.at.events_of(office.workspace).size(), before + 2) << "two claims are on their way at once, the start waits for its claim";
  const auto last = worker.complete(office.fence(second));
  office.settle_all();
  EXPECT_EQ(office.task(first).status(), Status::RUNNING);
  EXPECT_EQ(office.task(second).status(), Status::COMPLETED);
  EXPECT_EQ(office.accepted_through(worker), last);
}

TEST(Dispatch, a_report_that_comes_before_an_earlier_one_waits_for_its_repeat) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  const std::string claim = worker.signed_bytes_of(
      [&] {
        v1::Report report;
        *report.mutable_fence() = office.fence(task);
        report.mutable_claim();
        return report;
      }(),
      1);
  worker.skip_a_sequence();
  worker.start(office.fence(task));
  office.settle_all();
  EXPECT_EQ(office.accepted_through(worker), 0u);
  worker.append(claim);
  worker.repeat_last();
  office.settle_all();
  EXPECT_EQ(office.task(task).status(), Status::RUNNING);
  EXPECT_EQ(office.accepted_through(worker), 2u);
}

TEST(Dispatch, a_report_for_an_unknown_task_is_refused_and_counts_as_handled) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const auto sequence = worker.complete(office.fence(TaskId("tsk_" + std::string(32, '0'))));
  office.settle_all();
  ASSERT_EQ(office.told(worker, Control::kReportRefused).size(), 1u);
  EXPECT_EQ(office.told(worker, Control::kReportRefused)[0].report_refused().code(), "not_found");
  EXPECT_EQ(office.accepted_through(worker), sequence);
}

TEST(Dispatch, a_record_whose_signature_does_not_verify_changes_nothing_and_stops_nobody) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  v1::Report claim;
  *claim.mutable_fence() = office.fence(task);
  claim.mutable_claim();
  std::string forged = worker.signed_bytes_of(claim, 1);
  forged.back() ^= 1;
  worker.append(forged);
  worker.append("not even a record");
  office.settle_all();
  EXPECT_EQ(office.task(task).status(), Status::OFFERED);
  worker.claim(office.fence(task));
  office.settle_all();
  EXPECT_EQ(office.task(task).status(), Status::CLAIMED);
}

TEST(Dispatch, a_report_in_another_workspaces_partition_is_not_believed) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  v1::Report claim;
  *claim.mutable_fence() = office.fence(task);
  claim.mutable_claim();
  const auto own = events::partition_of(office.workspace.str(), test::MemoryInstallation::kPartitions);
  worker.append(worker.signed_bytes_of(claim, 1), (own + 1) % test::MemoryInstallation::kPartitions);
  office.settle_all();
  EXPECT_EQ(office.task(task).status(), Status::OFFERED);
}

TEST(Dispatch, a_worker_whose_token_was_revoked_is_told_so_and_its_reports_count_for_nothing) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  office.must(commands::revoke_worker_token(office.token));
  office.at.clock.advance_us(WorkerDirectory::kFreshUs + 1);
  worker.claim(office.fence(task));
  office.settle_all();
  EXPECT_NE(office.task(task).status(), Status::CLAIMED);
  EXPECT_EQ(office.told(worker, Control::kRevoked).size(), 1u);
}

TEST(Dispatch, a_cancel_request_reaches_the_worker_and_its_report_ends_the_task) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  worker.claim(office.fence(task));
  worker.start(office.fence(task));
  office.settle_all();
  office.must(commands::cancel_task(task, "no longer wanted"));
  office.settle_all();
  ASSERT_FALSE(office.told(worker, Control::kCancelRun).empty());
  EXPECT_EQ(office.told(worker, Control::kCancelRun)[0].cancel_run().reason(), "no longer wanted");
  worker.report(office.fence(task), [](v1::Report& report) { report.mutable_run_cancelled(); });
  office.settle_all();
  EXPECT_EQ(office.task(task).status(), Status::CANCELLED);
}

TEST(Dispatch, two_servers_with_all_roles_do_no_harm_to_each_other) {
  MemoryOffice office;
  MemoryServer second(office.at, "two");
  second.projects = false;
  office.servers.push_back(&second);
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  EXPECT_EQ(office.task(task).offer(), 1u);
  worker.claim(office.fence(task));
  office.settle_all();
  worker.start(office.fence(task));
  worker.complete(office.fence(task));
  office.settle_all();
  EXPECT_EQ(office.task(task).status(), Status::COMPLETED);
  EXPECT_EQ(office.task(task).claims_size(), 1);
}

TEST(Dispatch, a_new_server_goes_on_where_the_last_one_died) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  worker.claim(office.fence(task));
  office.settle_all();
  // The first server dies with what it had not saved; the worker goes on meanwhile.
  office.server.freeze();
  worker.start(office.fence(task));
  MemoryServer second(office.at, "two");
  office.servers = {&second};
  office.settle_all();
  worker.complete(office.fence(task));
  office.settle_all();
  EXPECT_EQ(office.task(task).status(), Status::COMPLETED);
  EXPECT_EQ(office.accepted_through(worker), 3u);
}

TEST(Dispatch, a_full_retry_queue_of_reports_survives_a_database_that_is_away) {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  const TaskId task = office.ask();
  bool away = true;
  office.at.database->set_faults([&away](std::string_view) { return away ? memory::DatabaseFault::unavailable : memory::DatabaseFault::none; });
  worker.claim(office.fence(task));
  office.settle_all(2 * kSecond);
  away = false;
  office.settle_all(10 * kSecond);
  EXPECT_EQ(office.task(task).status(), Status::CLAIMED);
  EXPECT_EQ(office.told(worker, Control::kGranted).size(), 1u);
}

}  // namespace
}  // namespace dossier::producers
