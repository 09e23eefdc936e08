// The providers, run for real: programs that behave, and programs that don't.
#include "worker/agents/agent.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "platform/crypto/crypto.hpp"
#include "platform/json/json.hpp"
#include "platform/process/family.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dossier::worker {
namespace {

class CollectingHost final : public AgentHost {
 public:
  void on_event(AgentEvent event) override {
    if (on_line && event.kind == AgentEvent::Kind::log_line) on_line(event);
    if (event.kind == AgentEvent::Kind::turn_started) turn_ = event.turn;
    if (event.kind == AgentEvent::Kind::turn_ended) {
      turn_over_ = true;
      turn_at_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(pause_between_turns_ms);
    }
    if (on_approval && event.kind == AgentEvent::Kind::approval_requested) on_approval(*event.approval);
    events.push_back(std::move(event));
  }
  // After each turn: the next one that is planned, or the finish.
  std::vector<AgentCommand> take_commands() override {
    if (!turn_over_ || std::chrono::steady_clock::now() < turn_at_) return std::exchange(commands, {});
    turn_over_ = false;
    AgentCommand command;
    if (!next_turns.empty()) {
      command.kind = AgentCommand::Kind::next_turn;
      command.turn = ++turn_;
      command.inputs = next_turns.front();
      next_turns.erase(next_turns.begin());
    }
    return {command};
  }
  bool congested() override { return false; }
  // What was decided reaches the agent once its time has come.
  std::int64_t pump() override {
    if (answer_.request.empty()) return 1'000'000;
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(answer_at_ - std::chrono::steady_clock::now()).count();
    if (left > 0) return std::min<std::int64_t>(left, 1'000'000);
    commands.push_back(std::exchange(answer_, {}));
    return 0;
  }
  void answer_in(const std::string& request, std::int64_t pause_ms) {
    answer_.kind = AgentCommand::Kind::resolve;
    answer_.request = request;
    answer_.decision = "accept";
    answer_at_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(pause_ms);
  }
  Stop stop() const override { return stop_; }
  process::Wakeup& wakeup() override { return wakeup_; }

  std::string lines(const std::string& stream) const {
    std::string text;
    for (const auto& event : events)
      if (event.kind == AgentEvent::Kind::log_line && event.name == stream) text += event.text + "\n";
    return text;
  }
  int count(AgentEvent::Kind kind) const {
    return static_cast<int>(std::count_if(events.begin(), events.end(), [&](const auto& event) { return event.kind == kind; }));
  }
  const AgentEvent* first(AgentEvent::Kind kind) const {
    for (const auto& event : events)
      if (event.kind == kind) return &event;
    return nullptr;
  }
  const AgentEvent* last(AgentEvent::Kind kind) const {
    for (auto event = events.rbegin(); event != events.rend(); ++event)
      if (event->kind == kind) return &*event;
    return nullptr;
  }

  std::vector<AgentEvent> events;
  std::vector<AgentCommand> commands;  // taken during a turn
  std::vector<std::vector<AgentInput>> next_turns;
  std::int64_t pause_between_turns_ms = 0;
  std::function<void(const AgentEvent&)> on_line;
  std::function<void(const AgentApproval&)> on_approval;
  Stop stop_ = Stop::no;

 private:
  process::Wakeup wakeup_;
  std::uint32_t turn_ = 0;
  bool turn_over_ = false;
  std::chrono::steady_clock::time_point turn_at_;
  AgentCommand answer_;
  std::chrono::steady_clock::time_point answer_at_;
};

class Agents : public ::testing::Test {
 protected:
  Agents() {
    request_.issue_id = "iss_1";
    request_.session_id = "ses_1";
    request_.task_id = "tsk_1";
    request_.offer = 2;
    request_.issue_number = 7;
    request_.prompt = "make it so";
    request_.worktree = folder_.path();
    request_.home = folder_.path() + "/home";
    request_.family = "test-" + crypto::random_uuid_hex();
    request_.environment = agent_environment(std::nullopt);
    request_.timeout_ms = 60'000;
  }
  AgentResult run(const std::string& provider) { return make_agent(provider)->run(request_, host_); }
  AgentResult shell(const std::string& script) {
    request_.command = {"/bin/sh", "-c", script};
    return run("command");
  }
  void plan_codex(const std::string& recording, const std::string& fault) {
    const std::string source = DOSSIER_SOURCE_DIR;
    request_.command = {"python3", source + "/tests/support/fake_codex.py", source + "/tests/golden/codex/" + recording + ".ndjson", fault};
  }
  AgentResult fake_codex(const std::string& recording, const std::string& fault) {
    plan_codex(recording, fault);
    return run("codex");
  }
  void TearDown() override { EXPECT_TRUE(process::marked_processes(request_.family).members.empty()); }

