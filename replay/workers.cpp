// Keys of workers.
#include "replay/workers.hpp"

#include "dossier/v1/payload.pb.h"
#include "platform/crypto/crypto.hpp"

namespace dossier::replay {

void collect_keys(WorkerKeys& keys, const v1::Commit& commit) {
  static constexpr std::string_view kPrefix = "worker/";
  for (const auto& event : commit.events()) {
    if (event.stream().compare(0, kPrefix.size(), kPrefix) != 0) continue;
    v1::EventPayload payload;
    if (!payload.ParseFromString(event.payload()) || !payload.worker().has_worker_registered()) continue;
    keys[event.stream().substr(kPrefix.size())].push_back(payload.worker().worker_registered().public_key());
  }
}

std::string signed_activity_bytes(std::string_view body) {
  std::string bytes = "dossier.activity";
  bytes += '\0';
  bytes += body;
  return bytes;
}

bool is_signed_by(const WorkerKeys& keys, std::string_view worker_id, const v1::SignedActivity& record) {
  const auto found = keys.find(worker_id);
  if (found == keys.end()) return false;
  const std::string message = signed_activity_bytes(record.body());
  for (const auto& key : found->second)
    if (crypto::verify(key, message, record.signature())) return true;
  return false;
}

}  // namespace dossier::replay
