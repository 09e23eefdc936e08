// The real Claude Code program against a scripted model on loopback: no account and no network.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "platform/crypto/crypto.hpp"
#include "platform/process/family.hpp"
#include "tests/support/claude_program.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/model_server.hpp"
#include "tests/support/reacting_host.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/agents/claude_agent.hpp"
#include "worker/agents/claude_probe.hpp"

namespace dossier::test {
namespace {

using ::testing::HasSubstr;
using worker::AgentEvent;
using worker::AgentResult;
using Kind = AgentEvent::Kind;

class Claude : public ::testing::Test {
 protected:
  void begin(const std::string& script) {
    const NpmProgram claude = find_claude();
    if (claude.path.empty()) GTEST_SKIP() << claude.why_not;
    model_ = std::make_unique<ModelServer>(script, folder_.path());
    request_.command = {claude.path};
    request_.task_id = "tsk_1";
    request_.offer = 1;
    request_.prompt = "begin";
    request_.message_id = "msg_1";
    request_.model = "claude-sonnet-4-5";  // one whose price it knows
    request_.home = folder_.path() + "/home";
    request_.timeout_ms = 60'000;
    request_.approvals = worker::ApprovalMode::on_request;
    request_.family = "test-" + crypto::random_uuid_hex();
    request_.environment = worker::agent_environment(std::nullopt);
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"ANTHROPIC_BASE_URL", model_->url()}, {"ANTHROPIC_API_KEY", "none"}, {"CLAUDE_CODE_MAX_RETRIES", "0"}})
      request_.environment.emplace_back(name, value);
    use_worktree("tree");
  }
  void use_worktree(const std::string& name) {
    request_.worktree = folder_.path() + "/" + name;
    std::filesystem::create_directories(request_.worktree);
  }
  AgentResult run() { return agent_.run(request_, host_); }
  void decide(const std::string& decision, const std::string& reason = {}, const std::string& answer = {}) {
    host_.on(Kind::approval_requested, [=, this](const AgentEvent& event) { host_.resolve(event.approval->request, decision, reason, answer); });
  }
  bool has_transcript() const {
    std::error_code failed;
    for (std::filesystem::recursive_directory_iterator at(request_.home + "/claude/projects", failed), end; !failed && at != end;
         at.increment(failed))
      if (at->path().extension() == ".jsonl") return true;
    return false;
  }
  std::string file(const std::string& name) const { return read_whole_file(request_.worktree + "/" + name); }
  std::string tool_output() const { return host_.last(Kind::tool_result).text; }
  void TearDown() override {
    if (HasFailure() && model_ != nullptr) std::cerr << "--- stderr\n" << host_.lines("stderr") << "--- model\n" << model_->log();
    if (agent_.is_warm() || request_.family.empty()) return;
    EXPECT_TRUE(process::marked_processes(request_.family).members.empty());
  }

  TemporaryFolder folder_{"claude"};
  std::unique_ptr<ModelServer> model_;
  worker::AgentRequest request_;
  ReactingHost host_;
  worker::ClaudeAgent agent_;
};

TEST_F(Claude, two_turns_run_in_one_process_that_stays_warm_for_a_third) {
  begin(
      R"({"begin": [{"run": "echo one >a.txt && cat a.txt"}, {"say": "First."}], "second": [{"think": "Hm.", "run": "echo two >>a.txt"}, {"say": "Second."}],
            "third": [{"say": "Third."}]})");
  if (IsSkipped()) return;
  decide("accept");
  host_.on_turn_ended([this](const AgentEvent& event) { event.turn == 1 ? host_.next_turn(2, "in_2", "the second") : host_.finish(); });
  const AgentResult result = run();
  ASSERT_EQ(result.kind, AgentResult::Kind::completed) << result.error;
  EXPECT_EQ(result.result, "Second.");
  EXPECT_EQ(file("a.txt"), "one\ntwo\n");
  EXPECT_EQ(host_.count(Kind::session_started), 1);
  EXPECT_EQ(host_.count(Kind::turn_started), 2);
  EXPECT_EQ(host_.last(Kind::reasoning).text, "Hm.");
  EXPECT_EQ(host_.last(Kind::command_execution).text, "echo two >>a.txt");
  EXPECT_EQ(host_.last(Kind::command_execution).exit_code, 0);
  EXPECT_EQ(host_.last(Kind::turn_ended).tokens_in, 200u);
  EXPECT_EQ(host_.last(Kind::turn_ended).tokens_out, 40u);
  EXPECT_EQ(host_.last(Kind::turn_ended).cost_microusd, 1'200u);
  EXPECT_GT(host_.count(Kind::text_delta), 0);

  ASSERT_TRUE(agent_.is_warm());
  const auto process = process::marked_processes(request_.family).members;
  request_.provider_session = host_.last(Kind::session_started).item;
  request_.first_turn = 3;
  request_.prompt = "the third";
  EXPECT_EQ(run().result, "Third.");
  EXPECT_EQ(process::marked_processes(request_.family).members.size(), process.size());
  EXPECT_FALSE(host_.last(Kind::session_started).failed);
}

