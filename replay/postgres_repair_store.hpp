// RepairStore on PostgreSQL. The lock is of its connection: it ends with it, also when the program dies.
#pragma once

#include <memory>
#include <string>

#include "platform/postgres/connection.hpp"
#include "replay/repair_store.hpp"

namespace dossier::replay {

class PostgresRepairStore final : public RepairStore {
 public:
  // conflict: another repair holds the lock.
  static Result<std::unique_ptr<PostgresRepairStore>> open(std::string url, projections::ExpectedLog log, const Clock& clock);

  Result<std::vector<projections::JournalRow>> journal(std::int32_t partition, std::int64_t from, std::int64_t limit) override;
  Status restored(const Diagnosis& diagnosis) override;
  Status change_history(const projections::HistoryCut& cut, topic::Reader& reader, const Progress& progress) override;

 private:
  PostgresRepairStore(std::string url, projections::ExpectedLog log, const Clock& clock, std::unique_ptr<postgres::Connection> connection)
      : url_(std::move(url)), log_(std::move(log)), clock_(clock), connection_(std::move(connection)) {}

  const std::string url_;
  const projections::ExpectedLog log_;
  const Clock& clock_;
  const std::unique_ptr<postgres::Connection> connection_;
};

}  // namespace dossier::replay
