// Composing what a session begins with.
#include "producers/commands/session_request.hpp"

#include <algorithm>

#include "events/approval_policy.hpp"
#include "events/issue.hpp"
#include "events/names.hpp"
#include "events/project.hpp"
#include "events/task.hpp"

namespace dossier::producers::commands {
namespace {

v1::TaskEvent task_of(const SessionRequest& request, const WorkspaceId& workspace, const SessionId& session, const TaskId& task,
                      std::uint64_t generation, v1::ApprovalPolicy::Mode approval_mode) {
  const v1::AgentProfileDefined& agent = request.agent;
  v1::TaskEvent event;
  v1::TaskQueued& queued = *event.mutable_task_queued();
  queued.set_task_id(task.str());
  queued.set_kind("agent");
  queued.set_session_id(session.str());
  *queued.add_required_capabilities() = required_capability(agent);
  queued.set_affinity(request.state.project_id());
  queued.set_pool(workspace.str());
  queued.set_max_attempts(events::kMaxAttempts);
  v1::TaskSpec& spec = *queued.mutable_spec();
  spec.set_provider(agent.provider());
  spec.set_model(agent.model());
  *spec.mutable_instructions() = agent.instructions();
  *spec.mutable_prompt() = request.prompt;
  *spec.mutable_command() = agent.command();
  spec.set_agent_name(agent.name());
  spec.set_issue_id(request.issue.str());
  *spec.mutable_issue_title() = request.state.title();
  spec.set_project_id(request.state.project_id());
  *spec.mutable_source() = request.project.source();
  spec.set_default_branch(request.project.default_branch());
  spec.set_trigger_comment_id(request.trigger_comment);
  spec.set_copy_generation(generation);
  spec.set_timeout_ms(agent.timeout_ms());
  spec.set_continues_session_id(request.continues_session);
  spec.set_approval_mode(approval_mode);
  return event;
}

// One text of several: a paragraph each. One that is sealed can't be joined with others, and is left out then.
v1::Text joined(const events::FollowUps& follow_ups) {
  if (follow_ups.size() == 1) return follow_ups.front().body();
  v1::Text text;
  for (const v1::FollowUpState& one : follow_ups) {
    if (one.body().form_case() != v1::Text::kPlain) continue;
    if (!text.plain().empty()) text.mutable_plain()->append("\n\n");
    text.mutable_plain()->append(one.body().plain());
  }
  return text;
}

}  // namespace

v1::Capability required_capability(const v1::AgentProfileDefined& agent) {
  v1::Capability capability;
  capability.set_name(agent.provider());
  capability.set_value("true");
  return capability;
}

Status add_session(DecisionBuilder& decision, const SessionRequest& request) {
  const CommitId& commit = decision.context().commit_id;
  const auto session = events::derive_id<SessionId>(commit);
  const auto task = events::derive_id<TaskId>(commit);
  TRY(const auto reserved, events::reserve_copy(request.copy, session.str()));
  const std::uint64_t generation = request.copy.generation() + 1;
  TRY(const auto workspace, decision.rely<v1::WorkspaceState>(events::workspace_stream(decision.workspace())));
  const auto approval_mode = events::policy_in_force(workspace, request.state.project_id()).mode();

  v1::SessionEvent event;
  v1::SessionRequested& requested = *event.mutable_session_requested();
  requested.set_session_id(session.str());
  requested.set_issue_id(request.issue.str());
  requested.set_trigger_comment_id(request.trigger_comment);
  requested.set_agent_id(request.agent.agent_id());
  requested.set_agent_name(request.agent.name());
  requested.set_copy_generation(generation);
  requested.set_continues_session_id(request.continues_session);
  requested.set_task_id(task.str());
  decision.expects_new(events::session_stream(session));
  decision.expects_new(events::task_stream(task));
  decision.add(events::session_stream(session), request.issue.str(), event);
  if (reserved.has_value()) decision.add(events::copy_stream(request.issue), request.issue.str(), *reserved);
  decision.add(events::task_stream(task), request.issue.str(), task_of(request, decision.workspace(), session, task, generation, approval_mode));
  return {};
}

Result<std::optional<SessionRequest>> continuation(DecisionBuilder& decision, const v1::SessionState& session, const events::FollowUps& untold,
                                                   v1::CopyState copy) {
  SessionRequest request;
  request.issue = IssueId(session.issue_id());
  TRY(const auto workspace, decision.rely<v1::WorkspaceState>(events::workspace_stream(decision.workspace())));
  const auto agent = std::find_if(workspace.agents().begin(), workspace.agents().end(),
                                  [&](const v1::AgentProfileDefined& one) { return one.agent_id() == session.agent_id(); });
  if (agent == workspace.agents().end() || !agent->enabled()) return std::optional<SessionRequest>{};
  request.agent = *agent;
  TRY(request.state, decision.rely<v1::IssueState>(events::issue_stream(request.issue)));
  if (request.state.project_id().empty()) return std::optional<SessionRequest>{};
  TRY(request.project, decision.rely<v1::ProjectState>(events::project_stream(ProjectId(request.state.project_id()))));
  if (!events::require_project(request.project)) return std::optional<SessionRequest>{};
  request.prompt = joined(untold);
  request.trigger_comment = untold.front().comment_id();
  request.continues_session = session.session_id();
  request.copy = std::move(copy);
  return std::optional(std::move(request));
}

}  // namespace dossier::producers::commands
