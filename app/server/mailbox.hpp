// The newest value for a loop that has not taken it yet.
#pragma once

#include <mutex>
#include <optional>
#include <utility>

namespace dossier::app {

// Thread-safe.
template <class T>
class Mailbox {
 public:
  void put(T value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
  }
  // Unless something newer came meanwhile.
  void put_back(T value) {
    const std::lock_guard lock(mutex_);
    if (!value_) value_ = std::move(value);
  }
  std::optional<T> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(value_, std::nullopt);
  }

 private:
  std::mutex mutex_;
  std::optional<T> value_;
};

}  // namespace dossier::app
