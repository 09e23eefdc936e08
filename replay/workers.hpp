// What a workspace's events say about its workers: the keys that their words are checked with, and the claims that let
// them speak for a session.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dossier/v1/commit.pb.h"
#include "dossier/v1/worker.pb.h"

namespace dossier::replay {

// Worker id → every public key that it registered; records signed under an older one stay true.
using WorkerKeys = std::map<std::string, std::vector<std::string>, std::less<>>;
void collect_keys(WorkerKeys& keys, const v1::Commit& commit);

// What is signed: the topic's fixed name, a NUL, the body.
std::string signed_activity_bytes(std::string_view body);
bool is_signed_by(const WorkerKeys& keys, std::string_view worker_id, const v1::SignedActivity& record);

}  // namespace dossier::replay
