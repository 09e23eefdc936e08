// What a projector tells others of its process once a batch is committed: verdicts for writers that wait, folded states for
// who decides next, commits for live readers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "events/ledger.hpp"

namespace dossier::events {

// A stream as it was folded up to its version.
struct FoldedState {
  std::string workspace;
  std::string stream;
  std::uint64_t version = 0;  // 0: does not exist
  std::string state;          // bytes of the aggregate's state message
  bool needs_newer_code = false;
};
using HeadOfWorkspace = std::pair<std::string, WorkspaceHead>;

struct AppliedRecord {
  std::int64_t offset = 0;
  Verdict verdict = Verdict::void_malformed;
  std::uint64_t seq = 0;  // accepted: its own; void_duplicate: of the commit accepted first
  std::int64_t time_us = 0;
  std::string workspace;  // empty for control and malformed records
  std::string commit_id;
  std::vector<std::uint64_t> versions;  // accepted: one an event
};

// Whether a scheduler has something to do for what was applied.
enum class DispatchNeed : std::uint8_t {
  none,
  soon,  // steps of a task on its worker, which leave no slot free and no task waiting: in time to watch over them
  now,   // a task waits, a slot is free, a worker came, or somebody decided something that a worker is to be told
};

struct AppliedBatch {
  std::int32_t partition = 0;
  std::int64_t next_offset = 0;
  std::uint64_t history = 0;
  std::int64_t lag_us = 0;             // age of the last record applied while more are waiting; 0 at the end of the log
  std::int64_t began_us = 0;           // boot time before the transaction: then nobody else had moved the position
  std::vector<AppliedRecord> records;  // in offset order, without gaps, ending at next_offset - 1
  // What the batch left behind, each once. The listener may look at them during the call.
  std::span<const FoldedState> streams;
  std::span<const HeadOfWorkspace> heads;
  bool is_live = true;  // readers see it; false: another generation is live
  DispatchNeed dispatch = DispatchNeed::none;
};

// Called on the projector's thread. Must be short.
class AppliedListener {
 public:
  virtual ~AppliedListener() = default;
  // A transaction that moves these workspaces begins: from now on others may see it. applied() follows, another try, or detached().
  virtual void applying(std::int32_t /*partition*/, std::span<const HeadOfWorkspace> /*heads*/) {}
  // The transaction is committed and visible.
  virtual void applied(const AppliedBatch& batch) = 0;
  // The partition stands here (after an assignment): nothing before next_offset will be reported.
  virtual void attached(std::int32_t partition, std::int64_t next_offset, std::uint64_t history) = 0;
  // The end of the log is reached after a batch whose lag was not 0: it is no longer behind.
  virtual void caught_up(std::int32_t /*partition*/, std::int64_t /*next_offset*/, std::uint64_t /*history*/) {}
  // With nothing to do it looked: the stored position is where it was left, as of this boot time.
  virtual void confirmed(std::int32_t /*partition*/, std::int64_t /*at_us*/) {}
  // It is not followed any more: given away, or the log or the database failed and it will be attached anew.
  virtual void detached(std::int32_t /*partition*/) {}
  virtual void halted(std::int32_t partition, const std::string& reason) = 0;
  virtual void resumed(std::int32_t partition) = 0;
};

}  // namespace dossier::events
