// Workers: evolve and decide.
#include "events/worker.hpp"

#include <algorithm>

#include "events/fold.hpp"

namespace dossier::events {

bool evolve(v1::WorkerState& state, const v1::WorkerEvent& event) {
  switch (event.fact_case()) {
    case v1::WorkerEvent::kWorkerRegistered: {
      const v1::WorkerRegistered& registered = event.worker_registered();
      state.set_worker_id(registered.worker_id());
      state.set_public_key(registered.public_key());
      state.set_pool(registered.pool());
      state.set_token_secret_id(registered.token_secret_id());
      *state.mutable_capabilities() = registered.capabilities();
      state.set_slots(registered.slots());
      state.set_mode(registered.mode());
      state.set_status(v1::WorkerState::REGISTERED);
      return true;
    }
    case v1::WorkerEvent::kWorkerCapabilitiesChanged: *state.mutable_capabilities() = event.worker_capabilities_changed().capabilities(); return true;
    case v1::WorkerEvent::kWorkerOnline:
      state.set_status(v1::WorkerState::ONLINE);
      state.set_boot_id(event.worker_online().boot_id());
      return true;
    case v1::WorkerEvent::kWorkerDraining: state.set_status(v1::WorkerState::DRAINING); return true;
    case v1::WorkerEvent::kWorkerLost: state.set_status(v1::WorkerState::LOST); return true;
    case v1::WorkerEvent::FACT_NOT_SET: return false;
  }
  return false;
}

bool satisfies(const Capabilities& offered, const Capabilities& required) {
  return std::all_of(required.begin(), required.end(), [&](const v1::Capability& wanted) {
    return std::any_of(offered.begin(), offered.end(),
                       [&](const v1::Capability& has) { return has.name() == wanted.name() && has.value() == wanted.value(); });
  });
}

std::optional<v1::WorkerEvent> worker_online(const v1::WorkerState& state, std::string_view boot_id) {
  if (state.status() == v1::WorkerState::ONLINE && state.boot_id() == boot_id) return std::nullopt;
  v1::WorkerEvent event;
  event.mutable_worker_online()->set_boot_id(std::string(boot_id));
  return event;
}

std::optional<v1::WorkerEvent> worker_draining(const v1::WorkerState& state) {
  if (state.status() == v1::WorkerState::DRAINING) return std::nullopt;
  v1::WorkerEvent event;
  event.mutable_worker_draining();
  return event;
}

std::optional<v1::WorkerEvent> worker_lost(const v1::WorkerState& state, std::int64_t last_seen_us) {
  if (state.status() == v1::WorkerState::LOST) return std::nullopt;
  v1::WorkerEvent event;
  event.mutable_worker_lost()->set_last_seen_us(last_seen_us);
  return event;
}

}  // namespace dossier::events
