// A session: one agent at work on one issue, over one or more turns. Stream session/<id>.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"

namespace dossier::events {

// Each yields nothing when the state says it already. Ended absorbs: terminal_state for what comes after.
Result<std::optional<v1::SessionEvent>> start_session(const v1::SessionState& state, const v1::SessionStarted& started);
Result<std::optional<v1::SessionEvent>> begin_turn(const v1::SessionState& state, const v1::TurnStarted& turn);
Result<std::optional<v1::SessionEvent>> end_turn(const v1::SessionState& state, const v1::TurnCompleted& turn);
// The agent ran into a bound of its task.
Result<std::optional<v1::SessionEvent>> reach_limit(const v1::SessionState& state, const v1::LimitReached& limit);
std::optional<v1::SessionEvent> end_session(const v1::SessionState& state, std::string_view outcome);

}  // namespace dossier::events
