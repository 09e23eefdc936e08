// The projector's writes and reads, statement by statement.
#include "projections/postgres_store.hpp"

#include <deque>

#include "base/encoding.hpp"
#include "platform/postgres/listener.hpp"
#include "platform/postgres/sql_error.hpp"

namespace dossier::projections {

namespace {

using postgres::Array;
using postgres::Params;
using postgres::StatementRef;
using rows::Type;

constexpr std::string_view kPosition =
    "SELECT next_offset, last_hash, log_id, partitions, history, ledger_version FROM positions WHERE partition = $1";
constexpr std::string_view kCreatePosition =
    "INSERT INTO positions (partition, next_offset, last_hash, log_id, partitions, history, ledger_version) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7)";
// The guard, and the first write of every batch.
constexpr std::string_view kIsLive = "SELECT EXISTS (SELECT 1 FROM dossier.generations WHERE number = $1 AND state = 'live')";
constexpr std::string_view kMovePosition =
    "WITH moved AS (UPDATE positions SET next_offset = $4, last_hash = $5, log_id = $6, partitions = $7, history = $8, "
    "ledger_version = $9 WHERE partition = $1 AND next_offset = $2 AND last_hash = $3 RETURNING 1) "
    "SELECT dossier.require_one((SELECT count(*) FROM moved), 'partition ' || $1::bigint)";

// Rows come as an array a column, unnested side by side in the select list: PostgreSQL streams them from there, and would
// first write them to a tuple store if they stood in FROM (docs/benchmarks.md: a tenth to a sixth of such a statement).
//
// `journal` without a schema: of dossier, but for a generation that has one of its own (adopt_history.cpp).
constexpr std::string_view kAddJournal =
    "INSERT INTO journal (partition, \"offset\", verdict, workspace, seq, time_us, commit_id, chain, append_time_us, value) "
    "SELECT $1::bigint, unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::text[]), unnest($5::bigint[]), unnest($6::bigint[]), "
    "unnest($7::text[]), unnest($8::bytea[]), unnest($9::bigint[]), unnest($10::bytea[])";
constexpr std::string_view kCompareJournal =
    "WITH given AS MATERIALIZED (SELECT * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], "
    "$8::bytea[], $9::bigint[], $10::bytea[]) "
    "AS g(at, verdict, workspace, seq, time_us, commit_id, chain, append_time_us, value)), "
    "added AS (INSERT INTO journal (partition, \"offset\", verdict, workspace, seq, time_us, commit_id, chain, append_time_us, "
    "value) SELECT $1::bigint, * FROM given ON CONFLICT (partition, \"offset\") DO NOTHING RETURNING 1), "
    "found AS (SELECT (j.verdict, j.workspace, j.seq, j.time_us, j.commit_id, j.chain, j.value) IS DISTINCT FROM (g.verdict, "
    "g.workspace, g.seq, g.time_us, g.commit_id, g.chain, g.value) AS differs "
    "FROM given g CROSS JOIN LATERAL (SELECT * FROM journal WHERE partition = $1::bigint AND \"offset\" = g.at LIMIT 1) AS j), "
    "counts AS (SELECT (SELECT count(*) FROM given) AS given, (SELECT count(*) FROM added) AS added, "
    "(SELECT count(*) FROM found) AS present, (SELECT count(*) FROM found WHERE differs) AS differing) "
    "SELECT present, dossier.require_same(given, added, present, differing, 'partition ' || $1::bigint) FROM counts";

constexpr std::string_view kPutHeads =
    "INSERT INTO heads AS t (workspace, seq, time_us, chain) "
    "SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::bytea[]) "
    "ON CONFLICT (workspace) DO UPDATE SET seq = excluded.seq, time_us = excluded.time_us, chain = excluded.chain";
constexpr std::string_view kPutStreams =
    "INSERT INTO streams AS t (workspace, stream, version, state, needs_newer_code) "
    "SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::bytea[]), unnest($5::boolean[]) "
    "ON CONFLICT (stream, workspace) DO UPDATE SET version = excluded.version, state = excluded.state, "
    "needs_newer_code = excluded.needs_newer_code";

constexpr std::string_view kUnpark =
    "DELETE FROM dossier.parked p USING unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[]) "
    "AS u(read_model, workspace, stream, through_offset, through_index) "
    "WHERE p.generation = $1 AND p.partition = $2 AND p.read_model = u.read_model AND p.workspace = u.workspace "
    "AND p.stream = u.stream AND (p.\"offset\", p.event_index) <= (u.through_offset, u.through_index)";
constexpr std::string_view kPark =
    "INSERT INTO dossier.parked (generation, read_model, workspace, stream, partition, \"offset\", event_index, error, value) "
    "SELECT $1::bigint, * FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], "
    "$9::bytea[])";
constexpr std::string_view kNotify = "SELECT pg_notify('dossier_applied', $1)";

// Each key is looked up by itself (LATERAL … LIMIT 1): a plan made while the tables are empty would otherwise take a table
// as the outer side, and compare every row of it with every key.
constexpr std::string_view kHeads =
    "SELECT h.workspace, h.seq, h.time_us, h.chain FROM unnest($1::text[]) AS k(workspace) "
    "CROSS JOIN LATERAL (SELECT * FROM heads WHERE workspace = k.workspace LIMIT 1) AS h";
constexpr std::string_view kStreams =
    "SELECT s.workspace, s.stream, s.version, s.state, s.needs_newer_code FROM unnest($1::text[], $2::text[]) AS k(workspace, stream) "
    "CROSS JOIN LATERAL (SELECT * FROM streams WHERE stream = k.stream AND workspace = k.workspace LIMIT 1) AS s";
// The journal may be ahead of this generation: only what lies within this generation's heads is known to it.
// (seq + 0: by the id's index, not by a walk through the workspace's sequence.)
constexpr std::string_view kAccepted =
    "SELECT k.workspace, k.commit_id, j.seq FROM unnest($1::text[], $2::text[]) AS k(workspace, commit_id) "
    "CROSS JOIN LATERAL (SELECT seq FROM heads WHERE workspace = k.workspace LIMIT 1) AS h "
    "CROSS JOIN LATERAL (SELECT seq FROM journal WHERE commit_id = k.commit_id AND workspace = k.workspace AND verdict = 1 "
    "AND seq + 0 <= h.seq AND seq + 0 > h.seq - $3 ORDER BY seq + 0 DESC LIMIT 1) AS j";

constexpr std::string_view kParkedStreams =
    "SELECT DISTINCT read_model, workspace, stream FROM dossier.parked WHERE generation = $1 AND partition = $2 ORDER BY 1, 2, 3";
constexpr std::string_view kParkedRows =
    "SELECT \"offset\", event_index, error, value FROM dossier.parked WHERE generation = $1 AND partition = $2 AND read_model = $3 "
    "AND workspace = $4 AND stream = $5 ORDER BY \"offset\", event_index LIMIT $6";
constexpr std::string_view kJournalAt =
    "SELECT verdict, workspace, seq, time_us, commit_id, chain, append_time_us, value FROM journal "
    "WHERE partition = $1 AND \"offset\" = $2";

// PostgreSQL's text holds no NUL. What can't be stored can't be found; a void record's names are kept in its bytes.
bool storable(std::string_view text) { return text.find('\0') == std::string_view::npos && is_utf8(text); }
std::string_view storable_or_empty(std::string_view text) { return storable(text) ? text : std::string_view(); }

Params journal_params(const ProjectionBatch& batch) {
  const auto count = batch.journal.size();
  Array offsets(Type::int8, count), verdicts(Type::int8, count), workspaces(Type::text, count), seqs(Type::int8, count), times(Type::int8, count),
      commits(Type::text, count), chains(Type::bytea, count), appended(Type::int8, count), values(Type::bytea, count);
  for (const auto& row : batch.journal) {
    offsets.int8(row.offset);
    verdicts.int8(static_cast<std::int64_t>(row.verdict));
    workspaces.text(storable_or_empty(row.workspace));
    seqs.int8(static_cast<std::int64_t>(row.seq));
    times.int8(row.time_us);
    commits.text(storable_or_empty(row.commit_id));
    chains.bytes(crypto::view(row.chain));
    appended.int8(row.append_time_us);
    values.bytes(row.value);
  }
  Params params;
  params.int8(batch.before.partition).array(std::move(offsets)).array(std::move(verdicts)).array(std::move(workspaces));
  params.array(std::move(seqs)).array(std::move(times)).array(std::move(commits)).array(std::move(chains));
  params.array(std::move(appended)).array(std::move(values));
  return params;
}

Params head_params(const ProjectionBatch& batch) {
  Array workspaces(Type::text), seqs(Type::int8), times(Type::int8), chains(Type::bytea);
  for (const auto& [workspace, head] : batch.heads) {
    workspaces.text(workspace);
    seqs.int8(static_cast<std::int64_t>(head.seq));
    times.int8(head.time_us);
    chains.bytes(crypto::view(head.chain));
  }
  Params params;
  params.array(std::move(workspaces)).array(std::move(seqs)).array(std::move(times)).array(std::move(chains));
  return params;
}

Params stream_params(const ProjectionBatch& batch) {
  const auto count = batch.streams.size();
  Array workspaces(Type::text, count), streams(Type::text, count), versions(Type::int8, count), states(Type::bytea, count), newer(Type::bool_, count);
  for (const auto& row : batch.streams) {
    workspaces.text(row.workspace);
    streams.text(row.stream);
    versions.int8(static_cast<std::int64_t>(row.version));
    states.bytes(row.state);
    newer.boolean(row.needs_newer_code);
  }
  Params params;
  params.array(std::move(workspaces)).array(std::move(streams)).array(std::move(versions)).array(std::move(states));
  params.array(std::move(newer));
  return params;
}

Params table_params(const rows::TableBatch& table) {
  Params params;
  for (std::size_t column = 0; column < table.table().columns.size(); ++column) {
    Array values(table.table().columns[column].type, table.rows().size());
    for (const auto& row : table.rows()) values.cell(row[column]);
    params.array(std::move(values));
  }
  return params;
}

Params unpark_params(std::int64_t generation, const ProjectionBatch& batch) {
  Array models(Type::text), workspaces(Type::text), streams(Type::text), offsets(Type::int8), indexes(Type::int8);
  for (const auto& row : batch.unparked) {
    models.text(row.stream.read_model);
    workspaces.text(row.stream.workspace);
    streams.text(row.stream.stream);
    offsets.int8(row.through_offset);
    indexes.int8(row.through_index);
  }
  Params params;
  params.int8(generation).int8(batch.before.partition).array(std::move(models)).array(std::move(workspaces));
  params.array(std::move(streams)).array(std::move(offsets)).array(std::move(indexes));
  return params;
}

Params park_params(std::int64_t generation, const ProjectionBatch& batch) {
  Array models(Type::text), workspaces(Type::text), streams(Type::text), partitions(Type::int8), offsets(Type::int8), indexes(Type::int8),
      errors(Type::text), values(Type::bytea);
  for (const auto& row : batch.parked) {
    models.text(row.read_model);
    workspaces.text(row.workspace);
    streams.text(row.stream);
    partitions.int8(row.partition);
    offsets.int8(row.offset);
    indexes.int8(row.event_index);
    errors.text(storable(row.error) ? row.error : std::string_view("(an error text that is no UTF-8)"));
    values.bytes(row.value);
  }
  Params params;
  params.int8(generation).array(std::move(models)).array(std::move(workspaces)).array(std::move(streams));
  params.array(std::move(partitions)).array(std::move(offsets)).array(std::move(indexes)).array(std::move(errors));
  params.array(std::move(values));
  return params;
}

Params position_params(const Position& p) {
  Params params;
  params.int8(p.partition).int8(p.next_offset).bytes(crypto::view(p.last_hash)).text(p.log_id).int8(p.partitions);
  params.int8(static_cast<std::int64_t>(p.history)).int8(p.ledger_version);
  return params;
}

Params move_params(const Position& before, const Position& after) {
  Params params;
  params.int8(before.partition).int8(before.next_offset).bytes(crypto::view(before.last_hash));
  params.int8(after.next_offset).bytes(crypto::view(after.last_hash)).text(after.log_id).int8(after.partitions);
  params.int8(static_cast<std::int64_t>(after.history)).int8(after.ledger_version);
  return params;
}

// The statements of one batch, and whose rows each one writes.
class Statements {
 public:
  enum class Writes : std::uint8_t { ledger, journal, read_model };
  void add(std::string_view sql, Params params, Writes writes = Writes::ledger, std::string_view read_model = {}) {
    params_.push_back(std::move(params));
    refs_.push_back(StatementRef{sql, &params_.back()});
    owners_.push_back(Owner{writes, read_model});
  }
  const std::vector<StatementRef>& refs() const { return refs_; }
  bool failed_in(const postgres::SqlError& error, Writes writes) const {
    return error.statement >= 0 && owners_[static_cast<std::size_t>(error.statement)].writes == writes;
  }
  std::string read_model(const postgres::SqlError& error) const { return std::string(owners_[static_cast<std::size_t>(error.statement)].read_model); }

