// The provider `claude`, run for real against a program that plays back recordings, and misbehaves.
#include "worker/agents/claude_agent.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "platform/crypto/crypto.hpp"
#include "platform/process/family.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/reacting_host.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/agents/claude_probe.hpp"

namespace dossier::worker {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using Kind = AgentEvent::Kind;
constexpr const char* kKnownSession = "892d0696-e6e5-4436-8e7e-3d6f05c2372b";

class ClaudeAgentTest : public ::testing::Test {
 protected:
  ClaudeAgentTest() {
    request_.task_id = "tsk_1";
    request_.offer = 1;
    request_.prompt = "do it";
    request_.message_id = "msg_1";
    request_.worktree = folder_.path();
    request_.home = folder_.path() + "/home";
    request_.family = "test-" + crypto::random_uuid_hex();
    request_.environment = agent_environment(std::nullopt);
    request_.timeout_ms = 60'000;
    request_.approvals = ApprovalMode::on_request;
  }
  static std::vector<std::string> fake(const std::string& recording, const std::string& fault) {
    const std::string source = DOSSIER_SOURCE_DIR;
    return {"python3", source + "/tests/support/fake_claude.py", source + "/tests/golden/claude/" + recording + ".ndjson", fault};
  }
  AgentResult run(const std::string& recording, const std::string& fault = "none") {
    request_.command = fake(recording, fault);
    return agent_.run(request_, host_);
  }
  // What the recording's host did is done here by the same rule: everything is accepted.
  void accept_everything() {
    host_.on(Kind::approval_requested, [this](const AgentEvent& event) {
      host_.resolve(event.approval->request, "accept", "", event.approval->kind == "user_input" ? R"({"Which colour?":["Blue"]})" : "");
    });
  }
  void keep_transcript() {
    const std::string folder = request_.home + "/claude/projects/-elsewhere";
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/" + kKnownSession + ".jsonl") << "{}\n";
    request_.provider_session = kKnownSession;
  }
  void TearDown() override {
    if (agent_.is_warm()) return;
    EXPECT_TRUE(process::marked_processes(request_.family).members.empty());
  }

