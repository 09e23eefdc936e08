// Decisions on approvals.
#include "producers/commands/approval.hpp"

#include "events/approval.hpp"
#include "events/approval_policy.hpp"
#include "events/names.hpp"
#include "events/project.hpp"
#include "events/workspace.hpp"

namespace dossier::producers::commands {
namespace {

// What the policy in force says of the request. Relies on the policy, and on the project where a rule asks for its trust.
Result<std::optional<v1::ApprovalResolved>> policy_verdict(DecisionBuilder& decision, const v1::TaskState& task,
                                                           const v1::ApprovalRequested& request) {
  TRY(const auto workspace, decision.rely<v1::WorkspaceState>(events::workspace_stream(decision.workspace())));
  const v1::ApprovalPolicy& policy = events::policy_in_force(workspace, task.project_id());
  bool trusted = false;
  if (!task.project_id().empty() && events::asks_for_trust(policy)) {
    TRY(const auto project, decision.rely<v1::ProjectState>(events::project_stream(ProjectId(task.project_id()))));
    trusted = project.trusted() && !project.removed();
  }
  return events::decide_by_policy(policy, request, trusted);
}

Status add_asked(DecisionBuilder& decision, const v1::Report& report, const v1::TaskState& task) {
  const std::string stream = events::session_stream(SessionId(task.session_id()));
  TRY(const auto session, decision.rely<v1::SessionState>(stream));
  v1::ApprovalRequested request = report.approval_asked();
  request.set_request_id(events::derive_id<ApprovalId>(decision.context().commit_id).str());
  request.set_offer(report.fence().offer());
  request.set_action_sha256(events::action_sha256(request));
  TRY(const auto verdict, policy_verdict(decision, task, request));
  TRY(const auto facts, events::ask_approval(session, request, verdict));
  for (const auto& fact : facts) decision.add(stream, task.issue_id(), fact);
  return {};
}

Status add_answered(DecisionBuilder& decision, const v1::Report& report, const v1::TaskState& task) {
  const std::string stream = events::session_stream(SessionId(task.session_id()));
  TRY(const auto session, decision.rely<v1::SessionState>(stream));
  v1::ApprovalDelivered delivered;
  delivered.set_request_id(report.approval_answered().request_id());
  if (delivered.request_id().empty())
    delivered.set_request_id(events::approval_called(session, report.fence().offer(), report.approval_answered().provider_request()));
  delivered.set_how(report.approval_answered().how());
  delivered.set_offer(report.fence().offer());
  TRY(const auto facts, events::deliver_approval(session, delivered));
  for (const auto& fact : facts) decision.add(stream, task.issue_id(), fact);
  return {};
}

}  // namespace

Decide resolve_approval(ResolveApproval command) {
  return [command = std::move(command)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    const std::string stream = events::session_stream(command.session);
    TRY_STATUS(snapshot.load(context.workspace, {events::members_stream(context.workspace), stream}));
    TRY_STATUS(require_member(decision, v1::MEMBER));
    TRY(const auto session, decision.rely<v1::SessionState>(stream));
    v1::ApprovalResolved resolved;
    resolved.set_request_id(command.approval.str());
    resolved.set_decision(command.decision);
    resolved.set_by(context.actor.id());
    if (!command.reason.empty()) resolved.mutable_reason()->set_plain(command.reason);
    if (!command.answer.empty()) resolved.mutable_answer()->set_plain(command.answer);
    TRY(const auto fact, events::resolve_approval(session, resolved));
    if (fact.has_value()) decision.add(stream, session.issue_id(), *fact);
    return decision.finish();
  };
}

Decide set_approval_policy(SetApprovalPolicy command) {
  return [command = std::move(command)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY_STATUS(require_member(decision, v1::ADMIN));
    const std::string stream = events::workspace_stream(context.workspace);
    TRY(const auto workspace, decision.rely<v1::WorkspaceState>(stream));
    v1::ApprovalPolicySet set;
    if (command.project.has_value()) {
      TRY(const auto project, decision.rely<v1::ProjectState>(events::project_stream(*command.project)));
      TRY_STATUS(events::require_project(project));
      set.set_project_id(command.project->str());
    }
    if (command.policy.has_value()) *set.mutable_policy() = *command.policy;
    if (!command.reason.empty()) set.mutable_reason()->set_plain(command.reason);
    TRY(const auto fact, events::set_approval_policy(workspace, set));
    if (fact.has_value()) decision.add(stream, {}, *fact);
    return decision.finish();
  };
}

Decide trust_project(ProjectId project, bool trusted) {
  return [project = std::move(project), trusted](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY_STATUS(require_member(decision, v1::ADMIN));
    const std::string stream = events::project_stream(project);
    TRY(const auto state, decision.rely<v1::ProjectState>(stream));
    TRY(const auto fact, events::trust_project(state, trusted));
    if (fact.has_value()) decision.add(stream, {}, *fact);
    return decision.finish();
  };
}

Status add_approval_facts(DecisionBuilder& decision, const v1::Report& report, const v1::TaskState& task) {
  return report.has_approval_asked() ? add_asked(decision, report, task) : add_answered(decision, report, task);
}

Status cancel_open_approvals(DecisionBuilder& decision, const v1::TaskState& task) {
  const std::string stream = events::session_stream(SessionId(task.session_id()));
  TRY(const auto session, decision.rely<v1::SessionState>(stream));
  for (const auto& fact : events::cancel_open_approvals(session)) decision.add(stream, task.issue_id(), fact);
  return {};
}

std::optional<v1::ApprovalDecision> decided_at_once(const v1::Report& report, const v1::Commit& commit) {
  if (!report.has_approval_asked()) return std::nullopt;
  for (const auto& event : commit.events()) {
    v1::EventPayload payload;
    if (!payload.ParseFromString(event.payload()) || !payload.session().has_approval_resolved()) continue;
    v1::ApprovalDecision decided;
    decided.set_task_id(report.fence().task_id());
    decided.set_offer(report.fence().offer());
    decided.set_provider_request(report.approval_asked().provider_request());
    *decided.mutable_resolved() = payload.session().approval_resolved();
    return decided;
  }
  return std::nullopt;
}

}  // namespace dossier::producers::commands