  test::TemporaryFolder folder_{"agents"};
  AgentRequest request_;
  CollectingHost host_;
};

TEST_F(Agents, a_command_gets_its_task_and_its_output_becomes_lines) {
  const AgentResult result =
      shell("echo \"$DOSSIER_ISSUE_ID $DOSSIER_SESSION_ID $DOSSIER_OFFER $DOSSIER_PROMPT\"; pwd; echo oops >&2; cat >request.json");
  EXPECT_EQ(result.kind, AgentResult::Kind::completed);
  EXPECT_EQ(result.result, "iss_1 ses_1 2 make it so\n" + folder_.path());
  EXPECT_EQ(host_.lines("agent"), "iss_1 ses_1 2 make it so\n" + folder_.path() + "\n");
  EXPECT_EQ(host_.lines("stderr"), "oops\n");
  const auto request = json::parse(test::read_file(folder_.path() + "/request.json"));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->text("prompt"), "make it so");
  EXPECT_EQ(request->find("issue")->integer_or("number", 0), 7);
  EXPECT_EQ(host_.count(AgentEvent::Kind::turn_started), 1);
  ASSERT_EQ(host_.count(AgentEvent::Kind::turn_ended), 1);
  EXPECT_EQ(host_.last(AgentEvent::Kind::turn_ended)->text, "completed");
}

TEST_F(Agents, a_command_runs_anew_for_each_turn_with_the_inputs_as_its_prompt) {
  host_.next_turns = {{{"fup_1", "and this"}, {"fup_2", "and that"}}};
  const AgentResult result = shell("echo \"$DOSSIER_TURN $DOSSIER_PROMPT\"; cat >request$DOSSIER_TURN.json");
  EXPECT_EQ(result.kind, AgentResult::Kind::completed);
  EXPECT_EQ(result.result, "2 and this\n\nand that");
  EXPECT_EQ(host_.lines("agent"), "1 make it so\n2 and this\n\nand that\n");
  EXPECT_EQ(host_.count(AgentEvent::Kind::turn_started), 2);
  EXPECT_EQ(host_.last(AgentEvent::Kind::turn_ended)->turn, 2u);
  const auto request = json::parse(test::read_file(folder_.path() + "/request2.json"));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->integer_or("turn", 0), 2);
  EXPECT_EQ(request->text("prompt"), "and this\n\nand that");
}

TEST_F(Agents, an_interrupt_ends_a_commands_turn_and_the_next_one_begins) {
  host_.next_turns = {{{"fup_1", "go on"}}};
  host_.on_line = [&](const AgentEvent& event) {
    if (event.text != "waiting") return;
    AgentCommand interrupt;
    interrupt.kind = AgentCommand::Kind::interrupt;
    host_.commands = {interrupt};
    host_.wakeup().notify();
  };
  const AgentResult result = shell("[ $DOSSIER_TURN = 2 ] && { echo done; exit 0; }; echo waiting; sleep 300");
  EXPECT_EQ(result.kind, AgentResult::Kind::completed);
  EXPECT_EQ(result.result, "done");
  ASSERT_EQ(host_.count(AgentEvent::Kind::turn_ended), 2);
  EXPECT_EQ(std::find_if(host_.events.begin(), host_.events.end(), [](const auto& e) { return e.kind == AgentEvent::Kind::turn_ended; })->text,
            "interrupted");
}

