// A session and the task that runs it, added to a commit that asks for them: a comment's, or the report that ended the
// session which this one continues.
#pragma once

#include <optional>
#include <string>

#include "base/ids.hpp"
#include "events/follow_up.hpp"
#include "producers/commands/decision_builder.hpp"

namespace dossier::producers::commands {

struct SessionRequest {
  IssueId issue;
  v1::IssueState state;  // of the issue; has a project
  v1::ProjectState project;
  v1::AgentProfileDefined agent;
  v1::Text prompt;
  std::string trigger_comment;
  std::string continues_session;  // empty: none
  v1::CopyState copy;             // as the commit's earlier events leave it; the caller relies on its stream
};

// Ids derive from the commit: one session a commit. working_copy_busy.
Status add_session(DecisionBuilder& decision, const SessionRequest& request);
// What a task that this agent runs needs of a worker.
v1::Capability required_capability(const v1::AgentProfileDefined& agent);

// For a session that ended well with follow-ups that no turn was told: the request of the one that is told them. nullopt:
// they can't be told any more, because the agent was disabled or the project removed. `copy`: as after its release.
Result<std::optional<SessionRequest>> continuation(DecisionBuilder& decision, const v1::SessionState& session, const events::FollowUps& untold,
                                                   v1::CopyState copy);

}  // namespace dossier::producers::commands
