// A pool of 1, 2, 4 and 8 workers with tasks of a second each: does the work grow with the workers, and how long does a task
// wait while somebody could take it? Then a worker is killed, and others join and leave.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "bench/bench.hpp"
#include "bench/workload.hpp"
#include "tests/support/eventually.hpp"

namespace dossier::bench {
namespace {

constexpr int kSlots = 4;
constexpr double kTaskMs = 1'000;
constexpr std::size_t kAskers = 8;
constexpr std::chrono::milliseconds kLook{100};

// Milliseconds of "…Thh:mm:ss.ffffffZ" within its day: differences are all that is asked.
double ms_of_day(const std::string& time) {
  if (time.size() < 27) return 0;
  const auto part = [&](std::size_t at, std::size_t size) { return std::stod(time.substr(at, size)); };
  return ((part(11, 2) * 60 + part(14, 2)) * 60 + part(17, 9)) * 1'000;
}

struct TaskTimes {
  std::string worker;
  double queued = 0, claimed = 0, ended = 0;
  int offer = 0;
};

// Opens so many issues; each takes one task at a time.
std::vector<std::string> open_issues(test::Installation& installation, const std::string& project, std::int64_t count) {
  std::vector<std::string> issues;
  issues.reserve(static_cast<std::size_t>(count));
  for (std::int64_t n = 0; n < count; ++n) issues.push_back(installation.open_issue("scaling " + std::to_string(n), project));
  return issues;
}

// Comments on each issue by kAskers clients: one alone waits for each verdict, and would be slower than eight workers.
Status ask_all(test::Installation& installation, const std::vector<std::string>& issues, const std::string& agent) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::vector<std::thread> askers;
  for (std::size_t n = 0; n < std::min<std::size_t>(kAskers, issues.size()); ++n)
    askers.emplace_back([&] {
      test::Api api = installation.api_of(0);
      for (std::size_t i = next++; i < issues.size() && !failed; i = next++)
        if (api.post_until_decided("/v1/issues/" + issues[i] + "/comments", test::object({{"body", "@" + agent + " go"}})).status / 100 != 2)
          failed = true;
    });
  for (std::thread& one : askers) one.join();
  if (failed) return make_error(Code::internal, "a comment was not taken:\n" + installation.logs());
  return {};
}

// Waits until the newest task of each issue is completed, and says when what happened.
Result<std::vector<TaskTimes>> times_of(test::Installation& installation, const std::vector<std::string>& issues) {
  std::vector<TaskTimes> all;
  for (const std::string& issue : issues) {
    const auto sessions = installation.api().get("/v1/issues/" + issue + "/sessions").items();
    if (sessions.empty()) return make_error(Code::internal, "the comment queued no task on " + issue);
    const std::string id = sessions.front().text("task_id");
    test::Reply task;
    const bool completed = test::eventually(120'000, [&] {
      task = installation.task(id);
      if (task.text("status") == "completed") return true;
      std::this_thread::sleep_for(kLook);  // who asks all the time would take part in what is measured
      return false;
    });
    if (!completed) return make_error(Code::timeout, "a task did not complete:\n" + task.raw + "\n" + installation.logs());
    all.push_back({task.text("worker_id"), ms_of_day(task.text("queued_at")), ms_of_day(task.text("claimed_at")), ms_of_day(task.text("ended_at")),
                   static_cast<int>(task.body.integer_or("offer", 0))});
  }
  return all;
}

Result<std::vector<TaskTimes>> run_tasks(test::Installation& installation, const std::vector<std::string>& issues, const std::string& agent) {
  TRY_STATUS(ask_all(installation, issues, agent));
  return times_of(installation, issues);
}

// The same, asked one after the other at even distances.
Result<std::vector<TaskTimes>> run_paced(test::Installation& installation, const std::vector<std::string>& issues, const std::string& agent,
                                         std::chrono::microseconds distance) {
  auto next = std::chrono::steady_clock::now();
  for (const std::string& issue : issues) {
    std::this_thread::sleep_until(next);
    next += distance;
    TRY_STATUS(ask_all(installation, {issue}, agent));
  }
  return times_of(installation, issues);
}

// The longest that a task waited while a slot was free for it. Slots are alike, so each claim takes the one that has been free
// longest: a slot that was given back a moment ago is on its way to its next task, and not one that nobody uses.
double longest_wait_beside_a_free_slot(const std::vector<TaskTimes>& tasks, int slots) {
  std::multimap<double, const TaskTimes*> changes;  // a task, where it is claimed; nothing, where a slot is given back
  for (const TaskTimes& task : tasks) {
    changes.emplace(task.claimed, &task);
    changes.emplace(task.ended, nullptr);
  }
  std::multiset<double> free_since;
  for (int n = 0; n < slots; ++n) free_since.insert(0);
  double longest = 0;
  for (const auto& [at, task] : changes) {
    if (task == nullptr) {
      free_since.insert(at);
    } else if (!free_since.empty()) {
      longest = std::max(longest, at - std::max(task->queued, *free_since.begin()));
      free_since.erase(free_since.begin());
    }
  }
  return longest;
}

double span_of(const std::vector<TaskTimes>& tasks) {
  double first = tasks.front().claimed, last = 0;
  for (const TaskTimes& task : tasks) {
    first = std::min(first, task.claimed);
    last = std::max(last, task.ended);
  }
  return last - first;
}

std::vector<double> waits_of(const std::vector<TaskTimes>& tasks) {
  std::vector<double> waits;
  waits.reserve(tasks.size());
  for (const TaskTimes& task : tasks) waits.push_back(task.claimed - task.queued);
  return waits;
}

