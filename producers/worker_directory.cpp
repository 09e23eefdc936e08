// Reads workers and their tokens' fate.
#include "producers/worker_directory.hpp"

#include <map>

#include "events/names.hpp"
#include "events/workspace.hpp"

namespace dossier::producers {
namespace {

template <class State>
Result<State> read(Snapshot& snapshot, const WorkspaceId& workspace, const std::string& stream) {
  TRY(const StreamState row, snapshot.stream(workspace, stream));
  if (row.needs_newer_code) return make_error(Code::upgrade_required, stream + " holds facts of a newer version of dossier: upgrade this server");
  State state;
  if (!state.ParseFromString(row.state)) return make_error(Code::corrupt, "the folded state of " + stream + " can't be read");
  return state;
}

}  // namespace

Status WorkerDirectory::refresh(const std::vector<Key>& keys) {
  const std::int64_t now = clock_.boot_us();
  std::map<WorkspaceId, std::vector<WorkerId>> stale;
  for (const auto& [workspace, worker] : keys) {
    const auto it = known_.find(text(workspace, worker));
    if (it == known_.end() || it->second.changes || now - it->second.read_us > kFreshUs) stale[workspace].push_back(worker);
  }
  if (stale.empty()) return {};
  if (known_.size() + keys.size() > kMaxKnown) known_.clear();
  TRY(const auto snapshot, store_.snapshot());
  for (const auto& [workspace, workers] : stale) {
    std::vector<std::string> streams{events::workspace_stream(workspace)};
    for (const WorkerId& worker : workers) streams.push_back(events::worker_stream(worker));
    TRY_STATUS(snapshot->load(workspace, streams));
    TRY(const auto tokens, read<v1::WorkspaceState>(*snapshot, workspace, streams.front()));
    for (const WorkerId& worker : workers) {
      Entry entry;
      entry.read_us = now;
      TRY(entry.worker.state, read<v1::WorkerState>(*snapshot, workspace, events::worker_stream(worker)));
      entry.worker.exists = !entry.worker.state.worker_id().empty();
      entry.worker.revoked = entry.worker.exists && !events::worker_token_is_live(tokens, entry.worker.state.token_secret_id());
      known_[text(workspace, worker)] = std::move(entry);
    }
  }
  return {};
}

const KnownWorker* WorkerDirectory::find(const WorkspaceId& workspace, const WorkerId& worker) const {
  const auto it = known_.find(text(workspace, worker));
  return it == known_.end() || !it->second.worker.exists ? nullptr : &it->second.worker;
}

void WorkerDirectory::read_again(const WorkspaceId& workspace, const WorkerId& worker) {
  if (const auto it = known_.find(text(workspace, worker)); it != known_.end()) it->second.changes = true;
}

}  // namespace dossier::producers
