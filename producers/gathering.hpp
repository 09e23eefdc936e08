// What comes one by one from one thread and is worth one job of another: whoever adds the first posts the job, which takes
// all that has come until it runs.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

namespace dossier::producers {

// Thread-safe. Bounded by its users: what is added was admitted before.
template <class T>
class Gathering {
 public:
  // True: nothing waited, so nobody is on the way to take it.
  bool add(T one) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(one));
    return waiting_.size() == 1;
  }
  std::vector<T> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(waiting_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<T> waiting_;
};

}  // namespace dossier::producers
