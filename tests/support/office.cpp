// Puts a workspace together by the product's own commands.
#include "tests/support/office.hpp"

#include <stdexcept>

#include "events/names.hpp"
#include "producers/commands/identity.hpp"
#include "producers/commands/issue.hpp"
#include "producers/commands/task.hpp"
#include "producers/commands/workspace.hpp"

namespace dossier::test {

namespace commands = producers::commands;

void Office::must(const producers::Decide& decide, const std::string& actor, const std::string& key) {
  const Status done = log.run(decide, actor, key);
  if (!done) throw std::logic_error(key + ": " + done.error().message);
}

Office::Office() {
  v1::WorkspaceCreated workspace;
  workspace.set_workspace_id(FoldedLog::workspace().str());
  workspace.set_slug("office");
  workspace.set_owner_id(owner);
  must(commands::create_workspace(workspace), owner, "workspace");
  producers::Decision join;
  v1::EventPayload added;
  added.mutable_members()->mutable_member_added()->set_user_id(member);
  added.mutable_members()->mutable_member_added()->set_role(v1::MEMBER);
  auto& event = join.events.emplace_back();
  event.set_stream(events::members_stream(FoldedLog::workspace()));
  event.set_payload(added.SerializeAsString());
  log.append(join, owner, "member");

  commands::CreateProject create;
  create.name = "repository";
  create.source.set_git_url("https://example.org/repository.git");
  create.default_branch = "main";
  must(commands::create_project(create), owner, "project");
  project = events::derive_id<ProjectId>(FoldedLog::commit_id("project"));

  v1::AgentProfileDefined agent;
  agent.set_name("fixer");
  agent.set_provider("command");
  agent.set_enabled(true);
  must(commands::define_agent(agent), owner, "agent");

  must(commands::open_issue({.title = "attached", .body = {}, .project = project}), member, "issue");
  issue = events::derive_id<IssueId>(FoldedLog::commit_id("issue"));
  must(commands::open_issue({.title = "plain", .body = {}, .project = {}}), member, "plain issue");
  plain_issue = events::derive_id<IssueId>(FoldedLog::commit_id("plain issue"));

  producers::LiveWorker live;
  live.id = worker;
  live.workspace = FoldedLog::workspace();
  live.slots = live.free_slots = 1;
  v1::Capability capability;
  capability.set_name("command");
  capability.set_value("true");
  live.capabilities.push_back(capability);
  log.workers.push_back(live);
}

Office::Busy Office::ask(const std::string& name) {
  must(commands::open_issue({.title = name, .body = {}, .project = project}), member, name + " issue");
  Busy busy;
  busy.issue = events::derive_id<IssueId>(FoldedLog::commit_id(name + " issue"));
  must(commands::add_comment({busy.issue, "@fixer please"}), member, name + " comment");
  busy.session = events::derive_id<SessionId>(FoldedLog::commit_id(name + " comment"));
  busy.task = events::derive_id<TaskId>(FoldedLog::commit_id(name + " comment"));
  return busy;
}

void Office::offer(const Busy& busy) { must(commands::offer_task(busy.task, worker, 9), "scheduler", "offer " + busy.task.str()); }

void Office::claim(const Busy& busy) {
  v1::Report report;
  report.set_worker_id(worker.str());
  report.mutable_fence()->set_task_id(busy.task.str());
  report.mutable_fence()->set_offer(1);
  report.mutable_claim();
  must(commands::worker_report(report), worker.str(), "claim " + busy.task.str());
}

}  // namespace dossier::test
