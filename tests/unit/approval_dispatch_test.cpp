// From what an agent asks to the worker that hears the answer, with scheduler, intake and a scripted worker on a server in memory.
#include <gtest/gtest.h>

#include "producers/commands/approval.hpp"
#include "tests/support/memory_office.hpp"

namespace dossier::producers {
namespace {

using test::MemoryOffice;
using test::MemoryServer;
using test::MemoryWorker;
using Control = v1::ControlMessage;

constexpr std::int64_t kSecond = 1'000'000;

class ApprovalDispatch : public ::testing::Test {
 protected:
  ApprovalDispatch() { set_policy(v1::ApprovalPolicy::ON_REQUEST); }

  void set_policy(v1::ApprovalPolicy::Mode mode) {
    v1::ApprovalPolicy policy;
    policy.set_mode(mode);
    auto& rule = *policy.add_rules();
    rule.set_name("look around");
    rule.set_effect(v1::ApprovalRule::ALLOW);
    rule.add_command_prefix("ls");
    office_.must(commands::set_approval_policy({{}, policy, "tests"}));
  }
  // A task that this worker runs.
  TaskId run(MemoryWorker& worker) {
    const TaskId task = office_.ask();
    worker.claim(office_.fence(task));
    worker.start(office_.fence(task));
    office_.settle_all();
    return task;
  }
  void ask(MemoryWorker& worker, const TaskId& task, const std::string& command, const std::string& name) {
    worker.report(office_.fence(task), [&](v1::Report& report) {
      auto& asked = *report.mutable_approval_asked();
      asked.set_kind("command");
      asked.mutable_command()->set_plain(command);
      asked.set_provider_request(name);
    });
    office_.settle_all();
  }
  void knows(MemoryWorker& worker, const v1::Fence& fence, const std::string& id, const std::string& how) {
    worker.report(fence, [&](v1::Report& report) {
      report.mutable_approval_answered()->set_request_id(id);
      report.mutable_approval_answered()->set_how(how);
    });
    office_.settle_all();
  }
  v1::SessionState session(const TaskId& task) {
    auto snapshot = office_.server.states.snapshot();
    v1::SessionState state;
    state.ParseFromString((*snapshot)->stream(office_.workspace, events::session_stream(SessionId(office_.task(task).session_id())))->state);
    return state;
  }
  void accept(const TaskId& task, const std::string& approval) {
    office_.must(commands::resolve_approval({SessionId(office_.task(task).session_id()), ApprovalId(approval), "accept", "go on", ""}));
    office_.settle_all();
  }
  std::vector<v1::ControlMessage> told(const MemoryWorker& worker) const { return office_.told(worker, Control::kApprovalDecision); }

  MemoryOffice office_;
};

TEST_F(ApprovalDispatch, WhatARuleDecidesIsAnsweredAtOnce) {
  MemoryWorker worker = office_.add_worker("a");
  const TaskId task = run(worker);
  ask(worker, task, "ls -l", "7");
  ASSERT_GE(told(worker).size(), 1u);
  const auto decision = told(worker)[0].approval_decision();
  EXPECT_EQ(decision.task_id(), task.str());
  EXPECT_EQ(decision.offer(), 1u);
  EXPECT_EQ(decision.provider_request(), "7");
  EXPECT_EQ(decision.resolved().decision(), "accept");
  EXPECT_EQ(decision.resolved().rule(), "look around");
}

TEST_F(ApprovalDispatch, WhatAPersonDecidesIsToldAgainUntilTheAgentKnows) {
  MemoryWorker worker = office_.add_worker("a");
  const TaskId task = run(worker);
  ask(worker, task, "make", "7");
  EXPECT_TRUE(told(worker).empty()) << "nobody decided";
  ASSERT_EQ(session(task).approvals_size(), 1);
  const std::string id = session(task).approvals(0).request().request_id();
  accept(task, id);
  ASSERT_EQ(told(worker).size(), 1u);
  EXPECT_EQ(told(worker)[0].approval_decision().provider_request(), "7");
  EXPECT_EQ(told(worker)[0].approval_decision().resolved().reason().plain(), "go on");
  office_.pass(7 * kSecond, [&] { worker.heartbeat({office_.fence(task)}); });
  const std::size_t repeated = told(worker).size();
  EXPECT_GE(repeated, 3u);
  EXPECT_LE(repeated, 5u) << "every two seconds, not at every look";
  knows(worker, office_.fence(task), id, "answered");
  const std::size_t before = told(worker).size();
  office_.pass(7 * kSecond, [&] { worker.heartbeat({office_.fence(task)}); });
  EXPECT_EQ(told(worker).size(), before);
  EXPECT_EQ(session(task).approvals_size(), 0);
}

TEST_F(ApprovalDispatch, WhoHoldsTheTaskNextIsToldByTheApprovalsIdAlone) {
  MemoryWorker a = office_.add_worker("a");
  const TaskId task = run(a);
  ask(a, task, "make", "0");
  const std::string id = session(task).approvals(0).request().request_id();
  MemoryWorker b = office_.add_worker("b");
  office_.pass(30 * kSecond, [&] { b.heartbeat(); });  // a is gone
  ASSERT_EQ(office_.task(task).worker_id(), b.id().str());
  accept(task, id);
  EXPECT_TRUE(told(b).empty()) << "b has not claimed it";
  const auto fence = office_.fence(task, office_.task(task).offer());
  b.claim(fence);
  office_.settle_all();
  ASSERT_FALSE(told(b).empty());
  EXPECT_EQ(told(b)[0].approval_decision().offer(), fence.offer());
  EXPECT_EQ(told(b)[0].approval_decision().provider_request(), "") << "b's agent may call something else by that name";
  EXPECT_EQ(told(b)[0].approval_decision().resolved().request_id(), id);
  knows(b, fence, id, "quoted");
  EXPECT_EQ(session(task).approvals_size(), 0);
}

TEST_F(ApprovalDispatch, AnOpenApprovalIsStillThereWhenTheServerWasKilled) {
  MemoryWorker worker = office_.add_worker("a");
  const TaskId task = run(worker);
  ask(worker, task, "make", "0");
  const std::string id = session(task).approvals(0).request().request_id();
  office_.server.freeze();
  MemoryServer second(office_.at, "two");
  office_.servers = {&second};
  office_.settle_all();
  ASSERT_TRUE(office_.run(commands::resolve_approval({SessionId(office_.task(task).session_id()), ApprovalId(id), "decline", "", ""}), &second));
  office_.settle_all();
  ASSERT_FALSE(told(worker).empty());
  EXPECT_EQ(told(worker)[0].approval_decision().resolved().decision(), "decline");
}

TEST_F(ApprovalDispatch, OfATaskThatEndedNobodyIsTold) {
  MemoryWorker worker = office_.add_worker("a");
  const TaskId task = run(worker);
  ask(worker, task, "make", "0");
  worker.complete(office_.fence(task));
  office_.settle_all();
  EXPECT_EQ(session(task).approvals_size(), 0);
  office_.pass(5 * kSecond, [&] { worker.heartbeat(); });
  EXPECT_TRUE(told(worker).empty());
}

}  // namespace
}  // namespace dossier::producers
