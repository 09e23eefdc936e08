// An Executor for one thread: jobs and timers wait until the test runs them, in the order of posting and of time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/clock.hpp"
#include "base/executor.hpp"

namespace dossier::test {

class StepExecutor final : public Executor {
 public:
  explicit StepExecutor(const Clock& clock, std::size_t max_queue = 10'000) : clock_(clock), max_queue_(max_queue) {}

  bool post(std::function<void()> job) override {
    if (stopped_ || jobs_.size() >= max_queue_) return false;
    jobs_.push_back(std::move(job));
    return true;
  }
  bool post_after(std::int64_t delay_us, std::function<void()> job) override {
    if (stopped_) return false;
    timers_.emplace(clock_.boot_us() + delay_us, std::move(job));
    return true;
  }
  // Runs one due timer or job. False: there is none.
  bool step() {
    std::function<void()> job;
    if (!timers_.empty() && timers_.begin()->first <= clock_.boot_us()) {
      job = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
    } else if (!jobs_.empty()) {
      job = std::move(jobs_.front());
      jobs_.pop_front();
    } else {
      return false;
    }
    job();
    return true;
  }
  std::optional<std::int64_t> next_due_us() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first;
  }
  // Takes nothing more and forgets what waits: its process died.
  void stop() {
    stopped_ = true;
    jobs_.clear();
    timers_.clear();
  }

 private:
  const Clock& clock_;
  const std::size_t max_queue_;
  bool stopped_ = false;
  std::deque<std::function<void()>> jobs_;
  std::multimap<std::int64_t, std::function<void()>> timers_;
};

}  // namespace dossier::test
