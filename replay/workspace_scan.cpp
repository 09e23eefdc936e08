// Re-folding a workspace.
#include "replay/workspace_scan.hpp"

#include "replay/record_peek.hpp"

namespace dossier::replay {

WorkspaceScan::WorkspaceScan(WorkspaceId workspace, std::int32_t partition) : workspace_(std::move(workspace)) { head_.partition = partition; }

Result<std::optional<Judged>> WorkspaceScan::feed(std::int64_t offset, std::string_view value) {
  if (offset != head_.next_offset)
    return make_error(Code::corrupt, "partition " + std::to_string(head_.partition) + ": offset " + std::to_string(offset) + " follows " +
                                         std::to_string(head_.next_offset - 1) + ": records are missing between them");
  // A first record always goes to the ledger, which wants a Genesis there.
  if (!head_.log_id.empty()) {
    const std::string_view whose = peek_workspace(value);
    if (!whose.empty() && whose != workspace_.str()) {
      head_.next_offset += 1;
      return std::optional<Judged>{};
    }
  }
  Judged judged;
  judged.envelope = events::decode(value);
  TRY(judged.judgement, events::judge(head_, book_, judged.envelope, value));
  return std::optional<Judged>(std::move(judged));
}

events::WorkspaceHead WorkspaceScan::workspace_head() const {
  const auto* workspace = book_.find(workspace_.str());
  return workspace == nullptr ? events::WorkspaceHead{} : workspace->head;
}

}  // namespace dossier::replay
