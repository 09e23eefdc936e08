// Reading and moving positions. A partition without a row stands at its beginning; the first move makes the row.
#include "producers/intake_position_sql.hpp"

namespace dossier::producers {

const PositionSql kIntakePositionSql{"SELECT next_offset, last_hash, last_append_time_us FROM dossier.intake_positions WHERE partition = $1",
                                     R"sql(
WITH moved AS (
  UPDATE dossier.intake_positions SET next_offset = $4, last_hash = $5, last_append_time_us = $6
  WHERE partition = $1 AND next_offset = $2 AND last_hash = $3 RETURNING 1),
made AS (
  INSERT INTO dossier.intake_positions (partition, next_offset, last_hash, last_append_time_us)
  SELECT $1, $4, $5, $6 WHERE $7 AND NOT EXISTS (SELECT 1 FROM dossier.intake_positions WHERE partition = $1)
  ON CONFLICT DO NOTHING RETURNING 1)
SELECT dossier.require_one((SELECT count(*) FROM moved) + (SELECT count(*) FROM made), 'reports partition ' || $1::bigint)
)sql"};

const PositionSql kActivityPositionSql{"SELECT next_offset, last_hash, last_append_time_us FROM dossier.activity_positions WHERE partition = $1",
                                       R"sql(
WITH moved AS (
  UPDATE dossier.activity_positions SET next_offset = $4, last_hash = $5, last_append_time_us = $6
  WHERE partition = $1 AND next_offset = $2 AND last_hash = $3 RETURNING 1),
made AS (
  INSERT INTO dossier.activity_positions (partition, next_offset, last_hash, last_append_time_us)
  SELECT $1, $4, $5, $6 WHERE $7 AND NOT EXISTS (SELECT 1 FROM dossier.activity_positions WHERE partition = $1)
  ON CONFLICT DO NOTHING RETURNING 1)
SELECT dossier.require_one((SELECT count(*) FROM moved) + (SELECT count(*) FROM made), 'activity partition ' || $1::bigint)
)sql"};

Result<IntakePosition> read_position(postgres::Pool& pool, const PositionSql& sql, std::int32_t partition) {
  TRY(const auto set, pool.read_one(sql.read, postgres::Params().int8(partition)));
  IntakePosition out;
  out.partition = partition;
  if (set.empty()) return out;
  const auto row = set.front();
  out.next_offset = row.int64(0);
  out.last_hash = crypto::hash_from(row.bytes(1));
  out.last_append_time_us = row.int64(2);
  return out;
}

postgres::Statement move_statement(const PositionSql& sql, const IntakePosition& before, const IntakePosition& after) {
  postgres::Params params;
  params.int8(before.partition).int8(before.next_offset).bytes(crypto::view(before.last_hash));
  params.int8(after.next_offset).bytes(crypto::view(after.last_hash)).int8(after.last_append_time_us);
  params.boolean(before.next_offset == 0 && before.last_hash == crypto::kZeroHash);
  return postgres::Statement{sql.move, std::move(params)};
}

}  // namespace dossier::producers