// What a task costs beside its agent's second: worktree, process, capture, commits. Median of tasks that are alone.
Result<double> overhead_ms(test::Installation& installation, const std::string& project) {
  std::vector<double> costs;
  for (const std::string& issue : open_issues(installation, project, 5)) {
    TRY(const auto one, run_tasks(installation, {issue}, "second"));
    costs.push_back(one.front().ended - one.front().claimed - kTaskMs);
  }
  return median_of(costs);
}

}  // namespace

Result<std::vector<Measurement>> bench_scaling(const Settings& settings) {
  std::vector<Measurement> all;
  const std::int64_t rounds = settings.scaled(10);
  auto overhead = measurement("task_overhead_ms", "ms", true);
  std::map<int, Measurement> efficiency, idle, beside;
  for (const int workers : {1, 2, 4, 8}) {
    const std::string suffix = "_" + std::to_string(workers) + "_workers";
    efficiency.emplace(workers, measurement("scaling_share_of_ideal" + suffix, "%", false, 90.0));
    idle.emplace(workers, measurement("queued_to_claimed_p50_ms" + suffix, "ms", true, 10.0));
    beside.emplace(workers, measurement("wait_beside_free_slot_ms" + suffix, "ms", true, 100.0));
  }
  for (int run = 0; run < settings.runs; ++run) {
    test::Installation installation(test::Clusters::shared());
    installation.start_server();
    installation.bootstrap();
    const std::string project = installation.make_project("scaling");
    installation.make_agent({.name = "second", .command = {"/bin/sleep", "1"}, .model = {}});
    int started = 0;
    for (const int workers : {1, 2, 4, 8}) {
      for (; started < workers; ++started) installation.start_worker("w" + std::to_string(started), kSlots);
      if (workers == 1) {
        TRY(const double cost, overhead_ms(installation, project));
        overhead.runs.push_back(cost);
      }
      const int slots = workers * kSlots;
      // Half of the slots are at work: nobody has to wait for anybody.
      TRY(const auto half, run_paced(installation, open_issues(installation, project, settings.scaled(2 * slots)), "second",
                                     std::chrono::microseconds(2'000'000 / slots)));
      auto waits = waits_of(half);
      idle.at(workers).runs.push_back(percentile(waits, 0.50));
      TRY(const auto many, run_tasks(installation, open_issues(installation, project, slots * rounds), "second"));
      const double ideal_ms = static_cast<double>(rounds) * (kTaskMs + overhead.runs.back());
      efficiency.at(workers).runs.push_back(100 * ideal_ms / span_of(many));
      beside.at(workers).runs.push_back(std::max(longest_wait_beside_a_free_slot(half, slots), longest_wait_beside_a_free_slot(many, slots)));
    }
  }
  all.push_back(overhead);
  for (auto* group : {&efficiency, &idle, &beside})
    for (auto& [workers, one] : *group) all.push_back(one);
  return all;
}

Result<std::vector<Measurement>> bench_membership(const Settings& settings) {
  auto again = measurement("killed_worker_next_offer_s", "s", true, 30.0);
  auto p99 = measurement("claim_while_workers_join_and_leave_p99_ms", "ms", true, 3'000.0);
  auto broken = measurement("tasks_broken_by_join_or_leave", "tasks", true, 0.0);
  for (int run = 0; run < settings.runs; ++run) {
    test::Installation installation(test::Clusters::shared());
    installation.start_server();
    installation.bootstrap();
    const std::string project = installation.make_project("membership");
    installation.make_agent({.name = "second", .command = {"/bin/sleep", "1"}, .model = {}});
    installation.make_agent({.name = "long", .command = {"/bin/sleep", "8"}, .model = {}});
    installation.start_worker("stays", kSlots);
    installation.start_worker("too", kSlots);
    // Others join and leave while these two have enough to do.
    const std::int64_t tasks = settings.scaled(60);
    int joined = 0;
    const auto issues = open_issues(installation, project, tasks);
    for (std::size_t asked = 0; asked < issues.size(); ++asked) {
      TRY_STATUS(ask_all(installation, {issues[asked]}, "second"));
      std::this_thread::sleep_for(std::chrono::milliseconds(150));
      if (asked % 15 == 4) installation.launch_worker("guest" + std::to_string(joined++), 1);
      if (asked % 15 == 14) installation.worker("guest" + std::to_string(joined - 1)).signal(SIGTERM);
    }
    TRY(const auto times, times_of(installation, issues));
    auto waits = waits_of(times);
    p99.runs.push_back(percentile(waits, 0.99));
    broken.runs.push_back(static_cast<double>(std::count_if(times.begin(), times.end(), [](const TaskTimes& task) { return task.offer > 1; })));

    // One that is killed with a task at hand: the lease ends in the brokers' time, and the other gets the next offer.
    const auto asked = installation.ask(installation.open_issue("killed", project), "@long go");
    if (installation.wait_for_task(asked.task, {"running"}) != "running") return make_error(Code::timeout, "a task did not start");
    const std::string holder = installation.task(asked.task).text("worker_id");
    installation.worker(holder == installation.worker_id("stays") ? "stays" : "too").kill();
    const auto killed = std::chrono::steady_clock::now();
    if (!test::eventually(60'000, [&] { return installation.task(asked.task).body.integer_or("offer", 0) > 1; }))
      return make_error(Code::timeout, "the killed worker's task was not offered again");
    again.runs.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - killed).count());
  }
  return std::vector<Measurement>{again, p99, broken};
}

}  // namespace dossier::bench
