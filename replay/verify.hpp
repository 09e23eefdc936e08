// The proof that nothing was changed: every record of a workspace's partition is read again, judged again, and held against
// the journal; the workspace's chain is computed again; activity is held against its signatures and its own chains.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "events/names.hpp"
#include "platform/postgres/pool.hpp"
#include "platform/topic/topic.hpp"
#include "projections/store.hpp"
#include "replay/workspace_scan.hpp"

namespace dossier::replay {

// The first bad record: where it is, and what is wrong with it.
struct Finding {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string what;
};

// Judges the records of one partition and compares each with its row in the journal. Sans-IO.
class RecordVerifier {
 public:
  // Judged records of the workspace (and control records) go to on_accepted once they are found right.
  RecordVerifier(WorkspaceId workspace, std::string topic, std::int32_t partition, std::function<void(const Judged&)> on_accepted = {});
  // In order of offset. `row`: the journal's row at this offset; nullptr: the journal does not reach so far. Errors:
  // upgrade_required only.
  Result<std::optional<Finding>> check(const topic::Record& record, const projections::JournalRow* row);

  std::uint64_t records() const { return records_; }
  std::uint64_t accepted() const { return accepted_; }
  std::uint64_t voided() const { return voided_; }
  events::WorkspaceHead head() const { return scan_.workspace_head(); }
  const events::PartitionHead& partition_head() const { return scan_.head(); }

 private:
  std::optional<Finding> compare(const topic::Record& record, const projections::JournalRow& row, const Judged& judged) const;

  WorkspaceId workspace_;
  std::string topic_;
  std::int32_t partition_;
  WorkspaceScan scan_;
  std::function<void(const Judged&)> on_accepted_;
  std::uint64_t records_ = 0, accepted_ = 0, voided_ = 0;
};

struct VerifyRequest {
  WorkspaceId workspace;
  std::optional<IssueId> issue;  // its timeline is checked too, and the activity of its sessions alone
};
struct VerifyReport {
  std::int32_t partition = 0;
  std::uint64_t records = 0;        // of the partition, compared byte for byte
  std::uint64_t accepted = 0;       // commits of the workspace
  std::uint64_t voided = 0;         // attempts of the workspace, and records that are none
  std::uint64_t not_journaled = 0;  // the newest ones, which the projector has not reached
  std::uint64_t seq = 0;
  std::string chain;  // hex
  std::uint64_t timeline_items = 0;
  std::uint64_t activity_records = 0;
  std::uint64_t activity_foreign = 0;  // of these sessions, and not by a worker which had claimed them: passed over
  std::optional<Finding> finding;
};
// Findings are a report; errors are what kept it from being made. not_found: the workspace has no commit, or no event names
// the issue.
Result<VerifyReport> verify(topic::Reader& reader, postgres::ReadTransaction& snapshot, const events::Topics& topics, const VerifyRequest& request);

}  // namespace dossier::replay