  test::TemporaryFolder folder_{"claude"};
  AgentRequest request_;
  test::ReactingHost host_;
  ClaudeAgent agent_;
  std::atomic<bool> started_{false};
};

TEST_F(ClaudeAgentTest, a_turn_with_an_accepted_and_a_declined_request_comes_as_events) {
  host_.on(Kind::approval_requested, [this](const AgentEvent& event) {
    host_.resolve(event.approval->request, event.approval->command == "rm -rf /w" ? "decline" : "accept", "no deletes");
  });
  const AgentResult result = run("allow_decline");
  EXPECT_EQ(result.kind, AgentResult::Kind::completed) << result.error;
  EXPECT_EQ(result.result, "Done.");
  EXPECT_EQ(host_.count(Kind::approval_requested), 2);
  EXPECT_EQ(host_.count(Kind::approval_resolved), 2);
  EXPECT_EQ(host_.count(Kind::command_execution), 1);
  EXPECT_EQ(host_.last(Kind::turn_ended).tokens_in, 336u);
  EXPECT_EQ(host_.lines("stderr"), "fake claude speaks on standard error\n");
}

TEST_F(ClaudeAgentTest, turns_follow_in_one_process_which_stays_warm) {
  accept_everything();
  host_.on_turn_ended([this](const AgentEvent& event) { event.turn == 1 ? host_.next_turn(2, "in_2", "ask me") : host_.finish(); });
  EXPECT_EQ(run("edits_and_question").kind, AgentResult::Kind::completed);
  EXPECT_EQ(host_.count(Kind::turn_ended), 2);
  EXPECT_EQ(host_.last(Kind::turn_ended).turn, 2u);
  EXPECT_EQ(host_.lines("stderr"), "fake claude speaks on standard error\n");
  EXPECT_TRUE(agent_.is_warm());
}

TEST_F(ClaudeAgentTest, a_warm_process_takes_the_next_runs_turn) {
  accept_everything();
  EXPECT_EQ(run("edits_and_question").result, "Done it.");
  ASSERT_TRUE(agent_.is_warm());
  request_.provider_session = host_.last(Kind::session_started).item;
  request_.first_turn = 2;
  request_.prompt = "ask me";
  EXPECT_EQ(agent_.run(request_, host_).result, "asked");
  EXPECT_EQ(host_.count(Kind::session_started), 2);
  EXPECT_EQ(host_.lines("stderr"), "fake claude speaks on standard error\n");
}

TEST_F(ClaudeAgentTest, a_program_that_ends_between_turns_is_started_again_for_the_next) {
  accept_everything();
  host_.on_turn_ended([this](const AgentEvent& event) {
    if (event.turn != 1) return host_.finish();
    for (const pid_t member : process::marked_processes(request_.family).members) ::kill(member, SIGKILL);
  });
  host_.on(Kind::session_started, [this](const AgentEvent&) { started_ = true; });
  std::thread person([this] {
    EXPECT_TRUE(test::eventually(20'000, [this] { return started_ && process::marked_processes(request_.family).members.empty(); }));
    // Two rounds more, and its end was seen; a turn that is asked for before is lost with it.
    const int pumps = host_.pumps;
    EXPECT_TRUE(test::eventually(20'000, [&] { return host_.pumps >= pumps + 2; }));
    host_.next_turn(2, "in_2", "do it again");
  });
  const AgentResult result = run("allow_decline");
  person.join();
  EXPECT_EQ(result.kind, AgentResult::Kind::completed) << result.error;
  EXPECT_EQ(host_.last(Kind::turn_ended).turn, 2u);
  EXPECT_EQ(host_.lines("stderr"), "fake claude speaks on standard error\nfake claude speaks on standard error\n");
}

TEST_F(ClaudeAgentTest, a_warm_process_with_other_instructions_is_not_gone_on_with) {
  accept_everything();
  EXPECT_EQ(run("edits_and_question").result, "Done it.");
  request_.provider_session = host_.last(Kind::session_started).item;
  request_.instructions = "Be brief.";
  EXPECT_EQ(agent_.run(request_, host_).result, "Done it.");
  EXPECT_EQ(host_.lines("stderr"), "fake claude speaks on standard error\nfake claude speaks on standard error\n");
}

TEST_F(ClaudeAgentTest, nobody_is_asked_where_the_mode_is_never) {
  request_.approvals = ApprovalMode::never;
  EXPECT_EQ(run("allow_decline").kind, AgentResult::Kind::completed);
  EXPECT_EQ(host_.count(Kind::approval_requested), 0);
  EXPECT_THAT(host_.lines("system"), HasSubstr("it was refused"));
}

TEST_F(ClaudeAgentTest, a_session_is_resumed_from_its_transcript_wherever_its_worktree_was) {
  keep_transcript();
  request_.approvals = ApprovalMode::never;
  EXPECT_EQ(run("allow_decline").kind, AgentResult::Kind::completed);
  EXPECT_FALSE(host_.last(Kind::session_started).failed);
  EXPECT_EQ(host_.last(Kind::session_started).item, kKnownSession);
}

TEST_F(ClaudeAgentTest, a_session_without_a_transcript_begins_afresh_and_says_so) {
  request_.provider_session = kKnownSession;
  request_.approvals = ApprovalMode::never;
  EXPECT_EQ(run("allow_decline").kind, AgentResult::Kind::completed);
  EXPECT_TRUE(host_.last(Kind::session_started).failed);
}

TEST_F(ClaudeAgentTest, a_session_that_the_program_does_not_know_begins_afresh_and_says_so) {
  keep_transcript();
  request_.approvals = ApprovalMode::never;
  EXPECT_EQ(run("allow_decline", "forgetful").kind, AgentResult::Kind::completed);
  EXPECT_TRUE(host_.last(Kind::session_started).failed);
  EXPECT_EQ(host_.count(Kind::turn_ended), 1);
}

TEST_F(ClaudeAgentTest, a_program_that_dies_in_a_turn_is_lost_and_may_be_tried_again) {
  const AgentResult result = run("allow_decline", "die");
  EXPECT_EQ(result.code, "agent_lost");
  EXPECT_TRUE(result.retryable);
  EXPECT_THAT(result.error, HasSubstr("exit status 9: fake claude speaks on standard error"));
  EXPECT_EQ(host_.last(Kind::turn_ended).text, "lost");
  EXPECT_FALSE(agent_.is_warm());
}

TEST_F(ClaudeAgentTest, a_program_that_ends_before_its_turn_is_lost_though_it_says_success) {
  accept_everything();
  EXPECT_EQ(run("allow_decline", "drop").code, "agent_lost");
}

TEST_F(ClaudeAgentTest, a_program_that_says_nothing_any_more_runs_out_of_time) {
  request_.timeout_ms = 500;
  const AgentResult result = run("allow_decline", "silent");
  EXPECT_EQ(result.code, "agent_timeout");
  EXPECT_FALSE(result.retryable);
}

TEST_F(ClaudeAgentTest, a_program_that_never_answers_at_all_runs_out_of_time) {
  request_.timeout_ms = 500;
  EXPECT_EQ(run("allow_decline", "deaf").code, "agent_timeout");
}

TEST_F(ClaudeAgentTest, an_open_request_takes_no_time_from_the_turn) {
  request_.timeout_ms = 3'000;
  std::thread person;
  host_.on(Kind::approval_requested, [&](const AgentEvent& event) {
    if (person.joinable()) return host_.resolve(event.approval->request, "decline");
    // Longer than the whole turn may take.
    person = std::thread([this, request = event.approval->request] {
      process::Wakeup nobody;
      nobody.wait(3'500);
      host_.resolve(request, "accept");
    });
  });
  const AgentResult result = run("allow_decline");
  if (person.joinable()) person.join();
  EXPECT_EQ(result.kind, AgentResult::Kind::completed) << result.error;
}

TEST_F(ClaudeAgentTest, noise_huge_frames_and_frames_that_come_twice_do_no_harm) {
  accept_everything();
  for (const char* fault : {"noise", "huge", "twice", "unknown", "daemon"}) {
    host_.events.clear();
    ClaudeAgent agent;
    request_.command = fake("allow_decline", fault);
    const AgentResult result = agent.run(request_, host_);
    EXPECT_EQ(result.kind, AgentResult::Kind::completed) << fault << ": " << result.error;
    EXPECT_EQ(host_.count(Kind::message), 2) << fault;
    EXPECT_EQ(host_.count(Kind::approval_requested), 2) << fault;
    EXPECT_EQ(host_.count(Kind::command_execution), 2) << fault;
    EXPECT_EQ(host_.count(Kind::turn_ended), 1) << fault;
  }
}

TEST_F(ClaudeAgentTest, what_comes_after_the_turn_belongs_to_no_turn) {
  accept_everything();
  host_.on_turn_ended([this](const AgentEvent& event) { event.turn == 1 ? host_.next_turn(2, "in_2", "ask me") : host_.finish(); });
  EXPECT_EQ(run("edits_and_question", "late").kind, AgentResult::Kind::completed);
  for (const auto& event : host_.events) EXPECT_NE(event.text, "too late");
  EXPECT_EQ(host_.count(Kind::approval_requested), 3);
}

TEST_F(ClaudeAgentTest, an_interrupted_turn_is_followed_by_others) {
  int asked = 0;
  host_.on(Kind::approval_requested, [&](const AgentEvent& event) {
    switch (++asked) {
      case 1:
        host_.resolve(event.approval->request, "accept");
        host_.steer("fup_1", "and more");
        return host_.interrupt();
      case 2: return host_.interrupt();
      default: return host_.resolve(event.approval->request, "cancel", "not that");
    }
  });
  host_.on_turn_ended([this](const AgentEvent& event) {
    EXPECT_EQ(event.text, "interrupted");
    event.turn < 3 ? host_.next_turn(event.turn + 1, "in", "slow again") : host_.finish();
  });
  EXPECT_EQ(run("interrupted").kind, AgentResult::Kind::completed);
  EXPECT_EQ(host_.count(Kind::turn_ended), 3);
  EXPECT_EQ(host_.count(Kind::steered), 0);
}

TEST_F(ClaudeAgentTest, words_that_steer_are_taken_into_the_turn) {
  host_.on(Kind::tool_use, [this](const AgentEvent&) { host_.steer("fup_1", "be quick"); });
  EXPECT_EQ(run("steered").result, "after");
  EXPECT_EQ(host_.last(Kind::steered).item, "fup_1");
  EXPECT_EQ(host_.last(Kind::steered).turn, 1u);
}

TEST_F(ClaudeAgentTest, a_stop_interrupts_the_turn_and_ends_the_process) {
  host_.on(Kind::approval_requested, [this](const AgentEvent&) { host_.ask_to_stop(AgentHost::Stop::gently); });
  EXPECT_EQ(run("allow_decline", "daemon").kind, AgentResult::Kind::stopped);
  EXPECT_FALSE(agent_.is_warm());
}

TEST_F(ClaudeAgentTest, a_program_that_is_not_there_is_unavailable) {
  request_.command = {"no-such-claude"};
  const AgentResult result = agent_.run(request_, host_);
  EXPECT_EQ(result.code, "agent_unavailable");
  EXPECT_THAT(result.error, HasSubstr("no-such-claude"));
}

TEST_F(ClaudeAgentTest, the_machines_sign_in_is_lent_as_a_link) {
  std::filesystem::create_directories(folder_.path() + "/own");
  std::ofstream(folder_.path() + "/own/.credentials.json") << "{}";
  ::setenv("CLAUDE_CONFIG_DIR", (folder_.path() + "/own").c_str(), 1);
  run("allow_decline", "die");
  ::unsetenv("CLAUDE_CONFIG_DIR");
  EXPECT_EQ(std::filesystem::read_symlink(request_.home + "/claude/.credentials.json"), folder_.path() + "/own/.credentials.json");
}

TEST_F(ClaudeAgentTest, its_words_are_the_model_the_instructions_and_the_mode) {
  request_.model = "sonnet";
  request_.instructions = "Be brief.";
  const auto argv = claude_argv(request_);
  EXPECT_EQ(argv.front(), "claude");
  for (const char* word : {"--model", "sonnet", "--append-system-prompt", "Be brief.", "default"}) EXPECT_THAT(argv, Contains(word));
  request_.approvals = ApprovalMode::never;
  EXPECT_THAT(claude_argv(request_), Contains("acceptEdits"));
}

TEST(ClaudeProbe, compares_versions_by_their_numbers) {
  EXPECT_LT(compare_versions("2.1.96", "2.1.197"), 0);
  EXPECT_EQ(compare_versions("2.1.197", "2.1.197"), 0);
  EXPECT_GT(compare_versions("2.2", "2.1.197"), 0);
  EXPECT_LT(compare_versions("2", "2.0.1"), 0);
}

TEST(ClaudeProbe, a_program_that_answers_is_found_with_its_version) {
  const std::string source = DOSSIER_SOURCE_DIR;
  const auto probe =
      probe_claude({"python3", source + "/tests/support/fake_claude.py", source + "/tests/golden/claude/allow_decline.ndjson", "none"});
  ASSERT_TRUE(probe) << probe.error().message;
  EXPECT_EQ(probe->version, "2.1.197");
}

TEST(ClaudeProbe, a_program_that_is_absent_old_or_mute_is_refused_with_the_reason) {
  EXPECT_FALSE(probe_claude({"no-such-claude"}));
  const auto old = probe_claude({"/bin/sh", "-c", "echo '2.0.9 (Claude Code)'"});
  ASSERT_FALSE(old);
  EXPECT_THAT(old.error().message, HasSubstr("2.0.9"));
  const auto mute = probe_claude({"/bin/sh", "-c", "echo 2.1.197"});
  ASSERT_FALSE(mute);
  EXPECT_THAT(mute.error().message, HasSubstr("does not answer"));
}

}  // namespace
}  // namespace dossier::worker
