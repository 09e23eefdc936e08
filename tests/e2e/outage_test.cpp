// Kafka or Postgres is away for a while: honest answers meanwhile, nothing acknowledged is lost, all resumes by itself.
#include "tests/e2e/fixture.hpp"

namespace dossier::test {
namespace {

class Outage : public EndToEnd {
 protected:
  static constexpr std::int64_t kResumeDeadlineMs = 90'000;

  static void SetUpTestSuite() { own_ = new OwnClusters(); }
  static void TearDownTestSuite() {
    delete own_;
    own_ = nullptr;
  }

  Reply open(const std::string& title) { return api().post(at().in_workspace("/issues"), object({{"title", title}})); }
  // Opens issues until one is accepted again; the title of each that was.
  bool resumes(std::vector<std::string>& accepted) {
    int tries = 0;
    return eventually(kResumeDeadlineMs, [&] {
      const auto title = "Again " + std::to_string(++tries);
      const bool done = open(title).status == 201;
      if (done) accepted.push_back(title);
      return done;
    });
  }
  void expect_all_there(const std::vector<std::string>& titles) {
    std::vector<std::string> found;
    for (const auto& issue : api().get(at().in_workspace("/issues?limit=200")).items()) found.push_back(issue.text("title"));
    for (const auto& title : titles) EXPECT_THAT(found, ::testing::Contains(title));
  }

  static OwnClusters* own_;
};

OwnClusters* Outage::own_ = nullptr;

TEST_F(Outage, without_kafka_commands_are_503_reads_go_on_and_all_resumes) {
  begin(1, own_->clusters());
  const Asked asked = ask("waiter");
  ASSERT_TRUE(wait_for_waiters(1));
  std::vector<std::string> accepted{"Change the readme"};

  own_->stop_kafka();
  const Reply refused = open("During the outage");
  EXPECT_EQ(refused.status, 503) << refused.raw << refused.problem;
  EXPECT_NE(refused.header("retry-after"), "");
  EXPECT_NE(refused.text("code"), "");
  EXPECT_EQ(api().get("/v1/issues/" + asked.issue).status, 200);
  EXPECT_TRUE(at().server().running());

  own_->start_kafka();
  EXPECT_TRUE(resumes(accepted));
  expect_all_there(accepted);
  open_gate();
  EXPECT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "completed");
}

TEST_F(Outage, without_postgres_reads_and_commands_are_503_and_nothing_acknowledged_is_lost) {
  begin(1, own_->clusters());
  std::vector<std::string> accepted;
  for (int number = 0; number < 5; ++number) {
    const auto title = "Before " + std::to_string(number);
    ASSERT_EQ(open(title).status, 201);
    accepted.push_back(title);
  }
  const Asked asked = ask("waiter");
  ASSERT_TRUE(wait_for_waiters(1));

  own_->stop_postgres();
  const Reply read = api().get(at().in_workspace("/issues"));
  EXPECT_EQ(read.status, 503) << read.raw << read.problem;
  EXPECT_NE(read.header("retry-after"), "");
  // Until the projector notices, within a second, a command may still be decided on what it had applied: that one is recorded,
  // answered with 202, and has to be there afterwards.
  int tries = 0;
  EXPECT_TRUE(eventually(5'000, [&] {
    const auto title = "During the outage " + std::to_string(++tries);
    const int status = open(title).status;
    EXPECT_THAT(status, ::testing::AnyOf(202, 503)) << title;
    if (status == 202) accepted.push_back(title);
    return status == 503;
  }));
  EXPECT_EQ(api().get("/health").status, 200);
  EXPECT_TRUE(eventually(10'000, [&] { return api().get("/ready").status == 503; })) << "readiness is looked at once a second";

  own_->start_postgres();
  EXPECT_TRUE(resumes(accepted));
  expect_all_there(accepted);
  open_gate();
  EXPECT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "completed");
}

}  // namespace
}  // namespace dossier::test
