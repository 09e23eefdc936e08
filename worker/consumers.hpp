// The two threads which read what the server says: offers as a member of the pool's group, control messages alone from the
// topic's end at start. Each owns its consumer; what they read goes to the inbox.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dossier/v1/worker.pb.h"
#include "platform/topic/topic.hpp"
#include "worker/offset_tracker.hpp"

namespace dossier::worker {

struct OfferListener {
  std::function<void(v1::TaskOffer, std::int32_t partition, std::int64_t offset)> offer;
  std::function<void(std::int32_t partition, std::int64_t offset)> unreadable;  // no offer: passed over
  std::function<void(std::vector<std::int32_t>)> partitions;
};

class OfferConsumer {
 public:
  OfferConsumer(std::unique_ptr<topic::GroupReader> reader, OfferListener listener);
  ~OfferConsumer();  // leaves the group
  OfferConsumer(const OfferConsumer&) = delete;
  OfferConsumer& operator=(const OfferConsumer&) = delete;
  // Thread-safe; done by the consumer's thread within kCommitUs, the last of each partition. What was read and not committed is read
  // again by whoever has the partition next, and then known or somebody else's: a commit an offer would be one more request to the
  // broker in the moment in which the claim is on its way.
  void commit(const std::vector<Commit>& commits);
  static constexpr std::int64_t kCommitUs = 1'000'000;

 private:
  void run();
  void commit_now();
  const std::unique_ptr<topic::GroupReader> reader_;
  const OfferListener listener_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::map<std::int32_t, std::int64_t> commits_;  // the next to read, by partition
  std::int64_t commit_due_us_ = 0;
  std::thread thread_;
};

struct ControlListener {
  std::function<void(v1::ControlMessage, std::int64_t offset)> message;
  std::function<void(std::int64_t last_offset)> current;  // all there was has been read
  // By a gateway: it knows the token no more, so that it can't even say Revoked. Perhaps said again.
  std::function<void(const Error& error)> unauthenticated;
};

class ControlConsumer {
 public:
  static constexpr std::int64_t kCheckUs = 4'000'000;  // how often it asks the broker for the topic's end
  static constexpr std::int64_t kCheckWaitMs = 2'000;

  ControlConsumer(std::unique_ptr<topic::Reader> reader, std::string topic, ControlListener listener);
  ~ControlConsumer();
  ControlConsumer(const ControlConsumer&) = delete;
  ControlConsumer& operator=(const ControlConsumer&) = delete;

 private:
  void run();
  Status go_to_end();
  Status step();
  const std::unique_ptr<topic::Reader> reader_;
  const std::string topic_;
  const ControlListener listener_;
  std::atomic<bool> stop_{false};
  std::int64_t next_ = -1;  // to read; -1: not positioned yet
  std::int64_t check_due_us_ = 0;
  std::thread thread_;
};

}  // namespace dossier::worker
