// Commands on sessions: what people say to one while its agent is at work, and stopping it. All by a member.
#pragma once

#include <string>

#include "base/ids.hpp"
#include "events/follow_up.hpp"
#include "producers/command.hpp"
#include "producers/commands/decision_builder.hpp"

namespace dossier::producers::commands {

// Makes derive_id<FollowUpId>(commit). follow_ups_full; terminal_state: the session has ended.
Decide add_follow_up(SessionId session, std::string body);
// Only while it waits: not_found, terminal_state (a turn was told it), conflict (it is being steered).
Decide edit_follow_up(SessionId session, FollowUpId follow_up, std::string body);
Decide remove_follow_up(SessionId session, FollowUpId follow_up);
// Into the present turn instead of the next one, as soon as the worker hears of it.
Decide steer_follow_up(SessionId session, FollowUpId follow_up);
// Cancels the session's task: at once before a claim, a request after it.
Decide stop_session(SessionId session, std::string reason);

// A comment on an issue whose session is at work: queued for its next turn, in the comment's own commit.
Status queue_comment(DecisionBuilder& decision, const v1::SessionState& session, const std::string& comment, const std::string& body);
// What the end of a turn brings with it: all that waits goes to the next one.
Status add_turn_end(DecisionBuilder& decision, const v1::SessionState& session, const v1::TurnCompleted& turn);

}  // namespace dossier::producers::commands
