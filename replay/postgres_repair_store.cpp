// The journal, the record of repairs, the lock.
#include "replay/postgres_repair_store.hpp"

#include "replay/journal_source.hpp"

namespace dossier::replay {
namespace {

constexpr std::int64_t kChangeTimeoutMs = 6 * 60 * 60 * 1'000;  // one statement may write a partition's whole timeline
constexpr std::string_view kLockSql = "SELECT pg_try_advisory_lock(7164026913)";
constexpr std::string_view kJournalSql = R"sql(
SELECT partition, "offset", verdict, workspace, seq, time_us, commit_id, chain, append_time_us, value
  FROM dossier.journal WHERE partition = $1 AND "offset" >= $2 ORDER BY "offset" LIMIT $3
)sql";
constexpr std::string_view kRestoredSql =
    "INSERT INTO dossier.repairs (partition, kind, from_offset, records, history) VALUES ($1, 'restored', $2, $3, $4)";

}  // namespace

Result<std::unique_ptr<PostgresRepairStore>> PostgresRepairStore::open(std::string url, projections::ExpectedLog log, const Clock& clock) {
  TRY(auto connection, postgres::Connection::open(
                           {.url = url, .application_name = "dossier repair", .reads_by_default = false, .statement_timeout_ms = kChangeTimeoutMs}));
  TRY(const auto locked, connection->query(kLockSql));
  if (!locked.front().boolean(0)) return make_error(Code::conflict, "another `dossier log repair` is under way on this database: let it end");
  return std::unique_ptr<PostgresRepairStore>(new PostgresRepairStore(std::move(url), std::move(log), clock, std::move(connection)));
}

Result<std::vector<projections::JournalRow>> PostgresRepairStore::journal(std::int32_t partition, std::int64_t from, std::int64_t limit) {
  TRY(const auto rows, connection_->query(kJournalSql, postgres::Params().int8(partition).int8(from).int8(limit)));
  std::vector<projections::JournalRow> out;
  out.reserve(static_cast<std::size_t>(rows.size()));
  for (const auto row : rows) out.push_back(journal_row(row));
  return out;
}

Status PostgresRepairStore::restored(const Diagnosis& diagnosis) {
  postgres::Params params;
  params.int8(diagnosis.partition).int8(diagnosis.log_end).int8(diagnosis.lost()).int8(static_cast<std::int64_t>(diagnosis.history));
  TRY([[maybe_unused]] const auto done, connection_->query(kRestoredSql, params));
  return {};
}

Status PostgresRepairStore::change_history(const projections::HistoryCut& cut, topic::Reader& reader, const Progress& progress) {
  TRY(const std::int64_t scratch, projections::project_repaired(url_, log_, cut, reader, clock_, progress ? progress : [](std::int64_t) {}));
  return projections::change_history(*connection_, log_, cut, scratch);
}

}  // namespace dossier::replay
