// Tasks that do nothing, by the real worker: each runs /bin/true in a worktree of its own and is evidence afterwards.
#include <chrono>

#include "bench/beside/beside.hpp"
#include "bench/workload.hpp"

namespace dossier::bench::beside {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kSlots = 8;

// Milliseconds of "…THH:MM:SS.ffffffZ" within its day: differences are all that is asked.
double ms_of_day(const std::string& time) {
  if (time.size() < 27) return 0;
  const auto part = [&](std::size_t at, std::size_t size) { return std::stod(time.substr(at, size)); };
  return ((part(11, 2) * 60 + part(14, 2)) * 60 + part(17, 9)) * 1000;
}

class Queue {
 public:
  explicit Queue(test::Installation& installation) : installation_(installation), project_(installation.make_project("bench")) {}

  // One at a time, each when the worker is idle.
  Result<Figures> idle(std::int64_t tasks) {
    std::vector<double> waits_ms;
    const auto began = SteadyClock::now();
    for (std::int64_t n = 0; n < tasks; ++n) {
      const auto asked = ask();
      TRY(const auto task, completed(asked));
      waits_ms.push_back(ms_of_day(task.text("claimed_at")) - ms_of_day(task.text("queued_at")));
    }
    return figures_of(static_cast<double>(tasks) / seconds_since(began), waits_ms);
  }

  // Asked for one after another over HTTP, as fast as one client can; from the first question to the last end.
  Result<Figures> drain(std::int64_t tasks) {
    std::vector<test::Asked> asked;
    asked.reserve(static_cast<std::size_t>(tasks));
    const auto began = SteadyClock::now();
    for (std::int64_t n = 0; n < tasks; ++n) asked.push_back(ask());
    for (const auto& one : asked) {
      TRY([[maybe_unused]] const auto task, completed(one));
    }
    return Figures{{"per_second", static_cast<double>(tasks) / seconds_since(began)}};
  }

 private:
  static double seconds_since(SteadyClock::time_point then) { return std::chrono::duration<double>(SteadyClock::now() - then).count(); }
  test::Asked ask() { return installation_.ask(installation_.open_issue("task " + std::to_string(++issues_), project_), "@noop go"); }
  Result<test::Reply> completed(const test::Asked& asked) {
    if (installation_.wait_for_task(asked.task, {"completed"}) != "completed")
      return make_error(Code::timeout, "a task did not complete:\n" + installation_.logs());
    return installation_.task(asked.task);
  }

  test::Installation& installation_;
  std::string project_;
  std::int64_t issues_ = 0;
};

}  // namespace

Status task_queue(const Words&) {
  test::Installation installation(test::Clusters::shared());
  installation.start_server();
  installation.bootstrap();
  installation.start_worker("bench", kSlots);
  installation.make_agent({.name = "noop", .command = {"/bin/true"}, .model = {}});
  Queue queue(installation);
  return answer_lines({}, [&](const Words& words) -> Result<Figures> {
    TRY(const std::int64_t tasks, number_at(words, 1));
    return words[0] == "idle" ? queue.idle(tasks) : queue.drain(tasks);
  });
}

}  // namespace dossier::bench::beside
