// A task's rules: given events, when a command, then events or a refusal.
#include "events/task.hpp"

#include <gtest/gtest.h>

#include "events/fold.hpp"

namespace dossier::events {
namespace {

using State = v1::TaskState;

v1::TaskEvent queued(std::uint32_t max_attempts = kMaxAttempts) {
  v1::TaskEvent event;
  event.mutable_task_queued()->set_task_id("tsk_1");
  event.mutable_task_queued()->set_max_attempts(max_attempts);
  return event;
}

// Decides and folds what was decided, as the log would.
class Task {
 public:
  explicit Task(std::uint32_t max_attempts = kMaxAttempts) { evolve(state, queued(max_attempts)); }
  std::vector<std::string> apply(const Result<TaskEvents>& decided) {
    if (!decided) return {std::string(to_string(decided.error().code))};
    return apply(*decided);
  }
  std::vector<std::string> apply(const TaskEvents& decided) {
    std::vector<std::string> names;
    for (const auto& event : decided) {
      EXPECT_TRUE(evolve(state, event));
      names.push_back(event.GetDescriptor()->FindFieldByNumber(static_cast<int>(event.fact_case()))->name());
    }
    return names;
  }
  void offered_and_claimed(const std::string& worker, const std::string& boot = "boot-1") {
    apply(offer(state, worker, 9));
    apply(claim(state, state.offer(), worker, boot));
  }
  State state;
};

using Names = std::vector<std::string>;

v1::TaskCompleted completed(std::uint32_t offer) {
  v1::TaskCompleted fact;
  fact.set_offer(offer);
  return fact;
}
v1::TaskFailed failed(std::uint32_t offer, bool retryable) {
  v1::TaskFailed fact;
  fact.set_offer(offer);
  fact.set_code("agent_failed");
  fact.set_retryable(retryable);
  return fact;
}

TEST(Task, goes_from_queued_to_completed_under_one_offer) {
  Task task;
  EXPECT_EQ(task.apply(offer(task.state, "wkr_a", 9)), Names{"task_offered"});
  EXPECT_EQ(task.apply(claim(task.state, 1, "wkr_a", "boot-1")), Names{"task_claimed"});
  EXPECT_EQ(task.apply(start(task.state, 1, "wkr_a")), Names{"task_started"});
  EXPECT_EQ(task.apply(complete(task.state, "wkr_a", completed(1))), Names{"task_completed"});
  EXPECT_EQ(task.state.status(), State::COMPLETED);
}

TEST(Task, yields_nothing_when_a_command_comes_twice) {
  Task task;
  task.offered_and_claimed("wkr_a");
  EXPECT_EQ(task.apply(claim(task.state, 1, "wkr_a", "boot-1")), Names{});
  task.apply(start(task.state, 1, "wkr_a"));
  EXPECT_EQ(task.apply(start(task.state, 1, "wkr_a")), Names{});
  EXPECT_EQ(task.apply(request_cancel(task.state, "usr_1", "")), Names{"task_cancel_requested"});
  EXPECT_EQ(task.apply(request_cancel(task.state, "usr_1", "")), Names{});
}

TEST(Task, gives_a_claim_only_to_the_worker_that_the_present_offer_names) {
  Task task;
  task.apply(offer(task.state, "wkr_a", 9));
  EXPECT_EQ(task.apply(claim(task.state, 1, "wkr_b", "boot-1")), Names{"offer_superseded"});
  EXPECT_EQ(task.apply(lapse(task.state, 1, "deadline")), Names{"task_offer_lapsed"});
  task.apply(offer(task.state, "wkr_b", 9));
  EXPECT_EQ(task.apply(claim(task.state, 1, "wkr_a", "boot-1")), Names{"offer_superseded"});
  EXPECT_EQ(task.apply(claim(task.state, 2, "wkr_b", "boot-1")), Names{"task_claimed"});
  EXPECT_EQ(task.apply(claim(task.state, 1, "wkr_a", "boot-1")), Names{"offer_superseded"});
}

TEST(Task, ends_a_lease_when_another_boot_of_its_worker_claims_the_same_offer) {
  Task task;
  task.offered_and_claimed("wkr_a", "boot-1");
  EXPECT_EQ(task.apply(claim(task.state, 1, "wkr_a", "boot-1")), Names{}) << "the same boot's claim stands";
  const auto ended = claim(task.state, 1, "wkr_a", "boot-2");
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->at(0).task_lease_expired().reason(), kWorkerRestarted);
  EXPECT_EQ(task.apply(ended), Names{"task_lease_expired"});
  EXPECT_EQ(task.state.status(), State::QUEUED);
  EXPECT_EQ(task.apply(claim(task.state, 1, "wkr_a", "boot-2")), Names{"offer_superseded"});
  task.offered_and_claimed("wkr_a", "boot-2");
  EXPECT_EQ(task.state.offer(), 2u);
  EXPECT_TRUE(is_claim_of(task.state, 2, "boot-2"));
  EXPECT_FALSE(is_claim_of(task.state, 1, "boot-2"));
}

TEST(Task, a_lease_that_another_boot_ends_counts_as_an_attempt_and_ends_what_was_to_be_cancelled) {
  Task last(1);
  last.offered_and_claimed("wkr_a", "boot-1");
  EXPECT_EQ(last.apply(claim(last.state, 1, "wkr_a", "boot-2")), (Names{"task_lease_expired", "task_failed"}));
  Task unwanted;
  unwanted.offered_and_claimed("wkr_a", "boot-1");
  unwanted.apply(request_cancel(unwanted.state, "usr_1", ""));
  EXPECT_EQ(unwanted.apply(claim(unwanted.state, 1, "wkr_a", "boot-2")), (Names{"task_lease_expired", "task_cancelled"}));
}

TEST(Task, a_claim_of_a_log_that_names_no_boot_is_any_boots) {
  Task task;
  task.offered_and_claimed("wkr_a", "");
  EXPECT_EQ(task.state.claims(0).boot_id(), "");
  EXPECT_EQ(task.apply(claim(task.state, 1, "wkr_a", "boot-2")), Names{});
  EXPECT_EQ(task.state.status(), State::CLAIMED);
}

TEST(Task, is_offered_once_at_a_time) {
  Task task;
  task.apply(offer(task.state, "wkr_a", 9));
  EXPECT_EQ(task.apply(offer(task.state, "wkr_b", 9)), Names{"conflict"});
}

TEST(Task, comes_back_to_the_queue_when_its_lease_expires_and_fails_after_the_last_attempt) {
  Task task(2);
  task.offered_and_claimed("wkr_a");
  EXPECT_EQ(task.apply(expire_lease(task.state, 1)), Names{"task_lease_expired"});
  EXPECT_EQ(task.state.status(), State::QUEUED);
  EXPECT_EQ(task.apply(expire_lease(task.state, 1)), Names{}) << "an expired lease expires once";
  task.offered_and_claimed("wkr_b");
  EXPECT_EQ(task.apply(expire_lease(task.state, 2)), (Names{"task_lease_expired", "task_failed"}));
  EXPECT_EQ(task.state.status(), State::FAILED);
}

TEST(Task, keeps_a_late_result_out) {
  Task task;
  task.offered_and_claimed("wkr_a");
  task.apply(expire_lease(task.state, 1));
  task.offered_and_claimed("wkr_b");
  EXPECT_EQ(task.apply(complete(task.state, "wkr_a", completed(1))), Names{"offer_superseded"});
  EXPECT_TRUE(was_claimed(task.state, 1, "wkr_a")) << "its activity stays evidence";
  EXPECT_FALSE(was_claimed(task.state, 1, "wkr_b"));
}

TEST(Task, retries_a_retryable_failure_while_attempts_are_left) {
  Task task(2);
  task.offered_and_claimed("wkr_a");
  task.apply(fail(task.state, "wkr_a", failed(1, true)));
  EXPECT_EQ(task.state.status(), State::QUEUED);
  task.offered_and_claimed("wkr_a");
  const auto last = fail(task.state, "wkr_a", failed(2, true));
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->at(0).task_failed().code(), "attempts_exhausted");
  task.apply(last);
  EXPECT_EQ(task.state.status(), State::FAILED);
}