TEST_F(Agents, a_command_never_sees_the_control_planes_variables) {
  ::setenv("DOSSIER_TOKEN", "msw_secret", 1);
  ::setenv("SOME_PASSWORD", "hidden", 1);
  ::setenv("GIVEN", "seen", 1);
  ::setenv("DOSSIER_AGENT_ENV", "GIVEN,DOSSIER_TOKEN", 1);
  request_.environment = agent_environment(std::nullopt);
  const AgentResult result = shell("env");
  for (const char* name : {"DOSSIER_TOKEN", "SOME_PASSWORD", "GIVEN", "DOSSIER_AGENT_ENV"}) ::unsetenv(name);
  EXPECT_EQ(result.kind, AgentResult::Kind::completed);
  const std::string environment = host_.lines("agent");
  EXPECT_EQ(environment.find("msw_secret"), std::string::npos);
  EXPECT_EQ(environment.find("hidden"), std::string::npos);
  EXPECT_NE(environment.find("GIVEN=seen"), std::string::npos);
}

TEST_F(Agents, a_command_that_fails_says_how_and_with_its_last_lines) {
  const AgentResult result = shell("echo working; echo 'no such thing' >&2; exit 3");
  EXPECT_EQ(result.kind, AgentResult::Kind::failed);
  EXPECT_EQ(result.code, "agent_failed");
  EXPECT_EQ(result.error, "the program ended with exit status 3:\nno such thing");
  EXPECT_FALSE(result.retryable);
}

TEST_F(Agents, a_command_that_does_not_read_its_request_is_no_failure) {
  request_.prompt.assign(1'000'000, 'p');
  EXPECT_EQ(shell("exit 0").kind, AgentResult::Kind::completed);
}

TEST_F(Agents, a_command_that_is_not_there_is_unavailable) {
  request_.command = {"no-such-agent"};
  const AgentResult result = run("command");
  EXPECT_EQ(result.code, "agent_unavailable");
  EXPECT_NE(result.error.find("no-such-agent"), std::string::npos);
}

TEST_F(Agents, a_command_that_runs_too_long_is_ended_with_all_it_started) {
  request_.timeout_ms = 300;
  const AgentResult result = shell("(setsid sleep 300 &); sleep 301 & echo started; wait");
  EXPECT_EQ(result.code, "agent_timeout");
  EXPECT_EQ(host_.lines("agent"), "started\n");
}

TEST_F(Agents, a_stop_ends_a_command_gently_at_first) {
  host_.on_line = [&](const AgentEvent&) {
    host_.stop_ = AgentHost::Stop::gently;
    host_.wakeup().notify();
  };
  const AgentResult result = shell("trap 'echo asked; exit 0' TERM; echo started; while :; do sleep 0.05; done");
  EXPECT_EQ(result.kind, AgentResult::Kind::stopped);
  EXPECT_EQ(host_.lines("agent"), "started\nasked\n");
}

TEST_F(Agents, a_stop_now_ends_a_command_that_ignores_everything) {
  host_.on_line = [&](const AgentEvent&) {
    host_.stop_ = AgentHost::Stop::now;
    host_.wakeup().notify();
  };
  EXPECT_EQ(shell("trap '' TERM INT HUP; echo started; while :; do sleep 0.05; done").kind, AgentResult::Kind::stopped);
}

TEST_F(Agents, what_a_command_leaves_running_dies_with_it) {
  EXPECT_EQ(shell("(setsid sleep 300 &); sleep 301 & exit 0").kind, AgentResult::Kind::completed);
}

TEST_F(Agents, a_long_line_comes_in_pieces_and_none_is_lost) {
  EXPECT_EQ(shell("head -c 1000000 /dev/zero | tr '\\0' x").kind, AgentResult::Kind::completed);
  std::size_t total = 0;
  for (const auto& event : host_.events) {
    EXPECT_LE(event.text.size(), kMaxAgentLine);
    if (event.kind == AgentEvent::Kind::log_line) total += event.text.size();
  }
  EXPECT_EQ(total, 1'000'000u);
}

