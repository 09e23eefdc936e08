// A bounded queue, a heap of timers, and threads that take from both.
#include "base/thread_pool.hpp"

#include <algorithm>
#include <chrono>

#include "base/check.hpp"

namespace dossier {
namespace {

using SteadyClock = std::chrono::steady_clock;

thread_local const ThreadPool* pool_of_this_thread = nullptr;

std::int64_t steady_us() { return std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now().time_since_epoch()).count(); }

}  // namespace

ThreadPool::ThreadPool(std::size_t threads, std::size_t max_queue) : max_queue_(max_queue) {
  CHECK(threads > 0 && max_queue > 0);
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() { stop(); }

bool ThreadPool::post(std::function<void()> job) {
  std::condition_variable* roused = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= max_queue_) return false;
    queue_.push_back(std::move(job));
    roused = rouse_for_job();
  }
  if (roused != nullptr) roused->notify_one();
  return true;
}

bool ThreadPool::post_after(std::int64_t delay_us, std::function<void()> job) {
  std::condition_variable* roused = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    timers_.push_back({steady_us() + std::max<std::int64_t>(delay_us, 0), timer_order_++, std::move(job)});
    std::push_heap(timers_.begin(), timers_.end());
    const bool is_earliest = timers_.front().order == timer_order_ - 1;
    if (is_earliest && is_watched_) roused = &alarm_;
    if (!is_watched_) roused = rouse_watcher();
  }
  if (roused != nullptr) roused->notify_one();
  return true;
}

// Under the lock, as the next one: what to notify, if anything. A thread that is on its way already is not told again, and
// one that works looks at queue and timers before it rests.
std::condition_variable* ThreadPool::rouse_for_job() {
  std::condition_variable* rests = rouse_watcher();
  return rests == nullptr && is_watched_ ? &alarm_ : rests;
}

std::condition_variable* ThreadPool::rouse_watcher() {
  if (roused_ >= resting_) return nullptr;
  ++roused_;
  return &wake_;
}

void ThreadPool::rest(std::unique_lock<std::mutex>& lock) {
  if (timers_.empty() || is_watched_) {
    ++resting_;
    wake_.wait(lock);
    --resting_;
    roused_ -= std::min<std::size_t>(roused_, 1);
  } else {
    is_watched_ = true;
    alarm_.wait_until(lock, SteadyClock::time_point(std::chrono::microseconds(timers_.front().due_us)));
    is_watched_ = false;
  }
}

bool ThreadPool::is_running_here() const { return pool_of_this_thread == this; }

void ThreadPool::work() {
  pool_of_this_thread = this;
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
    } else {
      rest(lock);
      continue;
    }
    std::condition_variable* const roused = !timers_.empty() && !is_watched_ ? rouse_watcher() : nullptr;  // this one was it
    lock.unlock();
    if (roused != nullptr) roused->notify_one();
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
  alarm_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

std::size_t ThreadPool::queued() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

}  // namespace dossier
