// The main job: a comment that mentions an agent becomes a task, a worker does it in a git worktree, and every client
// tells the same story of it.
#include "tests/e2e/fixture.hpp"

namespace dossier::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

class Demo : public EndToEnd {};

TEST_F(Demo, an_issue_with_an_agents_work_is_told_alike_by_api_cli_and_log) {
  begin(2);
  const Asked asked = ask("editor");
  ASSERT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "completed");

  EXPECT_THAT(at().timeline_types(asked.issue),
              IsSupersetOf({"issue_opened", "comment_added", "session_requested", "task_queued", "task_offered", "task_claimed", "session_started",
                            "source_captured", "task_completed", "session_ended"}));
  EXPECT_TRUE(told(asked, "reading the request"));
  EXPECT_TRUE(told(asked, "README.md has 2 lines now"));

  const Reply session = api().get("/v1/sessions/" + asked.session);
  EXPECT_THAT(session.at("source", "diff"), HasSubstr("+two"));
  EXPECT_EQ(session.text("outcome"), "completed");

  const auto list = at().dossier({"issue", "list"});
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_THAT(list.out, HasSubstr("Change the readme"));
  const auto show = at().dossier({"issue", "show", asked.issue, "--json"});
  EXPECT_EQ(show.exit_code, 0) << show.err;
  EXPECT_THAT(show.out, HasSubstr(asked.comment));

  const auto from_kafka = at().dossier({"replay", "--issue", asked.issue, "--from", "kafka", "--format", "ndjson"});
  const auto from_journal = at().dossier({"replay", "--issue", asked.issue, "--from", "journal", "--format", "ndjson"});
  EXPECT_EQ(from_kafka.exit_code, 0) << from_kafka.err;
  EXPECT_EQ(from_kafka.out, from_journal.out);
  EXPECT_THAT(from_kafka.out, HasSubstr("task_claimed"));
  EXPECT_THAT(from_kafka.out, HasSubstr("+two"));
}

TEST_F(Demo, the_branch_of_the_session_holds_the_change_and_main_does_not) {
  begin(1);
  const Asked asked = ask("editor");
  ASSERT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "completed");
  const Reply session = api().get("/v1/sessions/" + asked.session);
  const std::string commit = session.at("source", "commit");
  ASSERT_EQ(commit.size(), 40U) << session.raw;
  EXPECT_NE(commit, session.at("source", "base_commit"));
  EXPECT_EQ(read_whole_file(at().repository("demo") + "/README.md"), "one\n");
}

TEST_F(Demo, log_lines_come_while_the_agent_still_works) {
  begin(1);
  const Asked asked = ask("waiter");
  ASSERT_TRUE(wait_for_waiters(1));
  EXPECT_TRUE(told(asked, "waiting at the gate"));
  EXPECT_EQ(at().task(asked.task).text("status"), "running");
  open_gate();
  EXPECT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "completed");
}

TEST_F(Demo, a_cancelled_task_stops_its_agent_and_keeps_its_end) {
  begin(1);
  const Asked asked = ask("waiter");
  ASSERT_TRUE(wait_for_waiters(1));
  const pid_t agent = waiters().front();
  EXPECT_LT(api().post("/v1/tasks/" + asked.task + "/cancel", object({{"reason", "no longer wanted"}})).status, 300);
  EXPECT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "cancelled");
  EXPECT_TRUE(eventually(20'000, [&] { return !process_lives(agent); }));
  EXPECT_THAT(at().timeline_types(asked.issue), Not(Contains("task_completed")));
}

}  // namespace
}  // namespace dossier::test
