// Decisions on issues.
#include "producers/commands/issue.hpp"

#include <algorithm>

#include "events/markdown.hpp"
#include "events/names.hpp"
#include "events/project.hpp"
#include "events/worker.hpp"
#include "events/workspace.hpp"
#include "producers/commands/decision_builder.hpp"
#include "producers/commands/session.hpp"
#include "producers/commands/session_request.hpp"

namespace dossier::producers::commands {
namespace {

// Attaches an issue to a project: expects the project, appends to its use, so that removing it meanwhile is void, or this is.
Status attach_project(DecisionBuilder& decision, const IssueId& issue, const ProjectId& project) {
  TRY(const auto state, decision.rely<v1::ProjectState>(events::project_stream(project)));
  TRY_STATUS(events::require_project(state));
  v1::IssueEvent attached;
  attached.mutable_project_attached()->set_project_id(project.str());
  decision.add(events::issue_stream(issue), issue.str(), attached);
  v1::ProjectUseEvent use;
  use.mutable_project_use_added()->set_issue_id(issue.str());
  decision.add(events::project_use_stream(project), issue.str(), use);
  return {};
}

void open_one(DecisionBuilder& decision, const IssueId& issue, const std::string& title, const std::string& body, v1::IssueStatus status,
              const std::string& parent) {
  const std::string stream = events::issue_stream(issue);
  decision.expects_new(stream);
  v1::IssueEvent event;
  v1::IssueOpened& opened = *event.mutable_issue_opened();
  opened.set_issue_id(issue.str());
  opened.mutable_title()->set_plain(title);
  if (!body.empty()) opened.mutable_body()->set_plain(body);
  opened.set_status(status);
  opened.set_parent_issue_id(parent);
  decision.add(stream, issue.str(), event);
  v1::EventPayload numbered;
  numbered.mutable_issue_numbers()->mutable_issue_numbered()->set_issue_id(issue.str());
  decision.add(events::issue_numbers_stream(decision.workspace()), issue.str(), numbered);
}

// Cuts a title at a character's border.
std::string title_of(const std::string& text) {
  std::size_t end = std::min(text.size(), events::kMaxTitleBytes);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

// Someone alive could claim a task that needs this.
Status require_worker(DecisionBuilder& decision, const events::Capabilities& required, const std::string& agent) {
  TRY(const auto workers, decision.snapshot().live_workers(decision.workspace(), kWorkerLiveUs));
  const bool any = std::any_of(workers.begin(), workers.end(), [&](const LiveWorker& worker) {
    const events::Capabilities offered(worker.capabilities.begin(), worker.capabilities.end());
    return !worker.draining && events::satisfies(offered, required);
  });
  if (any) return {};
  return make_error(Code::no_worker_available, "no live worker can run @" + agent + ": start one (dossier worker --token …) that has " +
                                                   (required.empty() ? "free slots" : required.Get(0).name()) + ", then comment again");
}

// The session and task that a mention asks for, in the comment's own commit. One of the agent that was here last goes on
// with what it knew.
Status request_session(DecisionBuilder& decision, const AddComment& command, const CommentId& comment, const v1::IssueState& issue,
                       const v1::AgentProfileDefined& agent, const v1::CopyState& copy) {
  if (issue.project_id().empty())
    return make_error(Code::conflict, "the issue has no project for @" + agent.name() + " to work in: attach one first", "project_id");
  SessionRequest request;
  request.issue = command.issue;
  request.state = issue;
  TRY(request.project, decision.rely<v1::ProjectState>(events::project_stream(ProjectId(issue.project_id()))));
  TRY_STATUS(events::require_project(request.project));
  request.agent = agent;
  request.prompt.set_plain(command.body);
  request.trigger_comment = comment.str();
  request.copy = copy;
  if (!copy.last_session_id().empty()) {  // it has ended: its agent never changes
    TRY(const auto last, decision.load<v1::SessionState>(events::session_stream(SessionId(copy.last_session_id()))));
    if (last.state.agent_id() == agent.agent_id()) request.continues_session = copy.last_session_id();
  }
  events::Capabilities required;
  *required.Add() = required_capability(agent);
  TRY_STATUS(require_worker(decision, required, agent.name()));
  return add_session(decision, request);
}

// What becomes of a comment beyond itself. `agent`: the first enabled one that it mentions, or nullptr.
Status follow_comment(DecisionBuilder& decision, const AddComment& command, const CommentId& comment, const v1::IssueState& issue,
                      const v1::AgentProfileDefined* agent) {
  TRY(const auto copy, decision.rely<v1::CopyState>(events::copy_stream(command.issue)));
  if (copy.active_session_id().empty()) return agent == nullptr ? Status() : request_session(decision, command, comment, issue, *agent, copy);
  TRY(const auto session, decision.rely<v1::SessionState>(events::session_stream(SessionId(copy.active_session_id()))));
  if (agent != nullptr && agent->agent_id() != session.agent_id())
    return make_error(Code::working_copy_busy, "another agent's session, " + copy.active_session_id() +
                                                   ", is at work on this issue: wait for it to end, or stop it (POST /v1/sessions/" +
                                                   copy.active_session_id() + "/stop)");
  return queue_comment(decision, session, comment.str(), command.body);
}

}  // namespace

Decide open_issue(OpenIssue command) {
  return [command = std::move(command)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY_STATUS(require_member(decision, v1::MEMBER));
    const auto rows = events::checklist(command.body);
    if (rows.size() > events::kMaxChecklistRows)
      return make_error(Code::invalid_field, "has more than " + std::to_string(events::kMaxChecklistRows) + " checklist rows: split the issue",
                        "body");
    const auto issue = events::derive_id<IssueId>(context.commit_id, 0);
    open_one(decision, issue, command.title, command.body, command.status, {});
    if (command.project.has_value()) TRY_STATUS(attach_project(decision, issue, *command.project));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto order = static_cast<std::uint32_t>(i + 1);
      const auto child = events::derive_id<IssueId>(context.commit_id, order);
      open_one(decision, child, title_of(rows[i].text), {}, rows[i].done ? v1::CLOSED : v1::OPEN, issue.str());
      v1::IssueEvent linked;
      linked.mutable_child_issue_linked()->set_issue_id(child.str());
      linked.mutable_child_issue_linked()->set_order(order);
      decision.add(events::issue_stream(issue), issue.str(), linked);
    }
    return decision.finish();
  };
}

Decide edit_issue(EditIssue command) {
  return [command = std::move(command)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    TRY_STATUS(require_member(decision, v1::MEMBER));
    const std::string stream = events::issue_stream(command.issue);
    TRY(const auto issue, decision.rely<v1::IssueState>(stream));
    TRY_STATUS(events::require_issue(issue));
    for (const auto& event : events::edit_issue(issue, command.edit)) decision.add(stream, command.issue.str(), event);
    if (command.project.has_value() && command.project->str() != issue.project_id()) {
      if (!issue.project_id().empty()) {
        v1::ProjectUseEvent dropped;
        dropped.mutable_project_use_dropped()->set_issue_id(command.issue.str());
        decision.add(events::project_use_stream(ProjectId(issue.project_id())), command.issue.str(), dropped);
      }
      TRY_STATUS(attach_project(decision, command.issue, *command.project));
    }
    return decision.finish();
  };
}

Decide add_comment(AddComment command) {
  return [command = std::move(command)](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    DecisionBuilder decision(snapshot, context);
    const auto names = events::mentions(command.body);
    const std::string stream = events::issue_stream(command.issue);
    std::vector<std::string> wanted = {events::members_stream(context.workspace), stream, events::copy_stream(command.issue)};
    if (!names.empty()) wanted.push_back(events::workspace_stream(context.workspace));
    TRY_STATUS(snapshot.load(context.workspace, wanted));
    TRY_STATUS(require_member(decision, v1::MEMBER));
    TRY(const auto issue, decision.rely<v1::IssueState>(stream));
    TRY_STATUS(events::require_issue(issue));

    const auto comment = events::derive_id<CommentId>(context.commit_id);
    v1::CommentEvent event;
    v1::CommentAdded& added = *event.mutable_comment_added();
    added.set_comment_id(comment.str());
    added.set_issue_id(command.issue.str());
    added.mutable_body()->set_plain(command.body);
    const v1::AgentProfileDefined* agent = nullptr;
    v1::WorkspaceState workspace;
    if (!names.empty()) {
      TRY(workspace, decision.rely<v1::WorkspaceState>(events::workspace_stream(context.workspace)));
      for (const auto& name : names) {
        v1::Mention& mention = *added.add_mentions();
        mention.set_name(name);
        const auto* known = events::find_agent(workspace, name);
        if (known == nullptr) continue;
        mention.set_agent_id(known->agent_id());
        if (agent == nullptr && known->enabled()) agent = known;
      }
    }
    decision.expects_new(events::comment_stream(comment));
    decision.add(events::comment_stream(comment), command.issue.str(), event);
    TRY_STATUS(follow_comment(decision, command, comment, issue, agent));
    return decision.finish();
  };
}

}  // namespace dossier::producers::commands
