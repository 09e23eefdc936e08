// No write skew: two commands decided on the same state and appended in either order end as if one had been decided after
// the other. Every pair of commands, both orders, on states in which they meet.
#include <gtest/gtest.h>

#include <functional>

#include "events/names.hpp"
#include "producers/commands/approval.hpp"
#include "producers/commands/identity.hpp"
#include "producers/commands/issue.hpp"
#include "producers/commands/session.hpp"
#include "producers/commands/task.hpp"
#include "producers/commands/workspace.hpp"
#include "tests/support/office.hpp"

namespace dossier::producers::commands {
namespace {

using test::FoldedLog;
using test::Office;

struct Named {
  std::string name;
  std::string actor;
  Decide decide;
};

v1::Report fenced(const Office::Busy& busy, const WorkerId& worker) {
  v1::Report report;
  report.set_worker_id(worker.str());
  report.mutable_fence()->set_task_id(busy.task.str());
  report.mutable_fence()->set_offer(1);
  return report;
}

// Removing a project has no command of its own yet; the pair it forms with attaching an issue is the one that skews.
Decide remove_project(const ProjectId& project) {
  return [project](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    TRY(const auto use, snapshot.stream(context.workspace, events::project_use_stream(project)));
    v1::ProjectUseState state;
    state.ParseFromString(use.state);
    if (state.issues() > 0) return make_error(Code::conflict, "in use");
    Decision decision;
    decision.expects.emplace_back().set_stream(events::project_use_stream(project));
    decision.expects.back().set_version(use.version);
    v1::EventPayload payload;
    payload.mutable_project()->mutable_project_removed();
    decision.events.emplace_back().set_stream(events::project_stream(project));
    decision.events.back().set_payload(payload.SerializeAsString());
    return decision;
  };
}

const std::string kOpenApproval = "an open approval", kDecidedApproval = "a decided approval";

v1::Report asks(const Office& office, const Office::Busy& busy, const std::string& name) {
  v1::Report report = fenced(busy, office.worker);
  report.mutable_approval_asked()->set_kind("command");
  report.mutable_approval_asked()->mutable_command()->set_plain("make");
  report.mutable_approval_asked()->set_provider_request(name);
  return report;
}

v1::ApprovalPolicy policy(v1::ApprovalPolicy::Mode mode) {
  v1::ApprovalPolicy made;
  made.set_mode(mode);
  auto& rule = *made.add_rules();
  rule.set_name("trust");
  rule.set_effect(v1::ApprovalRule::ALLOW);
  rule.set_project(v1::ApprovalRule::TRUSTED);
  return made;
}

template <class Add>
void add_approvals(const Office& office, const Office::Busy& busy, const ProjectId& unused, Add add) {
  const auto open = events::derive_id<ApprovalId>(FoldedLog::commit_id(kOpenApproval));
  const auto decided = events::derive_id<ApprovalId>(FoldedLog::commit_id(kDecidedApproval));
  add("ask for approval", office.worker.str(), worker_report(asks(office, busy, "7")));
  add("ask under the same name", office.worker.str(), worker_report(asks(office, busy, "7")));
  add("accept", office.member, resolve_approval({busy.session, open, "accept", "", ""}));
  add("accept too", office.owner, resolve_approval({busy.session, open, "accept", "", ""}));
  add("decline", office.owner, resolve_approval({busy.session, open, "decline", "", ""}));
  for (const auto& approval : {open, decided}) {
    v1::Report knows = fenced(busy, office.worker);
    knows.mutable_approval_answered()->set_request_id(approval.str());
    knows.mutable_approval_answered()->set_how("answered");
    add("the agent knows of " + approval.str().substr(4, 2), office.worker.str(), worker_report(knows));
  }
  add("set the policy", office.owner, set_approval_policy({{}, policy(v1::ApprovalPolicy::NEVER), "w"}));
  add("set the project's policy", office.owner, set_approval_policy({office.project, policy(v1::ApprovalPolicy::UNTRUSTED), "w"}));
  add("set the unused project's policy", office.owner, set_approval_policy({unused, policy(v1::ApprovalPolicy::UNTRUSTED), "w"}));
  add("trust the project", office.owner, trust_project(office.project, true));
}

// Every command that the system has, aimed so that they meet: on one issue, one task, one project, one workspace.
std::vector<Named> commands_on(const Office& office, const Office::Busy& busy, const ProjectId& unused) {
  std::vector<Named> all;
  const auto add = [&](std::string name, std::string actor, Decide decide) { all.push_back({std::move(name), std::move(actor), std::move(decide)}); };
  add("comment", office.member, add_comment({office.issue, "hello"}));
  add("ask the agent", office.member, add_comment({office.issue, "@fixer go"}));
  add("ask the agent too", office.owner, add_comment({office.issue, "@fixer go as well"}));
  add("edit the title", office.member, edit_issue({office.issue, {.title = "other", .body = {}, .status = {}}, {}}));
  add("close", office.member, edit_issue({office.issue, {.title = {}, .body = {}, .status = v1::CLOSED}, {}}));
  add("attach the unused project", office.member, edit_issue({office.plain_issue, {}, unused}));
  add("open an issue", office.member, open_issue({.title = "n", .body = "- [ ] row", .project = {}}));
  add("open an issue on the unused project", office.member, open_issue({.title = "n", .body = {}, .project = unused}));
  add("remove the unused project", office.owner, remove_project(unused));
  v1::AgentProfileDefined disabled;
  disabled.set_name("fixer");
  disabled.set_provider("command");
  add("disable the agent", office.owner, define_agent(disabled));
  const SecretId secret("sec_" + std::string(32, '9'));
  add("issue a token", office.owner, issue_worker_token(secret, "msw_9", "l"));
  add("give up the token's secret", "sweeper", discard_secret(secret));
  const SecretId sealed("sec_" + std::string(32, '8')), other_sealed("sec_" + std::string(32, '7'));
  for (const SecretId& one : {sealed, other_sealed})
    add("set the project's secret " + one.str().substr(4, 1), office.owner,
        set_project_secret({office.project, one, v1::ProjectSecretSet::VALUE, "KEY"}));
  add("remove the project's secret", office.owner, remove_project_secret(office.project, SecretId("sec_" + std::string(32, '6'))));
  add("give up the project's secret", "sweeper", discard_secret(sealed));
  add("cancel", office.member, cancel_task(busy.task, "no"));
  add("cancel too", office.owner, cancel_task(busy.task, "no more"));
  add("offer", "scheduler", offer_task(busy.task, office.worker, 9));
  add("offer to another", "other scheduler", offer_task(busy.task, office.other_worker, 9));
  add("lapse", "scheduler", lapse_offer(busy.task, 1, "deadline"));
  add("expire", "intake", expire_lease(busy.task, 1));
  add("comment on the issue at work", office.member, add_comment({busy.issue, "and this"}));
  add("mention on the issue at work", office.owner, add_comment({busy.issue, "@fixer and that"}));
  const auto waiting = events::derive_id<FollowUpId>(FoldedLog::commit_id("waiting"));
  add("follow up", office.member, add_follow_up(busy.session, "and so on"));
  add("edit the follow-up", office.member, edit_follow_up(busy.session, waiting, "other words"));
  add("take the follow-up back", office.owner, remove_follow_up(busy.session, waiting));
  add("steer", office.member, steer_follow_up(busy.session, waiting));
  add("stop the session", office.owner, stop_session(busy.session, "enough"));
  for (const WorkerId& worker : {office.worker, office.other_worker}) {
    auto report = fenced(busy, worker);
    report.mutable_claim();
    add("claim by " + worker.str().substr(4, 1), worker.str(), worker_report(report));
    report.mutable_run_started();
    add("start by " + worker.str().substr(4, 1), worker.str(), worker_report(report));
    report.mutable_run_completed()->set_commit("abc");
    add("complete by " + worker.str().substr(4, 1), worker.str(), worker_report(report));
    report.mutable_run_failed()->set_retryable(true);
    add("fail by " + worker.str().substr(4, 1), worker.str(), worker_report(report));
    report.mutable_source()->set_commit("abc");
    add("source by " + worker.str().substr(4, 1), worker.str(), worker_report(report));
    report.mutable_turn_began()->set_turn(1);
    add("begin a turn by " + worker.str().substr(4, 1), worker.str(), worker_report(report));
    report.mutable_turn_ended()->set_turn(1);
    add("end a turn by " + worker.str().substr(4, 1), worker.str(), worker_report(report));
    report.mutable_follow_up_steered()->set_follow_up_id(waiting.str());
    report.mutable_follow_up_steered()->set_turn(1);
    add("steered by " + worker.str().substr(4, 1), worker.str(), worker_report(report));
  }
  add_approvals(office, busy, unused, add);
  return all;
}

bool same(const Decision& a, const Decision& b) {
  if (a.events.size() != b.events.size()) return false;
  for (std::size_t i = 0; i < a.events.size(); ++i)
    if (a.events[i].SerializeAsString() != b.events[i].SerializeAsString()) return false;
  return true;
}

// `second` was decided before `first` was appended. If the ledger still accepts it, then deciding it afterwards would have
// said the very same.
void check_order(const FoldedLog& start, const Named& first, const Named& second, int& accepted, int& voided) {
  const auto first_decision = start.decide(first.decide, first.actor, "first");
  const auto stale = start.decide(second.decide, second.actor, "second");
  if (!first_decision || first_decision->events.empty() || !stale || stale->events.empty()) return;
  FoldedLog log = start;
  ASSERT_EQ(log.append(*first_decision, first.actor, "first").verdict, events::Verdict::accepted) << first.name;
  const auto fresh = log.decide(second.decide, second.actor, "second");
  const auto verdict = log.append(*stale, second.actor, "second").verdict;
  if (verdict == events::Verdict::accepted) {
    ++accepted;
    ASSERT_TRUE(fresh.has_value()) << second.name << " skews after " << first.name << ": decided again it is refused, " << fresh.error().message;
    EXPECT_TRUE(same(*stale, *fresh)) << second.name << " skews after " << first.name << ": decided again it says something else";
  } else {
    ++voided;
    EXPECT_EQ(verdict, events::Verdict::void_conflict);
  }
}

TEST(CommandPairs, never_skew_in_either_order_on_any_state_of_a_task) {
  Office office;
  CreateProject create;
  create.name = "unused";
  create.source.set_local_path("/srv/unused");
  office.must(create_project(create), office.owner, "unused project");
  const auto unused = events::derive_id<ProjectId>(FoldedLog::commit_id("unused project"));
  const auto busy = office.ask("busy");
  office.must(add_comment({busy.issue, "a word"}), office.member, "waiting");
  office.must(set_project_secret({office.project, SecretId("sec_" + std::string(32, '6')), v1::ProjectSecretSet::VALUE, "KEY"}), office.owner,
              "secret");
  std::vector<std::pair<std::string, FoldedLog>> states = {{"queued", office.log}};
  office.offer(busy);
  states.emplace_back("offered", office.log);
  office.claim(busy);
  office.must(set_approval_policy({{}, policy(v1::ApprovalPolicy::ON_REQUEST), "w"}), office.owner, "policy");
  states.emplace_back("claimed", office.log);
  office.must(worker_report(asks(office, busy, "0")), office.worker.str(), kOpenApproval);
  office.must(worker_report(asks(office, busy, "1")), office.worker.str(), kDecidedApproval);
  office.must(resolve_approval({busy.session, events::derive_id<ApprovalId>(FoldedLog::commit_id(kDecidedApproval)), "accept", "", ""}),
              office.member, "decide");
  states.emplace_back("waiting for approval", office.log);
  office.must(cancel_task(busy.task, "no"), office.member, "cancel before");
  states.emplace_back("cancel requested", office.log);

  int accepted = 0;
  int voided = 0;
  for (const auto& [name, state] : states) {
    SCOPED_TRACE("task " + name);
    const auto all = commands_on(office, busy, unused);
    for (const auto& first : all)
      for (const auto& second : all)
        if (&first != &second) check_order(state, first, second, accepted, voided);
  }
  EXPECT_GT(accepted, 200) << "pairs that do not meet must not hinder each other";
  EXPECT_GT(voided, 50) << "pairs that meet must be told apart";
}

TEST(CommandPairs, that_are_the_same_command_twice_yield_one_fact) {
  Office office;
  const auto busy = office.ask("busy");
  for (const auto& command : commands_on(office, busy, office.project)) {
    FoldedLog log = office.log;
    const auto once = log.decide(command.decide, command.actor, "once");
    if (!once || once->events.empty()) continue;
    ASSERT_EQ(log.append(*once, command.actor, "once").verdict, events::Verdict::accepted) << command.name;
    EXPECT_EQ(log.append(*once, command.actor, "once").verdict, events::Verdict::void_duplicate) << command.name;
  }
}

}  // namespace
}  // namespace dossier::producers::commands
