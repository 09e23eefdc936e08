// Reads the journal in pages, all of one snapshot.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "platform/postgres/pool.hpp"
#include "projections/store.hpp"

namespace dossier::replay {

inline constexpr std::int64_t kJournalPage = 2'000;  // rows; a row has at most a commit's 900,000 bytes, mostly below 1,000

// A row of (partition, "offset", verdict, workspace, seq, time_us, commit_id, chain, append_time_us, value). A chain of
// another length than a hash's is kept as a zero hash: it can't equal the right one.
projections::JournalRow journal_row(const postgres::Row& row);

// The workspace's accepted commits in order of seq. on_row: true = go on.
Status read_accepted(postgres::ReadTransaction& snapshot, const WorkspaceId& workspace,
                     const std::function<Result<bool>(const projections::JournalRow&)>& on_row);

// One partition's journal, row after row, read ahead by pages.
class JournalCursor {
 public:
  // Both must outlive it.
  JournalCursor(postgres::ReadTransaction& snapshot, std::int32_t partition) : snapshot_(snapshot), partition_(partition) {}
  // The next row; nullptr: there is none. Valid until the next call.
  Result<const projections::JournalRow*> next();

 private:
  postgres::ReadTransaction& snapshot_;
  std::int32_t partition_;
  std::int64_t after_ = -1;
  std::vector<projections::JournalRow> page_;
  std::size_t place_ = 0;
  bool at_end_ = false;
};

// Where the live generation stands in a partition: every record before it must be in the journal. 0: nowhere.
Result<std::int64_t> projected_through(postgres::ReadTransaction& snapshot, std::int32_t partition);
// The workspace that has the issue; nullopt: no read model knows it.
Result<std::optional<WorkspaceId>> workspace_of_issue(postgres::ReadTransaction& snapshot, const IssueId& issue);

}  // namespace dossier::replay