TEST(Task, fails_at_once_where_the_failure_is_not_retryable) {
  Task task;
  task.offered_and_claimed("wkr_a");
  task.apply(fail(task.state, "wkr_a", failed(1, false)));
  EXPECT_EQ(task.state.status(), State::FAILED);
}

TEST(Task, is_cancelled_at_once_before_a_claim) {
  Task waiting;
  EXPECT_EQ(waiting.apply(request_cancel(waiting.state, "usr_1", "no")), Names{"task_cancelled"});
  Task open_offer;
  open_offer.apply(offer(open_offer.state, "wkr_a", 9));
  EXPECT_EQ(open_offer.apply(request_cancel(open_offer.state, "usr_1", "no")), Names{"task_cancelled"});
  EXPECT_EQ(open_offer.apply(claim(open_offer.state, 1, "wkr_a", "boot-1")), Names{"offer_superseded"});
}

TEST(Task, counts_a_completion_after_the_cancel_request_as_cancelled) {
  Task task;
  task.offered_and_claimed("wkr_a");
  task.apply(request_cancel(task.state, "usr_1", ""));
  EXPECT_EQ(task.apply(complete(task.state, "wkr_a", completed(1))), Names{"task_cancelled"});
  EXPECT_EQ(task.state.status(), State::CANCELLED);
}

TEST(Task, keeps_a_failure_a_failure_after_the_cancel_request) {
  Task task;
  task.offered_and_claimed("wkr_a");
  task.apply(request_cancel(task.state, "usr_1", ""));
  task.apply(fail(task.state, "wkr_a", failed(1, true)));
  EXPECT_EQ(task.state.status(), State::FAILED);
}

TEST(Task, is_cancelled_when_the_lease_ends_after_the_cancel_request) {
  Task task;
  task.offered_and_claimed("wkr_a");
  task.apply(request_cancel(task.state, "usr_1", ""));
  EXPECT_EQ(task.apply(expire_lease(task.state, 1)), (Names{"task_lease_expired", "task_cancelled"}));
}

TEST(Task, absorbs_everything_once_it_has_ended) {
  Task task;
  task.offered_and_claimed("wkr_a");
  task.apply(complete(task.state, "wkr_a", completed(1)));
  EXPECT_EQ(task.apply(offer(task.state, "wkr_b", 9)), Names{"terminal_state"});
  EXPECT_EQ(task.apply(claim(task.state, 1, "wkr_a", "boot-1")), Names{"offer_superseded"});
  EXPECT_EQ(task.apply(fail(task.state, "wkr_a", failed(1, true))), Names{"offer_superseded"});
  EXPECT_EQ(task.apply(expire_lease(task.state, 1)), Names{});
  EXPECT_EQ(task.apply(lapse(task.state, 1, "deadline")), Names{});
  EXPECT_EQ(task.apply(request_cancel(task.state, "usr_1", "")), Names{"terminal_state"});
  EXPECT_EQ(task.state.status(), State::COMPLETED);
}

}  // namespace
}  // namespace dossier::events
