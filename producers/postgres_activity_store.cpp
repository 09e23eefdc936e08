// Blocks of activity: a row a record, found by session, offer and first sequence.
#include "producers/intake_position_sql.hpp"
#include "producers/postgres_intake_store.hpp"

namespace dossier::producers {

namespace {

using postgres::Array;
using postgres::Params;
using rows::Type;

constexpr std::string_view kAppend = R"sql(
INSERT INTO dossier.activity_blocks (session_id, offer, first_sequence, last_sequence, lines, workspace, partition, "offset",
  appended_us, sha256, body)
SELECT unnest($1::text[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::bigint[]), unnest($5::bigint[]), unnest($6::text[]),
  unnest($7::bigint[]), unnest($8::bigint[]), unnest($9::bigint[]), unnest($10::bytea[]), unnest($11::bytea[])
ON CONFLICT (session_id, offer, first_sequence) DO NOTHING
)sql";
// Starts at the last block that begins at or before the cursor, so that a reader at the end of a long log touches one row.
constexpr std::string_view kRead = R"sql(
SELECT offer, first_sequence, last_sequence, lines, workspace, partition, "offset", appended_us, sha256, body FROM (
  SELECT b.*, sum(octet_length(b.body)) OVER (ORDER BY b.offer, b.first_sequence) - octet_length(b.body) AS bytes_before FROM (
    SELECT * FROM dossier.activity_blocks
    WHERE session_id = $1 AND (offer, first_sequence) >= ($2, coalesce((
      SELECT max(first_sequence) FROM dossier.activity_blocks WHERE session_id = $1 AND offer = $2 AND first_sequence <= $3), 0))
      AND (offer > $2 OR last_sequence > $3)
    ORDER BY offer, first_sequence LIMIT $4) AS b) AS c
WHERE bytes_before < $5 ORDER BY offer, first_sequence
)sql";
constexpr std::string_view kExtents = R"sql(
SELECT offer, min(first_sequence), max(last_sequence), sum(lines)::bigint, count(*),
  (array_agg(sha256 ORDER BY last_sequence DESC))[1]
FROM dossier.activity_blocks WHERE session_id = $1 GROUP BY offer ORDER BY offer
)sql";

postgres::Statement append_statement(const std::vector<ActivityBlock>& blocks) {
  Array sessions(Type::text), offers(Type::int8), firsts(Type::int8), lasts(Type::int8), lines(Type::int8), workspaces(Type::text),
      partitions(Type::int8), offsets(Type::int8), times(Type::int8), hashes(Type::bytea), bodies(Type::bytea);
  for (const auto& block : blocks) {
    sessions.text(block.session_id);
    offers.int8(block.offer);
    firsts.int8(static_cast<std::int64_t>(block.first_sequence));
    lasts.int8(static_cast<std::int64_t>(block.last_sequence));
    lines.int8(static_cast<std::int64_t>(block.lines));
    workspaces.text(block.workspace.str());
    partitions.int8(block.partition);
    offsets.int8(block.offset);
    times.int8(block.appended_us);
    hashes.bytes(crypto::view(block.sha256));
    bodies.bytes(block.body);
  }
  Params params;
  params.array(std::move(sessions)).array(std::move(offers)).array(std::move(firsts)).array(std::move(lasts)).array(std::move(lines));
  params.array(std::move(workspaces)).array(std::move(partitions)).array(std::move(offsets)).array(std::move(times));
  params.array(std::move(hashes)).array(std::move(bodies));
  return postgres::Statement{kAppend, std::move(params)};
}

}  // namespace

Result<IntakePosition> PostgresActivityStore::position(std::int32_t partition) { return read_position(pool_, kActivityPositionSql, partition); }

Status PostgresActivityStore::append(const IntakePosition& before, const IntakePosition& after, const std::vector<ActivityBlock>& blocks) {
  std::vector<postgres::Statement> statements{move_statement(kActivityPositionSql, before, after)};
  if (!blocks.empty()) statements.push_back(append_statement(blocks));
  TRY([[maybe_unused]] const auto sets, pool_.write_all(statements));
  return {};
}

Result<std::vector<ActivityBlock>> PostgresActivityStore::read(const std::string& session_id, const ActivityCursor& after, std::size_t max_blocks,
                                                               std::size_t max_bytes) {
  TRY(const auto set, pool_.read_one(kRead, Params()
                                                .text(session_id)
                                                .int8(after.offer)
                                                .int8(static_cast<std::int64_t>(after.sequence))
                                                .int8(static_cast<std::int64_t>(max_blocks))
                                                .int8(static_cast<std::int64_t>(max_bytes))));
  std::vector<ActivityBlock> out;
  out.reserve(static_cast<std::size_t>(set.size()));
  for (const auto row : set)
    out.push_back(ActivityBlock{session_id, static_cast<std::uint32_t>(row.int64(0)), row.uint64(1), row.uint64(2), row.uint64(3),
                                WorkspaceId(row.str(4)), row.int32(5), row.int64(6), row.int64(7), crypto::hash_from(row.bytes(8)), row.str(9)});
  return out;
}

Result<std::vector<ActivityExtent>> PostgresActivityStore::extents(const std::string& session_id) {
  TRY(const auto set, pool_.read_one(kExtents, Params().text(session_id)));
  std::vector<ActivityExtent> out;
  for (const auto row : set)
    out.push_back(ActivityExtent{static_cast<std::uint32_t>(row.int64(0)), row.uint64(1), row.uint64(2), row.uint64(3), row.uint64(4),
                                 crypto::hash_from(row.bytes(5))});
  return out;
}

}  // namespace dossier::producers
