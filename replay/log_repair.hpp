// `dossier log repair`: brings a partition whose log lost records together with its journal again. Every step may be
// repeated: after an interruption the same repair goes on where the log and the database say that it stands.
#pragma once

#include <cstdint>
#include <functional>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "platform/topic/topic.hpp"
#include "projections/partition.hpp"
#include "replay/repair_store.hpp"

namespace dossier::replay {

inline constexpr std::int64_t kAppendPatienceMs = 20'000;
inline constexpr std::int64_t kRepairPage = 1'000;  // rows of the journal at once

// One owner thread. All references outlive it.
class LogRepair {
 public:
  LogRepair(projections::ExpectedLog log, topic::Reader& reader, RepairStore& store, const Clock& clock)
      : log_(std::move(log)), reader_(reader), store_(store), clock_(clock) {}

  // Reads the partition and its journal whole. log_mismatch: the log's beginning was deleted; corrupt: as LogComparison.
  Result<Diagnosis> diagnose(std::int32_t partition, const Progress& progress = {});

  // For Remedy::restore: appends the lost records byte for byte, one after the other, and holds each to its offset. conflict:
  // another record got there first; a new diagnosis will say `cut`. unacknowledged: run it again.
  Status restore(const Diagnosis& diagnosis, topic::Writer& writer, const Progress& progress = {});

  // For Remedy::cut, first: every lost row, in order.
  Status each_lost(const Diagnosis& diagnosis, const std::function<Status(const projections::JournalRow&)>& on_row);
  // Then: the HistoryRepaired, appended if the log does not have it yet.
  Result<projections::HistoryCut> announce(const Diagnosis& diagnosis, topic::Writer& writer);
  // Then: the database follows.
  Status follow(const projections::HistoryCut& cut, const Progress& progress = {});

 private:
  Result<std::int64_t> append(topic::Writer& writer, topic::Outgoing record) const;
  void report(const Progress& progress, std::int64_t offset);

  const projections::ExpectedLog log_;
  topic::Reader& reader_;
  RepairStore& store_;
  const Clock& clock_;
  std::int64_t reported_us_ = 0;
};

}  // namespace dossier::replay
