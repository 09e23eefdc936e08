// What a worker needs to go on with a session that began before: on another worker, or in the session which this one
// continues. Pure.
#pragma once

#include <optional>

#include "dossier/v1/state.pb.h"
#include "dossier/v1/worker.pb.h"

namespace dossier::producers {

v1::TurnInput turn_input(const v1::FollowUpState& follow_up);

// `own`: the task's session. `before`: the one that it continues, or nullptr. nullopt: nothing of either ran.
std::optional<v1::SessionResume> session_resume(const v1::SessionState& own, const v1::SessionState* before, const v1::TaskSpec& spec);

}  // namespace dossier::producers
