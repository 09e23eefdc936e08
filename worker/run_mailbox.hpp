// What is said to a run, from the worker's thread to the run's.
#pragma once

#include <deque>
#include <mutex>
#include <utility>

#include "platform/process/process.hpp"
#include "worker/run.hpp"

namespace dossier::worker {

// Thread-safe. Bounded by who fills it: the protocol says each thing once.
class RunMailbox {
 public:
  explicit RunMailbox(process::Wakeup& wakeup) : wakeup_(wakeup) {}

  void put(RunMail mail) {
    {
      const std::lock_guard lock(mutex_);
      mail_.push_back(std::move(mail));
    }
    wakeup_.notify();
  }
  std::deque<RunMail> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(mail_, {});
  }

 private:
  process::Wakeup& wakeup_;
  std::mutex mutex_;
  std::deque<RunMail> mail_;
};

}  // namespace dossier::worker
