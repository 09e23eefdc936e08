// The write path on a broker and a database in memory, with what can go wrong between them.
#include "tests/unit/command_runner_fixture.hpp"

namespace dossier::producers::runner {
namespace {

TEST_F(CommandRunnerTest, an_accepted_command_is_durable_and_visible_when_it_is_answered) {
  const auto answer = ask(one, command("a", rename("a")));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->commit.seq, 1u);
  EXPECT_FALSE(answer->repeated);
  EXPECT_EQ(answer->commit.versions, std::vector<std::uint64_t>{1});
  EXPECT_EQ(version(), 1u);
  EXPECT_EQ(one.runner.metrics().accepted.load(), 1u);
  EXPECT_EQ(one.runner.metrics().in_flight.load(), 0);
}

// The projector's commits are not fsynced, so a crash forgets the last of them for a moment: a comment on an issue that had just
// been acknowledged could be answered with 404.
TEST_F(CommandRunnerTest, a_database_that_forgot_what_was_applied_refuses_nothing) {
  const auto requires_one = [](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    TRY(const StreamState state, snapshot.stream(context.workspace, kStream));
    if (state.version == 0) return make_error(Code::not_found, "there is no such thing");
    return rename("again")(snapshot, context);
  };
  ASSERT_TRUE(ask(one, command("a", rename("a"))));
  one.projects = false;
  at.database->crash(1);
  ASSERT_EQ(version(), 0u);
  EXPECT_EQ(ask(one, command("b", requires_one)).error().code, Code::projection_behind);
  EXPECT_EQ(one.runner.database_is_present().error().code, Code::projection_behind);
  one.projects = true;
  // The projector looks at its stored position once a second, and reads the log again after a pause.
  for (int look = 0; look < 20 && !one.runner.database_is_present(); ++look) {
    at.clock.advance_us(200'000);
    settle(at, {&one, &other});
  }
  EXPECT_TRUE(one.runner.database_is_present());
  EXPECT_TRUE(ask(one, command("b", requires_one)));
}

TEST_F(CommandRunnerTest, the_same_request_again_is_answered_with_the_first_result_and_appends_nothing) {
  ASSERT_TRUE(ask(one, command("a", rename("a"))));
  const auto again = ask(other, command("a", rename("a")));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->commit.seq, 1u);
  EXPECT_EQ(records(), 1u);
}

TEST_F(CommandRunnerTest, a_premise_that_holds_is_not_asked_about) {
  const Head head = head_now();
  ASSERT_TRUE(ask(one, on_premise(command("a", rename("a")), head)));
  EXPECT_EQ(confirmed_, 0);
}

TEST_F(CommandRunnerTest, a_premise_that_may_have_moved_is_asked_about_once_and_the_command_goes_on) {
  const Head head = head_now();
  ASSERT_TRUE(ask(one, command("a", rename("a"))));
  ASSERT_TRUE(ask(one, on_premise(command("b", rename("b")), head)));
  EXPECT_EQ(confirmed_, 1);
  const Head elsewhere{head_now().seq, head_now().generation + 1};
  ASSERT_TRUE(ask(one, on_premise(command("c", rename("c")), elsewhere)));
  EXPECT_EQ(confirmed_, 2);
}

TEST_F(CommandRunnerTest, a_command_on_a_premise_that_no_longer_holds_does_nothing_and_learns_nothing) {
  const Head head = head_now();
  ASSERT_TRUE(ask(one, command("a", rename("a"))));
  holds_ = make_error(Code::unauthenticated, "signed out");
  EXPECT_EQ(ask(one, on_premise(command("b", rename("b")), head)).error().code, Code::unauthenticated);
  EXPECT_EQ(ask(one, on_premise(command("c", take("c")), head)).error().code, Code::unauthenticated) << "not that it was taken";
  EXPECT_EQ(ask(one, on_premise(command("a", rename("a")), head)).error().code, Code::unauthenticated) << "not the first result";
  EXPECT_EQ(records(), 1u);
}

TEST_F(CommandRunnerTest, the_premise_of_a_command_that_reads_alone_is_asked_about_first) {
  const auto needs_its_own = [](Snapshot& snapshot, const CommandContext& context) -> Result<Decision> {
    TRY(const auto workspace, snapshot.workspace_of(kStream));
    (void)workspace;
    return rename("alone")(snapshot, context);
  };
  ASSERT_TRUE(ask(one, on_premise(command("a", needs_its_own), head_now())));
  EXPECT_EQ(confirmed_, 1);
  holds_ = make_error(Code::unauthenticated, "signed out");
  EXPECT_EQ(ask(one, on_premise(command("b", needs_its_own), head_now())).error().code, Code::unauthenticated);
  EXPECT_EQ(records(), 1u);
}

TEST_F(CommandRunnerTest, the_same_key_with_another_request_is_refused) {
  ASSERT_TRUE(ask(one, command("a", rename("a"))));
  const auto reused = ask(one, command("a", rename("b"), std::string(32, 'g')));
  ASSERT_FALSE(reused);
  EXPECT_EQ(reused.error().code, Code::idempotency_key_reused);
  EXPECT_EQ(records(), 1u);
}

TEST_F(CommandRunnerTest, an_offset_that_a_log_without_its_tail_gives_again_is_not_answered_with_what_was_applied_there) {
  ASSERT_TRUE(ask(one, command("a", rename("a"))));
  const auto [partition, offset] = std::pair(at.events_of(kWorkspace).back().partition, at.events_of(kWorkspace).back().offset);
  at.broker.truncate(at.topics.events(), partition, offset);
  const auto answer = ask(other, command("b", rename("b")));
  ASSERT_EQ(at.events_of(kWorkspace).back().offset, offset);
  ASSERT_FALSE(answer) << "it was told seq " << answer->commit.seq << ", which is another commit's";
  EXPECT_EQ(answer.error().code, Code::undecided);
}

TEST_F(CommandRunnerTest, a_lost_acknowledgement_leaves_the_command_open_and_a_retry_finds_its_result) {
  fates({memory::Fate::ack_lost});
  const auto open = ask(one, command("a", rename("a")));
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().code, Code::unacknowledged);
  EXPECT_GT(open.error().retry_after_ms, 0);
  const auto again = ask(one, command("a", rename("a")));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(version(), 1u);
}

