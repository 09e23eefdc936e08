// Positions, liveness and accepted sequences.
#include "producers/postgres_intake_store.hpp"

#include "producers/intake_position_sql.hpp"

namespace dossier::producers {

namespace {

using postgres::Array;
using postgres::Params;
using rows::Type;

constexpr std::string_view kPutLiveness = R"sql(
INSERT INTO dossier.liveness AS t (worker_id, workspace, boot_id, free_slots, draining, control_offset, last_report_time_us, owned,
  report_partition)
SELECT DISTINCT ON (g.worker_id) g.* FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::boolean[], $6::bigint[],
  $7::bigint[], $8::bytea[], $9::bigint[])
  AS g(worker_id, workspace, boot_id, free_slots, draining, control_offset, last_report_time_us, owned, report_partition)
ORDER BY g.worker_id, g.last_report_time_us DESC
ON CONFLICT (worker_id) DO UPDATE SET workspace = excluded.workspace, boot_id = excluded.boot_id, free_slots = excluded.free_slots,
  draining = excluded.draining, control_offset = excluded.control_offset, last_report_time_us = excluded.last_report_time_us,
  owned = excluded.owned, report_partition = excluded.report_partition
WHERE excluded.last_report_time_us >= t.last_report_time_us
)sql";
constexpr std::string_view kPutAccepted = R"sql(
INSERT INTO dossier.accepted_through AS t (worker_id, boot_id, sequence)
SELECT g.worker_id, g.boot_id, max(g.sequence) FROM unnest($1::text[], $2::text[], $3::bigint[]) AS g(worker_id, boot_id, sequence)
GROUP BY g.worker_id, g.boot_id ORDER BY g.worker_id, g.boot_id
ON CONFLICT (worker_id, boot_id) DO UPDATE SET sequence = GREATEST(t.sequence, excluded.sequence)
)sql";
constexpr std::string_view kAcceptedThrough = "SELECT sequence FROM dossier.accepted_through WHERE worker_id = $1 AND boot_id = $2";
constexpr std::string_view kAcceptedAll = "SELECT worker_id, boot_id, sequence FROM dossier.accepted_through ORDER BY worker_id, boot_id";
constexpr std::string_view kLivenessAll =
    "SELECT worker_id, workspace, boot_id, last_report_time_us, report_partition, owned FROM dossier.liveness ORDER BY worker_id";
constexpr std::string_view kLivenessOfWorkspace =
    "SELECT worker_id, workspace, boot_id, last_report_time_us, report_partition, owned FROM dossier.liveness WHERE workspace = $1 "
    "ORDER BY worker_id";
constexpr std::string_view kLivenessOfWorker =
    "SELECT worker_id, workspace, boot_id, last_report_time_us, report_partition, owned FROM dossier.liveness WHERE worker_id = $1";

postgres::Statement put_liveness(const std::vector<LivenessRow>& rows) {
  Array workers(Type::text), workspaces(Type::text), boots(Type::text), slots(Type::int8), draining(Type::bool_), controls(Type::int8),
      times(Type::int8), heartbeats(Type::bytea), partitions(Type::int8);
  for (const auto& row : rows) {
    workers.text(row.worker.str());
    workspaces.text(row.workspace.str());
    boots.text(row.boot_id);
    slots.int8(row.heartbeat.free_slots());
    draining.boolean(row.heartbeat.draining());
    controls.int8(row.heartbeat.control_offset());
    times.int8(row.last_report_time_us);
    heartbeats.bytes(row.heartbeat.SerializeAsString());
    partitions.int8(row.report_partition);
  }
  Params params;
  params.array(std::move(workers)).array(std::move(workspaces)).array(std::move(boots)).array(std::move(slots));
  params.array(std::move(draining)).array(std::move(controls)).array(std::move(times)).array(std::move(heartbeats));
  params.array(std::move(partitions));
  return postgres::Statement{kPutLiveness, std::move(params)};
}

postgres::Statement put_accepted(const std::vector<AcceptedThroughRow>& rows) {
  Array workers(Type::text), boots(Type::text), sequences(Type::int8);
  for (const auto& row : rows) {
    workers.text(row.worker.str());
    boots.text(row.boot_id);
    sequences.int8(static_cast<std::int64_t>(row.sequence));
  }
  Params params;
  params.array(std::move(workers)).array(std::move(boots)).array(std::move(sequences));
  return postgres::Statement{kPutAccepted, std::move(params)};
}

std::vector<LivenessRow> liveness_from(const postgres::ResultSet& set) {
  std::vector<LivenessRow> out;
  for (const auto row : set) {
    LivenessRow live;
    live.worker = WorkerId(row.str(0));
    live.workspace = WorkspaceId(row.str(1));
    live.boot_id = row.str(2);
    live.last_report_time_us = row.int64(3);
    live.report_partition = row.int32(4);
    const auto bytes = row.bytes(5);
    if (!live.heartbeat.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) live.heartbeat.Clear();  // the next one will do
    out.push_back(std::move(live));
  }
  return out;
}

}  // namespace

Result<IntakePosition> PostgresIntakeStore::position(std::int32_t partition) { return read_position(pool_, kIntakePositionSql, partition); }

Status PostgresIntakeStore::save(const IntakePosition& before, const IntakePosition& after, const std::vector<LivenessRow>& liveness,
                                 const std::vector<AcceptedThroughRow>& accepted) {
  std::vector<postgres::Statement> statements{move_statement(kIntakePositionSql, before, after)};
  if (!liveness.empty()) statements.push_back(put_liveness(liveness));
  if (!accepted.empty()) statements.push_back(put_accepted(accepted));
  TRY([[maybe_unused]] const auto sets, pool_.write_all(statements));
  return {};
}

Status PostgresIntakeStore::save_liveness(const std::vector<LivenessRow>& liveness) {
  if (liveness.empty()) return {};
  TRY([[maybe_unused]] const auto sets, pool_.write_all(std::vector<postgres::Statement>{put_liveness(liveness)}));
  return {};
}

Result<std::uint64_t> PostgresIntakeStore::accepted_through(const WorkerId& worker, const std::string& boot_id) {
  TRY(const auto set, pool_.read_one(kAcceptedThrough, Params().text(worker.str()).text(boot_id)));
  return set.empty() ? std::uint64_t{0} : set.front().uint64(0);
}

Result<std::vector<AcceptedThroughRow>> PostgresIntakeStore::accepted_through_all() {
  TRY(const auto set, pool_.read_one(kAcceptedAll));
  std::vector<AcceptedThroughRow> out;
  for (const auto row : set) out.push_back(AcceptedThroughRow{WorkerId(row.str(0)), row.str(1), row.uint64(2)});
  return out;
}

Result<std::vector<LivenessRow>> PostgresIntakeStore::liveness(const WorkspaceId& workspace) {
  TRY(const auto set, pool_.read_one(kLivenessOfWorkspace, Params().text(workspace.str())));
  return liveness_from(set);
}

Result<std::vector<LivenessRow>> PostgresIntakeStore::liveness_all() {
  TRY(const auto set, pool_.read_one(kLivenessAll));
  return liveness_from(set);
}

Result<std::optional<LivenessRow>> PostgresIntakeStore::liveness_of(const WorkerId& worker) {
  TRY(const auto set, pool_.read_one(kLivenessOfWorker, Params().text(worker.str())));
  auto rows = liveness_from(set);
  if (rows.empty()) return std::optional<LivenessRow>();
  return std::optional<LivenessRow>(std::move(rows.front()));
}

}  // namespace dossier::producers
