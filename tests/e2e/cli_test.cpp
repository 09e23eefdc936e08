// The real program against a real server: every exit code, words that say what to do next, and an issue followed live.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"
#include "tests/support/installation.hpp"

namespace dossier::test {
namespace {

using ::testing::HasSubstr;

class Cli : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    at_ = std::make_unique<Installation>(Clusters::shared());
    at_->start_server();
    at_->bootstrap();
  }
  static void TearDownTestSuite() { at_.reset(); }

  static json::Value json_of(const CommandResult& result) {
    auto parsed = json::parse(result.out);
    EXPECT_TRUE(parsed) << result.out << result.err;
    return parsed ? *parsed : json::Value();
  }
  static inline std::unique_ptr<Installation> at_;
};

TEST_F(Cli, what_it_does_is_what_the_api_says) {
  const auto issue = json_of(at_->dossier({"issue", "create", "A first issue", "--body", "its text", "--json"}));
  const std::string number = std::to_string(issue.integer_or("number", 0));
  ASSERT_EQ(at_->dossier({"issue", "comment", "#" + number, "a comment"}).exit_code, 0);
  ASSERT_EQ(at_->dossier({"issue", "edit", number, "--status", "in_review"}).exit_code, 0);
  const auto shown = at_->dossier({"issue", "show", number, "--json"});
  EXPECT_EQ(shown.out, at_->api().get("/v1/issues/" + issue.text("id")).raw + "\n");
  EXPECT_EQ(json_of(shown).text("status"), "needs_review");
  EXPECT_THAT(at_->dossier({"issue", "show", number}).out, HasSubstr("    a comment\n"));
  EXPECT_THAT(at_->dossier({"issue", "list"}).out, HasSubstr("A first issue"));
  EXPECT_EQ(json_of(at_->dossier({"issue", "show", number, "--at", std::to_string(issue.integer_or("seq", 0)), "--json"})).text("status"), "open");
  EXPECT_THAT(at_->dossier({"whoami"}).out, HasSubstr("admin"));
}

TEST_F(Cli, the_same_idempotency_key_takes_effect_once) {
  const auto first = at_->dossier({"issue", "create", "Once", "--idempotency-key", "cli-test-once", "--json"});
  const auto again = at_->dossier({"issue", "create", "Once", "--idempotency-key", "cli-test-once", "--json"});
  EXPECT_EQ(json_of(first).text("id"), json_of(again).text("id"));
  const auto other = at_->dossier({"issue", "create", "Twice", "--idempotency-key", "cli-test-once"});
  EXPECT_EQ(other.exit_code, 5);
}

TEST_F(Cli, every_exit_code_comes_with_what_to_do) {
  const auto usage = at_->dossier({"issue", "lits"});
  EXPECT_EQ(usage.exit_code, 2);
  EXPECT_THAT(usage.err, HasSubstr("did you mean 'list'?"));
  EXPECT_EQ(at_->dossier({"issue", "create", ""}).exit_code, 2);
  EXPECT_EQ(at_->dossier({"issue", "list", "--limit", "none"}).exit_code, 2);

  const auto missing = at_->dossier({"issue", "show", "4711"});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.err, HasSubstr("dossier issue list"));
  EXPECT_EQ(at_->dossier({"task", "show", "tsk_" + std::string(32, '0')}).exit_code, 3);

  const auto stranger = at_->dossier({"issue", "list"}, {{"DOSSIER_TOKEN", "dst_wrong"}});
  EXPECT_EQ(stranger.exit_code, 4);
  EXPECT_THAT(stranger.err, HasSubstr("dossier sign-in"));

  at_->make_agent({"nobody", "command", {"/bin/true"}, {}});
  const auto project = at_->make_project("cli");
  const auto busy = at_->dossier({"issue", "comment", at_->open_issue("No worker", project), "@nobody please"});
  EXPECT_EQ(busy.exit_code, 5);
  EXPECT_THAT(busy.err, HasSubstr("start a worker"));

  const auto away = at_->dossier({"issue", "list"}, {{"DOSSIER_URL", "http://127.0.0.1:" + std::to_string(free_port())}});
  EXPECT_EQ(away.exit_code, 1);
  EXPECT_THAT(away.err, HasSubstr("start it with ./dev up, or set DOSSIER_URL"));

  const auto as_json = at_->dossier({"issue", "show", "4711", "--json"});
  auto problem = json::parse(as_json.err);
  ASSERT_TRUE(problem) << as_json.err;
  EXPECT_EQ(problem->text("code"), "not_found");
}

TEST_F(Cli, the_auditor_needs_no_server_but_says_which_setting_is_missing) {
  const auto none =
      at_->dossier({"replay", "--issue", "iss_" + std::string(32, '0')}, {{"DOSSIER_KAFKA_PROPERTIES", ""}, {"DOSSIER_DATABASE_URL", ""}});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("DOSSIER_KAFKA_PROPERTIES"));
  const auto issue = at_->open_issue("Replayed", "");
  const EnvironmentChanges offline{{"DOSSIER_PROFILE", ""}, {"HOME", at_->folder()}};
  const auto kafka = at_->dossier({"replay", "--issue", issue, "--from", "kafka", "--format", "ndjson"}, offline);
  const auto journal = at_->dossier({"replay", "--issue", issue, "--from", "journal", "--format", "ndjson"}, offline);
  EXPECT_EQ(kafka.exit_code, 0) << kafka.err;
  EXPECT_EQ(kafka.out, journal.out);
  EXPECT_THAT(kafka.out, HasSubstr("\"Replayed\""));
  EXPECT_EQ(at_->dossier({"replay", "--issue", "iss_" + std::string(32, '0')}, offline).exit_code, 3);
}

TEST_F(Cli, watching_shows_what_happens_from_the_event_that_was_named) {
  const auto issue = at_->open_issue("Watched", "");
  const std::string after = "1-" + std::to_string(at_->api().get("/v1/issues/" + issue).body.integer_or("seq", 0));
  EnvironmentChanges environment = at_->server_environment(0);
  environment["DOSSIER_PROFILE"] = at_->folder() + "/profile.json";
  Program watch({Installation::program(), "issue", "watch", issue, "--after", after}, environment, at_->folder() + "/watch.log");
  ASSERT_EQ(at_->dossier({"issue", "comment", issue, "seen live"}).exit_code, 0);
  EXPECT_TRUE(eventually(20'000, [&] { return watch.log().find("    | seen live\n") != std::string::npos; })) << watch.log();
  EXPECT_TRUE(watch.running());
  // The server goes and comes back: the watcher finds what came meanwhile, and nothing twice.
  at_->server().stop();
  at_->start_server();
  ASSERT_EQ(at_->dossier({"issue", "comment", issue, "after the restart"}).exit_code, 0);
  EXPECT_TRUE(eventually(30'000, [&] { return watch.log().find("    | after the restart\n") != std::string::npos; })) << watch.log();
  EXPECT_EQ(watch.log().find("    | seen live\n"), watch.log().rfind("    | seen live\n"));
}

}  // namespace
}  // namespace dossier::test
