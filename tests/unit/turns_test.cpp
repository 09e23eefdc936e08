// Sessions of more than one turn, with scheduler, intake and a scripted worker on a server in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "producers/commands/session.hpp"
#include "tests/support/memory_office.hpp"

namespace dossier::producers {
namespace {

using test::MemoryOffice;
using test::MemoryServer;
using test::MemoryWorker;
using ::testing::ElementsAre;
using Control = v1::ControlMessage;

constexpr std::int64_t kSecond = 1'000'000;

// An issue whose agent is in its first turn.
struct Busy {
  MemoryOffice office;
  MemoryWorker worker = office.add_worker("a");
  IssueId issue;
  TaskId task;
  SessionId session;

  Busy() {
    issue = events::derive_id<IssueId>(office.must(commands::open_issue({.title = "t", .body = {}, .project = office.project})).commit.id);
    const auto comment = office.must(commands::add_comment({issue, "@fixer please"})).commit.id;
    task = events::derive_id<TaskId>(comment);
    session = events::derive_id<SessionId>(comment);
    run(worker, 1);
  }
  // Claims the offer and begins a turn.
  void run(MemoryWorker& by, std::uint32_t turn, std::uint32_t offer = 1) {
    by.claim(office.fence(task, offer));
    by.report(office.fence(task, offer), [](v1::Report& report) { report.mutable_run_started()->set_provider_session("thread-1"); });
    begin(by, turn, offer);
  }
  void begin(MemoryWorker& by, std::uint32_t turn, std::uint32_t offer = 1) {
    by.report(office.fence(task, offer), [=](v1::Report& report) { report.mutable_turn_began()->set_turn(turn); });
    office.settle_all();
  }
  void end(MemoryWorker& by, std::uint32_t turn, std::uint32_t offer = 1) {
    by.report(office.fence(task, offer), [=](v1::Report& report) { report.mutable_turn_ended()->set_turn(turn); });
    office.settle_all();
  }
  FollowUpId say(const std::string& body) { return events::derive_id<FollowUpId>(office.must(commands::add_comment({issue, body})).commit.id); }
  v1::SessionState state(const SessionId& id) {
    auto snapshot = office.server.states.snapshot();
    v1::SessionState out;
    out.ParseFromString((*snapshot)->stream(office.workspace, events::session_stream(id))->state);
    return out;
  }
  v1::CopyState copy() {
    auto snapshot = office.server.states.snapshot();
    v1::CopyState out;
    out.ParseFromString((*snapshot)->stream(office.workspace, events::copy_stream(issue))->state);
    return out;
  }
  std::vector<v1::ControlMessage> told(Control::MessageCase kind) const { return office.told(worker, kind); }
};

std::vector<std::string> words(const v1::NextTurn& turn) {
  std::vector<std::string> out;
  for (const auto& input : turn.inputs()) out.push_back(input.body().plain());
  return out;
}

TEST(Turns, comments_on_an_issue_at_work_begin_the_next_turn_in_their_order) {
  Busy busy;
  busy.say("and this");
  busy.say("@fixer and that");
  busy.end(busy.worker, 1);
  ASSERT_EQ(busy.told(Control::kNextTurn).size(), 1u);
  const v1::NextTurn next = busy.told(Control::kNextTurn)[0].next_turn();
  EXPECT_EQ(next.task_id(), busy.task.str());
  EXPECT_EQ(next.turn(), 2u);
  EXPECT_THAT(words(next), ElementsAre("and this", "@fixer and that"));
  EXPECT_TRUE(busy.told(Control::kFinishRun).empty());
  busy.begin(busy.worker, 2);
  busy.end(busy.worker, 2);
  ASSERT_EQ(busy.told(Control::kFinishRun).size(), 1u);
  EXPECT_EQ(busy.told(Control::kFinishRun)[0].finish_run().turn(), 2u);
  busy.worker.complete(busy.office.fence(busy.task));
  busy.office.settle_all();
  EXPECT_EQ(busy.office.task(busy.task).status(), v1::TaskState::COMPLETED);
  EXPECT_EQ(busy.copy().active_session_id(), "");
}

TEST(Turns, the_end_of_a_turn_reported_again_is_one_fact_and_the_same_answer) {
  Busy busy;
  busy.say("and this");
  busy.end(busy.worker, 1);
  const auto records = busy.office.at.events_of(busy.office.workspace).size();
  busy.say("something that came later");
  busy.worker.repeat_last();
  busy.office.settle_all();
  const auto told = busy.told(Control::kNextTurn);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].SerializeAsString(), told[1].SerializeAsString());
  EXPECT_EQ(busy.office.at.events_of(busy.office.workspace).size(), records + 1) << "the comment alone";
}

