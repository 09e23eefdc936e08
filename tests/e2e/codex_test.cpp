// The real Codex program, driven by a worker, against a scripted model on loopback: no account and no network.
#include "tests/e2e/fixture.hpp"
#include "tests/support/codex_program.hpp"

namespace dossier::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class Codex : public EndToEnd {
 protected:
  // A server, a project, and one worker that finds Codex and the scripted model.
  void begin_with_codex(const std::string& script) {
    const auto codex = find_codex();
    if (codex.path.empty()) GTEST_SKIP() << codex.why_not;
    begin(0);
    const auto port = free_port();
    std::ofstream(at().folder() + "/script.json") << script;
    model_ = std::make_unique<Program>(std::vector<std::string>{"python3", std::string(DOSSIER_SOURCE_DIR) + "/tests/support/model_server.py",
                                                                std::to_string(port), at().folder() + "/script.json"},
                                       EnvironmentChanges{}, at().folder() + "/model.log");
    const std::string url = "http://127.0.0.1:" + std::to_string(port);
    ASSERT_TRUE(eventually(20'000, [&] { return Api(url, "").get("/").status != 0; })) << model_->log();
    at().start_worker(
        "w1", 1,
        {{"DOSSIER_CODEX", codex.path},
         {"DOSSIER_WORKER_ACCOUNT", ""},  // npm's folder may lie below a home that nobody else can read
         {"DOSSIER_CODEX_SANDBOX", "danger-full-access"},
         {"HOME", at().folder()},  // Codex runs commands in a login shell: somebody's profile is no part of this
         {"DOSSIER_AGENT_ENV", "MOCK_KEY"},
         {"MOCK_KEY", "none"},
         {"DOSSIER_CODEX_CONFIG",
          "model_provider=\"mock\"\nmodel_providers.mock={name=\"mock\",base_url=\"" + url +
              "/v1\",env_key=\"MOCK_KEY\",wire_api=\"responses\",supports_websockets=false,request_max_retries=0,stream_max_retries=0}"}});
    // A model without metadata of its own gets the plain shell tool, which the script speaks.
    at().make_agent({.name = "codex", .provider = "codex", .model = "gpt-5.1-codex"});
  }
  void TearDown() override {
    if (HasFailure() && model_ != nullptr) std::cerr << "--- model\n" << model_->log();
    EndToEnd::TearDown();
  }

  std::unique_ptr<Program> model_;
};

TEST_F(Codex, the_real_program_runs_a_command_whose_change_is_captured_and_its_turn_is_told) {
  begin_with_codex(R"([{"run": "printf 'by codex\n' >>README.md; cat README.md"}, {"say": "The readme says so now."}])");
  if (IsSkipped()) return;
  const Asked asked = ask("codex");
  ASSERT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "completed") << at().task(asked.task).raw;

  const Reply session = api().get("/v1/sessions/" + asked.session);
  EXPECT_THAT(session.at("source", "diff"), HasSubstr("+by codex")) << session.raw;
  EXPECT_THAT(session.at("source", "branch"), HasSubstr("dossier/1-"));
  EXPECT_NE(session.text("provider_session"), "");
  EXPECT_EQ(session.body.integer_or("turns", 0), 1);
  EXPECT_EQ(session.body.integer_or("tokens_in", 0), 200);
  EXPECT_EQ(session.body.integer_or("tokens_out", 0), 40);
  EXPECT_THAT(at().timeline_types(asked.issue), Contains("turn_completed"));
  EXPECT_TRUE(told(asked, "by codex"));
  EXPECT_TRUE(told(asked, "The readme says so now."));
}

TEST_F(Codex, a_model_that_fails_fails_the_task_and_says_why) {
  begin_with_codex(R"([{"fail": 500}])");
  if (IsSkipped()) return;
  const Asked asked = ask("codex");
  ASSERT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "failed") << at().task(asked.task).raw;
  EXPECT_NE(at().task(asked.task).text("error") + at().task(asked.task).at("error", "code"), "");
}

}  // namespace
}  // namespace dossier::test
