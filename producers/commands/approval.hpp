// Commands on approvals: people resolve them and set policies, workers' reports ask for them and confirm them.
#pragma once

#include <optional>
#include <string>

#include "base/ids.hpp"
#include "dossier/v1/worker.pb.h"
#include "producers/command.hpp"
#include "producers/commands/decision_builder.hpp"

namespace dossier::producers::commands {

struct ResolveApproval {
  SessionId session;
  ApprovalId approval;
  std::string decision;  // accept, accept_for_session, decline, cancel
  std::string reason;
  std::string answer;  // JSON object, of user_input
};
// By a member. Nothing where the same member decided the same before; approval_resolved: decided otherwise, or by another.
Decide resolve_approval(ResolveApproval command);

struct SetApprovalPolicy {
  std::optional<ProjectId> project;          // none: the workspace's
  std::optional<v1::ApprovalPolicy> policy;  // none: the project goes by the workspace's again
  std::string reason;
};
// By an admin.
Decide set_approval_policy(SetApprovalPolicy command);

// By an admin: rules of policies may ask for it.
Decide trust_project(ProjectId project, bool trusted);

// What a report says of approvals, its fence checked before: approval_asked makes derive_id<ApprovalId>(commit) and, where the
// policy in force decides, its end in the same commit.
Status add_approval_facts(DecisionBuilder& decision, const v1::Report& report, const v1::TaskState& task);
// With the end of a session, in its commit: nobody is left to be asked.
Status cancel_open_approvals(DecisionBuilder& decision, const v1::TaskState& task);

// Of an accepted report: the decision that the worker can be told at once. nullopt: there is none.
std::optional<v1::ApprovalDecision> decided_at_once(const v1::Report& report, const v1::Commit& commit);

}  // namespace dossier::producers::commands
