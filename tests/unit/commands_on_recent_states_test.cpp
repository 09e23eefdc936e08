// Commands that are decided without a read, and what that may not change.
#include "tests/unit/command_runner_fixture.hpp"

namespace dossier::producers::runner {
namespace {

TEST_F(CommandRunnerTest, a_command_behind_another_is_decided_on_what_was_applied_here_without_a_read) {
  ASSERT_TRUE(ask(one, own(command("a", rename("a")))));
  EXPECT_EQ(one.recent.metrics().found.load(), 0u);
  ASSERT_TRUE(ask(one, own(command("b", rename("b")))));
  EXPECT_EQ(one.recent.metrics().found.load(), 1u);
  EXPECT_EQ(one.runner.metrics().conflicts.load(), 0u);
  EXPECT_EQ(version(), 2u);
}

TEST_F(CommandRunnerTest, a_key_that_a_client_chose_is_looked_for_before_anything_is_appended) {
  ASSERT_TRUE(ask(one, own(command("a", rename("a")))));
  ASSERT_TRUE(ask(one, command("b", rename("b"))));
  EXPECT_EQ(one.recent.metrics().found.load() + one.recent.metrics().not_found.load(), 1u) << "of the first command";
  EXPECT_TRUE(ask(one, command("b", rename("b")))->repeated);
  EXPECT_EQ(records(), 2u);
}

TEST_F(CommandRunnerTest, a_repetition_that_nobody_looked_for_is_void_and_answered_with_the_first_result) {
  ASSERT_TRUE(ask(one, own(command("a", rename("a")))));
  const auto again = ask(one, own(command("a", rename("a"))));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->commit.seq, 1u);
  EXPECT_EQ(records(), 2u);
  EXPECT_EQ(version(), 1u);
}

TEST_F(CommandRunnerTest, what_was_decided_on_a_state_that_others_have_changed_is_void_and_decided_anew_on_a_read) {
  ASSERT_TRUE(ask(one, own(command("a", rename("a")))));
  const Answer stopped = send(one, own(command("late", rename("late"))));
  one.projects = false;  // it hears of nothing more for a while
  const Answer first = send(other, command("b", rename("b")));
  other.projects = true;
  settle(at, {&one, &other});
  ASSERT_TRUE(stopped->has_value() && (*stopped)->has_value()) << (*stopped)->error().message;
  ASSERT_TRUE(first->has_value() && (*first)->has_value());
  const auto found = one.recent.metrics().found.load();
  ASSERT_EQ(found, 1u);
  ASSERT_EQ(version(), 3u);
  const auto lost = one.runner.metrics().conflicts.load();
  const auto answer = ask(one, own(command("c", rename("c"))));  // it still believes in version 1
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(one.recent.metrics().found.load(), found + 1);
  EXPECT_EQ(one.runner.metrics().conflicts.load(), lost + 1);
  EXPECT_EQ(version(), 4u);
}

}  // namespace
}  // namespace dossier::producers::runner
