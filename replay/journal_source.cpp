// Queries on the journal.
#include "replay/journal_source.hpp"

#include "events/names.hpp"

namespace dossier::replay {
namespace {

constexpr std::string_view kAcceptedSql = R"sql(
SELECT partition, "offset", verdict, workspace, seq, time_us, commit_id, chain, append_time_us, value
  FROM dossier.journal WHERE workspace = $1 AND verdict = 1 AND seq > $2 ORDER BY seq LIMIT $3
)sql";
constexpr std::string_view kPartitionSql = R"sql(
SELECT partition, "offset", verdict, workspace, seq, time_us, commit_id, chain, append_time_us, value
  FROM dossier.journal WHERE partition = $1 AND "offset" > $2 ORDER BY "offset" LIMIT $3
)sql";
constexpr std::string_view kPositionSql = "SELECT next_offset FROM positions WHERE partition = $1";
constexpr std::string_view kWorkspaceSql = "SELECT workspace FROM streams WHERE stream = $1 AND version > 0 LIMIT 1";

}  // namespace

projections::JournalRow journal_row(const postgres::Row& row) {
  projections::JournalRow journal;
  journal.partition = row.int32(0);
  journal.offset = row.int64(1);
  journal.verdict = static_cast<events::Verdict>(row.int64(2));
  journal.workspace = row.str(3);
  journal.seq = row.uint64(4);
  journal.time_us = row.int64(5);
  journal.commit_id = row.str(6);
  if (row.bytes(7).size() == crypto::kZeroHash.size()) journal.chain = crypto::hash_from(row.bytes(7));
  journal.append_time_us = row.int64(8);
  journal.value = row.str(9);
  return journal;
}

Status read_accepted(postgres::ReadTransaction& snapshot, const WorkspaceId& workspace,
                     const std::function<Result<bool>(const projections::JournalRow&)>& on_row) {
  std::int64_t after = 0;
  for (;;) {
    postgres::Params params;
    params.text(workspace.str()).int8(after).int8(kJournalPage);
    TRY(const auto rows, snapshot.query(kAcceptedSql, params));
    for (const auto row : rows) {
      const auto journal = journal_row(row);
      if (static_cast<std::int64_t>(journal.seq) != after + 1)
        return make_error(Code::corrupt, "the journal has no commit with seq " + std::to_string(after + 1) + " of " + workspace.str() +
                                             ": run dossier verify --workspace " + workspace.str());
      after += 1;
      TRY(const bool more, on_row(journal));
      if (!more) return {};
    }
    if (rows.size() < kJournalPage) return {};
  }
}

Result<const projections::JournalRow*> JournalCursor::next() {
  if (place_ == page_.size()) {
    if (at_end_) return nullptr;
    postgres::Params params;
    params.int8(partition_).int8(after_).int8(kJournalPage);
    TRY(const auto rows, snapshot_.query(kPartitionSql, params));
    page_.clear();
    place_ = 0;
    for (const auto row : rows) page_.push_back(journal_row(row));
    at_end_ = rows.size() < kJournalPage;
    if (page_.empty()) return nullptr;
    after_ = page_.back().offset;
  }
  return &page_[place_++];
}

Result<std::int64_t> projected_through(postgres::ReadTransaction& snapshot, std::int32_t partition) {
  TRY(const auto rows, snapshot.query(kPositionSql, postgres::Params().int8(partition)));
  return rows.empty() ? std::int64_t{0} : rows.front().int64(0);
}

Result<std::optional<WorkspaceId>> workspace_of_issue(postgres::ReadTransaction& snapshot, const IssueId& issue) {
  TRY(const auto rows, snapshot.query(kWorkspaceSql, postgres::Params().text(events::issue_stream(issue))));
  if (rows.empty()) return std::optional<WorkspaceId>{};
  return std::optional<WorkspaceId>(WorkspaceId(rows.front().str(0)));
}

}  // namespace dossier::replay