TEST(Turns, a_new_server_that_reads_the_end_of_a_turn_again_answers_as_the_last_one_did) {
  Busy busy;
  busy.say("and this");
  // Its position is never saved: what it decided is read again.
  busy.office.at.database->set_faults(
      [](std::string_view operation) { return operation == "save" ? memory::DatabaseFault::unavailable : memory::DatabaseFault::none; });
  busy.end(busy.worker, 1);
  ASSERT_EQ(busy.told(Control::kNextTurn).size(), 1u);
  busy.office.server.freeze();
  busy.office.at.database->set_faults({});
  MemoryServer second(busy.office.at, "two");
  busy.office.servers = {&second};
  busy.office.settle_all();
  const auto told = busy.told(Control::kNextTurn);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].SerializeAsString(), told[1].SerializeAsString());
}

TEST(Turns, the_answer_waits_for_a_database_that_went_away_when_the_end_was_decided) {
  Busy busy;
  const auto before = busy.office.at.events_of(busy.office.workspace).size();
  bool away = true;
  busy.office.at.database->set_faults([&](std::string_view operation) {
    const bool decided = busy.office.at.events_of(busy.office.workspace).size() > before;
    return away && decided && operation == "snapshot" ? memory::DatabaseFault::unavailable : memory::DatabaseFault::none;
  });
  busy.end(busy.worker, 1);
  busy.worker.complete(busy.office.fence(busy.task));
  busy.office.settle_all(2 * kSecond);
  EXPECT_EQ(busy.office.at.events_of(busy.office.workspace).size(), before + 1);
  EXPECT_TRUE(busy.told(Control::kFinishRun).empty());
  away = false;
  busy.office.settle_all(10 * kSecond);
  EXPECT_EQ(busy.told(Control::kFinishRun).size(), 1u);
  EXPECT_EQ(busy.office.task(busy.task).status(), v1::TaskState::COMPLETED);
}

TEST(Turns, a_follow_up_that_came_after_the_answer_begins_a_session_that_continues_this_one) {
  Busy busy;
  busy.end(busy.worker, 1);
  ASSERT_EQ(busy.told(Control::kFinishRun).size(), 1u);
  busy.say("one more thing");
  busy.say("and another");
  busy.worker.complete(busy.office.fence(busy.task));
  busy.office.settle_all();
  EXPECT_EQ(busy.state(busy.session).status(), v1::SessionState::ENDED);
  EXPECT_EQ(busy.state(busy.session).waiting_size(), 0);
  const SessionId next(busy.copy().active_session_id());
  ASSERT_FALSE(next.empty());
  EXPECT_EQ(busy.state(next).continues_session_id(), busy.session.str());
  const auto offers = busy.office.offers(TaskId(busy.state(next).task_id()));
  ASSERT_EQ(offers.size(), 1u);
  EXPECT_EQ(offers[0].spec().prompt().plain(), "one more thing\n\nand another");
  EXPECT_EQ(offers[0].spec().continues_session_id(), busy.session.str());
  EXPECT_EQ(offers[0].resume().provider_session(), "thread-1");
  EXPECT_EQ(offers[0].resume().worker_id(), busy.worker.id().str());
  EXPECT_EQ(offers[0].resume().turns(), 0u);
}

// As a worker of the version before does: it knows nothing of the answer, and completes at once.
TEST(Turns, a_worker_that_completes_without_waiting_for_the_answer_loses_no_follow_up) {
  Busy busy;
  busy.say("and this");
  busy.worker.report(busy.office.fence(busy.task), [](v1::Report& report) { report.mutable_turn_ended()->set_turn(1); });
  busy.worker.complete(busy.office.fence(busy.task));
  busy.office.settle_all();
  EXPECT_EQ(busy.office.task(busy.task).status(), v1::TaskState::COMPLETED);
  const SessionId next(busy.copy().active_session_id());
  ASSERT_FALSE(next.empty());
  const auto offers = busy.office.offers(TaskId(busy.state(next).task_id()));
  ASSERT_EQ(offers.size(), 1u);
  EXPECT_EQ(offers[0].spec().prompt().plain(), "and this");
}

