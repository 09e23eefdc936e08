// Follow-ups of a session: given events, when a command, then events or a refusal.
#include "events/follow_up.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "events/fold.hpp"
#include "events/session.hpp"

namespace dossier::events {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::FollowUpQueued queued(const std::string& id, const std::string& body = "a word") {
  v1::FollowUpQueued fact;
  fact.set_follow_up_id(id);
  fact.set_comment_id("cmt_" + id);
  fact.mutable_body()->set_plain(body);
  return fact;
}
v1::Text text(const std::string& words) {
  v1::Text out;
  out.set_plain(words);
  return out;
}

// Decides and folds what was decided, as the log would.
class Session {
 public:
  Session() {
    v1::SessionEvent requested;
    requested.mutable_session_requested()->set_session_id("ses_1");
    requested.mutable_session_requested()->set_task_id("tsk_1");
    EXPECT_TRUE(evolve(state, requested));
    start("wkr_1");
  }
  void fold(const v1::SessionEvent& event) { EXPECT_TRUE(evolve(state, event)); }
  Code apply(const Result<v1::SessionEvent>& decided) {
    if (!decided) return decided.error().code;
    fold(*decided);
    return Code::internal;  // none of the refusals that are looked for
  }
  // How many events were decided; a refusal fails the test.
  int apply(const Result<std::optional<v1::SessionEvent>>& decided) {
    EXPECT_TRUE(decided.has_value()) << decided.error().message;
    if (!decided || !decided->has_value()) return 0;
    fold(**decided);
    return 1;
  }
  void queue(const std::string& id, const std::string& body = "a word") { apply(queue_follow_up(state, queued(id, body))); }
  void start(const std::string& worker) {
    v1::SessionStarted started;
    started.set_worker_id(worker);
    started.set_provider_session("thread");
    apply(start_session(state, started));
  }
  void begin(std::uint32_t turn) {
    v1::TurnStarted started;
    started.set_turn(turn);
    apply(begin_turn(state, started));
  }
  // As a report of the turn's end is decided; the ids delivered.
  std::vector<std::string> end(std::uint32_t turn) {
    v1::TurnCompleted completed;
    completed.set_turn(turn);
    std::vector<std::string> ids;
    if (apply(end_turn(state, completed)) == 0) return ids;
    for (const auto& event : deliver_follow_ups(state, turn + 1)) {
      ids.push_back(event.follow_up_delivered().follow_up_id());
      EXPECT_EQ(event.follow_up_delivered().turn(), turn + 1);
      fold(event);
    }
    return ids;
  }
  int steer(const std::string& id, std::uint32_t turn) {
    v1::FollowUpDelivered delivered;
    delivered.set_follow_up_id(id);
    delivered.set_turn(turn);
    return apply(steered(state, delivered));
  }
  std::vector<std::string> waiting() const { return ids(state.waiting()); }
  std::vector<std::string> inputs() const { return ids(state.inputs()); }
  template <class List>
  static std::vector<std::string> ids(const List& list) {
    std::vector<std::string> out;
    out.reserve(static_cast<std::size_t>(list.size()));
    for (const auto& one : list) out.push_back(one.follow_up_id());
    return out;
  }
  v1::SessionState state;
};

TEST(FollowUps, wait_in_order_and_all_go_to_the_next_turn_in_that_order) {
  Session session;
  session.begin(1);
  for (const char* id : {"b", "a", "c"}) session.queue(id);
  EXPECT_THAT(session.waiting(), ElementsAre("b", "a", "c"));
  EXPECT_THAT(session.end(1), ElementsAre("b", "a", "c"));
  EXPECT_THAT(session.waiting(), IsEmpty());
  const auto answer = answer_to_turn(session.state, 1);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->kind, TurnAnswer::Kind::next_turn);
  EXPECT_EQ(answer->turn, 2u);
  EXPECT_THAT(Session::ids(answer->inputs), ElementsAre("b", "a", "c"));
}

TEST(FollowUps, a_turn_that_ends_with_nothing_waiting_is_answered_with_finish) {
  Session session;
  session.begin(1);
  EXPECT_THAT(session.end(1), IsEmpty());
  const auto answer = answer_to_turn(session.state, 1);
  EXPECT_EQ(answer->kind, TurnAnswer::Kind::finish);
  EXPECT_EQ(answer->turn, 1u);
}

