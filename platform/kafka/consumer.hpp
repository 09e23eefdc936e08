// Inside platform/kafka only: what Reader and GroupReader share. One owner thread; librdkafka's callbacks run inside poll()
// and close(), on that thread too.
#pragma once

#include <functional>
#include <optional>

#include "platform/kafka/client.hpp"

namespace dossier::kafka {

// How long the end of a consumer may take before its threads are left behind.
inline constexpr std::int64_t kDestroyMs = 5'000;

class Consumer {
 public:
  // nullptr: lost; otherwise the partitions which the group gave to this member. Must answer with rd_kafka_assign.
  using OnRebalance = std::function<void(const rd_kafka_topic_partition_list_t*)>;

  // `on_rebalance`: for a member of a group; empty for a reader of explicit partitions.
  static Result<std::unique_ptr<Consumer>> make(Conf conf, OnRebalance on_rebalance);
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  rd_kafka_t* client() const noexcept { return client_; }

  // One bounded unit of reading, message by message (the batch calls of 2.0.2 skip offsets around a pause). Ends at a
  // rebalance, so that no result mixes two assignments. An error that comes after records waits for the next call, so
  // that no record is lost. max_bytes may be passed by one record.
  Result<topic::Polled> poll(const topic::PollLimits& limits);

  // For a new assignment: the errors of the old one are over.
  void forget_errors();

 private:
  Consumer() = default;
  static void on_error(rd_kafka_t*, int error, const char* reason, void* self) noexcept;
  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void* self) noexcept;
  void note(const rd_kafka_message_t& message);

  rd_kafka_t* client_ = nullptr;
  OnRebalance rebalance_;
  bool rebalanced_ = false;         // since the present poll began
  std::optional<Error> lasting_;    // log_mismatch, corrupt: told by every poll until the next assignment
  std::optional<Error> transient_;  // told once
};

}  // namespace dossier::kafka
