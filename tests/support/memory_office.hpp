// A workspace with a project, an agent and a worker token on servers in memory: where tests of dispatch begin.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dossier/v1/state.pb.h"
#include "events/names.hpp"
#include "producers/commands/identity.hpp"
#include "producers/commands/issue.hpp"
#include "producers/commands/task.hpp"
#include "producers/commands/workspace.hpp"
#include "tests/support/memory_worker.hpp"

namespace dossier::test {

struct MemoryOffice {
  MemoryInstallation at;
  MemoryServer server{at, "one"};
  WorkspaceId workspace{"ws_" + std::string(32, '1')};
  std::string owner = "usr_" + std::string(32, 'a');
  SecretId token{"sec_" + std::string(32, 'b')};
  ProjectId project;
  int keys = 0;

  MemoryOffice() {
    at.make_pool(workspace.str());
    settle_all();
    v1::WorkspaceCreated created;
    created.set_workspace_id(workspace.str());
    created.set_slug("office");
    created.set_owner_id(owner);
    must(producers::commands::create_workspace(created));
    must(producers::commands::issue_worker_token(token, "msw_abc", "token"));
    producers::commands::CreateProject create;
    create.name = "repository";
    create.source.set_git_url("https://example.org/repository.git");
    create.default_branch = "main";
    project = events::derive_id<ProjectId>(must(producers::commands::create_project(create)).commit.id);
    v1::AgentProfileDefined agent;
    agent.set_name("fixer");
    agent.set_provider("command");
    agent.add_command("true");
    agent.set_enabled(true);
    must(producers::commands::define_agent(agent));
  }

  std::vector<MemoryServer*> servers{&server};
  void settle_all(std::int64_t within_us = 1'000'000) { settle(at, servers, within_us); }
  // Lets time pass as it does on a machine where nothing stands still: in steps, each settled.
  void pass(std::int64_t us, const std::function<void()>& each_second = {}) {
    for (const std::int64_t end = at.clock.boot_us() + us; at.clock.boot_us() < end;) {
      at.clock.advance_us(std::min<std::int64_t>(1'000'000, end - at.clock.boot_us()));
      if (each_second) each_second();
      settle_all(50'000);
    }
  }

  Result<producers::Committed> run(producers::Decide decide, MemoryServer* by = nullptr) {
    producers::Command command;
    command.context.workspace = workspace;
    command.context.commit_id = events::derive_commit_id(workspace, "test", "test", std::to_string(++keys));
    command.context.fingerprint = std::string(32, 'f');
    command.context.actor.set_kind(v1::Actor::USER);
    command.context.actor.set_id(owner);
    command.decide = std::move(decide);
    std::optional<Result<producers::Committed>> answer;
    (by == nullptr ? server : *by).run(std::move(command), [&answer](Result<producers::Committed> result) { answer.emplace(std::move(result)); });
    settle_all();
    CHECK(answer.has_value());
    return *answer;
  }
  producers::Committed must(producers::Decide decide) {
    auto done = run(std::move(decide));
    if (!done) ADD_FAILURE() << done.error().message;
    CHECK(done.has_value());
    return *done;
  }

  // Registered, and heard of.
  MemoryWorker add_worker(const std::string& name, std::uint32_t slots = 1) {
    MemoryWorker worker(at, workspace, name);
    worker.slots = slots;
    must(producers::commands::register_worker(worker.registration(token.str())));
    worker.heartbeat();
    settle_all();
    return worker;
  }
  // An issue whose comment asked for the agent; the task.
  TaskId ask() {
    const auto issue = events::derive_id<IssueId>(must(producers::commands::open_issue({.title = "t", .body = {}, .project = project})).commit.id);
    const auto comment = must(producers::commands::add_comment({issue, "@fixer please"}));
    return events::derive_id<TaskId>(comment.commit.id);
  }

  v1::TaskState task(const TaskId& id) {
    auto snapshot = server.states.snapshot();
    v1::TaskState state;
    state.ParseFromString((*snapshot)->stream(workspace, events::task_stream(id))->state);
    return state;
  }
  v1::WorkerState worker(const WorkerId& id) {
    auto snapshot = server.states.snapshot();
    v1::WorkerState state;
    state.ParseFromString((*snapshot)->stream(workspace, events::worker_stream(id))->state);
    return state;
  }
  static v1::Fence fence(const TaskId& task, std::uint32_t offer = 1) {
    v1::Fence fence;
    fence.set_task_id(task.str());
    fence.set_offer(offer);
    return fence;
  }
  // Messages of one kind that the worker was sent by the control topic.
  std::vector<v1::ControlMessage> told(const MemoryWorker& worker, v1::ControlMessage::MessageCase kind) const {
    std::vector<v1::ControlMessage> out;
    for (const auto& message : at.control(workspace.str()))
      if (message.worker_id() == worker.id().str() && message.message_case() == kind) out.push_back(message);
    return out;
  }
  std::uint64_t accepted_through(const MemoryWorker& worker) const {
    std::uint64_t sequence = 0;
    for (const auto& message : told(worker, v1::ControlMessage::kAcceptedThrough))
      if (message.accepted_through().boot_id() == worker.boot()) sequence = std::max(sequence, message.accepted_through().sequence());
    return sequence;
  }
  // Offers of the task on any partition of the pool's task topic.
  std::vector<v1::TaskOffer> offers(const TaskId& task) const {
    std::vector<v1::TaskOffer> out;
    for (std::int32_t partition = 0; partition < 4; ++partition)
      for (const auto& record : at.broker.records(at.topics.tasks(workspace.str()), partition)) {
        v1::TaskOffer offer;
        offer.ParseFromString(record.value);
        if (offer.task_id() == task.str()) out.push_back(offer);
      }
    return out;
  }
};

}  // namespace dossier::test
