// A request to stop, from a signal handler or another thread, which the worker's loop can wait on.
#pragma once

#include <atomic>

#include "platform/process/process.hpp"

namespace dossier::worker {

// request() is async-signal-safe: a handler of SIGTERM may call it. Asked twice means: now.
class StopSignal {
 public:
  void request() noexcept {
    requests_.fetch_add(1, std::memory_order_relaxed);
    wakeup_.notify();
  }
  int requests() const noexcept { return requests_.load(std::memory_order_relaxed); }
  process::Wakeup& wakeup() noexcept { return wakeup_; }

 private:
  std::atomic<int> requests_{0};
  process::Wakeup wakeup_;
};

}  // namespace dossier::worker
