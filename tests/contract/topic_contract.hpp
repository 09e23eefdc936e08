// What every implementation of platform/topic must do. A backend makes one implementation's parts; the suite
// (topic_contract_test.cpp) runs on all of them.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "platform/topic/topic.hpp"

namespace dossier::topic {

// How long a condition may take to come true; a real broker's first rebalance takes seconds.
inline constexpr auto kPatience = std::chrono::seconds(40);

struct WriterLimits {
  std::size_t max_records = 20'000;
  std::size_t max_bytes = 64u << 20;
  std::size_t max_record_bytes = 1'048'576;
};

class Backend {
 public:
  virtual ~Backend() = default;
  // Empty: ready; otherwise why it can't be used, for the test's failure.
  virtual std::string trouble() const = 0;
  // A fresh topic: the name that the other functions take.
  virtual std::string make_topic(std::int32_t partitions) = 0;
  virtual std::unique_ptr<Writer> writer(const WriterLimits& limits) = 0;
  virtual std::unique_ptr<Reader> reader() = 0;
  virtual std::unique_ptr<GroupReader> group_reader(const std::string& group, const std::string& topic) = 0;
  // Lets time pass where nothing moves by itself.
  virtual void pump() {}
};

std::unique_ptr<Backend> make_kafka_backend();
std::unique_ptr<Backend> make_threaded_memory_backend();
std::unique_ptr<Backend> make_deterministic_memory_backend();

// The outcomes of appends, in the order in which they came.
class Outcomes {
 public:
  Writer::Done next() {
    const std::lock_guard lock(mutex_);
    const std::size_t index = counts_.size();
    counts_.push_back(0);
    return [this, index](const Appended& appended) {
      const std::lock_guard guard(mutex_);
      ++counts_[index];
      all_.push_back({index, appended});
    };
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return all_.size();
  }
  struct Entry {
    std::size_t index;  // of the append
    Appended appended;
  };
  std::vector<Entry> all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }
  // How often the done of each append was called.
  std::vector<int> counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<int> counts_;
  std::vector<Entry> all_;
};

}  // namespace dossier::topic
