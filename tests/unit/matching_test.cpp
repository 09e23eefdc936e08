// Which task goes to which worker.
#include "producers/matching.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace dossier::producers {
namespace {

// Builds a view; deques keep the addresses that candidates and seats point at.
struct View {
  std::deque<QueuedTask> tasks;
  std::deque<v1::TaskQueued> details;
  std::deque<LiveWorker> workers;
  std::vector<Candidate> candidates;
  std::vector<Seat> seats;
  std::map<std::string, std::uint32_t> at_work;

  v1::TaskQueued& task(const std::string& id, std::int64_t queued_us = 1, std::int32_t priority = 0, const std::string& workspace = "a",
                       const std::string& affinity = {}) {
    QueuedTask& task = tasks.emplace_back();
    task.id = TaskId(id);
    task.workspace = WorkspaceId(workspace);
    task.pool = "pool";
    task.priority = priority;
    task.queued_us = queued_us;
    task.affinity = affinity;
    candidates.push_back({&task, &details.emplace_back()});
    return details.back();
  }
  LiveWorker& worker(const std::string& id, std::uint32_t free = 1) {
    LiveWorker& worker = workers.emplace_back();
    worker.id = WorkerId(id);
    worker.pool = "pool";
    worker.mode = "local";
    worker.slots = free;
    seats.push_back({&worker, free});
    return worker;
  }
  // "task>worker", in order.
  std::vector<std::string> matched(std::size_t most = 100) const {
    std::vector<std::string> out;
    for (const Match& match : match(candidates, seats, at_work, most)) out.push_back(match.task->id.str() + ">" + match.worker->id.str());
    return out;
  }
  static std::vector<Match> match(const std::vector<Candidate>& tasks, const std::vector<Seat>& seats, std::map<std::string, std::uint32_t> at_work,
                                  std::size_t most) {
    return producers::match(tasks, seats, std::move(at_work), most);
  }
};

v1::Capability capability(const std::string& name, const std::string& value) {
  v1::Capability out;
  out.set_name(name);
  out.set_value(value);
  return out;
}

using Pairs = std::vector<std::string>;

TEST(Matching, every_free_slot_takes_one_task_and_no_task_goes_twice) {
  View view;
  view.task("t1", 1);
  view.task("t2", 2);
  view.task("t3", 3);
  view.worker("w", 2);
  EXPECT_EQ(view.matched(), (Pairs{"t1>w", "t2>w"}));
}

TEST(Matching, higher_priority_goes_first_and_then_the_older) {
  View view;
  view.task("old", 1);
  view.task("urgent", 9, 5);
  view.task("young", 8);
  view.worker("w", 3);
  EXPECT_EQ(view.matched(), (Pairs{"urgent>w", "old>w", "young>w"}));
}

TEST(Matching, every_required_capability_must_be_offered_with_its_value) {
  View view;
  *view.task("gpu").add_required_capabilities() = capability("gpu", "\"a\"");
  view.worker("none");
  view.worker("other").capabilities.push_back(capability("gpu", "\"b\""));
  EXPECT_TRUE(view.matched().empty());
  view.worker("right").capabilities.push_back(capability("gpu", "\"a\""));
  EXPECT_EQ(view.matched(), Pairs{"gpu>right"});
}

TEST(Matching, a_required_mode_is_the_workers_mode) {
  View view;
  *view.task("t").add_required_capabilities() = capability("mode", "cluster");
  view.worker("local");
  EXPECT_TRUE(view.matched().empty());
  view.worker("cluster").mode = "cluster";
  EXPECT_EQ(view.matched(), Pairs{"t>cluster"});
}

TEST(Matching, a_draining_worker_and_another_pool_get_nothing) {
  View view;
  view.task("t");
  view.worker("draining").draining = true;
  view.worker("elsewhere").pool = "other";
  EXPECT_TRUE(view.matched().empty());
}

TEST(Matching, the_worker_that_has_the_repository_cached_is_taken_before_an_emptier_one) {
  View view;
  view.task("t", 1, 0, "a", "project");
  view.worker("empty", 4);
  view.worker("cached", 1).cached_projects.push_back("project");
  EXPECT_EQ(view.matched(), Pairs{"t>cached"});
}

TEST(Matching, a_task_goes_to_its_home_before_a_worker_that_has_the_repository_or_more_room) {
  View view;
  view.task("t", 1, 0, "a", "project");
  view.candidates[0].home = WorkerId("home");
  view.worker("cached", 4).cached_projects.push_back("project");
  view.worker("home", 1);
  EXPECT_EQ(view.matched(), Pairs{"t>home"});
}

TEST(Matching, a_task_that_waits_for_its_home_holds_up_nobody_and_takes_no_other_worker) {
  View view;
  view.task("t", 1);
  view.candidates[0].home = WorkerId("home");
  view.candidates[0].waits = true;
  view.task("plain", 2);
  view.worker("other", 2);
  EXPECT_EQ(view.matched(), Pairs{"plain>other"});
  view.candidates[0].waits = false;
  EXPECT_EQ(view.matched(), (Pairs{"t>other", "plain>other"}));
}

TEST(Matching, a_home_that_lacks_what_the_task_requires_is_no_home) {
  View view;
  *view.task("gpu").add_required_capabilities() = capability("gpu", "true");
  view.candidates[0].home = WorkerId("home");
  view.worker("home", 4);
  view.worker("right").capabilities.push_back(capability("gpu", "true"));
  EXPECT_EQ(view.matched(), Pairs{"gpu>right"});
}

TEST(Matching, work_spreads_over_the_workers_with_most_room) {
  View view;
  for (int i = 0; i < 4; ++i) view.task("t" + std::to_string(i), i);
  view.worker("a", 2);
  view.worker("b", 2);
  EXPECT_EQ(view.matched(), (Pairs{"t0>a", "t1>b", "t2>a", "t3>b"}));
}

TEST(Matching, workspaces_take_turns_whoever_queued_more) {
  View view;
  for (int i = 0; i < 5; ++i) view.task("a" + std::to_string(i), i, 0, "a");
  view.task("b0", 100, 0, "b");
  view.worker("w", 3);
  EXPECT_EQ(view.matched(), (Pairs{"a0>w", "b0>w", "a1>w"}));
}

TEST(Matching, a_workspace_that_has_tasks_at_work_waits_for_one_that_has_none) {
  View view;
  view.task("a", 1, 0, "a");
  view.task("b", 2, 0, "b");
  view.at_work["a"] = 1;
  view.worker("w", 1);
  EXPECT_EQ(view.matched(), Pairs{"b>w"});
}

TEST(Matching, a_task_that_nobody_fits_does_not_hold_up_the_others) {
  View view;
  *view.task("picky", 1, 9).add_required_capabilities() = capability("gpu", "true");
  view.task("plain", 2);
  view.worker("w");
  EXPECT_EQ(view.matched(), Pairs{"plain>w"});
}

TEST(Matching, no_more_than_asked_for) {
  View view;
  view.task("t1", 1);
  view.task("t2", 2);
  view.worker("w", 2);
  EXPECT_EQ(view.matched(1), Pairs{"t1>w"});
  EXPECT_TRUE(view.matched(0).empty());
}

}  // namespace
}  // namespace dossier::producers
