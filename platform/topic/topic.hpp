// The ports to a partitioned log. platform/kafka implements them on librdkafka, platform/memory in memory with every
// fault the real one has; one contract suite (tests/contract/topic_contract.hpp) runs on both.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace dossier::topic {

struct Header {
  std::string name;
  std::string value;
};

struct Record {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t append_time_us = 0;  // LogAppendTime (the broker's clock, ms resolution on Kafka)
  std::string key;
  std::string value;
  std::vector<Header> headers;
};

struct Outgoing {
  std::string topic;
  std::int32_t partition = 0;  // always explicit
  std::string key;
  std::string value;
  std::vector<Header> headers;
};

// What became of an append.
enum class Outcome : std::uint8_t {
  acknowledged,  // durable at `offset`
  unknown,       // sent or perhaps sent; it may or may not be (or become) part of the log
  refused,       // certainly not appended, now or later (queue full, too large, not authorised, unknown topic)
};
struct Appended {
  Outcome outcome = Outcome::unknown;
  std::int64_t offset = -1;           // valid when acknowledged
  Code code = Code::log_unavailable;  // for refused/unknown: why (overloaded, payload_too_large, log_unavailable, forbidden)
  std::string reason;
};

// Thread-safe.
class Writer {
 public:
  using Done = std::function<void(const Appended&)>;
  virtual ~Writer() = default;
  // Queues the record. `done` is called exactly once: on a thread of the writer, or inside append() for `refused`.
  // It must not block and must not throw. Records of one partition are appended in the order of the calls; one of unknown outcome
  // may still come later.
  // The number of records and bytes in flight is bounded; beyond it: refused with Code::overloaded.
  virtual void append(Outgoing record, Done done) = 0;
  // Waits until every record in flight has its outcome, at most timeout_ms. True: none is left.
  virtual bool flush(std::int64_t timeout_ms) = 0;
  // False once the writer hit a fatal error (fenced, fatal librdkafka error): it must be replaced, appends are refused.
  virtual bool healthy() const = 0;
};

struct Position {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;  // the next one to read
};

struct Watermarks {
  std::int64_t begin = 0;  // first offset that can be read
  std::int64_t end = 0;    // offset which the next record will get
};

struct PollLimits {
  std::size_t max_records = 5000;
  std::size_t max_bytes = 8u << 20;
  std::int64_t wait_ms = 100;  // for the first record
  std::int64_t linger_us = 0;  // after the first record, for more to come
};

struct Polled {
  std::vector<Record> records;  // in partition order for each partition
  // Partitions whose end was reached by this poll (each reported again after new records).
  std::vector<std::pair<std::string, std::int32_t>> at_end;
};

// One owner thread. Reads explicit partitions from explicit offsets; joins no group, commits nothing.
class Reader {
 public:
  virtual ~Reader() = default;
  // Replaces the assignment. Records fetched under the old one are never returned afterwards.
  virtual Status assign(const std::vector<Position>& positions) = 0;
  // Empty result: nothing came within wait_ms. Errors: log_unavailable (transient, call again), log_mismatch (an
  // assigned offset is outside the log: the tail is gone or the start was deleted), forbidden, not_found.
  virtual Result<Polled> poll(const PollLimits& limits) = 0;
  virtual Result<Watermarks> watermarks(std::string_view topic, std::int32_t partition, std::int64_t timeout_ms) = 0;
  // The number of partitions of a topic. not_found: no such topic.
  virtual Result<std::int32_t> partition_count(std::string_view topic, std::int64_t timeout_ms) = 0;
};

// One owner thread. A member of a consumer group over one topic (eager protocol).
class GroupReader {
 public:
  virtual ~GroupReader() = default;
  // Like Reader::poll, but from the group's partitions and committed offsets (earliest where there is none).
  virtual Result<Polled> poll(const PollLimits& limits) = 0;
  // Partitions owned now; `generation` grows with each rebalance.
  struct Assignment {
    std::uint64_t generation = 0;
    std::vector<std::int32_t> partitions;
  };
  virtual Assignment assignment() const = 0;
  // Commits `offset` (the next to read) for a partition, asynchronously; forgotten if the partition was lost meanwhile.
  virtual void commit(std::int32_t partition, std::int64_t offset) = 0;
  // Moves this member's position in an owned partition (after it took its real position from elsewhere).
  virtual Status seek(std::int32_t partition, std::int64_t offset) = 0;
  // Leaves the group. Bounded: at most timeout_ms.
  virtual void close(std::int64_t timeout_ms) = 0;
};

}  // namespace dossier::topic