TEST_F(CommandRunnerTest, a_lost_record_leaves_the_command_open_and_a_retry_does_it) {
  fates({memory::Fate::lost});
  EXPECT_EQ(ask(one, command("a", rename("a"))).error().code, Code::unacknowledged);
  EXPECT_EQ(records(), 0u);
  const auto again = ask(one, command("a", rename("a")));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->repeated);
  EXPECT_EQ(version(), 1u);
}

TEST_F(CommandRunnerTest, a_record_that_arrives_late_behind_its_retry_changes_nothing) {
  at.fates.plan = [first = true](std::string_view writer, const topic::Outgoing&) mutable {
    memory::AppendPlan plan;
    if (writer == "one.commits" && std::exchange(first, false)) {
      plan.fate = memory::Fate::late;
      plan.append_delay_us = 60'000'000;
    }
    return plan;
  };
  EXPECT_EQ(ask(one, command("a", rename("a"))).error().code, Code::unacknowledged);
  ASSERT_TRUE(ask(other, command("a", rename("a"))));
  settle(at, {&one, &other}, 120'000'000);
  EXPECT_EQ(records(), 2u);
  EXPECT_EQ(version(), 1u);
}

TEST_F(CommandRunnerTest, a_record_that_was_appended_twice_counts_once) {
  fates({memory::Fate::duplicated});
  const auto answer = ask(one, command("a", rename("a")));
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->repeated);
  EXPECT_EQ(records(), 2u);
  EXPECT_EQ(version(), 1u);
}

