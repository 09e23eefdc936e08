// Follow-ups: what people say to a session while its agent is at work. Part of the stream session/<id>.
//
//   queued ──► waiting ──► input of a turn          (with the next one, or steered into the present one)
//                 │ edit, remove
//
// They keep their order, and each goes to one turn. The state holds what waits and what the present turn, or the one that
// has not begun yet, was told; no more. Everything here is pure; a repeated command yields no second event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"

namespace dossier::events {

inline constexpr int kMaxWaitingFollowUps = 20;
inline constexpr std::size_t kMaxFollowUpBytes = 64 * 1024;
// Of all that the state holds of follow-ups, bodies and a little for each: they travel in one message to the worker, and
// in one commit where a session continues another.
inline constexpr std::size_t kMaxHeldFollowUpBytes = 384 * 1024;

using FollowUps = std::vector<v1::FollowUpState>;

// The part of a session's evolve which is about follow-ups; false: the fact is another one.
bool evolve_follow_ups(v1::SessionState& state, const v1::SessionEvent& event);

// invalid_field (body): empty or too long. follow_ups_full. terminal_state: the session has ended.
Result<v1::SessionEvent> queue_follow_up(const v1::SessionState& state, const v1::FollowUpQueued& queued);
// The ones below: not_found (no such one waits); terminal_state (the agent was told it, or the session ended).
// conflict: it is on its way to the agent, so nobody can say which words it read.
Result<std::optional<v1::SessionEvent>> edit_follow_up(const v1::SessionState& state, std::string_view id, const v1::Text& body);
Result<v1::SessionEvent> remove_follow_up(const v1::SessionState& state, std::string_view id);
Result<std::optional<v1::SessionEvent>> request_steer(const v1::SessionState& state, std::string_view id);
// The worker's word that the present turn took it; nothing where that is known.
Result<std::optional<v1::SessionEvent>> steered(const v1::SessionState& state, const v1::FollowUpDelivered& delivered);

// All that waits goes to this turn.
std::vector<v1::SessionEvent> deliver_follow_ups(const v1::SessionState& state, std::uint32_t turn);
// What no turn was told that began: delivered to a turn that never did, then what waits.
FollowUps untold_follow_ups(const v1::SessionState& state);

// What the worker is told when it has reported that this turn ended.
struct TurnAnswer {
  enum class Kind : std::uint8_t { nothing, next_turn, finish };
  Kind kind = Kind::nothing;  // nothing: the session has gone on or ended meanwhile
  std::uint32_t turn = 0;     // next_turn: its number; finish: the one that ended
  FollowUps inputs;
};
// projection_behind: this state does not know yet that the turn ended.
Result<TurnAnswer> answer_to_turn(const v1::SessionState& state, std::uint32_t ended_turn);

}  // namespace dossier::events
