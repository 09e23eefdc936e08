// Scratch, then one transaction.
#include "projections/history_change.hpp"

#include <algorithm>

#include "events/names.hpp"
#include "platform/postgres/listener.hpp"
#include "platform/postgres/migrate.hpp"
#include "projections/code_version.hpp"
#include "projections/generation_compare.hpp"
#include "projections/postgres_store.hpp"
#include "projections/projection.hpp"
#include "projections/projector.hpp"

namespace dossier::projections {
namespace {

using postgres::Connection;
using postgres::Params;

constexpr std::int64_t kStepMs = 100;
constexpr std::int64_t kProgressUs = 1'000'000;
constexpr std::string_view kJournalColumns = "partition, \"offset\", verdict, workspace, seq, time_us, commit_id, chain, append_time_us, value";

std::string scratch_digest(std::int32_t partition) { return "repair of partition " + std::to_string(partition); }

Result<std::int64_t> make_scratch(const std::string& url, std::int32_t partition) {
  TRY(const auto present, postgres::generations(url));
  for (const auto& each : present)
    if (each.digest == scratch_digest(partition)) TRY_STATUS(postgres::drop_generation(url, each.number));
  TRY(const auto made, postgres::create_generation(url, scratch_digest(partition)));
  TRY(const auto connection, Connection::open({.url = url, .reads_by_default = false}));
  TRY([[maybe_unused]] const auto done,
      connection->query("CREATE TABLE " + postgres::generation_schema(made.number) + ".journal (LIKE dossier.journal INCLUDING ALL)"));
  return made.number;
}

// The statements of the change, each a sentence of the transaction.
class Change {
 public:
  Change(Connection& connection, const ExpectedLog& log, const HistoryCut& cut, std::int64_t scratch)
      : connection_(connection), log_(log), cut_(cut), scratch_(scratch), scratch_schema_(postgres::generation_schema(scratch)) {}

  Status run() {
    TRY_STATUS(run("SELECT pg_advisory_xact_lock(7164026912)"));  // that of every change of generations
    TRY_STATUS(find_live());
    TRY_STATUS(check_unmoved());
    TRY_STATUS(check_prefix());
    TRY_STATUS(move_journal());
    TRY_STATUS(replace_rows());
    TRY_STATUS(drop_others());
    return renumber_live();
  }

 private:
  Result<postgres::ResultSet> query(const std::string& sql, const Params& params = {}) { return connection_.query(sql, params); }
  Status run(const std::string& sql, const Params& params = {}) {
    TRY([[maybe_unused]] const auto done, query(sql, params));
    return {};
  }

  Status find_live() {
    TRY(const auto rows, query("SELECT number, digest FROM dossier.generations WHERE state = 'live'"));
    if (rows.empty()) return make_error(Code::conflict, "no generation of read models is live: `dossier serve` makes the first one");
    live_ = rows.front().int64(0);
    live_schema_ = postgres::generation_schema(live_);
    if (is_of_code(rows.front().str(1), code_digest())) return {};
    return make_error(Code::conflict,
                      "the live read models were folded by another version of dossier: repair with that version, or let a server of "
                      "this one build their successor first");
  }

  // What was compared with the log is what is here. The row's lock keeps a projector out until the end.
  Status check_unmoved() {
    TRY_STATUS(run("SELECT 1 FROM " + live_schema_ + ".positions WHERE partition = $1 FOR UPDATE", Params().int8(cut_.partition)));
    TRY(const auto rows, query("SELECT COALESCE(max(\"offset\") + 1, 0) FROM dossier.journal WHERE partition = $1", Params().int8(cut_.partition)));
    if (rows.front().int64(0) == cut_.journal_end) return {};
    return make_error(Code::conflict, "the journal moved meanwhile: run the repair again");
  }

  // Up to the cut the scratch's judgement is the journal's, row by row.
  Status check_prefix() {
    TRY(const auto rows, query("SELECT count(*), count(*) FILTER (WHERE (j.verdict, j.workspace, j.seq, j.time_us, j.commit_id, j.chain, "
                               "j.value) IS NOT DISTINCT "
                               "FROM (s.verdict, s.workspace, s.seq, s.time_us, s.commit_id, s.chain, s.value)) FROM dossier.journal j LEFT "
                               "JOIN " +
                                   scratch_schema_ + ".journal s USING (partition, \"offset\") WHERE j.partition = $1 AND j.\"offset\" < $2",
                               Params().int8(cut_.partition).int8(cut_.cut_offset)));
    if (rows.front().int64(0) == cut_.cut_offset && rows.front().int64(1) == cut_.cut_offset) return {};
    return make_error(Code::corrupt, std::to_string(cut_.cut_offset - rows.front().int64(1)) + " records of partition " +
                                         std::to_string(cut_.partition) +
                                         " before the cut are judged otherwise than the journal says: run dossier verify");
  }

  Status move_journal() {
    Params repair;
    repair.int8(cut_.partition).int8(cut_.cut_offset).int8(cut_.journal_end - cut_.cut_offset).int8(static_cast<std::int64_t>(cut_.history));
    repair.int8(cut_.repaired_offset).bytes(crypto::view(cut_.lost_sha256));
    TRY(const auto rows, query("INSERT INTO dossier.repairs (partition, kind, from_offset, records, history, repaired_offset, lost_sha256) "
                               "VALUES ($1, 'cut', $2, $3, $4, $5, $6) RETURNING number",
                               repair));
    const std::string columns(kJournalColumns);
    TRY_STATUS(run("WITH lost AS (DELETE FROM dossier.journal WHERE partition = $1 AND \"offset\" >= $2 RETURNING " + columns +
                       ") INSERT INTO dossier.lost_records (repair, " + columns + ") SELECT $3::bigint, * FROM lost",
                   Params().int8(cut_.partition).int8(cut_.cut_offset).int8(rows.front().int64(0))));
    return run("INSERT INTO dossier.journal (" + columns + ") SELECT " + columns + " FROM " + scratch_schema_ +
                   ".journal WHERE partition = $1 AND \"offset\" >= $2",
               Params().int8(cut_.partition).int8(cut_.cut_offset));
  }

