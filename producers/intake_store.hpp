// Intake's ports to its store: where it stands in dossier.reports and what workers last said (IntakeStore), and the
// blocks of dossier.activity (ActivityStore). Implementations: postgres_intake_store.cpp, memory_intake_store.cpp; one
// contract suite runs on both. Thread-safe; one writer a partition is expected, and a second one is told position_moved.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "dossier/v1/worker.pb.h"
#include "platform/crypto/crypto.hpp"

namespace dossier::producers {

// Where a reader of reports or activity stands in a partition. A partition without a row stands at offset 0.
struct IntakePosition {
  std::int32_t partition = 0;
  std::int64_t next_offset = 0;
  crypto::Hash last_hash = crypto::kZeroHash;  // SHA-256 of the value at the last offset read
  std::int64_t last_append_time_us = 0;        // broker time of it: what leases are measured in
  friend bool operator==(const IntakePosition&, const IntakePosition&) = default;
};

// What a worker's last heartbeat said.
struct LivenessRow {
  WorkerId worker;
  WorkspaceId workspace;
  std::string boot_id;
  std::int64_t last_report_time_us = 0;  // broker time
  std::int32_t report_partition = 0;     // of dossier.reports, by which its leases expire
  v1::Heartbeat heartbeat;               // free slots, owned partitions, running fences, control offset, draining
};

// Every report of this boot up to `sequence` is durable and decided.
struct AcceptedThroughRow {
  WorkerId worker;
  std::string boot_id;
  std::uint64_t sequence = 0;
};

class IntakeStore {
 public:
  virtual ~IntakeStore() = default;
  // The row of a partition; default values where there is none yet.
  virtual Result<IntakePosition> position(std::int32_t partition) = 0;
  // One transaction: position from `before` to `after` (position_moved unless next_offset and last_hash are `before`'s),
  // liveness rows (the later last_report_time_us wins), sequences (they only grow). Durable on return but for liveness.
  virtual Status save(const IntakePosition& before, const IntakePosition& after, const std::vector<LivenessRow>& liveness,
                      const std::vector<AcceptedThroughRow>& accepted) = 0;
  // Writes liveness alone: volatile, no position, lost in a crash.
  virtual Status save_liveness(const std::vector<LivenessRow>& liveness) = 0;
  // 0: nothing accepted from this boot yet.
  virtual Result<std::uint64_t> accepted_through(const WorkerId& worker, const std::string& boot_id) = 0;
  virtual Result<std::vector<AcceptedThroughRow>> accepted_through_all() = 0;
  virtual Result<std::vector<LivenessRow>> liveness(const WorkspaceId& workspace) = 0;
  virtual Result<std::vector<LivenessRow>> liveness_all() = 0;
  virtual Result<std::optional<LivenessRow>> liveness_of(const WorkerId& worker) = 0;
};

// One record of dossier.activity.
struct ActivityBlock {
  std::string session_id;
  std::uint32_t offer = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t lines = 0;
  WorkspaceId workspace;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t appended_us = 0;             // broker time
  crypto::Hash sha256 = crypto::kZeroHash;  // of the record (SignedActivity bytes), the link of the session's chain
  std::string body;                         // ActivityRecord bytes as signed
};

// Where a reader of a session's activity stands: after (offer, sequence). "<offer>-<sequence>" for clients.
struct ActivityCursor {
  std::uint32_t offer = 0;
  std::uint64_t sequence = 0;
};

// What is kept of one (session, offer).
struct ActivityExtent {
  std::uint32_t offer = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t lines = 0;
  std::uint64_t blocks = 0;
  crypto::Hash last_sha256 = crypto::kZeroHash;  // of the block with the highest sequence
};

class ActivityStore {
 public:
  virtual ~ActivityStore() = default;
  virtual Result<IntakePosition> position(std::int32_t partition) = 0;
  // One transaction: the position (position_moved, as above) and the blocks. A block whose (session, offer, first
  // sequence) is there already is left as it was: the same lines, sent twice.
  virtual Status append(const IntakePosition& before, const IntakePosition& after, const std::vector<ActivityBlock>& blocks) = 0;
  // Blocks with sequences after the cursor, in order of (offer, first sequence), at most `max_blocks` and about
  // `max_bytes` of bodies (one block at least). The first may begin before the cursor: skip what is at or before it.
  virtual Result<std::vector<ActivityBlock>> read(const std::string& session_id, const ActivityCursor& after, std::size_t max_blocks,
                                                  std::size_t max_bytes) = 0;
  virtual Result<std::vector<ActivityExtent>> extents(const std::string& session_id) = 0;
};

}  // namespace dossier::producers
