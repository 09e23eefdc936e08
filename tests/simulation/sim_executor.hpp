// An executor without threads: jobs run when the simulation picks one, timers when their time has come. One per simulated
// process; a killed process's jobs are dropped unrun.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "tests/simulation/random.hpp"

namespace dossier::simulation {

class SimExecutor final : public Executor {
 public:
  SimExecutor(const Clock& clock, Random& random) : clock_(clock), random_(random) {}
  bool post(std::function<void()> job) override {
    if (jobs_.size() >= kMaxJobs) return false;
    jobs_.push_back(std::move(job));
    return true;
  }
  bool post_after(std::int64_t delay_us, std::function<void()> job) override {
    timers_.emplace(clock_.boot_us() + delay_us, std::move(job));
    return true;
  }
  // Runs one job: any of those that wait, as threads of a pool would. False: none is ready.
  bool step() {
    while (!timers_.empty() && timers_.begin()->first <= clock_.boot_us()) {
      jobs_.push_back(std::move(timers_.begin()->second));
      timers_.erase(timers_.begin());
    }
    if (jobs_.empty()) return false;
    const auto at = static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(jobs_.size()) - 1));
    auto job = std::move(jobs_[at]);
    jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(at));
    job();
    return true;
  }
  std::optional<std::int64_t> next_due_us() const {
    if (!jobs_.empty()) return clock_.boot_us();
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first;
  }
  void drop_all() {
    jobs_.clear();
    timers_.clear();
  }

 private:
  static constexpr std::size_t kMaxJobs = 10'000;
  const Clock& clock_;
  Random& random_;
  std::vector<std::function<void()>> jobs_;
  std::multimap<std::int64_t, std::function<void()>> timers_;
};

}  // namespace dossier::simulation
