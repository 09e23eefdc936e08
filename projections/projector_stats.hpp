// What the projector shows of itself: for /metrics, /ready and `dossier admin`. Plain values, copied under a lock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace dossier::projections {

enum class PartitionState : std::uint8_t {
  detached,  // position not read yet, or to be read again after an error
  attached,  // reading
  halted,    // stopped until an operator acts; `reason` says what to do
};
inline std::string_view to_string(PartitionState state) noexcept {
  switch (state) {
    case PartitionState::detached: return "detached";
    case PartitionState::attached: return "attached";
    case PartitionState::halted: return "halted";
  }
  return "detached";
}

struct PartitionStats {
  std::int32_t partition = 0;
  PartitionState state = PartitionState::detached;
  std::string reason;  // halted: what is wrong and what to do; detached: the last error
  std::int64_t next_offset = 0;
  std::int64_t lag_records = 0;  // behind the end of the log when last looked
  std::int64_t lag_us = 0;       // age of the last applied record while more are waiting
  std::size_t parked_streams = 0;
  std::uint64_t history = 0;  // of the position; 0: not known
};

struct ProjectorStats {
  std::vector<PartitionStats> partitions;
  std::uint64_t applied_records = 0;
  std::uint64_t applied_events = 0;  // of accepted commits
  std::uint64_t void_records = 0;
  std::uint64_t unknown_events = 0;  // of newer code: kept in the journal, skipped by the read models
  std::uint64_t parked_rows = 0;
  std::uint64_t batches = 0;
  std::uint64_t last_batch_records = 0;
  std::uint64_t largest_batch_records = 0;
  std::uint64_t apply_us_total = 0;
  std::uint64_t store_errors = 0;
  std::uint64_t log_errors = 0;
  std::uint64_t positions_moved = 0;  // another projector was found on our partition
  std::uint64_t data_errors = 0;

  // Those of another projector, of other partitions.
  void add(const ProjectorStats& other) {
    partitions.insert(partitions.end(), other.partitions.begin(), other.partitions.end());
    applied_records += other.applied_records;
    applied_events += other.applied_events;
    void_records += other.void_records;
    unknown_events += other.unknown_events;
    parked_rows += other.parked_rows;
    batches += other.batches;
    last_batch_records = std::max(last_batch_records, other.last_batch_records);
    largest_batch_records = std::max(largest_batch_records, other.largest_batch_records);
    apply_us_total += other.apply_us_total;
    store_errors += other.store_errors;
    log_errors += other.log_errors;
    positions_moved += other.positions_moved;
    data_errors += other.data_errors;
  }
};

}  // namespace dossier::projections
