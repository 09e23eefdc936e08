// ProjectionStore on PostgreSQL: a batch is one transaction in one round trip, written with binary arrays and
// synchronous_commit=off (right here and only here: what a crash forgets is read again from the log).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "platform/postgres/connection.hpp"
#include "projections/store.hpp"

namespace dossier::projections {

struct PostgresStoreOptions {
  std::string url;
  std::int64_t generation = 1;  // the schema g<n> which it writes
  bool notify = true;           // tells other processes of each batch (postgres::kAppliedChannel)
  std::int64_t statement_timeout_ms = 60'000;
};

class PostgresStore final : public ProjectionStore {
 public:
  explicit PostgresStore(PostgresStoreOptions options);
  ~PostgresStore() override;

  Result<std::optional<Position>> position(std::int32_t partition) override;
  Status create_position(const Position& position) override;
  Result<Fetched> fetch(const FetchRequest& request) override;
  Result<Applied> apply(const ProjectionBatch& batch) override;
  Result<std::vector<ParkedStream>> parked_streams(std::int32_t partition) override;
  Result<std::vector<ParkedRow>> parked_rows(std::int32_t partition, const ParkedStream& stream, std::size_t limit) override;
  Result<std::optional<JournalRow>> journal_at(std::int32_t partition, std::int64_t offset) override;

 private:
  // The connection, opened again if the last one broke. database_unavailable.
  Result<postgres::Connection*> connection();
  Result<postgres::ResultSet> query(std::string_view sql, const postgres::Params& params);
  Result<Applied> write(const ProjectionBatch& batch, bool journal_is_new, bool& journal_had_rows);

  const PostgresStoreOptions options_;
  std::unique_ptr<postgres::Connection> connection_;
  // Partitions whose records the journal may have already, from another generation: these are compared.
  std::map<std::int32_t, bool> compares_;
};

}  // namespace dossier::projections