TEST(Turns, of_a_session_that_fails_what_waited_stays_undelivered) {
  Busy busy;
  busy.say("and this");
  busy.worker.report(busy.office.fence(busy.task), [](v1::Report& report) { report.mutable_run_failed()->set_code("agent_failed"); });
  busy.office.settle_all();
  EXPECT_EQ(busy.state(busy.session).status(), v1::SessionState::ENDED);
  EXPECT_EQ(busy.state(busy.session).waiting_size(), 1);
  EXPECT_EQ(busy.copy().active_session_id(), "");
}

TEST(Turns, a_mention_after_the_end_continues_the_session_of_the_same_agent) {
  Busy busy;
  busy.end(busy.worker, 1);
  busy.worker.complete(busy.office.fence(busy.task));
  busy.office.settle_all();
  const auto comment = busy.office.must(commands::add_comment({busy.issue, "@fixer once more"})).commit.id;
  const auto offers = busy.office.offers(events::derive_id<TaskId>(comment));
  ASSERT_EQ(offers.size(), 1u);
  EXPECT_EQ(offers[0].spec().continues_session_id(), busy.session.str());
  EXPECT_EQ(offers[0].resume().provider_session(), "thread-1");
  EXPECT_EQ(busy.state(events::derive_id<SessionId>(comment)).continues_session_id(), busy.session.str());
}

TEST(Turns, a_comment_after_the_end_without_a_mention_is_a_comment_and_no_more) {
  Busy busy;
  busy.worker.complete(busy.office.fence(busy.task));
  busy.office.settle_all();
  busy.say("thanks");
  EXPECT_EQ(busy.copy().active_session_id(), "");
  EXPECT_EQ(busy.state(busy.session).waiting_size(), 0);
}

TEST(Turns, what_is_steered_is_sent_until_the_turn_took_it) {
  Busy busy;
  const FollowUpId id = busy.say("stop touching that file");
  busy.office.must(commands::steer_follow_up(busy.session, id));
  ASSERT_EQ(busy.told(Control::kSteerRun).size(), 1u);
  EXPECT_EQ(busy.told(Control::kSteerRun)[0].steer_run().input().follow_up_id(), id.str());
  EXPECT_EQ(busy.told(Control::kSteerRun)[0].steer_run().input().body().plain(), "stop touching that file");
  busy.office.pass(6 * kSecond, [&] { busy.worker.heartbeat({busy.office.fence(busy.task)}); });
  EXPECT_EQ(busy.told(Control::kSteerRun).size(), 2u);
  busy.worker.report(busy.office.fence(busy.task), [&](v1::Report& report) {
    report.mutable_follow_up_steered()->set_follow_up_id(id.str());
    report.mutable_follow_up_steered()->set_turn(1);
  });
  busy.office.pass(12 * kSecond, [&] { busy.worker.heartbeat({busy.office.fence(busy.task)}); });
  EXPECT_EQ(busy.told(Control::kSteerRun).size(), 2u);
  busy.end(busy.worker, 1);
  EXPECT_EQ(busy.told(Control::kFinishRun).size(), 1u) << "the turn had it already";
}

TEST(Turns, what_was_not_steered_before_the_turn_ended_goes_with_the_next_one_and_is_sent_no_more) {
  Busy busy;
  const FollowUpId id = busy.say("a word");
  busy.office.must(commands::steer_follow_up(busy.session, id));
  busy.end(busy.worker, 1);
  ASSERT_EQ(busy.told(Control::kNextTurn).size(), 1u);
  EXPECT_EQ(busy.told(Control::kNextTurn)[0].next_turn().inputs(0).follow_up_id(), id.str());
  const auto sent = busy.told(Control::kSteerRun).size();
  busy.office.pass(12 * kSecond, [&] { busy.worker.heartbeat({busy.office.fence(busy.task)}); });
  EXPECT_EQ(busy.told(Control::kSteerRun).size(), sent);
}