 private:
  struct Owner {
    Writes writes;
    std::string_view read_model;
  };
  std::deque<Params> params_;  // addresses stay
  std::vector<StatementRef> refs_;
  std::vector<Owner> owners_;
};

}  // namespace

PostgresStore::PostgresStore(PostgresStoreOptions options) : options_(std::move(options)) {}
PostgresStore::~PostgresStore() = default;

Result<postgres::Connection*> PostgresStore::connection() {
  if (connection_ && connection_->known_broken()) connection_.reset();
  if (!connection_) {
    TRY(connection_, postgres::Connection::open({.url = options_.url,
                                                 .application_name = "dossier projector",
                                                 .search_path = postgres::generation_schema(options_.generation) + ", dossier",
                                                 .reads_by_default = false,
                                                 .synchronous_commit = false,
                                                 .generic_plans = true,
                                                 .statement_timeout_ms = options_.statement_timeout_ms}));
  }
  return connection_.get();
}

Result<postgres::ResultSet> PostgresStore::query(std::string_view sql, const Params& params) {
  TRY(auto* connection, this->connection());
  return connection->query(sql, params);
}

Result<std::optional<Position>> PostgresStore::position(std::int32_t partition) {
  TRY(const auto set, query(kPosition, Params().int8(partition)));
  if (set.empty()) return std::optional<Position>();
  const auto row = set.front();
  Position out;
  out.partition = partition;
  out.next_offset = row.int64(0);
  out.last_hash = crypto::hash_from(row.bytes(1));
  out.log_id = row.str(2);
  out.partitions = row.int32(3);
  out.history = row.uint64(4);
  out.ledger_version = static_cast<std::uint32_t>(row.int64(5));
  return std::optional<Position>(std::move(out));
}

Status PostgresStore::create_position(const Position& position) {
  TRY([[maybe_unused]] const auto set, query(kCreatePosition, position_params(position)));
  return {};
}

Result<Applied> PostgresStore::apply(const ProjectionBatch& batch) {
  const auto partition = batch.before.partition;
  bool& compares = compares_[partition];
  for (;;) {
    bool journal_had_rows = false;
    auto applied = write(batch, !compares, journal_had_rows);
    if (!applied && !compares && journal_had_rows) {
      compares = true;  // another generation has been here: the same batch again, comparing
      continue;
    }
    if (applied && !applied->data_error && !journal_had_rows) compares = false;
    return applied;
  }
}

Result<Applied> PostgresStore::write(const ProjectionBatch& batch, bool journal_is_new, bool& journal_had_rows) {
  using Writes = Statements::Writes;
  TRY(auto* connection, this->connection());
  Statements statements;
  statements.add("BEGIN", Params());
  statements.add(kMovePosition, move_params(batch.before, batch.after));
  // A switch locks the positions: what is read behind the move holds until the end of this transaction.
  const std::size_t live_at = statements.refs().size();
  statements.add(kIsLive, std::move(Params().int8(options_.generation)));
  const std::size_t journal_at = statements.refs().size();
  if (!batch.journal.empty()) statements.add(journal_is_new ? kAddJournal : kCompareJournal, journal_params(batch), Writes::journal);
  if (!batch.heads.empty()) statements.add(kPutHeads, head_params(batch));
  if (!batch.streams.empty()) statements.add(kPutStreams, stream_params(batch));
  for (const auto& model : batch.models)
    for (const auto& table : model.rows.tables()) statements.add(table.table().sql, table_params(table), Writes::read_model, model.read_model);
  if (!batch.unparked.empty()) statements.add(kUnpark, unpark_params(options_.generation, batch));
  if (!batch.parked.empty()) statements.add(kPark, park_params(options_.generation, batch));
  if (options_.notify)
    statements.add(kNotify, std::move(Params().text(std::to_string(batch.after.partition) + ":" + std::to_string(batch.after.next_offset))));
  statements.add("COMMIT", Params());

  const auto result = connection->run(statements.refs());
  if (!result.failed) {
    journal_had_rows = !batch.journal.empty() && !journal_is_new && result.sets[journal_at].front().int64(0) > 0;
    Applied applied;
    applied.is_live = result.sets[live_at].front().boolean(0);
    return applied;
  }
  connection->send_and_forget("ROLLBACK");
  const auto& error = *result.failed;
  if (postgres::is_data_error(error.sqlstate)) {
    if (statements.failed_in(error, Writes::read_model)) return Applied{DataError{statements.read_model(error), error.message}, false};
    journal_had_rows = statements.failed_in(error, Writes::journal) && error.sqlstate == "23505";
    return make_error(Code::internal, "PostgreSQL refused rows of the ledger: " + error.message + " (" + error.sqlstate + ")");
  }
  return postgres::to_error(error);
}

Result<Fetched> PostgresStore::fetch(const FetchRequest& request) {
  TRY(auto* connection, this->connection());
  Array head_workspaces(Type::text), workspaces(Type::text), streams(Type::text), commit_workspaces(Type::text), commits(Type::text);
  for (const auto& workspace : request.workspaces)
    if (storable(workspace)) head_workspaces.text(workspace);
  for (const auto& key : request.streams) {
    if (!storable(key.workspace) || !storable(key.stream)) continue;
    workspaces.text(key.workspace);
    streams.text(key.stream);
  }
  for (const auto& [workspace, commit] : request.commit_ids) {
    if (!storable(workspace) || !storable(commit)) continue;
    commit_workspaces.text(workspace);
    commits.text(commit);
  }
  Params heads_of, streams_of, accepted_of;
  heads_of.array(std::move(head_workspaces));
  streams_of.array(std::move(workspaces)).array(std::move(streams));
  accepted_of.array(std::move(commit_workspaces)).array(std::move(commits)).int8(events::kDuplicateWindow);
  const StatementRef batch[] = {{kHeads, &heads_of}, {kStreams, &streams_of}, {kAccepted, &accepted_of}};
  const auto result = connection->run(batch);
  if (result.failed) return postgres::to_error(*result.failed);

  Fetched out;
  for (const auto row : result.sets[0])
    out.heads.emplace_back(row.str(0), events::WorkspaceHead{row.uint64(1), row.int64(2), crypto::hash_from(row.bytes(3))});
  out.streams.reserve(static_cast<std::size_t>(result.sets[1].size()));
  for (const auto row : result.sets[1]) out.streams.push_back(StreamRow{row.str(0), row.str(1), row.uint64(2), row.str(3), row.boolean(4)});
  for (const auto row : result.sets[2]) out.accepted.push_back({row.str(0), row.str(1), row.uint64(2)});
  return out;
}

Result<std::vector<ParkedStream>> PostgresStore::parked_streams(std::int32_t partition) {
  TRY(const auto set, query(kParkedStreams, Params().int8(options_.generation).int8(partition)));
  std::vector<ParkedStream> out;
  for (const auto row : set) out.push_back(ParkedStream{row.str(0), row.str(1), row.str(2)});
  return out;
}

Result<std::vector<ParkedRow>> PostgresStore::parked_rows(std::int32_t partition, const ParkedStream& stream, std::size_t limit) {
  TRY(const auto set, query(kParkedRows, Params()
                                             .int8(options_.generation)
                                             .int8(partition)
                                             .text(stream.read_model)
                                             .text(stream.workspace)
                                             .text(stream.stream)
                                             .int8(static_cast<std::int64_t>(limit))));
  std::vector<ParkedRow> out;
  for (const auto row : set)
    out.push_back(ParkedRow{stream.read_model, stream.workspace, stream.stream, partition, row.int64(0), row.int32(1), row.str(2), row.str(3)});
  return out;
}

Result<std::optional<JournalRow>> PostgresStore::journal_at(std::int32_t partition, std::int64_t offset) {
  TRY(const auto set, query(kJournalAt, Params().int8(partition).int8(offset)));
  if (set.empty()) return std::optional<JournalRow>();
  const auto row = set.front();
  JournalRow out;
  out.partition = partition;
  out.offset = offset;
  out.verdict = static_cast<events::Verdict>(row.int64(0));
  out.workspace = row.str(1);
  out.seq = row.uint64(2);
  out.time_us = row.int64(3);
  out.commit_id = row.str(4);
  out.chain = crypto::hash_from(row.bytes(5));
  out.append_time_us = row.int64(6);
  out.value = row.str(7);
  return std::optional<JournalRow>(std::move(out));
}

}  // namespace dossier::projections
