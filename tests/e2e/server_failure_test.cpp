// The server is killed and started again: running work goes on, and a reader of the live stream misses nothing.
#include "tests/e2e/fixture.hpp"

namespace dossier::test {
namespace {

class ServerFailure : public EndToEnd {
 protected:
  // Reads the workspace's stream after `last_id` until `enough` says so or the server goes; appends the ids.
  void read_stream(std::vector<std::string>& ids, const std::function<bool()>& enough) {
    Api reader = at().api_of(0);
    http_client::Headers headers;
    if (!ids.empty()) headers.emplace_back("last-event-id", ids.back());
    (void)reader.client().events(at().in_workspace("/events"), headers, 10'000, [&](const http_client::ServerEvent& event) {
      if (!event.id.empty()) ids.push_back(event.id);
      return !enough();
    });
  }
  static std::int64_t seq_of(const std::string& id) { return std::stoll(id.substr(id.find('-') + 1)); }
};

TEST_F(ServerFailure, a_task_that_runs_while_the_server_is_killed_completes_under_its_first_offer) {
  begin(1);
  const Asked asked = ask("waiter");
  ASSERT_TRUE(wait_for_waiters(1));
  at().server().kill();
  at().start_server();
  open_gate();
  EXPECT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "completed");
  EXPECT_EQ(at().task(asked.task).body.integer_or("offer", 0), 1);
  EXPECT_EQ(waiters().size(), 1U);
}

TEST_F(ServerFailure, a_task_that_ends_while_there_is_no_server_is_known_as_completed_later) {
  begin(1);
  const Asked asked = ask("waiter");
  ASSERT_TRUE(wait_for_waiters(1));
  at().server().kill();
  open_gate();
  ASSERT_TRUE(eventually(20'000, [&] { return !process_lives(waiters().front()); }));
  at().start_server();
  EXPECT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "completed");
  EXPECT_EQ(at().task(asked.task).body.integer_or("offer", 0), 1);
}

TEST_F(ServerFailure, the_live_stream_resumes_across_a_restart_without_gap_or_repeat) {
  begin(0);
  std::vector<std::string> ids;
  for (int number = 0; number < 3; ++number) at().open_issue("Before " + std::to_string(number), project_);
  const std::int64_t before = api().get(at().in_workspace("/issues")).body.integer_or("seq", 0);
  ASSERT_GT(before, 0);
  // From the beginning of the workspace to what is there now.
  ids.push_back("1-0");
  read_stream(ids, [&] { return seq_of(ids.back()) >= before; });
  ASSERT_EQ(seq_of(ids.back()), before);

  at().server().kill();
  at().start_server();
  for (int number = 0; number < 3; ++number) at().open_issue("After " + std::to_string(number), project_);
  const std::int64_t after = api().get(at().in_workspace("/issues")).body.integer_or("seq", 0);
  ASSERT_GE(after, before + 3);
  read_stream(ids, [&] { return seq_of(ids.back()) >= after; });

  ASSERT_EQ(ids.size(), static_cast<std::size_t>(after) + 1);
  for (std::size_t position = 0; position < ids.size(); ++position) EXPECT_EQ(ids[position], "1-" + std::to_string(position));
}

TEST_F(ServerFailure, a_command_repeated_after_a_crash_takes_effect_once) {
  begin(0);
  const http_client::Headers key{{"idempotency-key", "open-once"}};
  const auto body = object({{"title", "Only one"}});
  const Reply first = api().post(at().in_workspace("/issues"), body, key);
  ASSERT_EQ(first.status, 201) << first.raw;
  at().server().kill();
  at().start_server();
  const Reply again = api().post(at().in_workspace("/issues"), body, key);
  EXPECT_LT(again.status, 300) << again.raw;
  EXPECT_EQ(again.text("id"), first.text("id"));
  EXPECT_EQ(api().get(at().in_workspace("/issues")).items().size(), 1U);
}

TEST_F(ServerFailure, two_servers_share_the_work_and_answer_alike) {
  begin(1);
  at().start_server(1);
  Api second = at().api_of(1);
  const Reply made = second.post(at().in_workspace("/issues"), object({{"title", "By the second"}}));
  ASSERT_EQ(made.status, 201) << made.raw;
  const Reply read = api().get("/v1/issues/" + made.text("id") + "?after=" + made.header("dossier-seq"));
  EXPECT_EQ(read.status, 200) << read.raw;
  EXPECT_EQ(read.text("title"), "By the second");
  at().server(1).kill();
  EXPECT_EQ(at().wait_for_task(ask("editor").task, {"completed", "failed", "cancelled"}), "completed");
}

}  // namespace
}  // namespace dossier::test