TEST(Turns, a_task_whose_worker_was_lost_is_offered_with_what_its_turn_was_told) {
  Busy busy;
  busy.say("and this");
  busy.end(busy.worker, 1);
  busy.begin(busy.worker, 2);
  busy.say("waiting");
  busy.office.pass(25 * kSecond);  // no sign of life
  MemoryWorker other = busy.office.add_worker("b");
  busy.office.settle_all();
  const auto offers = busy.office.offers(busy.task);
  ASSERT_EQ(offers.size(), 2u);
  EXPECT_FALSE(offers[0].has_resume());
  const v1::SessionResume& resume = offers[1].resume();
  EXPECT_EQ(offers[1].worker_id(), other.id().str());
  EXPECT_EQ(resume.provider_session(), "thread-1");
  EXPECT_EQ(resume.worker_id(), busy.worker.id().str());
  EXPECT_EQ(resume.turns(), 2u);
  ASSERT_EQ(resume.inputs_size(), 1);
  EXPECT_EQ(resume.inputs(0).body().plain(), "and this");
  busy.office.pass(kSecond, [&] { other.heartbeat(); });
  ASSERT_FALSE(busy.office.told(other, Control::kOffer).empty());
  EXPECT_EQ(busy.office.told(other, Control::kOffer)[0].offer().resume().SerializeAsString(), resume.SerializeAsString())
      << "the repeat says the same";
}

TEST(Turns, a_first_turn_that_was_steered_and_broke_off_is_told_its_prompt_too) {
  Busy busy;
  const FollowUpId id = busy.say("mind the tests");
  busy.office.must(commands::steer_follow_up(busy.session, id));
  busy.worker.report(busy.office.fence(busy.task), [&](v1::Report& report) {
    report.mutable_follow_up_steered()->set_follow_up_id(id.str());
    report.mutable_follow_up_steered()->set_turn(1);
  });
  busy.office.settle_all();
  busy.office.pass(25 * kSecond);
  MemoryWorker other = busy.office.add_worker("b");
  const auto offers = busy.office.offers(busy.task);
  ASSERT_EQ(offers.size(), 2u);
  ASSERT_EQ(offers[1].resume().inputs_size(), 2);
  EXPECT_EQ(offers[1].resume().inputs(0).body().plain(), "@fixer please");
  EXPECT_EQ(offers[1].resume().inputs(1).body().plain(), "mind the tests");
}

TEST(Turns, a_session_is_stopped_by_cancelling_its_task) {
  Busy busy;
  busy.office.must(commands::stop_session(busy.session, "wrong branch"));
  ASSERT_FALSE(busy.told(Control::kCancelRun).empty());
  EXPECT_EQ(busy.told(Control::kCancelRun)[0].cancel_run().reason(), "wrong branch");
  busy.end(busy.worker, 1);
  EXPECT_EQ(busy.told(Control::kFinishRun).size(), 1u) << "a worker that heard of it late waits for nothing";
  busy.worker.complete(busy.office.fence(busy.task));
  busy.office.settle_all();
  EXPECT_EQ(busy.office.task(busy.task).status(), v1::TaskState::CANCELLED);
}

TEST(Turns, a_turns_end_under_an_old_offer_is_fenced_and_not_answered) {
  Busy busy;
  busy.office.pass(25 * kSecond);
  busy.end(busy.worker, 1);
  EXPECT_TRUE(busy.told(Control::kFinishRun).empty());
  EXPECT_FALSE(busy.told(Control::kFenced).empty());
}

TEST(Turns, limits_and_refused_evidence_are_facts) {
  Busy busy;
  busy.worker.report(busy.office.fence(busy.task), [](v1::Report& report) { report.mutable_limit_reached()->set_limit("disk"); });
  busy.worker.report(busy.office.fence(busy.task), [](v1::Report& report) { report.mutable_evidence_rejected()->set_code("too_large"); });
  busy.office.settle_all();
  std::vector<std::string> seen;
  for (const auto& record : busy.office.at.events_of(busy.office.workspace)) {
    v1::Record decoded;
    ASSERT_TRUE(decoded.ParseFromString(record.value));
    for (const auto& event : decoded.commit().events()) {
      v1::EventPayload payload;
      payload.ParseFromString(event.payload());
      if (payload.session().has_limit_reached()) {
        seen.push_back(payload.session().limit_reached().limit());
        EXPECT_EQ(payload.session().limit_reached().offer(), 1u);
        EXPECT_EQ(event.issue_id(), busy.issue.str());
      }
      if (payload.issue().has_evidence_rejected()) {
        seen.push_back(payload.issue().evidence_rejected().code());
        EXPECT_EQ(payload.issue().evidence_rejected().session_id(), busy.session.str());
        EXPECT_EQ(payload.issue().evidence_rejected().offer(), 1u);
      }
    }
  }
  EXPECT_THAT(seen, ElementsAre("disk", "too_large"));
}

}  // namespace
}  // namespace dossier::producers
