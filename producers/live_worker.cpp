// Folded state says what a worker is, its heartbeat what it does.
#include "producers/live_worker.hpp"

#include "dossier/v1/state.pb.h"
#include "dossier/v1/worker.pb.h"

namespace dossier::producers {

Result<std::optional<LiveWorker>> live_worker_from(WorkerId id, WorkspaceId workspace, std::string_view state_bytes, std::string_view heartbeat_bytes,
                                                   std::int64_t last_report_time_us) {
  v1::WorkerState state;
  v1::Heartbeat heartbeat;
  if (!state.ParseFromArray(state_bytes.data(), static_cast<int>(state_bytes.size())))
    return make_error(Code::corrupt, "the state of worker " + id.str() + " can't be read: rebuild the read models (dossier admin rebuild)");
  if (!heartbeat.ParseFromArray(heartbeat_bytes.data(), static_cast<int>(heartbeat_bytes.size()))) return std::optional<LiveWorker>();
  LiveWorker worker;
  worker.id = std::move(id);
  worker.workspace = std::move(workspace);
  worker.pool = state.pool();
  worker.capabilities.assign(state.capabilities().begin(), state.capabilities().end());
  worker.mode = state.mode();
  worker.draining = heartbeat.draining() || state.status() == v1::WorkerState::DRAINING || state.status() == v1::WorkerState::LOST;
  worker.slots = state.slots();
  worker.free_slots = heartbeat.free_slots();
  worker.partitions.assign(heartbeat.partitions().begin(), heartbeat.partitions().end());
  worker.last_report_time_us = last_report_time_us;
  worker.cached_projects.assign(heartbeat.cached_projects().begin(), heartbeat.cached_projects().end());
  return std::optional<LiveWorker>(std::move(worker));
}

}  // namespace dossier::producers
