// Positions and journal in one round trip and one snapshot.
#include "producers/postgres_verdict_source.hpp"

#include <map>

#include "events/ledger.hpp"

namespace dossier::producers {
namespace {

constexpr std::string_view kPositions = "SELECT partition, next_offset, history FROM positions";

constexpr std::string_view kVerdicts = R"sql(
SELECT j.partition, j."offset", j.verdict, j.seq, j.time_us, j.commit_id
FROM unnest($1::bigint[], $2::bigint[]) AS w(partition, "offset")
JOIN dossier.journal AS j ON j.partition = w.partition AND j."offset" = w."offset"
)sql";

}  // namespace

Result<VerdictSource::Look> PostgresVerdictSource::look(const std::vector<VerdictBoard::Wait>& waits) {
  std::vector<std::int64_t> partitions;
  std::vector<std::int64_t> offsets;
  for (const auto& wait : waits) {
    partitions.push_back(wait.partition);
    offsets.push_back(wait.offset);
  }
  std::vector<postgres::Statement> statements;
  statements.push_back({kPositions, {}});
  if (!waits.empty()) {
    postgres::Params params;
    params.int8s(partitions).int8s(offsets);
    statements.push_back({kVerdicts, std::move(params)});
  }
  TRY(const auto sets, pool_.read_all(statements));
  Look look;
  std::map<std::int32_t, std::int64_t> next_offsets;
  for (const auto row : sets.at(0)) {
    look.progress.push_back({row.int32(0), row.int64(1), row.uint64(2), 0});
    next_offsets[row.int32(0)] = row.int64(1);
  }
  if (waits.empty()) return look;
  for (const auto row : sets.at(1)) {
    // The journal may be ahead of the live generation (a rebuild beside it writes there too): only what is applied counts.
    if (row.int64(1) >= next_offsets[row.int32(0)]) continue;
    Answer answer;
    answer.partition = row.int32(0);
    answer.decided.offset = row.int64(1);
    answer.decided.verdict = static_cast<events::Verdict>(row.int32(2));
    answer.decided.seq = row.uint64(3);
    answer.decided.time_us = row.int64(4);
    answer.decided.commit_id = row.str(5);
    look.answers.push_back(std::move(answer));
  }
  return look;
}

}  // namespace dossier::producers