  Status replace_rows() {
    TRY(const auto heads, query("SELECT workspace FROM " + live_schema_ + ".heads"));
    std::vector<std::string> workspaces;  // of the partition, in the old history; every row belongs to one
    for (const auto row : heads)
      if (events::partition_of(row.str(0), log_.partitions) == cut_.partition) workspaces.push_back(row.str(0));
    for (const GenerationTable& table : generation_tables()) {
      TRY_STATUS(run("DELETE FROM " + live_schema_ + "." + table.name + " WHERE " + table.workspace_column + " = ANY ($1::text[])",
                     Params().texts(workspaces)));
      TRY_STATUS(run("INSERT INTO " + live_schema_ + "." + table.name + " SELECT * FROM " + scratch_schema_ + "." + table.name));
    }
    TRY_STATUS(run("DELETE FROM " + live_schema_ + ".positions WHERE partition = $1", Params().int8(cut_.partition)));
    TRY_STATUS(run("INSERT INTO " + live_schema_ + ".positions SELECT * FROM " + scratch_schema_ + ".positions WHERE partition = $1",
                   Params().int8(cut_.partition)));
    TRY_STATUS(run("DELETE FROM dossier.parked WHERE generation = $1 AND partition = $2", Params().int8(live_).int8(cut_.partition)));
    return run("UPDATE dossier.parked SET generation = $1 WHERE generation = $2", Params().int8(live_).int8(scratch_));
  }

  // A generation that read past the cut holds what is lost; one that did not can go on.
  Status drop_others() {
    TRY(const auto rows, query("SELECT number FROM dossier.generations WHERE number <> $1", Params().int8(live_)));
    for (const auto row : rows) {
      const std::string schema = postgres::generation_schema(row.int64(0));
      TRY(const auto past, query("SELECT 1 FROM " + schema + ".positions WHERE partition = $1 AND next_offset > $2",
                                 Params().int8(cut_.partition).int8(cut_.cut_offset)));
      if (past.empty()) continue;
      TRY_STATUS(run("DROP SCHEMA " + schema + " CASCADE"));
      TRY_STATUS(run("DELETE FROM dossier.generations WHERE number = $1", Params().int8(row.int64(0))));
      TRY_STATUS(run("DELETE FROM dossier.parked WHERE generation = $1", Params().int8(row.int64(0))));
    }
    return {};
  }

  Status renumber_live() {
    TRY(const auto rows, query("SELECT nextval('dossier.generation_numbers')"));
    const std::int64_t number = rows.front().int64(0);
    TRY_STATUS(run("ALTER SCHEMA " + live_schema_ + " RENAME TO " + postgres::generation_schema(number)));
    TRY_STATUS(run("UPDATE dossier.generations SET number = $1 WHERE number = $2", Params().int8(number).int8(live_)));
    TRY_STATUS(run("UPDATE dossier.parked SET generation = $1 WHERE generation = $2", Params().int8(number).int8(live_)));
    return run("SELECT pg_notify('" + std::string(postgres::kAppliedChannel) + "', $1)",
               Params().text(std::to_string(cut_.partition) + ":" + std::to_string(cut_.repaired_offset + 1)));
  }

  Connection& connection_;
  const ExpectedLog& log_;
  const HistoryCut& cut_;
  const std::int64_t scratch_;
  const std::string scratch_schema_;
  std::int64_t live_ = 0;
  std::string live_schema_;
};

}  // namespace

Result<std::int64_t> project_repaired(const std::string& database_url, const ExpectedLog& log, const HistoryCut& cut, topic::Reader& reader,
                                      const Clock& clock, const std::function<void(std::int64_t next_offset)>& on_progress) {
  TRY(const std::int64_t scratch, make_scratch(database_url, cut.partition));
  PostgresStore store({.url = database_url, .generation = scratch, .notify = false});
  Projector projector({.log = log, .memory = {}}, reader, store, registry(), clock);
  projector.assign({cut.partition});
  std::int64_t shown_us = clock.boot_us();
  for (;;) {
    projector.step(kStepMs);
    const auto stats = projector.stats();
    const PartitionStats& partition = stats.partitions.at(0);
    if (partition.state == PartitionState::halted) return make_error(Code::partition_halted, partition.reason);
    if (partition.next_offset > cut.repaired_offset) break;
    if (clock.boot_us() - shown_us < kProgressUs) continue;
    shown_us = clock.boot_us();
    on_progress(partition.next_offset);
  }
  TRY(const auto position, store.position(cut.partition));
  if (position && position->history == cut.history) return scratch;
  return make_error(Code::conflict, "the log is in history " + std::to_string(position ? position->history : 0) + " and not in " +
                                        std::to_string(cut.history) + ": another repair was there; run it again");
}

Status change_history(Connection& connection, const ExpectedLog& log, const HistoryCut& cut, std::int64_t scratch) {
  TRY([[maybe_unused]] const auto begun, connection.query("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"));
  if (const Status changed = Change(connection, log, cut, scratch).run(); !changed) {
    connection.send_and_forget("ROLLBACK");
    return changed.error();
  }
  TRY([[maybe_unused]] const auto done, connection.query("COMMIT"));
  return {};
}

}  // namespace dossier::projections