TEST_F(CommandRunnerTest, a_refused_append_says_why_and_leaves_nothing) {
  fates({memory::Fate::refused});
  const auto refused = ask(one, command("a", rename("a")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::log_unavailable);
  EXPECT_EQ(records(), 0u);
}

TEST_F(CommandRunnerTest, two_processes_that_decide_on_the_same_state_both_get_their_turn) {
  const Answer a = send(one, command("a", rename("a")));
  const Answer b = send(other, command("b", rename("b")));
  settle(at, {&one, &other});
  ASSERT_TRUE(a->has_value() && b->has_value());
  EXPECT_TRUE((*a)->has_value());
  EXPECT_TRUE((*b)->has_value());
  EXPECT_EQ(version(), 2u);
  EXPECT_EQ(one.runner.metrics().conflicts.load() + other.runner.metrics().conflicts.load(), 1u);
}

TEST_F(CommandRunnerTest, a_storm_of_conflicts_ends_and_every_accepted_answer_is_in_the_log_once) {
  std::vector<Answer> answers;
  answers.reserve(30);
  for (int i = 0; i < 30; ++i) answers.push_back(send(i % 2 == 0 ? one : other, command("k" + std::to_string(i), rename("n"))));
  settle(at, {&one, &other});
  std::uint64_t accepted = 0;
  for (const Answer& answer : answers) {
    ASSERT_TRUE(answer->has_value());
    if ((*answer)->has_value()) {
      ++accepted;
    } else {
      EXPECT_EQ((*answer)->error().code, Code::contention);
      EXPECT_GT((*answer)->error().retry_after_ms, 0);
    }
  }
  EXPECT_GT(accepted, 0u);
  EXPECT_EQ(version(), accepted);
}

TEST_F(CommandRunnerTest, one_command_at_a_time_for_a_hot_stream_spares_every_conflict) {
  std::vector<Answer> answers;
  answers.reserve(30);
  for (int i = 0; i < 30; ++i) {
    Command hot = command("k" + std::to_string(i), rename("n"));
    hot.hot_stream = kStream;
    answers.push_back(send(one, std::move(hot)));
  }
  settle(at, {&one, &other});
  for (const Answer& answer : answers) ASSERT_TRUE(answer->has_value() && (*answer)->has_value());
  EXPECT_EQ(one.runner.metrics().conflicts.load(), 0u);
  EXPECT_EQ(version(), 30u);
}

// One projects the partition and learns its verdicts at once, the other asks the database every few milliseconds. How much
// giving way spares depends on how real machines interleave; that nobody starves and the log keeps every edit is held here.
TEST_F(CommandRunnerTest, two_processes_with_sixty_clients_each_at_one_hot_stream_all_get_their_turn) {
  constexpr int kClients = 60;
  constexpr std::int64_t kAppendUs = 800, kAckUs = 400;
  at.fates.plan = [draw = std::uint64_t{1}](std::string_view, const topic::Outgoing&) mutable {
    draw = draw * 6364136223846793005ull + 1442695040888963407ull;
    memory::AppendPlan plan;
    plan.append_delay_us = kAppendUs + static_cast<std::int64_t>(draw >> 33) % kAppendUs;
    plan.ack_delay_us = kAckUs;
    return plan;
  };
  std::vector<Answer> answers;
  for (int i = 0; i < kClients; ++i)
    for (MemoryServer* server : {&one, &other}) {
      Command hot = command(server->name + std::to_string(i), rename("n"));
      hot.hot_stream = kStream;
      answers.push_back(send(*server, std::move(hot)));
    }
  settle(at, {&one, &other}, 60'000'000);
  int gave_up = 0;
  for (const Answer& answer : answers) {
    ASSERT_TRUE(answer->has_value());
    if (!(*answer)->has_value()) ++gave_up;
  }
  EXPECT_EQ(gave_up, 0);
  EXPECT_EQ(version(), answers.size());
  const auto conflicts = one.runner.metrics().conflicts.load() + other.runner.metrics().conflicts.load();
  EXPECT_LT(conflicts, answers.size()) << "less than one lost round a command";
}

TEST_F(CommandRunnerTest, the_line_for_a_hot_stream_is_bounded) {
  const CommandRunner::Options bounds;
  std::size_t overloaded = 0;
  for (std::size_t i = 0; i < bounds.max_hot_queue + 3; ++i) {
    Command hot = command("k" + std::to_string(i), rename("n"));
    hot.hot_stream = kStream;
    const Answer answer = send(one, std::move(hot));
    if (answer->has_value() && !(*answer)->has_value() && (*answer)->error().code == Code::overloaded) ++overloaded;
  }
  EXPECT_EQ(overloaded, 2u);  // one has the turn, max_hot_queue wait
}

TEST_F(CommandRunnerTest, what_lost_against_another_is_told_what_changed) {
  const Answer a = send(one, command("a", take("a")));
  const Answer b = send(other, command("b", take("b")));
  settle(at, {&one, &other});
  ASSERT_TRUE(a->has_value() && b->has_value());
  EXPECT_NE((*a)->has_value(), (*b)->has_value());
  const auto& loser = (*a)->has_value() ? *b : *a;
  EXPECT_EQ(loser->error().code, Code::already_exists);
  EXPECT_EQ(version(), 1u);
}

TEST_F(CommandRunnerTest, a_writer_that_was_frozen_while_another_went_on_can_only_lose) {
  const Answer frozen = send(other, command("a", take("a")));
  while (other.executor.step()) {
  }
  other.freeze();  // it decided, and its record is on its way
  ASSERT_TRUE(ask(one, command("b", take("b"))));
  at.clock.advance_us(60'000'000);
  other.thaw();
  settle(at, {&one, &other});
  ASSERT_TRUE(frozen->has_value());
  EXPECT_FALSE((*frozen)->has_value());
  EXPECT_EQ(records(), 2u);  // its record came, and is void
  EXPECT_EQ(version(), 1u);
}

TEST_F(CommandRunnerTest, a_commit_that_nobody_applies_is_undecided_after_two_seconds) {
  one.projects = false;
  const auto undecided = ask(one, command("a", rename("a")));
  ASSERT_FALSE(undecided);
  EXPECT_EQ(undecided.error().code, Code::undecided);
  EXPECT_EQ(one.board.waiting(), 0u);
  one.projects = true;
  settle(at, {&one, &other});
  EXPECT_TRUE(ask(one, command("a", rename("a")))->repeated);
}

TEST_F(CommandRunnerTest, a_partition_that_is_ten_seconds_behind_refuses_before_deciding) {
  one.projects = false;
  EXPECT_EQ(ask(one, command("a", rename("a"))).error().code, Code::undecided);
  at.clock.advance_us(10'000'001);
  EXPECT_EQ(ask(one, command("b", rename("b"))).error().code, Code::projection_behind);
  EXPECT_EQ(records(), 1u);
}

TEST_F(CommandRunnerTest, a_halted_partition_refuses_before_deciding) {
  one.board.halted(one.log.partition_of(kWorkspace), "its tail is gone");
  EXPECT_EQ(ask(one, command("a", rename("a"))).error().code, Code::partition_halted);
  one.board.resumed(one.log.partition_of(kWorkspace));
  EXPECT_TRUE(ask(one, command("a", rename("a"))));
}

TEST_F(CommandRunnerTest, while_the_log_does_not_answer_new_commands_are_refused_and_later_ones_go_on) {
  at.broker.set_reachable(false);
  const Answer open = send(one, command("a", rename("a")));
  while (one.executor.step()) {
  }
  at.clock.advance_us(2'000'001);
  const Answer refused = send(one, command("b", rename("b")));
  while (one.executor.step()) {
  }
  ASSERT_TRUE(refused->has_value());
  EXPECT_EQ((*refused)->error().code, Code::log_unavailable);
  settle(at, {&one});
  ASSERT_TRUE(open->has_value());
  EXPECT_EQ((*open)->error().code, Code::unacknowledged);
  at.broker.set_reachable(true);
  settle(at, {&one, &other}, 60'000'000);
  EXPECT_TRUE(ask(one, command("c", rename("c"))));
}

TEST_F(CommandRunnerTest, a_commit_over_the_limit_is_refused_before_anything_is_produced) {
  const auto large = ask(one, command("a", [](Snapshot&, const CommandContext&) -> Result<Decision> {
                           Decision decision;
                           decision.events.push_back(renamed(std::string(events::kMaxCommitBytes, 'x')));
                           return decision;
                         }));
  EXPECT_EQ(large.error().code, Code::payload_too_large);
  const auto many = ask(one, command("b", [](Snapshot&, const CommandContext&) -> Result<Decision> {
                          Decision decision;
                          for (int i = 0; i <= events::kMaxCommitEvents; ++i) decision.events.push_back(renamed("x"));
                          return decision;
                        }));
  EXPECT_EQ(many.error().code, Code::payload_too_large);
  EXPECT_EQ(records(), 0u);
}

TEST_F(CommandRunnerTest, a_decision_without_events_is_answered_at_the_present_seq) {
  ASSERT_TRUE(ask(one, command("a", rename("a"))));
  const auto nothing = ask(one, command("b", [](Snapshot&, const CommandContext&) -> Result<Decision> { return Decision{}; }));
  ASSERT_TRUE(nothing);
  EXPECT_EQ(nothing->commit.seq, 1u);
  EXPECT_EQ(records(), 1u);
}

TEST_F(CommandRunnerTest, a_database_that_is_away_refuses_and_nothing_is_appended) {
  at.database->set_faults([](std::string_view) { return memory::DatabaseFault::unavailable; });
  const Answer refused = send(one, command("a", rename("a")));
  while (one.executor.step()) {
  }
  at.database->set_faults({});
  ASSERT_TRUE(refused->has_value());
  EXPECT_EQ((*refused)->error().code, Code::database_unavailable);
  EXPECT_EQ(records(), 0u);
}

}  // namespace
}  // namespace dossier::producers::runner
