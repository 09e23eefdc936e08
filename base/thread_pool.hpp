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
  bool is_running_here() const override;

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
  void rest(std::unique_lock<std::mutex>& lock);
  std::condition_variable* rouse_for_job();
  std::condition_variable* rouse_watcher();

  const std::size_t max_queue_;
  mutable std::mutex mutex_;  // guards what follows
  // One resting thread watches the next timer, the others wait for jobs: were all of them to watch, each job would rouse a
  // second thread, lest the one that took it had been the last to watch.
  std::condition_variable wake_;
  std::size_t resting_ = 0;  // waiting for wake_
  std::size_t roused_ = 0;   // of these, told to go on and not yet running
  std::condition_variable alarm_;
  bool is_watched_ = false;
  std::deque<std::function<void()>> queue_;
  std::vector<Timer> timers_;  // a heap, earliest first
  std::uint64_t timer_order_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace dossier
