// What the projector tells others once a batch is committed: verdicts for writers that wait, commits for live readers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "events/ledger.hpp"

namespace dossier::projections {

struct AppliedRecord {
  std::int64_t offset = 0;
  events::Verdict verdict = events::Verdict::void_malformed;
  std::uint64_t seq = 0;  // accepted: its own; void_duplicate: of the commit accepted first
  std::int64_t time_us = 0;
  std::string workspace;  // empty for control and malformed records
  std::string commit_id;
  std::vector<std::uint64_t> versions;  // accepted: one an event
};

struct AppliedBatch {
  std::int32_t partition = 0;
  std::int64_t next_offset = 0;
  std::uint64_t history = 0;
  std::int64_t lag_us = 0;             // age of the last record applied while more are waiting; 0 at the end of the log
  std::vector<AppliedRecord> records;  // in offset order, without gaps, ending at next_offset - 1
  bool is_live = true;                 // readers see it; false: another generation is live
  bool concerns_dispatch = false;      // facts of tasks, workers, decisions or steering are among them: a scheduler may have something to do
};

// Called on the projector's thread, after the transaction is committed and visible. Must be short.
class AppliedListener {
 public:
  virtual ~AppliedListener() = default;
  virtual void applied(const AppliedBatch& batch) = 0;
  // The partition stands here (after an assignment): nothing before next_offset will be reported.
  virtual void attached(std::int32_t partition, std::int64_t next_offset, std::uint64_t history) = 0;
  // The end of the log is reached after a batch whose lag was not 0: it is no longer behind.
  virtual void caught_up(std::int32_t /*partition*/, std::int64_t /*next_offset*/, std::uint64_t /*history*/) {}
  virtual void halted(std::int32_t partition, const std::string& reason) = 0;
  virtual void resumed(std::int32_t partition) = 0;
};

}  // namespace dossier::projections
