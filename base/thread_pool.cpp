// A bounded queue, a heap of timers, and threads that take from both.
#include "base/thread_pool.hpp"

#include <algorithm>
#include <chrono>

#include "base/check.hpp"

namespace dossier {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::int64_t steady_us() { return std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now().time_since_epoch()).count(); }

}  // namespace

ThreadPool::ThreadPool(std::size_t threads, std::size_t max_queue) : max_queue_(max_queue) {
  CHECK(threads > 0 && max_queue > 0);
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() { stop(); }

bool ThreadPool::post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= max_queue_) return false;
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

bool ThreadPool::post_after(std::int64_t delay_us, std::function<void()> job) {
  bool earliest = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    timers_.push_back({steady_us() + std::max<std::int64_t>(delay_us, 0), timer_order_++, std::move(job)});
    std::push_heap(timers_.begin(), timers_.end());
    earliest = timers_.front().order == timer_order_ - 1;
  }
  if (earliest) wake_.notify_one();  // somebody has to sleep less long
  return true;
}

void ThreadPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    std::function<void()> job;
    if (!stopping_ && !timers_.empty() && timers_.front().due_us <= steady_us()) {
      std::pop_heap(timers_.begin(), timers_.end());
      job = std::move(timers_.back().job);
      timers_.pop_back();
    } else if (!queue_.empty()) {
      job = std::move(queue_.front());
      queue_.pop_front();
    } else if (stopping_) {
      return;
    } else if (timers_.empty()) {
      wake_.wait(lock);
      continue;
    } else {
      wake_.wait_until(lock, SteadyClock::time_point(std::chrono::microseconds(timers_.front().due_us)));
      continue;
    }
    // A thread that leaves the wait for a job may have been the one which watched the next timer.
    const bool hand_over = !timers_.empty() || !queue_.empty();
    lock.unlock();
    if (hand_over) wake_.notify_one();
    job();
    job = nullptr;  // what it holds is released without the lock
    lock.lock();
  }
}

void ThreadPool::stop() {
  std::vector<Timer> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(timers_);
  }
  wake_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

std::size_t ThreadPool::queued() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

}  // namespace dossier
