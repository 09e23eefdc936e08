// A partition's change to a repaired history. Beside the live read models the partition alone is projected from the log as it
// is now, into a scratch generation with a journal of its own; then one transaction moves the lost rows of the journal to
// dossier.lost_records, puts the scratch's rows in the place of the live ones, and gives the live generation a new number,
// so that whatever was cached of it is over. Readers see the old history or the new one. docs/adr/0004 says why.
//
// One owner thread. Killed at any point, it may be begun again: a scratch that is left over is dropped.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "platform/postgres/connection.hpp"
#include "platform/topic/topic.hpp"
#include "projections/partition.hpp"
#include "projections/store.hpp"

namespace dossier::projections {

// The log behind `cut_offset` is not what the journal has.
struct HistoryCut {
  std::int32_t partition = 0;
  std::int64_t cut_offset = 0;
  std::int64_t journal_end = 0;      // the lost records are [cut_offset, journal_end)
  std::int64_t repaired_offset = 0;  // of the HistoryRepaired
  std::uint64_t history = 0;         // the new one
  crypto::Hash lost_sha256{};
};

// Projects the partition into a scratch generation until the cut's HistoryRepaired is applied; the scratch's number.
// partition_halted: the log can't be projected, with the reason. conflict: the HistoryRepaired is not valid where it is.
Result<std::int64_t> project_repaired(const std::string& database_url, const ExpectedLog& log, const HistoryCut& cut, topic::Reader& reader,
                                      const Clock& clock, const std::function<void(std::int64_t next_offset)>& on_progress);

// The transaction, on a connection that may write. conflict: the live generation was folded by other code, or the journal
// or its position moved since the cut was found; nothing was changed. corrupt: the ledger's verdicts before the cut differ
// from the journal's. database_unavailable: outcome unknown; look again.
Status change_history(postgres::Connection& connection, const ExpectedLog& log, const HistoryCut& cut, std::int64_t scratch);

}  // namespace dossier::projections
