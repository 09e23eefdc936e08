// The real Codex program against a scripted model on loopback: no account and no network.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "platform/crypto/crypto.hpp"
#include "platform/process/family.hpp"
#include "tests/support/agent_story.hpp"
#include "tests/support/codex_program.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/model_server.hpp"
#include "tests/support/reacting_host.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/agents/codex_agent.hpp"
#include "worker/agents/codex_probe.hpp"

namespace dossier::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using worker::AgentEvent;
using worker::AgentResult;
using Kind = AgentEvent::Kind;

class Codex : public ::testing::TestWithParam<std::string> {
 protected:
  void begin(const std::string& script) {
    const NpmProgram codex = find_codex(GetParam());
    if (codex.path.empty()) GTEST_SKIP() << codex.why_not;
    model_ = std::make_unique<ModelServer>(script, folder_.path());
    request_.command = {codex.path, "-c", "model_provider=\"mock\"", "-c",
                        "model_providers.mock={name=\"mock\",base_url=\"" + model_->url() +
                            "/v1\",env_key=\"MOCK_KEY\",wire_api=\"responses\",supports_websockets=false,request_max_retries=0,"
                            "stream_max_retries=0}"};
    request_.task_id = "tsk_1";
    request_.offer = 1;
    request_.prompt = "begin";
    request_.message_id = "msg_1";
    request_.model = "gpt-5.1-codex";  // one without metadata of its own: it gets the plain shell tool, which the script speaks
    request_.home = folder_.path() + "/home";
    request_.timeout_ms = 60'000;
    request_.approvals = worker::ApprovalMode::untrusted;
    request_.family = "test-" + crypto::random_uuid_hex();
    for (const auto& [name, value] : worker::agent_environment(std::nullopt))
      if (name != "HOME") request_.environment.emplace_back(name, value);
    request_.environment.emplace_back("HOME", folder_.path());  // it runs commands in a login shell: no profile of anybody's
    request_.environment.emplace_back("MOCK_KEY", "none");
    ::setenv("DOSSIER_CODEX_SANDBOX", "danger-full-access", 1);
    use_worktree("tree");
  }
  void use_worktree(const std::string& name) {
    request_.worktree = folder_.path() + "/" + name;
    std::filesystem::create_directories(request_.worktree);
  }
  AgentResult run() { return agent_.run(request_, host_); }
  void decide(ReactingHost& host, const std::string& decision) {
    host.on(Kind::approval_requested, [&host, decision](const AgentEvent& event) { host.resolve(event.approval->request, decision); });
  }
  std::string file(const std::string& name) const { return read_whole_file(request_.worktree + "/" + name); }
  bool exists(const std::string& name) const { return std::filesystem::exists(request_.worktree + "/" + name); }
  std::vector<pid_t> processes() const { return process::marked_processes(request_.family).members; }
  void TearDown() override {
    ::unsetenv("DOSSIER_CODEX_SANDBOX");
    if (HasFailure() && model_ != nullptr) {
      std::cerr << "--- stderr\n" << host_.lines("stderr") << "--- system\n" << host_.lines("system") << "--- model\n" << model_->log();
      for (const auto& event : host_.events) std::cerr << describe_event(event);
    }
    if (agent_.is_warm() || request_.family.empty()) return;
    EXPECT_TRUE(processes().empty());
  }

  TemporaryFolder folder_{"codex"};
  std::unique_ptr<ModelServer> model_;
  worker::AgentRequest request_;
  ReactingHost host_;
  worker::CodexAgent agent_;
};