TEST_F(Agents, codex_runs_a_turn_and_refuses_approvals) {
  const AgentResult result = fake_codex("patch_command_decline", "none");
  EXPECT_EQ(result.kind, AgentResult::Kind::completed);
  EXPECT_EQ(result.result, "All done: edited a.txt");
  EXPECT_NE(host_.lines("system").find("item/fileChange/requestApproval"), std::string::npos);
  ASSERT_NE(host_.last(AgentEvent::Kind::turn_ended), nullptr);
  EXPECT_GT(host_.last(AgentEvent::Kind::turn_ended)->tokens_in, 0u);
  EXPECT_EQ(host_.lines("stderr"), "fake codex speaks on standard error\n");
}

TEST_F(Agents, codex_that_dies_in_the_middle_is_lost_and_its_open_items_are_closed) {
  const AgentResult result = fake_codex("commands", "die");
  EXPECT_EQ(result.code, "agent_lost");
  EXPECT_TRUE(result.retryable);
  EXPECT_NE(result.error.find("exit status 9"), std::string::npos);
  EXPECT_EQ(host_.count(AgentEvent::Kind::tool_use), host_.count(AgentEvent::Kind::tool_result));
  EXPECT_EQ(host_.last(AgentEvent::Kind::turn_ended)->text, "lost");
}

TEST_F(Agents, codex_that_never_answers_is_ended_at_its_time_limit) {
  request_.timeout_ms = 500;
  EXPECT_EQ(fake_codex("commands", "silent").code, "agent_timeout");
}

