// Reads the activity of an issue's sessions, from its topic or from the database.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "dossier/v1/worker.pb.h"
#include "replay/timeline.hpp"

namespace dossier::replay {

// More than this in one replay is payload_too_large: records are held in memory.
inline constexpr std::size_t kMaxActivityBytes = 256u << 20;

// The sessions that the timeline's events ask for, each once.
std::vector<std::string> sessions_of(const Timeline& timeline);

// Records of those sessions whose signature is right, in the order of the topic. What is not signed by a worker of this
// workspace is passed over: anybody who may write the topic can put it there.
Result<std::vector<v1::ActivityRecord>> activity_from_log(topic::Reader& reader, const events::Topics& topics, const Timeline& timeline);
// The server kept these after the same check.
Result<std::vector<v1::ActivityRecord>> activity_from_journal(postgres::ReadTransaction& snapshot, const Timeline& timeline);

}  // namespace dossier::replay
