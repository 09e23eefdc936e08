// What other threads want done on the worker's own: jobs in the order of arrival, bounded, with one wake-up.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

#include "platform/process/process.hpp"

namespace dossier::worker {

class Inbox {
 public:
  static constexpr std::size_t kMaxJobs = 4'096;

  explicit Inbox(process::Wakeup& wakeup) : wakeup_(wakeup) {}

  // Thread-safe. Waits while the inbox is full; after close() the job is dropped.
  void post(std::function<void()> job) {
    {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [&] { return jobs_.size() < kMaxJobs || closed_; });
      if (closed_) return;
      jobs_.push_back(std::move(job));
    }
    wakeup_.notify();
  }
  // For callbacks that must not wait: there are never more of these than records in flight, which the writer bounds.
  void post_now(std::function<void()> job) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return;
      jobs_.push_back(std::move(job));
    }
    wakeup_.notify();
  }
  std::deque<std::function<void()>> take() {
    std::deque<std::function<void()>> jobs;
    {
      const std::lock_guard lock(mutex_);
      jobs.swap(jobs_);
    }
    room_.notify_all();
    return jobs;
  }
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      jobs_.clear();
    }
    room_.notify_all();
  }

 private:
  process::Wakeup& wakeup_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::deque<std::function<void()>> jobs_;
  bool closed_ = false;
};

}  // namespace dossier::worker