TEST(FollowUps, what_came_after_the_turns_end_does_not_change_its_answer) {
  Session session;
  session.begin(1);
  session.queue("a");
  session.end(1);
  session.queue("late");
  EXPECT_THAT(Session::ids(answer_to_turn(session.state, 1)->inputs), ElementsAre("a"));
  EXPECT_THAT(session.end(1), IsEmpty()) << "the same end again delivers nothing";
  EXPECT_THAT(session.waiting(), ElementsAre("late"));
  session.begin(2);
  EXPECT_EQ(answer_to_turn(session.state, 1)->kind, TurnAnswer::Kind::nothing) << "the session has gone on";
  EXPECT_THAT(session.end(2), ElementsAre("late"));
}

TEST(FollowUps, a_state_that_does_not_show_the_turns_end_gives_no_answer) {
  Session session;
  session.begin(1);
  EXPECT_EQ(answer_to_turn(session.state, 1).error().code, Code::projection_behind);
  EXPECT_EQ(answer_to_turn(session.state, 2).error().code, Code::projection_behind);
}

TEST(FollowUps, twenty_wait_and_no_more) {
  Session session;
  session.begin(1);
  for (int i = 0; i < kMaxWaitingFollowUps; ++i) session.queue(std::to_string(i));
  EXPECT_EQ(session.state.waiting_size(), 20);
  EXPECT_EQ(session.apply(queue_follow_up(session.state, queued("more"))), Code::follow_ups_full);
  session.apply(remove_follow_up(session.state, "3"));
  session.queue("more");
  EXPECT_EQ(session.state.waiting_size(), 20);
}

TEST(FollowUps, one_holds_64_KiB_and_no_more) {
  Session session;
  session.queue("most", std::string(kMaxFollowUpBytes, 'x'));
  EXPECT_THAT(session.waiting(), ElementsAre("most"));
  const auto refused = queue_follow_up(session.state, queued("more", std::string(kMaxFollowUpBytes + 1, 'x')));
  EXPECT_EQ(refused.error().code, Code::invalid_field);
  EXPECT_EQ(refused.error().field, "body");
  EXPECT_EQ(queue_follow_up(session.state, queued("none", "")).error().field, "body");
  EXPECT_EQ(edit_follow_up(session.state, "most", text(std::string(kMaxFollowUpBytes + 1, 'x'))).error().field, "body");
}

