// Re-folds one workspace out of its partition, from offset 0, with the ledger that every reader uses. Sans-IO.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "events/ledger.hpp"

namespace dossier::replay {

struct Judged {
  events::Envelope envelope;
  events::Judgement judgement;
};

// Not thread-safe.
class WorkspaceScan {
 public:
  WorkspaceScan(WorkspaceId workspace, std::int32_t partition);
  // The partition's next record. Judged: one of this workspace's, a control record, or one that is no commit at all;
  // nullopt: another workspace's commit, passed over. corrupt: an offset is missing; and the ledger's own errors.
  Result<std::optional<Judged>> feed(std::int64_t offset, std::string_view value);
  const events::PartitionHead& head() const { return head_; }  // last_hash is not kept across what is passed over
  // Of the workspace, after what was fed.
  events::WorkspaceHead workspace_head() const;

 private:
  WorkspaceId workspace_;
  events::PartitionHead head_;
  events::Book book_;
};

}  // namespace dossier::replay
