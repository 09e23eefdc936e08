// What commands decide, over several streams at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "events/codec.hpp"
#include "events/names.hpp"
#include "producers/commands/issue.hpp"
#include "producers/commands/session.hpp"
#include "producers/commands/task.hpp"
#include "producers/commands/workspace.hpp"
#include "tests/support/office.hpp"

namespace dossier::producers::commands {
namespace {

using test::FoldedLog;
using test::Office;
using ::testing::ElementsAre;

std::vector<std::string> facts(const Result<Decision>& decision) {
  std::vector<std::string> names;
  if (!decision) return {std::string(to_string(decision.error().code))};
  for (const auto& event : decision->events) {
    v1::EventPayload payload;
    payload.ParseFromString(event.payload());
    names.emplace_back(events::fact_name(payload));
  }
  return names;
}

std::vector<std::string> expected(const Decision& decision) {
  std::vector<std::string> streams;
  streams.reserve(decision.expects.size());
  for (const auto& expect : decision.expects) streams.push_back(expect.stream().substr(0, expect.stream().find('/')));
  return streams;
}

v1::Report report(const Office::Busy& busy, const WorkerId& worker, std::uint32_t offer = 1) {
  v1::Report made;
  made.set_worker_id(worker.str());
  made.mutable_fence()->set_task_id(busy.task.str());
  made.mutable_fence()->set_offer(offer);
  return made;
}

TEST(AddComment, without_a_mention_is_one_fact_and_relies_on_membership_and_the_issue) {
  Office office;
  const auto decision = office.log.decide(add_comment({office.issue, "hello"}), office.member, "c");
  EXPECT_THAT(facts(decision), ElementsAre("comment_added"));
  EXPECT_THAT(expected(*decision), ElementsAre("comment", "issue", "issue", "workspace")) << "the second is the working copy: nobody is at work";
}

TEST(AddComment, that_mentions_an_agent_queues_its_session_and_task_in_the_same_commit) {
  Office office;
  const auto decision = office.log.decide(add_comment({office.issue, "@Fixer please"}), office.member, "c");
  EXPECT_THAT(facts(decision), ElementsAre("comment_added", "session_requested", "working_copy_reserved", "task_queued"));
}

TEST(AddComment, that_mentions_nobody_known_saves_the_comment_and_queues_nothing) {
  Office office;
  EXPECT_THAT(facts(office.log.decide(add_comment({office.issue, "@nobody please"}), office.member, "c")), ElementsAre("comment_added"));
}

TEST(AddComment, saves_nothing_where_no_live_worker_could_claim_the_task) {
  Office office;
  office.log.workers[0].draining = true;
  EXPECT_THAT(facts(office.log.decide(add_comment({office.issue, "@fixer please"}), office.member, "c")), ElementsAre("no_worker_available"));
  office.log.workers[0].draining = false;
  office.log.workers[0].capabilities[0].set_value("false");
  EXPECT_THAT(facts(office.log.decide(add_comment({office.issue, "@fixer please"}), office.member, "c")), ElementsAre("no_worker_available"));
}

TEST(AddComment, refuses_a_second_agents_session_at_the_same_working_copy) {
  Office office;
  const auto busy = office.ask("busy");
  v1::AgentProfileDefined other;
  other.set_name("reviewer");
  other.set_provider("command");
  other.set_enabled(true);
  office.must(define_agent(other), office.owner, "reviewer");
  EXPECT_THAT(facts(office.log.decide(add_comment({busy.issue, "@reviewer look"}), office.member, "c")), ElementsAre("working_copy_busy"));
  EXPECT_THAT(facts(office.log.decide(add_comment({busy.issue, "@fixer ask @reviewer"}), office.member, "c")),
              ElementsAre("comment_added", "follow_up_queued"))
      << "the first one mentioned counts";
}

TEST(AddComment, on_an_issue_at_work_is_a_follow_up_with_or_without_a_mention) {
  Office office;
  const auto busy = office.ask("busy");
  for (const char* body : {"@fixer again", "just a word", "@nobody knows"}) {
    const auto decision = office.log.decide(add_comment({busy.issue, body}), office.member, "c");
    ASSERT_THAT(facts(decision), ElementsAre("comment_added", "follow_up_queued")) << body;
    v1::EventPayload queued;
    queued.ParseFromString(decision->events[1].payload());
    EXPECT_EQ(queued.session().follow_up_queued().body().plain(), body);
    EXPECT_EQ(queued.session().follow_up_queued().comment_id(), events::derive_id<CommentId>(FoldedLog::commit_id("c")).str());
  }
}

TEST(AddComment, to_a_session_that_takes_no_more_follow_ups_saves_nothing) {
  Office office;
  const auto busy = office.ask("busy");
  for (int i = 0; i < events::kMaxWaitingFollowUps; ++i) office.must(add_comment({busy.issue, "a word"}), office.member, "c" + std::to_string(i));
  EXPECT_THAT(facts(office.log.decide(add_comment({busy.issue, "one more"}), office.member, "c")), ElementsAre("follow_ups_full"));
  const auto other = office.ask("other");
  EXPECT_THAT(facts(office.log.decide(add_comment({other.issue, std::string(events::kMaxFollowUpBytes + 1, 'x')}), office.member, "c")),
              ElementsAre("invalid_field"));
}

TEST(AddComment, to_an_agent_needs_a_project) {
  Office office;
  EXPECT_THAT(facts(office.log.decide(add_comment({office.plain_issue, "@fixer please"}), office.member, "c")), ElementsAre("conflict"));
}

TEST(AddComment, by_a_stranger_finds_no_workspace) {
  Office office;
  EXPECT_THAT(facts(office.log.decide(add_comment({office.issue, "hi"}), office.stranger, "c")), ElementsAre("not_found"));
}

TEST(OpenIssue, makes_child_issues_of_its_checklist_in_order) {
  Office office;
  const auto decision = office.log.decide(open_issue({.title = "t", .body = "- [ ] a\n- [x] b", .project = {}}), office.member, "o");
  EXPECT_THAT(facts(decision), ElementsAre("issue_opened", "issue_numbered", "issue_opened", "issue_numbered", "child_issue_linked", "issue_opened",
                                           "issue_numbered", "child_issue_linked"));
  v1::EventPayload second;
  second.ParseFromString(decision->events[5].payload());
  EXPECT_EQ(second.issue().issue_opened().status(), v1::CLOSED);
  EXPECT_EQ(second.issue().issue_opened().title().plain(), "b");
}

TEST(OpenIssue, expects_nothing_of_the_numbers) {
  Office office;
  const auto decision = office.log.decide(open_issue({.title = "t", .body = {}, .project = {}}), office.member, "o");
  for (const auto& expect : decision->expects) EXPECT_EQ(expect.stream().find("/issues"), std::string::npos);
}

TEST(DefineAgent, needs_an_admin) {
  Office office;
  v1::AgentProfileDefined agent;
  agent.set_name("codex");
  EXPECT_THAT(facts(office.log.decide(define_agent(agent), office.member, "d")), ElementsAre("forbidden"));
  EXPECT_THAT(facts(office.log.decide(define_agent(agent), office.owner, "d")), ElementsAre("agent_profile_defined"));
}

TEST(WorkerReport, of_a_claim_by_another_worker_changes_nothing) {
  Office office;
  const auto busy = office.ask("busy");
  office.offer(busy);
  auto claim = report(busy, office.other_worker);
  claim.mutable_claim();
  EXPECT_THAT(facts(office.log.decide(worker_report(claim), "w", "r")), ElementsAre("offer_superseded"));
}

TEST(WorkerReport, of_the_end_ends_the_session_and_frees_the_working_copy) {
  Office office;
  const auto busy = office.ask("busy");
  office.offer(busy);
  office.claim(busy);
  auto done = report(busy, office.worker);
  done.mutable_run_completed()->set_commit("abc");
  EXPECT_THAT(facts(office.log.decide(worker_report(done), "w", "r")), ElementsAre("task_completed", "session_ended", "working_copy_released"));
}

TEST(WorkerReport, of_the_end_with_follow_ups_waiting_begins_the_session_that_continues_it) {
  Office office;
  const auto busy = office.ask("busy");
  office.offer(busy);
  office.claim(busy);
  office.must(add_comment({busy.issue, "one more thing"}), office.member, "more");
  auto done = report(busy, office.worker);
  done.mutable_run_completed()->set_commit("abc");
  EXPECT_THAT(facts(office.log.decide(worker_report(done), "w", "r")),
              ElementsAre("task_completed", "follow_up_delivered", "session_ended", "working_copy_released", "session_requested",
                          "working_copy_reserved", "task_queued"));
  auto failed = report(busy, office.worker);
  failed.mutable_run_failed()->set_code("agent_failed");
  EXPECT_THAT(facts(office.log.decide(worker_report(failed), "w", "r")),
              ElementsAre("failure_recorded", "task_failed", "session_ended", "working_copy_released"));
}

TEST(WorkerReport, of_the_end_with_follow_ups_for_an_agent_that_was_disabled_ends_the_session_alone) {
  Office office;
  const auto busy = office.ask("busy");
  office.offer(busy);
  office.claim(busy);
  office.must(add_comment({busy.issue, "one more thing"}), office.member, "more");
  v1::AgentProfileDefined disabled;
  disabled.set_name("fixer");
  disabled.set_provider("command");
  office.must(define_agent(disabled), office.owner, "disable");
  auto done = report(busy, office.worker);
  done.mutable_run_completed();
  EXPECT_THAT(facts(office.log.decide(worker_report(done), "w", "r")), ElementsAre("task_completed", "session_ended", "working_copy_released"));
}

TEST(WorkerReport, of_the_end_of_a_turn_delivers_what_waits_and_again_nothing) {
  Office office;
  const auto busy = office.ask("busy");
  office.offer(busy);
  office.claim(busy);
  office.must(add_comment({busy.issue, "a"}), office.member, "a");
  office.must(add_comment({busy.issue, "b"}), office.member, "b");
  auto ended = report(busy, office.worker);
  ended.mutable_turn_ended()->set_turn(1);
  EXPECT_THAT(facts(office.log.decide(worker_report(ended), "w", "r")), ElementsAre("turn_completed", "follow_up_delivered", "follow_up_delivered"));
  office.must(worker_report(ended), office.worker.str(), "ended");
  EXPECT_TRUE(office.log.decide(worker_report(ended), "w", "again")->events.empty());
}

TEST(StopSession, cancels_its_task_and_needs_a_member) {
  Office office;
  const auto busy = office.ask("busy");
  EXPECT_THAT(facts(office.log.decide(stop_session(busy.session, "no"), office.stranger, "s")), ElementsAre("not_found"));
  EXPECT_THAT(facts(office.log.decide(stop_session(busy.session, "no"), office.member, "s")),
              ElementsAre("task_cancelled", "session_ended", "working_copy_released"));
  office.offer(busy);
  office.claim(busy);
  EXPECT_THAT(facts(office.log.decide(stop_session(busy.session, "no"), office.member, "s")), ElementsAre("task_cancel_requested"));
  EXPECT_THAT(facts(office.log.decide(stop_session(SessionId("ses_" + std::string(32, '0')), "no"), office.member, "s")), ElementsAre("not_found"));
}

TEST(FollowUpCommands, need_a_member_and_a_session) {
  Office office;
  const auto busy = office.ask("busy");
  EXPECT_THAT(facts(office.log.decide(add_follow_up(busy.session, "a"), office.member, "f")), ElementsAre("follow_up_queued"));
  EXPECT_THAT(facts(office.log.decide(add_follow_up(busy.session, "a"), office.stranger, "f")), ElementsAre("not_found"));
  EXPECT_THAT(facts(office.log.decide(add_follow_up(SessionId("ses_" + std::string(32, '0')), "a"), office.member, "f")), ElementsAre("not_found"));
}

TEST(WorkerReport, under_an_older_offer_is_kept_as_late_and_not_applied) {
  Office office;
  const auto busy = office.ask("busy");
  office.offer(busy);
  office.claim(busy);
  office.must(expire_lease(busy.task, 1), "intake", "expire");
  auto done = report(busy, office.worker);
  done.mutable_run_completed()->mutable_result()->set_plain("too late");
  const auto decision = office.log.decide(worker_report(done), "w", "r");
  EXPECT_THAT(facts(decision), ElementsAre("late_result_recorded"));
  EXPECT_TRUE(decision->expects.empty()) << "that it is over can't change any more";
  v1::Commit commit;
  for (const auto& event : decision->events) *commit.add_events() = event;
  EXPECT_TRUE(recorded_as_late(commit));
}

TEST(WorkerReport, of_source_after_the_cancel_request_is_not_used) {
  Office office;
  const auto busy = office.ask("busy");
  office.offer(busy);
  office.claim(busy);
  office.must(cancel_task(busy.task, "no"), office.member, "cancel");
  auto source = report(busy, office.worker);
  source.mutable_source()->set_commit("abc");
  EXPECT_TRUE(office.log.decide(worker_report(source), "w", "r")->events.empty());
  auto done = report(busy, office.worker);
  done.mutable_run_completed();
  EXPECT_THAT(facts(office.log.decide(worker_report(done), "w", "r")), ElementsAre("task_cancelled", "session_ended", "working_copy_released"));
}

TEST(Commands, yield_nothing_when_they_come_twice) {
  Office office;
  const auto busy = office.ask("busy");
  office.offer(busy);
  office.claim(busy);
  auto claim = report(busy, office.worker);
  claim.mutable_claim();
  EXPECT_TRUE(office.log.decide(worker_report(claim), "w", "again")->events.empty());
  office.must(cancel_task(busy.task, ""), office.member, "cancel");
  EXPECT_TRUE(office.log.decide(cancel_task(busy.task, ""), office.member, "cancel again")->events.empty());
  EXPECT_TRUE(office.log.decide(lapse_offer(busy.task, 1, "deadline"), "s", "lapse")->events.empty());
}

}  // namespace
}  // namespace dossier::producers::commands
