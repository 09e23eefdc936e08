// A worker whose only way to anything is the server's API.
#include "tests/e2e/fixture.hpp"

namespace dossier::test {
namespace {

using ::testing::HasSubstr;

class GatewayWorker : public EndToEnd {
 protected:
  void begin_with_gateway() {
    begin(0);
    at().start_worker("far", 1, {{"DOSSIER_WORKER_GATEWAY", at().url()}, {"DOSSIER_URL", "http://127.0.0.1:1"}});
  }
};

TEST_F(GatewayWorker, runs_tasks_and_tells_their_lines_by_the_server_alone) {
  begin_with_gateway();
  const Asked asked = ask("editor");
  ASSERT_EQ(at().wait_for_task(asked.task, {"completed", "failed"}), "completed") << at().task(asked.task).raw;
  EXPECT_EQ(at().task(asked.task).body.integer_or("offer", 0), 1);
  EXPECT_EQ(worker_name(worker_of(asked)), "far");
  EXPECT_TRUE(told(asked, "reading the request"));
  const std::string metrics = api().get("/metrics").raw;
  EXPECT_THAT(metrics, HasSubstr(R"(route="/v1/gateway/records",status="2xx")"));
  EXPECT_THAT(metrics, HasSubstr(R"(route="/v1/gateway/control",status="2xx")"));
}

TEST_F(GatewayWorker, goes_on_with_its_task_when_the_server_was_away_for_a_moment) {
  begin_with_gateway();
  const Asked asked = ask("waiter");
  ASSERT_TRUE(wait_for_waiters(1));
  at().server().kill();
  at().start_server();
  open_gate();
  ASSERT_EQ(at().wait_for_task(asked.task, {"completed", "failed"}), "completed") << at().task(asked.task).raw;
  EXPECT_EQ(at().task(asked.task).body.integer_or("offer", 0), 1);
  EXPECT_EQ(waiters().size(), 1u) << "it ran once";
  EXPECT_TRUE(told(asked, "through the gate"));
}

TEST_F(GatewayWorker, ends_with_its_agents_when_its_token_is_revoked) {
  begin_with_gateway();
  ask("waiter");
  ASSERT_TRUE(wait_for_waiters(1));
  const pid_t agent = waiters().front();
  ASSERT_TRUE(process_lives(agent));
  for (const auto& token : api().get(at().in_workspace("/worker-tokens")).items())
    ASSERT_EQ(api().send("DELETE", at().in_workspace("/worker-tokens/" + token.text("id")), "").status, 204);
  const auto ended = at().worker("far").wait(15'000);
  ASSERT_TRUE(ended) << "before its lease could have ended it";
  EXPECT_NE(*ended, 0);
  EXPECT_TRUE(eventually(5'000, [&] { return !process_lives(agent); }));
  EXPECT_THAT(at().worker("far").log(), HasSubstr("revoked"));
}

}  // namespace
}  // namespace dossier::test