// They travel in one message, and in one commit where a session continues another.
TEST(FollowUps, of_a_session_hold_no_more_together_than_a_message_carries) {
  Session session;
  session.begin(1);
  for (int i = 0; i < 5; ++i) session.queue(std::to_string(i), std::string(kMaxFollowUpBytes, 'x'));
  ASSERT_EQ(session.state.waiting_size(), 5);
  EXPECT_EQ(session.apply(queue_follow_up(session.state, queued("full", std::string(kMaxFollowUpBytes, 'x')))), Code::follow_ups_full);
  session.queue("small");
  EXPECT_EQ(edit_follow_up(session.state, "small", text(std::string(kMaxFollowUpBytes, 'x'))).error().code, Code::follow_ups_full);
  session.end(1);
  session.begin(2);
  EXPECT_EQ(session.apply(queue_follow_up(session.state, queued("full", std::string(kMaxFollowUpBytes, 'x')))), Code::follow_ups_full)
      << "the present turn's inputs count: they may have to be said again";
  session.end(2);
  session.queue("first of the next");
  session.begin(3);
  EXPECT_LT(session.state.ByteSizeLong(), 900'000u);
}

TEST(FollowUps, are_edited_and_removed_while_they_wait) {
  Session session;
  session.begin(1);
  session.queue("a", "first");
  session.queue("b");
  EXPECT_EQ(session.apply(edit_follow_up(session.state, "a", text("second"))), 1);
  EXPECT_EQ(session.apply(edit_follow_up(session.state, "a", text("second"))), 0) << "says the same";
  EXPECT_EQ(session.state.waiting(0).body().plain(), "second");
  session.apply(remove_follow_up(session.state, "b"));
  EXPECT_THAT(session.waiting(), ElementsAre("a"));
  EXPECT_EQ(session.apply(remove_follow_up(session.state, "b")), Code::not_found);
  EXPECT_THAT(session.end(1), ElementsAre("a"));
  EXPECT_EQ(session.apply(remove_follow_up(session.state, "a")), Code::terminal_state);
  EXPECT_EQ(edit_follow_up(session.state, "a", text("third")).error().code, Code::terminal_state);
}

TEST(FollowUps, one_that_is_steered_goes_into_the_present_turn_once) {
  Session session;
  session.begin(1);
  session.queue("a");
  session.queue("b");
  EXPECT_EQ(session.apply(request_steer(session.state, "b")), 1);
  EXPECT_EQ(session.apply(request_steer(session.state, "b")), 0);
  EXPECT_EQ(session.steer("b", 1), 1);
  EXPECT_EQ(session.steer("b", 1), 0);
  EXPECT_THAT(session.inputs(), ElementsAre("b"));
  EXPECT_TRUE(session.state.inputs(0).steer());
  EXPECT_THAT(session.end(1), ElementsAre("a"));
  EXPECT_THAT(session.inputs(), ElementsAre("a"));
}

TEST(FollowUps, one_that_was_not_steered_in_time_goes_with_the_next_turn) {
  Session session;
  session.begin(1);
  session.queue("a");
  session.apply(request_steer(session.state, "a"));
  EXPECT_THAT(session.end(1), ElementsAre("a"));
  EXPECT_FALSE(session.state.inputs(0).steer());
}

// The agent may have read it: no other word may stand in the record then.
TEST(FollowUps, one_that_is_being_steered_is_neither_changed_nor_taken_back) {
  Session session;
  session.begin(1);
  session.queue("a");
  session.apply(request_steer(session.state, "a"));
  EXPECT_EQ(edit_follow_up(session.state, "a", text("other")).error().code, Code::conflict);
  EXPECT_EQ(session.apply(remove_follow_up(session.state, "a")), Code::conflict);
}

TEST(FollowUps, an_unknown_one_that_was_steered_is_refused) {
  Session session;
  session.begin(1);
  v1::FollowUpDelivered delivered;
  delivered.set_follow_up_id("nobody");
  EXPECT_EQ(steered(session.state, delivered).error().code, Code::not_found);
}

TEST(FollowUps, the_inputs_of_a_turn_that_broke_off_are_kept_for_the_one_that_says_them_again) {
  Session session;
  session.begin(1);
  session.queue("a");
  session.end(1);
  session.begin(2);
  session.queue("b");
  session.start("wkr_2");  // the first worker was lost
  EXPECT_THAT(session.inputs(), ElementsAre("a"));
  session.begin(3);
  EXPECT_THAT(session.inputs(), ElementsAre("a"));
  session.start("wkr_3");  // and the second
  EXPECT_THAT(session.inputs(), ElementsAre("a"));
  session.begin(4);
  EXPECT_THAT(session.end(4), ElementsAre("b"));
  EXPECT_THAT(session.inputs(), ElementsAre("b"));
}

TEST(FollowUps, what_was_delivered_to_a_turn_that_never_began_counts_as_untold) {
  Session session;
  session.begin(1);
  session.queue("a");
  session.end(1);
  session.queue("b");
  EXPECT_THAT(Session::ids(untold_follow_ups(session.state)), ElementsAre("a", "b"));
  session.begin(2);
  EXPECT_THAT(Session::ids(untold_follow_ups(session.state)), ElementsAre("b"));
}

TEST(FollowUps, a_session_that_has_ended_takes_none) {
  Session session;
  session.queue("a");
  session.fold(*end_session(session.state, "failed"));
  EXPECT_EQ(session.apply(queue_follow_up(session.state, queued("b"))), Code::terminal_state);
  EXPECT_EQ(session.apply(remove_follow_up(session.state, "a")), Code::terminal_state);
  EXPECT_EQ(request_steer(session.state, "a").error().code, Code::terminal_state);
  EXPECT_EQ(answer_to_turn(session.state, 1)->kind, TurnAnswer::Kind::nothing);
  EXPECT_THAT(session.waiting(), ElementsAre("a")) << "listed as not delivered";
}

}  // namespace
}  // namespace dossier::events
