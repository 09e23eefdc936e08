// Inside platform/memory only: what the in-memory broker, its writers and its readers share, under one mutex. Functions
// named *_locked are called with it held; `done` never runs under it.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "platform/memory/memory_topic.hpp"

namespace dossier::memory {

inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

using PartitionKey = std::pair<std::string, std::int32_t>;

struct Log {
  std::int64_t begin = 0;
  std::int64_t synced_end = 0;
  bool has_leader = true;
  std::vector<topic::Record> records;  // records[i] is at offset begin + i
  std::int64_t end() const { return begin + static_cast<std::int64_t>(records.size()); }
};

struct TopicState {
  bool synced = true;
  std::vector<Log> partitions;
};

struct WriterState {
  std::string name;
  WriterBounds bounds;
  bool frozen = false;
  bool failed = false;
  std::size_t records = 0;  // without an outcome yet
  std::size_t bytes = 0;
  std::map<PartitionKey, std::int64_t> last_append_us;  // keeps its records of a partition in order
};

// One record on its way. It is in the queue for its arrival, then for its outcome (a late one the other way round).
struct Flight {
  std::shared_ptr<WriterState> writer;
  topic::Outgoing record;
  topic::Writer::Done done;
  AppendPlan plan;
  std::size_t bytes = 0;
  std::int64_t expires_us = 0;
  bool arrived = false;
  std::optional<topic::Appended> outcome;  // decided, not yet told
};

struct GroupMember {
  std::int64_t last_poll_us = 0;
  bool joined = false;                   // since the present rebalance began
  std::vector<std::int32_t> partitions;  // given by the last finished rebalance
};
struct Group {
  std::string topic;
  bool stable = true;
  std::uint64_t epoch = 0;           // of the last finished rebalance
  std::int32_t partition_count = 0;  // that it shared out
  std::map<std::uint64_t, GroupMember> members;
  std::map<std::int32_t, std::int64_t> committed;
};

struct BrokerState {
  BrokerState(const Clock& broker_clock, BrokerOptions broker_options, FaultPolicy* policy)
      : clock(broker_clock), options(broker_options), faults(policy != nullptr ? *policy : no_faults) {}

  bool threaded() const { return options.mode == Mode::threaded; }

  // MemoryBroker::step; lets go of the lock while `done` runs.
  bool step(std::unique_lock<std::mutex>& lock);
  std::optional<std::int64_t> next_due_locked() const;
  Log* log_locked(std::string_view topic, std::int32_t partition);
  void enqueue_locked(std::int64_t due_us, std::shared_ptr<Flight> flight);
  // Every queued record of which `chosen` is true gets this outcome now, and never arrives.
  template <class Chosen>
  void settle_locked(Chosen&& chosen, const topic::Appended& outcome);
  // Adds one partition's records to a poll, within the limits and no more than `most` in all, and moves `position` on.
  // log_mismatch: the position is outside the log.
  Status read_locked(const PartitionKey& key, std::int64_t& position, const topic::PollLimits& limits, std::size_t most, topic::Polled& polled,
                     std::size_t& bytes);

  void begin_rebalance_locked(Group& group);
  void finish_rebalance_locked(Group& group);
  void expire_members_locked(Group& group);

  const Clock& clock;
  const BrokerOptions options;
  FaultPolicy no_faults;
  FaultPolicy& faults;

  mutable std::mutex mutex;  // guards everything below
  std::condition_variable changed;
  bool reachable = true;
  std::uint64_t crashes = 0;  // each breaks every connection
  bool stopping = false;
  std::map<std::string, TopicState, std::less<>> topics;
  std::map<std::pair<std::int64_t, std::uint64_t>, std::shared_ptr<Flight>> queue;  // by (due, order of queueing)
  std::uint64_t queued = 0;
  std::map<std::string, Group, std::less<>> groups;
  std::uint64_t members = 0;

 private:
  enum class Ready : std::uint8_t { yes, no, expired };
  Ready ready_locked(const Flight& flight, std::int64_t now_us) const;
  void arrive_locked(const std::shared_ptr<Flight>& flight);
  std::int64_t store_locked(Log& log, const TopicState& topic, const topic::Outgoing& record);
};

template <class Chosen>
void BrokerState::settle_locked(Chosen&& chosen, const topic::Appended& outcome) {
  for (auto& [when, flight] : queue) {
    if (flight->arrived || !chosen(*flight)) continue;
    flight->arrived = true;
    if (!flight->outcome) flight->outcome = outcome;
  }
  changed.notify_all();
}

}  // namespace dossier::memory