INSTANTIATE_TEST_SUITE_P(Versions, Codex, ::testing::ValuesIn(codex_versions()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

TEST_P(Codex, runs_two_turns_on_one_thread_and_stays_warm_for_a_third) {
  begin(R"({"begin": [{"run": "echo one >a.txt; cat a.txt"}, {"say": "First."}], "second": [{"run": "echo two >>a.txt"}, {"say": "Second."}],
            "third": [{"say": "Third."}]})");
  if (IsSkipped()) return;
  decide(host_, "accept");
  host_.on_turn_ended([this](const AgentEvent& event) { event.turn == 1 ? host_.next_turn(2, "in_2", "the second") : host_.finish(); });
  const AgentResult result = run();
  ASSERT_EQ(result.kind, AgentResult::Kind::completed) << result.error;
  EXPECT_EQ(result.result, "Second.");
  EXPECT_EQ(file("a.txt"), "one\ntwo\n");
  EXPECT_EQ(host_.count(Kind::session_started), 1);
  EXPECT_EQ(host_.count(Kind::turn_started), 2);
  EXPECT_EQ(host_.count(Kind::approval_requested), 2);
  EXPECT_EQ(host_.count(Kind::approval_resolved), 2);
  EXPECT_THAT(host_.last(Kind::command_execution).text, HasSubstr("echo two >>a.txt"));
  EXPECT_EQ(host_.last(Kind::command_execution).exit_code, 0);
  EXPECT_EQ(host_.last(Kind::turn_ended).turn, 2u);
  EXPECT_EQ(host_.last(Kind::turn_ended).tokens_in, 200u);
  EXPECT_EQ(host_.last(Kind::turn_ended).tokens_out, 40u);
  ASSERT_TRUE(agent_.is_warm());

  const auto before = processes();
  request_.first_turn = 3;
  request_.prompt = "the third";
  request_.provider_session = host_.last(Kind::session_started).item;
  const AgentResult third = run();
  EXPECT_EQ(third.result, "Third.") << third.error;
  EXPECT_EQ(processes(), before);
  EXPECT_EQ(host_.last(Kind::turn_ended).tokens_in, 100u);
}

TEST_P(Codex, asks_before_a_patch_and_tells_what_it_changed) {
  begin(R"([{"run": "apply_patch <<'PATCH'\n*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch\nPATCH"}, {"say": "Patched."}])");
  if (IsSkipped()) return;
  decide(host_, "accept");
  const AgentResult result = run();
  EXPECT_EQ(result.result, "Patched.") << result.error;
  EXPECT_EQ(file("new.txt"), "hello\n");
  const AgentEvent& asked = host_.last(Kind::approval_requested);
  ASSERT_TRUE(asked.approval);
  EXPECT_EQ(asked.approval->kind, "file_change");
  EXPECT_EQ(asked.approval->patch, "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1,1 @@\n+hello\n");
  EXPECT_THAT(host_.last(Kind::file_change).paths, ElementsAre("new.txt"));
}

TEST_P(Codex, does_not_run_what_is_declined_and_goes_on_with_its_turn) {
  begin(R"([{"run": "touch declined.txt"}, {"say": "Understood."}])");
  if (IsSkipped()) return;
  decide(host_, "decline");
  const AgentResult result = run();
  EXPECT_EQ(result.result, "Understood.") << result.error;
  EXPECT_FALSE(exists("declined.txt"));
  EXPECT_EQ(host_.last(Kind::approval_requested).approval->cwd, ".");
  EXPECT_THAT(host_.last(Kind::approval_requested).approval->command, HasSubstr("touch declined.txt"));
  EXPECT_EQ(host_.last(Kind::approval_resolved).name, "decline");
  EXPECT_TRUE(host_.last(Kind::tool_result).failed);
}

TEST_P(Codex, asks_nobody_where_the_mode_is_never) {
  begin(R"([{"run": "echo never >n.txt"}, {"say": "Done so far."}])");
  if (IsSkipped()) return;
  request_.approvals = worker::ApprovalMode::never;
  EXPECT_EQ(run().result, "Done so far.");
  EXPECT_EQ(host_.count(Kind::approval_requested), 0);
  EXPECT_EQ(file("n.txt"), "never\n");
}

TEST_P(Codex, killed_at_an_open_approval_it_goes_on_with_its_thread_in_another_worktree) {
  begin(R"({"begin": [{"run": "touch yes.txt"}, {"say": "Made."}], "approved": [{"run": "touch yes.txt"}, {"say": "Made after all."}]})");
  if (IsSkipped()) return;
  host_.on(Kind::approval_requested, [this](const AgentEvent&) {
    for (const pid_t member : processes()) ::kill(member, SIGKILL);
  });
  const AgentResult lost = run();
  EXPECT_EQ(lost.code, "agent_lost");
  EXPECT_TRUE(lost.retryable);
  EXPECT_EQ(host_.count(Kind::approval_requested), 1);
  EXPECT_EQ(host_.count(Kind::approval_resolved), 0);  // it is still open: whoever decides may take his time
  EXPECT_EQ(host_.count(Kind::tool_use), host_.count(Kind::tool_result));
  EXPECT_FALSE(agent_.is_warm());
  EXPECT_FALSE(exists("yes.txt"));

  ReactingHost again;
  decide(again, "accept");
  request_.provider_session = host_.last(Kind::session_started).item;
  request_.first_turn = 2;
  request_.prompt = "approved: run touch yes.txt";
  request_.family += "-2";
  use_worktree("elsewhere");
  worker::CodexAgent successor;
  const AgentResult result = successor.run(request_, again);
  EXPECT_EQ(result.result, "Made after all.") << result.error << again.lines("system");
  EXPECT_EQ(again.last(Kind::session_started).item, request_.provider_session);
  EXPECT_FALSE(again.last(Kind::session_started).failed);
  EXPECT_EQ(again.last(Kind::turn_ended).tokens_in, 200u);  // and nothing of what was counted before
  EXPECT_TRUE(exists("yes.txt"));
}

TEST_P(Codex, a_thread_that_it_does_not_know_begins_afresh_and_says_so) {
  begin(R"([{"say": "Hello."}])");
  if (IsSkipped()) return;
  request_.provider_session = "01a1fbb0-336d-7bf0-b62d-665622c16eea";
  const AgentResult result = run();
  EXPECT_EQ(result.result, "Hello.") << result.error;
  EXPECT_TRUE(host_.last(Kind::session_started).failed);
  EXPECT_NE(host_.last(Kind::session_started).item, request_.provider_session);
}

TEST_P(Codex, words_that_steer_reach_the_model_within_the_turn) {
  begin(R"({"begin": [{"run": "touch started; while [ ! -e go ]; do sleep 0.05; done"}, {"say": "Unheard."}], "be brief": [{"say": "Heard."}]})");
  if (IsSkipped()) return;
  decide(host_, "accept");
  std::thread person([this] {
    EXPECT_TRUE(eventually(30'000, [&] { return exists("started"); }));
    host_.steer("fup_1", "be brief");
  });
  host_.on(Kind::steered, [this](const AgentEvent&) { std::ofstream(request_.worktree + "/go") << ""; });
  const AgentResult result = run();
  person.join();
  EXPECT_EQ(result.result, "Heard.") << result.error;
  EXPECT_EQ(host_.last(Kind::steered).item, "fup_1");
  EXPECT_EQ(host_.last(Kind::steered).turn, 1u);
  EXPECT_EQ(host_.count(Kind::turn_ended), 1);
}

TEST_P(Codex, an_interrupt_leaves_nothing_running_and_the_next_turn_goes_on_with_the_thread) {
  begin(R"({"begin": [{"run": "echo $$ >started; sleep 300; touch survived"}], "second": [{"say": "Still here."}]})");
  if (IsSkipped()) return;
  decide(host_, "accept");
  std::thread person([this] {
    EXPECT_TRUE(eventually(30'000, [&] { return !file("started").empty(); }));
    host_.interrupt();
  });
  host_.on_turn_ended([this](const AgentEvent& event) { event.turn == 1 ? host_.next_turn(2, "in_2", "the second") : host_.finish(); });
  bool leftover = false;
  host_.on(Kind::turn_started, [&](const AgentEvent& event) {
    if (event.turn == 2) leftover = ::kill(std::stoi(file("started")), 0) == 0;
  });
  const AgentResult result = run();
  person.join();
  EXPECT_EQ(result.result, "Still here.") << result.error;
  const auto first = std::find_if(host_.events.begin(), host_.events.end(), [](const auto& event) { return event.kind == Kind::turn_ended; });
  ASSERT_NE(first, host_.events.end());
  EXPECT_EQ(first->text, "interrupted");
  EXPECT_FALSE(leftover) << "the command of the first turn still runs";
  EXPECT_EQ(host_.count(Kind::session_started), 2);
  EXPECT_FALSE(host_.last(Kind::session_started).failed);
  EXPECT_EQ(host_.count(Kind::tool_use), host_.count(Kind::tool_result));
}

TEST_P(Codex, an_interrupt_takes_back_what_was_asked) {
  begin(R"({"begin": [{"run": "touch taken_back.txt"}, {"say": "Never said."}], "second": [{"say": "Something else."}]})");
  if (IsSkipped()) return;
  host_.on(Kind::approval_requested, [this](const AgentEvent&) { host_.interrupt(); });
  host_.on_turn_ended([this](const AgentEvent& event) { event.turn == 1 ? host_.next_turn(2, "in_2", "the second") : host_.finish(); });
  const AgentResult result = run();
  EXPECT_EQ(result.result, "Something else.") << result.error;
  EXPECT_EQ(host_.count(Kind::approval_resolved), 1);
  EXPECT_EQ(host_.last(Kind::approval_resolved).name, "withdrawn");
  EXPECT_FALSE(exists("taken_back.txt"));
}

TEST_P(Codex, a_cancelled_approval_ends_the_turn) {
  begin(R"([{"run": "touch cancelled.txt"}, {"say": "Never said."}])");
  if (IsSkipped()) return;
  decide(host_, "cancel");
  EXPECT_EQ(run().kind, AgentResult::Kind::completed);
  EXPECT_EQ(host_.last(Kind::turn_ended).text, "interrupted");
  EXPECT_FALSE(exists("cancelled.txt"));
}

TEST_P(Codex, a_stop_at_an_open_approval_leaves_it_open) {
  begin(R"([{"run": "touch later.txt"}, {"say": "Never said."}])");
  if (IsSkipped()) return;
  host_.on(Kind::approval_requested, [this](const AgentEvent&) { host_.ask_to_stop(worker::AgentHost::Stop::gently); });
  EXPECT_EQ(run().kind, AgentResult::Kind::stopped);
  EXPECT_EQ(host_.count(Kind::approval_resolved), 0);
}

TEST_P(Codex, a_model_that_fails_fails_the_turn_and_says_why) {
  begin(R"([{"fail": 500}])");
  if (IsSkipped()) return;
  const AgentResult result = run();
  EXPECT_EQ(result.code, "agent_failed");
  EXPECT_TRUE(result.retryable);
  EXPECT_NE(result.error, "");
  EXPECT_FALSE(agent_.is_warm());
}

TEST_P(Codex, is_found_fit_to_be_driven) {
  begin("[]");
  if (IsSkipped()) return;
  const auto probe = worker::probe_codex({request_.command.front()});
  ASSERT_TRUE(probe) << probe.error().message;
  EXPECT_EQ(probe->version, GetParam());
  EXPECT_TRUE(probe->approvals);
}

}  // namespace
}  // namespace dossier::test
