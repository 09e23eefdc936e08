// Commands on approvals: what a worker's report, a person and an admin decide, over several streams at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "events/approval.hpp"
#include "events/codec.hpp"
#include "events/names.hpp"
#include "producers/commands/approval.hpp"
#include "producers/commands/issue.hpp"
#include "producers/commands/task.hpp"
#include "producers/commands/workspace.hpp"
#include "tests/support/office.hpp"

namespace dossier::producers::commands {
namespace {

using test::FoldedLog;
using test::Office;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<v1::EventPayload> payloads(const Result<Decision>& decision) {
  std::vector<v1::EventPayload> out;
  if (!decision) return out;
  for (const auto& event : decision->events) out.emplace_back().ParseFromString(event.payload());
  return out;
}
std::vector<std::string> facts(const Result<Decision>& decision) {
  if (!decision) return {std::string(to_string(decision.error().code))};
  std::vector<std::string> names;
  for (const auto& payload : payloads(decision)) names.emplace_back(events::fact_name(payload));
  return names;
}

class Approvals : public ::testing::Test {
 protected:
  Approvals() : busy_(office_.ask("busy")) {
    office_.offer(busy_);
    office_.claim(busy_);
  }
  void set_policy(v1::ApprovalPolicy::Mode mode, const std::vector<v1::ApprovalRule>& rules = {}, std::optional<ProjectId> project = {}) {
    v1::ApprovalPolicy policy;
    policy.set_mode(mode);
    for (const auto& rule : rules) *policy.add_rules() = rule;
    office_.must(set_approval_policy({std::move(project), policy, "tests"}), office_.owner, "policy " + std::to_string(++keys_));
  }
  static v1::ApprovalRule rule(v1::ApprovalRule::Effect effect, std::initializer_list<const char*> words) {
    v1::ApprovalRule made;
    made.set_name("rule");
    made.set_effect(effect);
    for (const char* word : words) made.add_command_prefix(word);
    return made;
  }
  v1::Report report(std::uint32_t offer = 1) const {
    v1::Report made;
    made.set_worker_id(office_.worker.str());
    made.mutable_fence()->set_task_id(busy_.task.str());
    made.mutable_fence()->set_offer(offer);
    return made;
  }
  v1::Report asked(const std::string& command, const std::string& name = "0") const {
    v1::Report made = report();
    auto& request = *made.mutable_approval_asked();
    request.set_kind("command");
    request.mutable_command()->set_plain(command);
    request.set_provider_request(name);
    return made;
  }
  v1::Report answered(const ApprovalId& approval) const {
    v1::Report made = report();
    made.mutable_approval_answered()->set_request_id(approval.str());
    made.mutable_approval_answered()->set_how("answered");
    return made;
  }
  // Asked and open; its id.
  ApprovalId ask(const std::string& command, const std::string& name = "0") {
    const std::string key = "ask " + std::to_string(++keys_);
    office_.must(worker_report(asked(command, name)), office_.worker.str(), key);
    return events::derive_id<ApprovalId>(FoldedLog::commit_id(key));
  }
  Decide decide(const ApprovalId& approval, const std::string& decision) const {
    return resolve_approval({busy_.session, approval, decision, "", ""});
  }
  v1::SessionState session() const { return office_.log.state<v1::SessionState>(events::session_stream(busy_.session)); }