TEST_F(Claude, a_declined_command_does_not_run_and_the_model_reads_why) {
  begin(R"([{"run": "echo no >b.txt"}, {"say": "Understood."}])");
  if (IsSkipped()) return;
  decide("decline", "not today");
  EXPECT_EQ(run().result, "Understood.");
  EXPECT_EQ(host_.last(Kind::approval_requested).approval->command, "echo no >b.txt");
  EXPECT_EQ(tool_output(), "not today");
  EXPECT_EQ(host_.count(Kind::command_execution), 0);
  EXPECT_FALSE(std::filesystem::exists(request_.worktree + "/b.txt"));
}

TEST_F(Claude, nobody_is_asked_where_the_mode_is_never_but_files_of_the_worktree_are_written) {
  begin(R"([{"tool": "Write", "input": {"file_path": ")" + folder_.path() + R"(/tree/c.txt", "content": "mine\n"}},
            {"run": "python3 -c 'open(\"d.txt\", \"w\")'"}, {"say": "Done so far."}])");
  if (IsSkipped()) return;
  request_.approvals = worker::ApprovalMode::never;
  EXPECT_EQ(run().result, "Done so far.");
  EXPECT_EQ(host_.count(Kind::approval_requested), 0);
  EXPECT_EQ(file("c.txt"), "mine\n");
  EXPECT_EQ(host_.last(Kind::file_change).paths, std::vector<std::string>{"c.txt"});
  EXPECT_FALSE(std::filesystem::exists(request_.worktree + "/d.txt"));
}

TEST_F(Claude, what_is_accepted_for_the_session_is_not_asked_again_and_leaves_nothing_in_the_worktree) {
  begin(R"([{"run": "python3 -c 'print(6 * 7)'"}, {"run": "python3 -c 'print(6 * 7)'"}, {"say": "Twice."}])");
  if (IsSkipped()) return;
  decide("accept_for_session");
  EXPECT_EQ(run().result, "Twice.");
  EXPECT_EQ(host_.count(Kind::command_execution), 2);
  EXPECT_EQ(host_.count(Kind::approval_requested), 1);
  EXPECT_FALSE(std::filesystem::exists(request_.worktree + "/.claude"));
}

TEST_F(Claude, a_question_is_answered_by_people) {
  begin(R"([{"tool": "AskUserQuestion", "input": {"questions": [{"question": "Which colour?", "header": "Colour", "multiSelect": false,
             "options": [{"label": "Red", "description": "r"}, {"label": "Blue", "description": "b"}]}]}}, {"say": "Thanks."}])");
  if (IsSkipped()) return;
  decide("accept", "", R"({"Which colour?":["Blue"]})");
  EXPECT_EQ(run().result, "Thanks.");
  EXPECT_EQ(host_.last(Kind::approval_requested).approval->kind, "user_input");
  EXPECT_THAT(tool_output(), HasSubstr("\"Which colour?\"=\"Blue\""));
}

