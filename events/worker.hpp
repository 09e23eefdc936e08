// A worker: who it is, what it can do, and the key that its reports are checked with. Stream worker/<id>.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"

namespace dossier::events {

using Capabilities = google::protobuf::RepeatedPtrField<v1::Capability>;

// True where every required capability is offered with the same value. Nothing required matches any worker.
bool satisfies(const Capabilities& offered, const Capabilities& required);

// Nothing where the state says it already.
std::optional<v1::WorkerEvent> worker_online(const v1::WorkerState& state, std::string_view boot_id);
std::optional<v1::WorkerEvent> worker_draining(const v1::WorkerState& state);
std::optional<v1::WorkerEvent> worker_lost(const v1::WorkerState& state, std::int64_t last_seen_us);

}  // namespace dossier::events
