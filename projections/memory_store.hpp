// ProjectionStore in memory, over the database that the other stores of the same simulated system share. It refuses what
// PostgreSQL would refuse. One owner thread per object.
#pragma once

#include <memory>

#include "platform/memory/ledger_tables.hpp"
#include "projections/store.hpp"

namespace dossier::projections {

class MemoryStore final : public ProjectionStore {
 public:
  explicit MemoryStore(std::shared_ptr<memory::MemoryDatabase> database, std::int64_t generation = memory::kFirstGeneration)
      : database_(std::move(database)), generation_(generation) {}

  Result<std::optional<Position>> position(std::int32_t partition) override;
  Status create_position(const Position& position) override;
  Result<Fetched> fetch(const FetchRequest& request) override;
  Result<Applied> apply(const ProjectionBatch& batch) override;
  Result<std::vector<ParkedStream>> parked_streams(std::int32_t partition) override;
  Result<std::vector<ParkedRow>> parked_rows(std::int32_t partition, const ParkedStream& stream, std::size_t limit) override;
  Result<std::optional<JournalRow>> journal_at(std::int32_t partition, std::int64_t offset) override;

  // What a read model's table holds now, in order of key; for tests and for digests of a generation.
  Result<std::vector<rows::Row>> table(const rows::Table& table) const;

 private:
  std::string own(std::string_view table) const { return memory::in_generation(generation_, table); }
  std::shared_ptr<memory::MemoryDatabase> database_;
  const std::int64_t generation_;
};

}  // namespace dossier::projections