TEST_F(Claude, killed_at_an_open_request_it_is_resumed_in_another_worktree) {
  begin(R"({"begin": [{"run": "echo yes >e.txt"}, {"say": "Made."}], "approved": [{"run": "echo yes >e.txt"}, {"say": "Made after all."}]})");
  if (IsSkipped()) return;
  host_.on(Kind::approval_requested, [this](const AgentEvent&) {
    EXPECT_TRUE(eventually(10'000, [this] { return has_transcript(); }));  // it writes some 0.1 s after it speaks
    for (const pid_t member : process::marked_processes(request_.family).members) ::kill(member, SIGKILL);
  });
  const AgentResult lost = run();
  EXPECT_EQ(lost.code, "agent_lost");
  EXPECT_TRUE(lost.retryable);
  EXPECT_EQ(host_.count(Kind::approval_resolved), 0);
  EXPECT_FALSE(agent_.is_warm());

  ReactingHost again;
  again.on(Kind::approval_requested, [&](const AgentEvent& event) { again.resolve(event.approval->request, "accept"); });
  request_.provider_session = host_.last(Kind::session_started).item;
  request_.first_turn = 2;
  request_.prompt = "approved: run echo yes >e.txt";
  use_worktree("elsewhere");
  worker::ClaudeAgent successor;
  const AgentResult result = successor.run(request_, again);
  EXPECT_EQ(result.result, "Made after all.") << result.error << again.lines("stderr");
  EXPECT_EQ(again.last(Kind::session_started).item, request_.provider_session);
  EXPECT_FALSE(again.last(Kind::session_started).failed);
  EXPECT_EQ(file("e.txt"), "yes\n");
  EXPECT_EQ(again.last(Kind::turn_ended).cost_microusd, 1'200u);  // not what was counted before it was killed
}

TEST_F(Claude, a_session_that_it_forgot_begins_afresh_and_says_so) {
  begin(R"([{"say": "Hello."}])");
  if (IsSkipped()) return;
  const std::string folder = request_.home + "/claude/projects/-gone";
  request_.provider_session = "00112233-4455-4677-8899-aabbccddeeff";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/" + request_.provider_session + ".jsonl") << "no transcript\n";
  EXPECT_EQ(run().result, "Hello.");
  EXPECT_TRUE(host_.last(Kind::session_started).failed);
  EXPECT_NE(host_.last(Kind::session_started).item, request_.provider_session);
}

TEST_F(Claude, an_interrupt_ends_a_running_command_and_the_next_turn_goes_on) {
  begin(R"({"begin": [{"run": "touch started && sleep 300"}], "second": [{"say": "Still here."}]})");
  if (IsSkipped()) return;
  decide("accept");
  std::thread person([this] {
    EXPECT_TRUE(eventually(30'000, [&] { return std::filesystem::exists(request_.worktree + "/started"); }));
    host_.steer("fup_1", "and hurry");
    host_.interrupt();
  });
  host_.on_turn_ended([this](const AgentEvent& event) { event.turn == 1 ? host_.next_turn(2, "in_2", "the second") : host_.finish(); });
  const AgentResult result = run();
  person.join();
  EXPECT_EQ(result.result, "Still here.") << result.error;
  const auto first = std::find_if(host_.events.begin(), host_.events.end(), [](const auto& event) { return event.kind == Kind::turn_ended; });
  ASSERT_NE(first, host_.events.end());
  EXPECT_EQ(first->text, "interrupted");
  EXPECT_EQ(host_.count(Kind::steered), 0);  // it was taken back: the next turn is to have it
}

TEST_F(Claude, words_that_steer_reach_the_model_with_the_next_result_of_a_tool) {
  begin(R"([{"run": "touch started && while [ ! -e go ]; do sleep 0.05; done"}, {"say": "Heard."}])");
  if (IsSkipped()) return;
  decide("accept");
  host_.on(Kind::approval_resolved, [this](const AgentEvent&) { host_.steer("fup_1", "be brief"); });
  std::thread person([this] {
    EXPECT_TRUE(eventually(30'000, [&] { return std::filesystem::exists(request_.worktree + "/started"); }));
    std::ofstream(request_.worktree + "/go") << "";
  });
  const AgentResult result = run();
  person.join();
  EXPECT_EQ(result.result, "Heard.") << result.error;
  EXPECT_EQ(host_.last(Kind::steered).item, "fup_1");
  EXPECT_EQ(host_.count(Kind::turn_ended), 1);
}

TEST_F(Claude, words_that_come_with_the_last_answer_get_one_of_their_own_in_the_same_turn) {
  begin(R"({"begin": [{"say": "First.", "wait": 2}], "one more": [{"say": "And that."}]})");
  if (IsSkipped()) return;
  host_.on(Kind::turn_started, [this](const AgentEvent&) { host_.steer("fup_1", "one more"); });
  EXPECT_EQ(run().result, "And that.");
  EXPECT_EQ(host_.last(Kind::steered).turn, 1u);
  EXPECT_EQ(host_.count(Kind::turn_ended), 1);
  EXPECT_EQ(host_.last(Kind::turn_ended).tokens_in, 200u);
}

TEST_F(Claude, a_model_that_fails_fails_the_turn_and_says_why) {
  begin(R"([{"fail": 500}])");
  if (IsSkipped()) return;
  const AgentResult result = run();
  EXPECT_EQ(result.code, "agent_failed");
  EXPECT_TRUE(result.retryable);
  EXPECT_THAT(result.error, HasSubstr("the script says so"));
  EXPECT_FALSE(agent_.is_warm());
}

TEST_F(Claude, is_found_fit_to_be_driven) {
  begin("[]");
  if (IsSkipped()) return;
  const auto probe = worker::probe_claude(request_.command);
  ASSERT_TRUE(probe) << probe.error().message;
  EXPECT_EQ(probe->version, "2.1.197");
}

}  // namespace
}  // namespace dossier::test
