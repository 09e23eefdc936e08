// The real Executor: a fixed number of threads on one bounded queue, and timers. Also a plain pool for blocking work.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/executor.hpp"

namespace dossier {

// Thread-safe. A job must not throw. Timers share the pool's threads: a due timer goes in front of queued jobs, so that a
// full queue can't starve deadlines.
class ThreadPool final : public Executor {
 public:
  ThreadPool(std::size_t threads, std::size_t max_queue);
  ~ThreadPool() override;  // stop()

  bool post(std::function<void()> job) override;
  bool post_after(std::int64_t delay_us, std::function<void()> job) override;

  // Takes no more jobs, runs what is queued, drops timers that are not due, joins. Not from a job.
  void stop();
  std::size_t queued() const;

 private:
  struct Timer {
    std::int64_t due_us;
    std::uint64_t order;
    std::function<void()> job;
    bool operator<(const Timer& other) const { return due_us != other.due_us ? due_us > other.due_us : order > other.order; }
  };
  void work();

  const std::size_t max_queue_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  std::vector<Timer> timers_;  // a heap, earliest first
  std::uint64_t timer_order_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace dossier