TEST_F(Agents, the_time_limit_of_codex_stands_still_while_somebody_is_asked) {
  request_.timeout_ms = 1'500;
  request_.approvals = ApprovalMode::untrusted;
  host_.on_approval = [&](const AgentApproval& approval) { host_.answer_in(approval.request, 2'500); };
  EXPECT_EQ(fake_codex("commands", "none").kind, AgentResult::Kind::completed);
}

TEST_F(Agents, codex_goes_on_with_its_thread_in_the_next_turn_also_where_its_process_ended_between) {
  host_.next_turns = {{{"fup_1", "more"}}};
  host_.pause_between_turns_ms = 1'000;
  const AgentResult result = fake_codex("commands", "exit_between_turns");
  EXPECT_EQ(result.kind, AgentResult::Kind::completed) << result.error;
  EXPECT_EQ(host_.count(AgentEvent::Kind::turn_ended), 2);
  EXPECT_EQ(host_.count(AgentEvent::Kind::session_started), 2);
  EXPECT_EQ(host_.first(AgentEvent::Kind::session_started)->item, host_.last(AgentEvent::Kind::session_started)->item);
}

TEST_F(Agents, codex_stays_warm_and_serves_the_next_run_from_another_thread_of_ours) {
  const auto agent = make_agent("codex");
  plan_codex("commands", "endless");
  EXPECT_EQ(agent->run(request_, host_).kind, AgentResult::Kind::completed);
  ASSERT_TRUE(agent->is_warm());
  const auto before = process::marked_processes(request_.family).members;
  EXPECT_FALSE(before.empty());
  request_.first_turn = 2;
  request_.provider_session = host_.last(AgentEvent::Kind::session_started)->item;
  AgentResult second;
  std::thread([&] { second = agent->run(request_, host_); }).join();
  EXPECT_EQ(second.kind, AgentResult::Kind::completed) << second.error;
  EXPECT_TRUE(agent->is_warm());
  EXPECT_EQ(process::marked_processes(request_.family).members, before);
  EXPECT_EQ(host_.last(AgentEvent::Kind::turn_ended)->turn, 2u);
}

TEST_F(Agents, what_codex_asks_is_passed_on_and_answered_as_was_decided) {
  request_.approvals = ApprovalMode::untrusted;
  host_.on_approval = [&](const AgentApproval& approval) { host_.answer_in(approval.request, 0); };
  EXPECT_EQ(fake_codex("commands", "none").kind, AgentResult::Kind::completed);
  EXPECT_EQ(host_.count(AgentEvent::Kind::approval_requested), 2);
  EXPECT_EQ(host_.count(AgentEvent::Kind::approval_resolved), 2);
}

TEST_F(Agents, an_approval_that_is_never_answered_does_not_keep_a_stop_from_ending_codex) {
  request_.approvals = ApprovalMode::untrusted;
  host_.on_approval = [&](const AgentApproval&) {
    host_.stop_ = AgentHost::Stop::gently;
    host_.wakeup().notify();
  };
  EXPECT_EQ(fake_codex("commands", "none").kind, AgentResult::Kind::stopped);
  EXPECT_EQ(host_.count(AgentEvent::Kind::approval_resolved), 0);
}

TEST_F(Agents, codex_that_closes_its_output_is_lost) {
  const AgentResult result = fake_codex("commands", "drop");
  EXPECT_EQ(result.code, "agent_lost");
  EXPECT_EQ(host_.count(AgentEvent::Kind::tool_use), host_.count(AgentEvent::Kind::tool_result));
}

TEST_F(Agents, frames_of_codex_that_come_after_the_end_of_a_turn_change_nothing) {
  EXPECT_EQ(fake_codex("commands", "late").kind, AgentResult::Kind::completed);
  EXPECT_EQ(host_.count(AgentEvent::Kind::turn_ended), 1);
  EXPECT_EQ(host_.count(AgentEvent::Kind::tool_use), host_.count(AgentEvent::Kind::tool_result));
}

TEST_F(Agents, lines_of_codex_that_mean_nothing_are_kept_and_passed_over) {
  const AgentResult result = fake_codex("commands", "noise");
  EXPECT_EQ(result.kind, AgentResult::Kind::completed);
  EXPECT_NE(host_.lines("codex-raw").find("plain words"), std::string::npos);
  EXPECT_TRUE(std::any_of(host_.events.begin(), host_.events.end(),
                          [](const auto& event) { return event.kind == AgentEvent::Kind::raw_item && event.name == "no/such/thing"; }));
}

TEST_F(Agents, a_huge_frame_of_codex_is_taken) { EXPECT_EQ(fake_codex("commands", "huge").kind, AgentResult::Kind::completed); }

TEST_F(Agents, a_turn_that_ends_twice_ends_once) {
  EXPECT_EQ(fake_codex("commands", "twice").kind, AgentResult::Kind::completed);
  EXPECT_EQ(host_.count(AgentEvent::Kind::turn_ended), 1);
}

TEST_F(Agents, a_turn_goes_on_once_an_overloaded_codex_has_room) {
  EXPECT_EQ(fake_codex("commands", "refuse_once").kind, AgentResult::Kind::completed);
}

TEST_F(Agents, a_refused_turn_may_be_tried_again_elsewhere_when_codex_stays_overloaded) {
  const AgentResult result = fake_codex("commands", "refuse");
  EXPECT_EQ(result.code, "agent_failed");
  EXPECT_TRUE(result.retryable);
  EXPECT_NE(result.error.find("overloaded"), std::string::npos);
}

TEST_F(Agents, a_request_that_nobody_knows_is_answered_with_an_error) {
  EXPECT_EQ(fake_codex("commands", "unanswered").kind, AgentResult::Kind::completed);
}

TEST_F(Agents, what_codex_leaves_running_dies_with_it) { EXPECT_EQ(fake_codex("commands", "daemon").kind, AgentResult::Kind::completed); }

TEST_F(Agents, a_failed_turn_carries_the_models_error) {
  const AgentResult result = fake_codex("model_failed", "none");
  EXPECT_EQ(result.code, "agent_failed");
  EXPECT_TRUE(result.retryable);
  EXPECT_NE(result.error.find("internalServerError"), std::string::npos);
}

TEST_F(Agents, an_unknown_provider_is_none) { EXPECT_EQ(make_agent("oracle"), nullptr); }

}  // namespace
}  // namespace dossier::worker
