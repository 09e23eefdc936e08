// RepairStore over a database in memory that has one partition. A change of history projects the log into a new database,
// which takes the old one's place.
#pragma once

#include <memory>
#include <vector>

#include "projections/memory_store.hpp"
#include "projections/projector.hpp"
#include "replay/repair_store.hpp"

namespace dossier::test {

class MemoryRepairStore final : public replay::RepairStore {
 public:
  MemoryRepairStore(std::shared_ptr<memory::MemoryDatabase> database, projections::ExpectedLog log, const Clock& clock)
      : database(std::move(database)), log_(std::move(log)), clock_(clock) {}

  std::shared_ptr<memory::MemoryDatabase> database;
  std::vector<replay::Diagnosis> restorations;
  std::vector<projections::JournalRow> lost;
  // What a journal row becomes on its way to the reader; for forgers.
  std::function<void(projections::JournalRow&)> meddle;

  Result<std::vector<projections::JournalRow>> journal(std::int32_t partition, std::int64_t from, std::int64_t limit) override {
    projections::MemoryStore store(database);
    std::vector<projections::JournalRow> rows;
    for (std::int64_t offset = from; offset < from + limit; ++offset) {
      TRY(auto row, store.journal_at(partition, offset));
      if (!row) break;
      if (meddle) meddle(*row);
      rows.push_back(*std::move(row));
    }
    return rows;
  }
  Status restored(const replay::Diagnosis& diagnosis) override {
    restorations.push_back(diagnosis);
    return {};
  }
  Status change_history(const projections::HistoryCut& cut, topic::Reader& reader, const replay::Progress&) override {
    TRY(lost, journal(cut.partition, cut.cut_offset, cut.journal_end - cut.cut_offset));
    auto next = std::make_shared<memory::MemoryDatabase>();
    projections::MemoryStore store(next);
    projections::Projector projector({.log = log_, .memory = {}}, reader, store, projections::registry(), clock_);
    projector.assign({cut.partition});
    for (int idle = 0; idle < 3;) idle = projector.step(0).progressed ? 0 : idle + 1;
    TRY(const auto position, store.position(cut.partition));
    if (!position || position->history != cut.history) return make_error(Code::conflict, "the history is not the cut's");
    database = next;
    return {};
  }

 private:
  const projections::ExpectedLog log_;
  const Clock& clock_;
};

}  // namespace dossier::test
