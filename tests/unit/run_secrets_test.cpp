// A run with the secrets of its project: a private remote is cloned with them, and their values are in nothing that leaves the worker.
#include "tests/support/git_server.hpp"
#include "tests/unit/run_thread_fixture.hpp"
#include "worker/masking/masker.hpp"

namespace dossier::worker {
namespace {

const std::string kPassword = "s3cret-of-the-remote/+";
const std::string kValue = "value-that-nobody-may-see";

class RunSecrets : public RunThreadTest {
 protected:
  RunSecrets() : server_((project_.git("clone -q --bare . ../served/private.git"), folder_.path() + "/served"), "robot", kPassword) {
    offer_.mutable_spec()->set_project_id("prj_1");
    offer_.mutable_spec()->mutable_source()->set_git_url(server_.url() + "/private.git");
    dependencies_.project_secrets = [this](const std::string& project) -> Result<ProjectSecrets> {
      asked_.push_back(project);
      if (failures_ > 0) {
        --failures_;
        return failure_;
      }
      return secrets_;
    };
  }
  void set_credentials() {
    secrets_ = read_project_secrets(R"({"secrets":[{"id":"sec_1","kind":"git_https","name":"git_https","value":{"username":"robot","password":")" +
                                    kPassword + R"("}},{"id":"sec_2","kind":"value","name":"API","value":{"value":")" + kValue + R"("}}]})")
                   .value();
  }
  // Everything that the run said, reported or wrote.
  std::string everything() {
    std::string all = writer_.written();
    for (const std::string& word : said()) all += word + "\n";
    const RunEnd end = ends();
    all += end.error + end.result + (end.source ? end.source->SerializeAsString() : "");
    const std::lock_guard lock(mutex_);
    return all + facts_;
  }

  test::GitServer server_;
  ProjectSecrets secrets_;
  std::vector<std::string> asked_;  // by the run's thread, read after its end
  int failures_ = 0;
  Error failure_;
};

TEST_F(RunSecrets, a_private_remote_is_cloned_with_the_credentials_of_the_project_and_no_value_is_told) {
  set_credentials();
  scripts_ = {[](const AgentRequest& request, AgentHost& host) {
    begin_session(host, "thread-1");
    begin_turn(host);
    AgentEvent line = agent_event(AgentEvent::Kind::log_line, "item", "the password is " + kPassword + " and " + kValue);
    line.name = "agent";
    host.on_event(std::move(line));
    test::write_file(request.worktree + "/leak.txt", kPassword + "\n" + kValue + "\n");
    end_turn(host);
    return next_command(host) ? done("used " + kPassword) : AgentResult();
  }};
  start();
  ASSERT_TRUE(says("source 1")) << ends().error;
  finish();
  const RunEnd end = ends();
  EXPECT_EQ(end.kind, RunEnd::Kind::completed) << end.error;
  EXPECT_EQ(end.result, "used ***");
  ASSERT_TRUE(end.source);
  EXPECT_NE(end.source->diff().plain().find("+***\n+***\n"), std::string::npos) << end.source->diff().plain();
  EXPECT_NE(writer_.written().find("the password is *** and ***"), std::string::npos);
  const std::string all = everything();
  EXPECT_EQ(all.find(kPassword), std::string::npos);
  EXPECT_EQ(all.find(kValue), std::string::npos);
  EXPECT_EQ(asked_, std::vector<std::string>{"prj_1"});
  EXPECT_NE(server_.log().find("GET /private.git/info/refs?service=git-upload-pack 200"), std::string::npos) << server_.log();
  EXPECT_EQ(test::run_git(folder_.path() + "/workroot", "grep --no-index -rlF '" + kPassword + "' . || true").find("config"), std::string::npos);
}

TEST_F(RunSecrets, without_credentials_the_run_fails_and_says_what_is_missing) {
  start();
  const RunEnd end = ends();
  EXPECT_EQ(end.kind, RunEnd::Kind::failed);
  EXPECT_EQ(end.phase, "workdir");
  EXPECT_FALSE(end.retryable);
  EXPECT_NE(end.error.find(server_.url() + "/private.git"), std::string::npos) << end.error;
  EXPECT_NE(end.error.find("dossier project secret set"), std::string::npos) << end.error;
}

TEST_F(RunSecrets, wrong_credentials_fail_the_run_and_are_not_in_its_error) {
  set_credentials();
  secrets_.https.password = secrets_.values[0] = "an-0ld-password";
  start();
  const RunEnd end = ends();
  EXPECT_EQ(end.kind, RunEnd::Kind::failed);
  EXPECT_NE(end.error.find("refused the credentials"), std::string::npos) << end.error;
  EXPECT_EQ(everything().find("an-0ld-password"), std::string::npos);
}

TEST_F(RunSecrets, a_server_that_does_not_answer_is_asked_again) {
  set_credentials();
  failures_ = 2;
  failure_ = make_error(Code::io, "connection refused");
  scripts_ = {[](const AgentRequest&, AgentHost& host) {
    begin_session(host, "thread-1");
    begin_turn(host);
    end_turn(host);
    return next_command(host) ? done() : AgentResult();
  }};
  start();
  ASSERT_TRUE(says("source 1")) << ends().error;
  finish();
  EXPECT_EQ(ends().kind, RunEnd::Kind::completed);
  EXPECT_EQ(asked_.size(), 3u);
}

TEST_F(RunSecrets, no_run_begins_without_secrets_that_can_not_be_opened) {
  failures_ = 1;
  failure_ = make_error(Code::internal, "HTTP status 500: the project's secret API can't be opened; set it again");
  start();
  const RunEnd end = ends();
  EXPECT_EQ(end.kind, RunEnd::Kind::failed);
  EXPECT_EQ(end.code, "secrets_unavailable");
  EXPECT_NE(end.error.find("set it again"), std::string::npos) << end.error;
  EXPECT_EQ(asked_.size(), 1u);
  EXPECT_FALSE(has_said("ready"));
}

}  // namespace
}  // namespace dossier::worker
