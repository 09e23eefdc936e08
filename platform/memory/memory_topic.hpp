// A broker in memory behind the ports of platform/topic, with the faults of a real one. Two modes:
//
// deterministic: one thread, no waiting. append() only queues; step() moves one queued thing (a record into its log, or an
//   outcome to its `done`) whose time on the clock has come; polls answer at once. A simulation draws the order of steps,
//   polls and faults from its seed, and moves the clock to next_due_us() when nothing else is left.
// threaded: a thread of the broker does the steps, polls and flush() wait. For ordinary tests, with a SystemClock.
//
// Faults come in two ways: what the outside does to the broker (crash, truncate, leaders, freeze, rebalance: the member
// functions), and what happens to a single append or poll (the FaultPolicy, asked each time).
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "platform/topic/topic.hpp"

namespace dossier::memory {

// What becomes of one append.
enum class Fate : std::uint8_t {
  stored,      // appended, acknowledged
  ack_lost,    // appended, outcome unknown
  lost,        // never appended, outcome unknown
  late,        // outcome unknown first, appended afterwards, behind records appended meanwhile
  refused,     // never appended, outcome refused (with AppendPlan::code)
  duplicated,  // appended twice in a row, acknowledged with the first offset
};
struct AppendPlan {
  Fate fate = Fate::stored;
  std::int64_t append_delay_us = 0;  // from append() to the log; never before an earlier record of this writer and partition
  std::int64_t ack_delay_us = 0;     // from the log to `done` (late: from append() to `done`)
  Code code = Code::log_unavailable;
};

// What becomes of one poll.
struct PollPlan {
  bool withhold = false;                                              // nothing arrives yet: an empty result, or a wait in threaded mode
  bool fail = false;                                                  // log_unavailable
  std::size_t max_records = std::numeric_limits<std::size_t>::max();  // a short batch
};

// Asked under the broker's lock: it must not call the broker. The default has no faults.
class FaultPolicy {
 public:
  virtual ~FaultPolicy() = default;
  virtual AppendPlan plan_append(std::string_view writer, const topic::Outgoing& record);
  virtual PollPlan plan_poll(std::string_view reader);
  // A crash: the end of the log that survives, between `synced_end` and `end`. Default: only what was synced.
  virtual std::int64_t surviving_end(std::string_view topic, std::int32_t partition, std::int64_t synced_end, std::int64_t end);
  // Told of every record that got into its log.
  virtual void stored(const topic::Record& record);
};

enum class Mode : std::uint8_t { deterministic, threaded };

struct BrokerOptions {
  Mode mode = Mode::deterministic;
  // A record whose partition has no leader is refused after this.
  std::int64_t message_timeout_us = 15'000'000;
  // A member of a group that has not polled for this long loses its partitions, and learns it from its next poll.
  std::int64_t session_timeout_us = 30'000'000;
};
struct WriterBounds {
  std::size_t max_records = 20'000;
  std::size_t max_bytes = 64u << 20;
  std::size_t max_record_bytes = 1'048'576;
};

struct BrokerState;
struct WriterState;

// Thread-safe.
class MemoryWriter final : public topic::Writer {
 public:
  ~MemoryWriter() override;  // what is in flight is unknown, and may still be appended
  void append(topic::Outgoing record, Done done) override;
  // Deterministic mode: runs what is due, never waits.
  bool flush(std::int64_t timeout_ms) override;
  bool healthy() const override;

  // Its process is stopped: nothing of it moves, no record, no outcome, no timeout …
  void freeze();
  // … until now: what was queued is appended late, in order.
  void thaw();
  // Its process died: no `done` is ever called (they are dropped unrun); what was queued may still be appended (`deliver`),
  // or is gone.
  void crash(bool deliver);
  // A fatal error, as of a fenced producer: healthy() is false, new records are refused, queued ones become unknown.
  void fail();

 private:
  friend class MemoryBroker;
  MemoryWriter(std::shared_ptr<BrokerState> state, std::shared_ptr<WriterState> writer);
  std::shared_ptr<BrokerState> state_;
  std::shared_ptr<WriterState> writer_;
};

// One owner thread. While it does not poll it is a frozen process: after session_timeout_us its partitions are another's
// and assignment() still names them.
class MemoryGroupReader final : public topic::GroupReader {
 public:
  ~MemoryGroupReader() override;
  Result<topic::Polled> poll(const topic::PollLimits& limits) override;
  Assignment assignment() const override;
  void commit(std::int32_t partition, std::int64_t offset) override;
  Status seek(std::int32_t partition, std::int64_t offset) override;
  void close(std::int64_t timeout_ms) override;
  // Its process died without leaving: the group waits out its session.
  void crash();

 private:
  friend class MemoryBroker;
  struct Member;
  explicit MemoryGroupReader(std::unique_ptr<Member> member);
  std::unique_ptr<Member> member_;
};

// Thread-safe in threaded mode. Writers and readers may outlive it; they then find it unreachable.
class MemoryBroker {
 public:
  // `clock` is the broker's (LogAppendTime, in whole milliseconds); both outlive the broker and all it made.
  explicit MemoryBroker(const Clock& clock, BrokerOptions options = {}, FaultPolicy* faults = nullptr);
  ~MemoryBroker();
  MemoryBroker(const MemoryBroker&) = delete;
  MemoryBroker& operator=(const MemoryBroker&) = delete;

  // Nothing happens to a topic that is there. `synced`: every append is on disk before its outcome (flush.messages=1).
  void create_topic(const std::string& name, std::int32_t partitions, bool synced = true);
  // At least `partitions`; its groups rebalance.
  void grow_partitions(const std::string& name, std::int32_t partitions);

  // Names appear in the FaultPolicy's questions, and need not be unique.
  std::unique_ptr<MemoryWriter> make_writer(std::string name, const WriterBounds& bounds = {});
  std::unique_ptr<topic::Reader> make_reader(std::string name);
  std::unique_ptr<MemoryGroupReader> make_group_reader(std::string name, std::string group, std::string topic);

  // Moves one queued thing that is due, in order of time. False: nothing is due now. `done` runs inside.
  bool step();
  // When step() will have something to do (clock.boot_us()); nullopt: nothing is queued, or all of it is frozen.
  std::optional<std::int64_t> next_due_us() const;

  // The whole broker, or the leader of one partition, is away: appends wait (then time out), polls fail or find nothing.
  void set_reachable(bool reachable);
  void set_leader(const std::string& topic, std::int32_t partition, bool present);
  // The machine fails: each partition keeps what the policy says survives, and the broker is unreachable until
  // set_reachable(true). What was on its way is unknown, and gone. Every reader's next poll says that its connection broke,
  // also when the broker is back by then.
  void crash();
  // Everything so far is on disk.
  void sync();
  // The log loses its tail, acknowledged or not; the offsets are given again.
  void truncate(const std::string& topic, std::int32_t partition, std::int64_t end);
  // Retention: the log begins at `begin` now.
  void delete_before(const std::string& topic, std::int32_t partition, std::int64_t begin);
  // A flipped bit, or a forger with a hex editor.
  void overwrite(const std::string& topic, std::int32_t partition, std::int64_t offset, std::string value);
  // Every member of the group gives up its partitions and joins again.
  void rebalance(const std::string& group);

  // The log as it is, for assertions. Empty: no such partition.
  std::vector<topic::Record> records(const std::string& topic, std::int32_t partition) const;

 private:
  std::shared_ptr<BrokerState> state_;
  std::thread pump_;  // threaded mode only
};

}  // namespace dossier::memory
