// One partition's log held against its journal, offset by offset: how far they agree, what the log lost, what others wrote
// in its place, and so what a repair has to do. Sans-IO; what it remembers grows with the workspaces and not with records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "events/ledger.hpp"
#include "platform/topic/topic.hpp"
#include "projections/store.hpp"
#include "replay/workspace_scan.hpp"

namespace dossier::replay {

enum class Remedy : std::uint8_t {
  nothing,  // the log has all that the journal has, as the journal has it
  restore,  // the log lost its tail and nobody wrote behind it: the journal's records are appended again
  cut,      // others wrote where records were lost: a new history begins behind them
};
std::string_view to_string(Remedy remedy) noexcept;

struct Diagnosis {
  std::int32_t partition = 0;
  Remedy remedy = Remedy::nothing;
  std::int64_t log_end = 0;
  std::int64_t journal_end = 0;
  std::int64_t common = 0;                       // so many records from the first on are the same in both
  std::int64_t lost_accepted = 0;                // accepted commits among the journal's records behind them
  std::uint64_t history = 0;                     // the log's present one
  crypto::Hash lost_sha256 = crypto::kZeroHash;  // as HistoryRepaired says it
  // cut: the log has its HistoryRepaired already (a repair was interrupted behind it); then `history` is what it began.
  std::optional<std::int64_t> repaired_offset;

  std::int64_t lost() const { return journal_end - common; }
  std::int64_t foreign() const { return log_end - common; }
};

class LogComparison {
 public:
  explicit LogComparison(std::int32_t partition);

  // What both have at the next offset, from 0 on; nullptr: it ends before. corrupt: one of them has another offset next, or
  // the journal a row whose bytes are not those that its chain was made of; and the ledger's own errors.
  Status feed(const topic::Record* record, const projections::JournalRow* row);
  // Once. corrupt: what differs is no lost tail, for later records agree, or the first one differs: nothing may be cut.
  Result<Diagnosis> finish();

 private:
  Status feed_record(const topic::Record& record);
  Status check_row(const projections::JournalRow& row);

  const std::int32_t partition_;
  WorkspaceScan scan_;                                            // of no workspace: it judges control records
  std::unordered_map<std::string, events::WorkspaceHead> heads_;  // by the journal
  std::string log_id_;
  std::uint32_t ledger_version_ = 0;
  std::int64_t next_ = 0;
  std::int64_t log_end_ = 0;
  std::int64_t journal_end_ = 0;
  std::optional<std::int64_t> difference_;  // the first offset that both have, with other bytes
  std::int64_t agreeing_behind_ = 0;        // offsets behind it with the same bytes
  std::int64_t lost_accepted_ = 0;
  crypto::Sha256 lost_;
  struct Repaired {
    std::int64_t offset;
    v1::HistoryRepaired record;
  };
  std::vector<Repaired> repaired_;  // behind the difference
};

}  // namespace dossier::replay
