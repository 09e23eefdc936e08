// What a repair of the log needs of the database. Held open, it is the only repair there is. Implementations:
// replay/postgres_repair_store.cpp; tests/support/memory_repair_store.hpp. One owner thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.hpp"
#include "platform/topic/topic.hpp"
#include "projections/history_change.hpp"
#include "projections/store.hpp"
#include "replay/log_comparison.hpp"

namespace dossier::replay {

using Progress = std::function<void(std::int64_t offset)>;  // so far; called every second or so

class RepairStore {
 public:
  virtual ~RepairStore() = default;
  // Rows of the journal in order of offset, from `from` on, at most `limit`; fewer: there are no more.
  virtual Result<std::vector<projections::JournalRow>> journal(std::int32_t partition, std::int64_t from, std::int64_t limit) = 0;
  // All that was lost is in the log again: servers may go on with the partition.
  virtual Status restored(const Diagnosis& diagnosis) = 0;
  // Everything of the partition becomes what the log says now, in one step; the lost rows are kept as evidence. Servers may
  // go on. Errors as of projections::project_repaired and change_history.
  virtual Status change_history(const projections::HistoryCut& cut, topic::Reader& reader, const Progress& progress) = 0;
};

}  // namespace dossier::replay