  Office office_;
  Office::Busy busy_;
  int keys_ = 0;
};

TEST_F(Approvals, AReportThatAsksMakesAFactWithAnIdOfItsCommit) {
  set_policy(v1::ApprovalPolicy::ON_REQUEST);
  auto said = asked("make");
  said.mutable_approval_asked()->set_request_id("apr_of_the_workers_own_making");
  said.mutable_approval_asked()->set_offer(9);
  const auto decision = office_.log.decide(worker_report(said), "w", "r");
  ASSERT_THAT(facts(decision), ElementsAre("approval_requested"));
  const auto request = payloads(decision)[0].session().approval_requested();
  EXPECT_EQ(request.request_id(), events::derive_id<ApprovalId>(FoldedLog::commit_id("r")).str());
  EXPECT_EQ(request.offer(), 1u) << "of the fence, whatever the worker says";
  EXPECT_EQ(request.action_sha256(), events::action_sha256(request));
}

TEST_F(Approvals, TheProjectsPolicyDecidesElseTheWorkspacesElseNobodyIsAsked) {
  EXPECT_THAT(facts(office_.log.decide(worker_report(asked("git status")), "w", "r")), ElementsAre("approval_requested", "approval_resolved"));
  EXPECT_EQ(payloads(office_.log.decide(worker_report(asked("git status")), "w", "r"))[1].session().approval_resolved().decision(), "decline");
  set_policy(v1::ApprovalPolicy::ON_REQUEST, {rule(v1::ApprovalRule::ALLOW, {"git", "status"})});
  auto by_workspace = payloads(office_.log.decide(worker_report(asked("git status")), "w", "r"));
  ASSERT_EQ(by_workspace.size(), 2u);
  EXPECT_EQ(by_workspace[1].session().approval_resolved().decision(), "accept");
  EXPECT_EQ(by_workspace[1].session().approval_resolved().by(), "policy");
  EXPECT_THAT(facts(office_.log.decide(worker_report(asked("git status; rm -rf /")), "w", "r")), ElementsAre("approval_requested"));
  set_policy(v1::ApprovalPolicy::ON_REQUEST, {}, office_.project);
  EXPECT_THAT(facts(office_.log.decide(worker_report(asked("git status")), "w", "r")), ElementsAre("approval_requested"));
  office_.must(set_approval_policy({office_.project, std::nullopt, "tests"}), office_.owner, "inherit");
  EXPECT_EQ(payloads(office_.log.decide(worker_report(asked("git status")), "w", "r")).size(), 2u);
}

TEST_F(Approvals, ARuleMayAskForTheProjectsTrust) {
  auto trusting = rule(v1::ApprovalRule::ALLOW, {"make"});
  trusting.set_project(v1::ApprovalRule::TRUSTED);
  set_policy(v1::ApprovalPolicy::ON_REQUEST, {trusting});
  EXPECT_THAT(facts(office_.log.decide(worker_report(asked("make")), "w", "r")), ElementsAre("approval_requested"));
  EXPECT_THAT(facts(office_.log.decide(trust_project(office_.project, true), office_.member, "t")), ElementsAre("forbidden"));
  office_.must(trust_project(office_.project, true), office_.owner, "trust");
  EXPECT_THAT(facts(office_.log.decide(worker_report(asked("make")), "w", "r")), ElementsAre("approval_requested", "approval_resolved"));
  EXPECT_THAT(facts(office_.log.decide(trust_project(office_.project, true), office_.owner, "again")), IsEmpty());
}

TEST_F(Approvals, AMemberDecidesAndAStrangerFindsNothing) {
  set_policy(v1::ApprovalPolicy::ON_REQUEST);
  const ApprovalId approval = ask("make");
  EXPECT_THAT(facts(office_.log.decide(decide(approval, "accept"), office_.stranger, "s")), ElementsAre("not_found"));
  const auto decision = office_.log.decide(decide(approval, "accept"), office_.member, "m");
  ASSERT_THAT(facts(decision), ElementsAre("approval_resolved"));
  EXPECT_EQ(payloads(decision)[0].session().approval_resolved().by(), office_.member);
  EXPECT_EQ(decision->events[0].issue_id(), busy_.issue.str());
}

TEST_F(Approvals, TheWorkersWordThatTheAgentKnowsEndsIt) {
  set_policy(v1::ApprovalPolicy::ON_REQUEST);
  const ApprovalId approval = ask("make");
  EXPECT_THAT(facts(office_.log.decide(worker_report(answered(approval)), "w", "early")), ElementsAre("conflict"));
  office_.must(decide(approval, "accept"), office_.member, "accept");
  EXPECT_EQ(session().approvals_size(), 1);
  office_.must(worker_report(answered(approval)), office_.worker.str(), "answered");
  EXPECT_EQ(session().approvals_size(), 0);
  EXPECT_THAT(facts(office_.log.decide(worker_report(answered(approval)), "w", "again")), IsEmpty());
}

TEST_F(Approvals, AreWithdrawnByTheAgentsOwnNameForThem) {
  set_policy(v1::ApprovalPolicy::ON_REQUEST);
  const ApprovalId approval = ask("make", "item-7");
  auto withdrawn = report();
  withdrawn.mutable_approval_answered()->set_provider_request("item-7");
  withdrawn.mutable_approval_answered()->set_how("withdrawn");
  const auto decision = office_.log.decide(worker_report(withdrawn), "w", "r");
  ASSERT_THAT(facts(decision), ElementsAre("approval_resolved", "approval_delivered"));
  EXPECT_EQ(payloads(decision)[0].session().approval_resolved().request_id(), approval.str());
  EXPECT_EQ(payloads(decision)[0].session().approval_resolved().decision(), "cancel");
  withdrawn.mutable_approval_answered()->set_provider_request("item-8");
  EXPECT_THAT(facts(office_.log.decide(worker_report(withdrawn), "w", "r")), ElementsAre("not_found"));
}

TEST_F(Approvals, OfAnOlderOfferAreLateAndChangeNothing) {
  set_policy(v1::ApprovalPolicy::ON_REQUEST);
  office_.must(expire_lease(busy_.task, 1), "intake", "expire");
  EXPECT_THAT(facts(office_.log.decide(worker_report(asked("make")), "w", "r")), ElementsAre("late_result_recorded"));
  EXPECT_EQ(session().approvals_size(), 0);
}

TEST_F(Approvals, OutliveTheWorkerThatAskedForThem) {
  set_policy(v1::ApprovalPolicy::ON_REQUEST);
  const ApprovalId approval = ask("make");
  office_.must(expire_lease(busy_.task, 1), "intake", "expire");
  ASSERT_EQ(session().approvals_size(), 1);
  EXPECT_EQ(session().approvals(0).request().request_id(), approval.str());
  office_.must(decide(approval, "accept"), office_.member, "accept");
  office_.must(offer_task(busy_.task, office_.other_worker, 9), "scheduler", "offer 2");
  auto claim = report(2);
  claim.set_worker_id(office_.other_worker.str());
  claim.mutable_claim();
  office_.must(worker_report(claim), "w", "claim 2");
  auto quoted = claim;
  quoted.mutable_approval_answered()->set_request_id(approval.str());
  quoted.mutable_approval_answered()->set_how("quoted");
  const auto decision = office_.log.decide(worker_report(quoted), "w", "quoted");
  ASSERT_THAT(facts(decision), ElementsAre("approval_delivered"));
  EXPECT_EQ(payloads(decision)[0].session().approval_delivered().offer(), 2u);
}

TEST_F(Approvals, ThatAreOpenEndWithTheSession) {
  set_policy(v1::ApprovalPolicy::ON_REQUEST);
  ask("make", "0");
  ask("make test", "1");
  auto done = report();
  done.mutable_run_completed();
  EXPECT_THAT(facts(office_.log.decide(worker_report(done), "w", "done")),
              ElementsAre("task_completed", "approval_resolved", "approval_resolved", "session_ended", "working_copy_released"));
}

TEST_F(Approvals, AreAskedForNoMoreOnceTheTaskIsBeingCancelled) {
  set_policy(v1::ApprovalPolicy::ON_REQUEST);
  office_.must(cancel_task(busy_.task, "no"), office_.member, "cancel");
  EXPECT_THAT(facts(office_.log.decide(worker_report(asked("make")), "w", "r")), IsEmpty());
}

TEST_F(Approvals, ATaskIsQueuedWithTheModeInForce) {
  const auto mode_of = [&](const std::string& key) {
    const auto busy = office_.ask(key);
    v1::ApprovalPolicy::Mode mode = v1::ApprovalPolicy::MODE_UNSPECIFIED;
    // The spec is no part of the state: it is in the fact.
    office_.log.workers[0].free_slots = 1;
    const auto issue = events::derive_id<IssueId>(FoldedLog::commit_id(key + " issue"));
    EXPECT_EQ(issue, busy.issue);
    office_.must(cancel_task(busy.task, "again"), office_.member, key + " cancel");
    for (const auto& payload : payloads(office_.log.decide(add_comment({busy.issue, "@fixer please"}), office_.member, key + " twice")))
      if (payload.task().has_task_queued()) mode = payload.task().task_queued().spec().approval_mode();
    return mode;
  };
  EXPECT_EQ(mode_of("a"), v1::ApprovalPolicy::NEVER);
  set_policy(v1::ApprovalPolicy::ON_REQUEST);
  EXPECT_EQ(mode_of("b"), v1::ApprovalPolicy::ON_REQUEST);
  set_policy(v1::ApprovalPolicy::UNTRUSTED, {}, office_.project);
  EXPECT_EQ(mode_of("c"), v1::ApprovalPolicy::UNTRUSTED);
}

TEST_F(Approvals, APolicyIsAnAdminsAndTheSameAgainIsNothing) {
  v1::ApprovalPolicy policy;
  policy.set_mode(v1::ApprovalPolicy::ON_REQUEST);
  EXPECT_THAT(facts(office_.log.decide(set_approval_policy({{}, policy, "why"}), office_.member, "p")), ElementsAre("forbidden"));
  EXPECT_THAT(facts(office_.log.decide(set_approval_policy({{}, policy, "why"}), office_.owner, "p")), ElementsAre("approval_policy_set"));
  set_policy(v1::ApprovalPolicy::ON_REQUEST);
  EXPECT_THAT(facts(office_.log.decide(set_approval_policy({{}, policy, "other words"}), office_.owner, "p")), IsEmpty());
  EXPECT_THAT(facts(office_.log.decide(set_approval_policy({office_.project, std::nullopt, "why"}), office_.owner, "p")), IsEmpty());
  EXPECT_THAT(facts(office_.log.decide(set_approval_policy({{}, std::nullopt, "why"}), office_.owner, "p")), ElementsAre("missing_field"));
  const ProjectId nowhere("prj_" + std::string(32, '0'));
  EXPECT_THAT(facts(office_.log.decide(set_approval_policy({nowhere, policy, "why"}), office_.owner, "p")), ElementsAre("not_found"));
}

TEST_F(Approvals, PoliciesOfAWorkspaceAreBoundedTogether) {
  v1::ApprovalPolicy policy;
  policy.set_mode(v1::ApprovalPolicy::ON_REQUEST);
  for (int i = 0; i < 40; ++i) {
    auto& one = *policy.add_rules();
    one.set_name("rule " + std::to_string(i));
    one.set_effect(v1::ApprovalRule::ALLOW);
    for (int word = 0; word < 4; ++word) one.add_command_prefix(std::string(180, 'a'));
  }
  std::vector<std::string> last;
  for (int n = 0; n < 20 && last != std::vector<std::string>{"conflict"}; ++n) {
    const std::string key = "project " + std::to_string(n);
    CreateProject create;
    create.name = key;
    create.source.set_local_path("/srv/p");
    office_.must(create_project(create), office_.owner, key);
    const auto project = events::derive_id<ProjectId>(FoldedLog::commit_id(key));
    const auto decision = office_.log.decide(set_approval_policy({project, policy, "why"}), office_.owner, key + " policy");
    last = facts(decision);
    if (decision) office_.log.append(*decision, office_.owner, key + " policy");
  }
  EXPECT_THAT(last, ElementsAre("conflict"));
}

TEST_F(Approvals, AWorkerIsToldAtOnceWhatAPolicyDecided) {
  const auto said = asked("make", "agents-name");
  const auto decision = office_.log.decide(worker_report(said), "w", "r");
  v1::Commit commit;
  for (const auto& event : decision->events) *commit.add_events() = event;
  const auto told = decided_at_once(said, commit);
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->provider_request(), "agents-name");
  EXPECT_EQ(told->resolved().decision(), "decline");
  EXPECT_EQ(told->offer(), 1u);
  EXPECT_FALSE(decided_at_once(said, v1::Commit{}).has_value());
}

}  // namespace
}  // namespace dossier::producers::commands
