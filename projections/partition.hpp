// One partition's projector: where it stands, what it remembers, and how a batch goes through. Reading the log is the
// caller's (projector.cpp). One owner thread.
//
//   detached --attach--> attached --take, apply--> attached
//   attached --store or log failed, position moved--> detached, again after a pause
//   any      --the log is not what was projected, or too much is parked--> halted
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "events/applied.hpp"
#include "platform/topic/topic.hpp"
#include "projections/composer.hpp"
#include "projections/parking.hpp"
#include "projections/partition_memory.hpp"
#include "projections/projector_stats.hpp"
#include "projections/store.hpp"

namespace dossier::projections {

inline constexpr std::int64_t kFirstPauseUs = 50'000;  // after a transient error; doubles with each that follows
inline constexpr std::int64_t kLongestPauseUs = 5'000'000;

// Larger batches are slower: what a thousand records need while they are judged and projected just fits the caches.
inline constexpr std::size_t kMaxBatchRecords = 1'000;
inline constexpr std::int64_t kLogQuestionMs = 1'000;

// The log that this installation belongs to; an empty id accepts the one that Genesis names.
struct ExpectedLog {
  std::string topic;  // the events topic
  std::string log_id;
  std::int32_t partitions = 0;
};

class Partition {
 public:
  struct Surroundings {
    ProjectionStore& store;
    const std::vector<Projection>& models;
    const ExpectedLog& log;
    const Clock& clock;
    events::AppliedListener* listener;  // may be nullptr
    ProjectorStats& totals;
  };

  Partition(std::int32_t partition, MemoryLimits limits, Surroundings surroundings);

  PartitionState state() const { return state_; }
  const std::string& reason() const { return reason_; }
  std::int64_t due_us() const { return due_us_; }  // detached: not before this boot time

  // Detached → attached: reads the position, compares it with the log's extent, and starts one record before it so that
  // the record is compared with what was applied. `reader` is only asked, not assigned. False: it is detached or halted.
  bool attach(topic::Reader& reader);
  // Where the log is to be read from; nothing else may be given to take().
  std::int64_t next_read() const { return next_read_; }
  // The next record of the log. Not kept where the partition is not attached.
  void take(topic::Record record);
  // Records taken and not applied yet.
  std::size_t waiting() const { return waiting_.size() - first_; }
  // Applies one batch of what waits.
  void apply();
  // With nothing to do: compares the stored position with this one. A database that crashed forgot its last commits, and
  // no record may come for long; then it is detached, and reads them again.
  void check_stored_position();
  // The end of the log is reached with what was taken.
  void at_end();
  void set_log_end(std::int64_t end) { log_end_ = end; }

  // The log or the store failed: what was taken is dropped, and the position is read again after a pause.
  void detach(const Error& error);
  void halt(std::string reason);
  // An operator has acted: a halted partition is attached anew.
  void resume();

  PartitionStats stats() const;

 private:
  std::string at(std::int64_t offset) const;
  Status load_position(topic::Reader& reader);
  bool check_identity(const Position& position);
  bool check_extent(const topic::Watermarks& extent);
  void check_first(const topic::Record& record);
  void failed(const Error& error);
  void write(JudgedBatch& batch);
  struct Written {
    const JudgedBatch& batch;
    const ProjectionBatch& rows;
    std::int64_t began_us;  // boot time before the transaction
    bool is_live;
  };
  void finish(const Written& written, Parking parking);
  events::AppliedBatch report(const Written& written) const;
  std::int64_t lag_of(const topic::Record& record) const;

  const std::int32_t partition_;
  const Surroundings s_;
  PartitionState state_ = PartitionState::detached;
  std::string reason_;
  std::int64_t due_us_ = 0;
  std::int64_t pause_us_ = 0;

  Position position_;      // as the store has it
  bool checking_ = false;  // the next record taken is the one before the position
  std::int64_t next_read_ = 0;
  std::vector<topic::Record> waiting_;  // from waiting_[first_] on
  std::size_t first_ = 0;
  PartitionMemory memory_;
  bool memory_valid_ = false;  // memory_ and parking_ are those of position_
  Parking parking_;
  std::size_t batch_limit_;
  bool at_end_ = false;
  std::int64_t log_end_ = 0;
  std::int64_t lag_us_ = 0;
  std::int64_t behind_since_us_ = 0;  // boot time at which there was more than was applied
  std::int64_t attached_end_ = 0;     // where the log ended when it was attached: how old that is, the wall clock alone says
};

}  // namespace dossier::projections
