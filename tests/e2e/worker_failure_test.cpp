// Workers that die, freeze, come and go: the task is done once, under an offer of its own, and the timeline says so.
#include "tests/e2e/fixture.hpp"

namespace dossier::test {
namespace {

using ::testing::IsSupersetOf;

class WorkerFailure : public EndToEnd {
 protected:
  static constexpr std::int64_t kLeaseAndMoreMs = 120'000;
};

TEST_F(WorkerFailure, the_other_worker_finishes_the_task_of_one_that_was_killed) {
  begin(2);
  const Asked asked = ask("waiter");
  ASSERT_TRUE(wait_for_waiters(1));
  const std::string first = worker_of(asked);
  const pid_t agent = waiters().front();

  at().worker(worker_name(first)).kill();
  EXPECT_TRUE(eventually(10'000, [&] { return !process_lives(agent); })) << "the agent of the dead worker still runs";
  ASSERT_TRUE(wait_for_waiters(2, kLeaseAndMoreMs)) << "nobody took the task over";
  open_gate();

  ASSERT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "completed");
  const Reply task = at().task(asked.task);
  EXPECT_NE(task.text("worker_id"), first);
  EXPECT_GE(task.body.integer_or("offer", 0), 2);
  const auto types = at().timeline_types(asked.issue);
  EXPECT_EQ(count(types, "task_claimed"), 2U);
  EXPECT_EQ(count(types, "task_lease_expired"), 1U);
  EXPECT_EQ(count(types, "task_completed"), 1U);
}

TEST_F(WorkerFailure, what_a_frozen_worker_says_when_it_wakes_changes_nothing) {
  begin(2);
  const Asked asked = ask("waiter");
  ASSERT_TRUE(wait_for_waiters(1));
  const std::string first = worker_of(asked);
  Program& frozen = at().worker(worker_name(first));
  frozen.signal(SIGSTOP);
  ASSERT_TRUE(wait_for_waiters(2, kLeaseAndMoreMs)) << "nobody took the task over";
  open_gate();
  ASSERT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "completed");
  const std::string second = worker_of(asked);
  EXPECT_NE(second, first);

  frozen.signal(SIGCONT);
  EXPECT_TRUE(always_during(5'000, [&] { return worker_of(asked) == second; }));
  EXPECT_EQ(at().task(asked.task).text("status"), "completed");
  EXPECT_EQ(count(at().timeline_types(asked.issue), "task_completed"), 1U);
  EXPECT_EQ(count(at().timeline_types(asked.issue), "source_captured"), 1U);
}

TEST_F(WorkerFailure, a_worker_that_is_started_later_takes_what_the_busy_ones_can_not) {
  begin(2);
  const Asked first = ask("waiter", "First");
  const Asked second = ask("waiter", "Second");
  ASSERT_TRUE(wait_for_waiters(2));
  const Asked third = ask("waiter", "Third");
  at().start_worker("w3");
  ASSERT_TRUE(wait_for_waiters(3)) << "the third worker got nothing";
  EXPECT_EQ(worker_name(worker_of(third)), "w3");
  open_gate();
  for (const Asked* asked : {&first, &second, &third}) EXPECT_EQ(at().wait_for_task(asked->task, {"completed", "failed", "cancelled"}), "completed");
}

TEST_F(WorkerFailure, a_worker_that_is_asked_to_end_finishes_its_task_first) {
  begin(1);
  const Asked asked = ask("waiter");
  ASSERT_TRUE(wait_for_waiters(1));
  at().worker("w1").signal(SIGTERM);
  EXPECT_TRUE(eventually(20'000, [&] {
    for (const auto& worker : api().get(at().in_workspace("/workers")).items())
      if (worker.text("status") == "draining") return true;
    return false;
  }));
  open_gate();
  EXPECT_EQ(at().worker("w1").wait(60'000), 0);
  EXPECT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "completed");
  EXPECT_EQ(at().task(asked.task).body.integer_or("offer", 0), 1);
}

}  // namespace
}  // namespace dossier::test
