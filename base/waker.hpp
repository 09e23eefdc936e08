// A flag that one loop sleeps on and anyone may raise.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace dossier {

// Thread-safe. A wake that comes while nobody waits is kept for the next wait.
class Waker {
 public:
  void wake() {
    {
      const std::lock_guard lock(mutex_);
      raised_ = true;
    }
    raised_changed_.notify_all();
  }
  // Waits until woken, at most timeout_us; true: woken. Lowers the flag.
  bool wait(std::int64_t timeout_us) {
    std::unique_lock lock(mutex_);
    const bool woken = raised_changed_.wait_for(lock, std::chrono::microseconds(timeout_us), [this] { return raised_; });
    raised_ = false;
    return woken;
  }

 private:
  std::mutex mutex_;
  std::condition_variable raised_changed_;
  bool raised_ = false;
};

}  // namespace dossier
