// A worker as the scheduler sees it, put together from its folded state and its last heartbeat.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "producers/state_store.hpp"

namespace dossier::producers {

// nullopt: the heartbeat's bytes can't be read (the next one will do). corrupt: the state can't.
Result<std::optional<LiveWorker>> live_worker_from(WorkerId id, WorkspaceId workspace, std::string_view state_bytes, std::string_view heartbeat_bytes,
                                                   std::int64_t last_report_time_us);

}  // namespace dossier::producers
