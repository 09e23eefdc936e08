// A run of Codex as the worker speaks to it, killed while it asks.
#include <signal.h>

#include "tests/unit/run_thread_fixture.hpp"

namespace dossier::worker {
namespace {

TEST_F(RunThreadTest, codex_that_is_killed_while_it_asks_resumes_and_is_answered_without_asking_people_again) {
  const std::string source = DOSSIER_SOURCE_DIR;
  auto* spec = offer_.mutable_spec();
  spec->set_provider("codex");
  spec->set_approval_mode(v1::ApprovalPolicy::ON_REQUEST);
  for (const std::string& word : {std::string("python3"), source + "/tests/support/fake_codex.py",
                                  source + "/tests/golden/codex/patch_command_decline.ndjson", std::string("none")})
    spec->add_command(word);
  start();
  const auto asked = [&](std::size_t count) {
    return test::eventually(kRunPatienceMs, [&] {
      const auto all = said();
      return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& word) { return word.starts_with("asks "); })) >= count;
    });
  };
  ASSERT_TRUE(asked(1));
  for (const pid_t member : process::marked_processes(kFamily).members) ::kill(member, SIGKILL);
  ASSERT_TRUE(logs("the agent is gone"));
  decide("1/0", "apr_1", "accept");
  // The same change again is answered by itself; what comes after it is asked for.
  ASSERT_TRUE(asked(2));
  decide("2/1", "apr_2", "accept");
  ASSERT_TRUE(asked(3));
  decide("3/2", "apr_3", "decline");
  ASSERT_TRUE(says("source 2"));
  finish();
  const RunEnd end = ends();
  EXPECT_EQ(end.kind, RunEnd::Kind::completed) << end.error;
  EXPECT_EQ(end.result, "All done: edited a.txt");
  const auto all = said();
  const auto told = [&](const char* word) { return std::count(all.begin(), all.end(), word); };
  EXPECT_EQ(told("knows apr_1 quoted"), 1);
  EXPECT_EQ(told("knows apr_2 answered"), 1);
  EXPECT_EQ(told("knows apr_3 answered"), 1);
  EXPECT_EQ(told("began 1"), 1);
  EXPECT_EQ(told("began 2"), 1);
  EXPECT_EQ(told("ended 2 completed"), 1);
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const auto& word) { return word.starts_with("session "); }), 1) << "it was resumed";
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const auto& word) { return word.starts_with("ended 1"); }), 0) << "that turn broke off";
}

}  // namespace
}  // namespace dossier::worker
