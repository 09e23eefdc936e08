// Commands on a worker's presence, by intake.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.hpp"
#include "producers/command.hpp"

namespace dossier::producers::commands {

Decide mark_worker_online(WorkerId worker, std::string boot_id);
// last_seen_us: broker time of its last report.
Decide mark_worker_lost(WorkerId worker, std::int64_t last_seen_us);

}  // namespace dossier::producers::commands
