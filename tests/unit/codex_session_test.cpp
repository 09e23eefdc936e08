// The session's rules which no recording shows: what comes twice, too late, too often, or not at all.
#include "worker/agents/codex_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/agent_story.hpp"

namespace dossier::worker::codex {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = AgentEvent::Kind;

class CodexSession : public ::testing::Test {
 protected:
  void open(ApprovalMode approvals = ApprovalMode::on_request, const std::string& thread = "", const std::string& version = "0.169.0") {
    Settings settings;
    settings.worktree = "/w";
    settings.thread = thread;
    settings.approvals = approvals;
    session_.emplace(settings);
    session_->start();
    session_->begin(1, {{"in_1", "do it"}}, approvals);
    answer(R"({"userAgent":"dossier/)" + version + R"("})");
  }
  void begin(ApprovalMode approvals = ApprovalMode::on_request) {
    open(approvals);
    answer(R"({"thread":{"id":"thr"}})");
    answer(R"({"turn":{"id":"t1"}})");
    sent();
  }
  // The result of our last request.
  void answer(const std::string& result) { line(R"({"id":)" + std::to_string(last_id()) + R"(,"result":)" + result + "}"); }
  void refuse(int code) { line(R"({"id":)" + std::to_string(last_id()) + R"(,"error":{"code":)" + std::to_string(code) + R"(,"message":"no"}})"); }
  std::int64_t last_id() {
    take();
    return last_id_;
  }
  void line(const std::string& text) {
    session_->on_line(text);
    take();
  }
  void notify(const std::string& method, const std::string& params) { line(R"({"method":")" + method + R"(","params":)" + params + "}"); }
  void ask(int id, const std::string& item = "c") {
    line(R"({"method":"item/commandExecution/requestApproval","id":)" + std::to_string(id) + R"(,"params":{"threadId":"thr","itemId":")" + item +
         R"(","command":"make"}})");
  }
  void end_turn(const std::string& turn, const std::string& status) {
    notify("turn/completed", R"({"threadId":"thr","turn":{"id":")" + turn + R"(","status":")" + status + R"(","error":null}})");
  }
  void start_command(const std::string& id) {
    notify("item/started", R"({"threadId":"thr","item":{"type":"commandExecution","id":")" + id + R"(","command":"sleep 60"}})");
  }
  void command(AgentCommand::Kind kind, std::uint32_t turn = 0, const std::string& input = "") {
    AgentCommand command;
    command.kind = kind;
    command.turn = turn;
    if (!input.empty()) command.inputs = {{input, "words of " + input}};
    session_->on_command(command);
    take();
  }
  void resolve(const std::string& request, const std::string& decision) {
    AgentCommand command;
    command.kind = AgentCommand::Kind::resolve;
    command.request = request;
    command.decision = decision;
    session_->on_command(command);
    take();
  }
  void take() {
    for (auto& event : session_->take_events()) {
      story_ += test::describe_event(event);
      events_.push_back(std::move(event));
    }
    const std::string output = session_->take_output();
    LineSplitter lines(1 << 20);
    lines.feed(output, [&](std::string_view line) {
      const auto frame = read_frame(line);
      ASSERT_TRUE(frame) << line;
      if (frame->kind == Frame::Kind::request) last_id_ = own_id(*frame);
    });
    sent_ += output;
  }
  std::string sent() {
    take();
    return std::exchange(sent_, {});
  }
  int count(Kind kind, const std::string& name = "") const {
    return static_cast<int>(
        std::count_if(events_.begin(), events_.end(), [&](const auto& event) { return event.kind == kind && (name.empty() || event.name == name); }));
  }

  std::optional<Session> session_;
  std::vector<AgentEvent> events_;
  std::string story_;
  std::string sent_;
  std::int64_t last_id_ = -1;
};

TEST_F(CodexSession, a_turn_carries_our_message_id_and_the_policy) {
  open();
  EXPECT_THAT(sent(), HasSubstr(R"("approvalPolicy":"on-request")"));
  answer(R"({"thread":{"id":"thr"}})");
  EXPECT_THAT(sent(), HasSubstr(R"("clientUserMessageId":"in_1")"));
}

TEST_F(CodexSession, an_approval_is_asked_once_and_answered_once) {
  begin();
  ask(0);
  ask(0);  // said twice
  EXPECT_EQ(count(Kind::approval_requested), 1);
  EXPECT_TRUE(session_->asks_somebody());
  EXPECT_EQ(sent(), "");
  resolve("0", "accept");
  EXPECT_EQ(sent(), "{\"id\":0,\"result\":{\"decision\":\"accept\"}}\n");
  EXPECT_FALSE(session_->asks_somebody());
  resolve("0", "decline");
  ask(0);  // and late
  notify("serverRequest/resolved", R"({"threadId":"thr","requestId":0})");
  EXPECT_EQ(sent(), "");
  EXPECT_EQ(count(Kind::approval_requested), 1);
  EXPECT_EQ(count(Kind::approval_resolved), 1);
  EXPECT_EQ(count(Kind::approval_resolved, "accept"), 1);
}

TEST_F(CodexSession, a_decision_that_nobody_knows_declines) {
  begin();
  ask(0);
  resolve("0", "perhaps");
  EXPECT_THAT(sent(), HasSubstr("decline"));
  EXPECT_EQ(count(Kind::approval_resolved, "decline"), 1);
}

TEST_F(CodexSession, a_decision_on_what_is_not_open_is_passed_over) {
  begin();
  resolve("5", "accept");
  EXPECT_EQ(sent(), "");
  EXPECT_EQ(count(Kind::approval_resolved), 0);
}

TEST_F(CodexSession, an_approval_that_codex_takes_back_is_withdrawn_and_not_answered) {
  begin();
  ask(0);
  notify("serverRequest/resolved", R"({"threadId":"thr","requestId":0})");
  EXPECT_EQ(count(Kind::approval_resolved, "withdrawn"), 1);
  resolve("0", "accept");
  EXPECT_EQ(sent(), "");
}

TEST_F(CodexSession, the_end_of_a_turn_withdraws_what_is_open) {
  begin();
  ask(0);
  end_turn("t1", "interrupted");
  EXPECT_EQ(count(Kind::approval_resolved, "withdrawn"), 1);
  EXPECT_TRUE(session_->idle());
}

TEST_F(CodexSession, approvals_stay_open_when_codex_is_lost) {
  begin();
  ask(0);
  session_->on_end("signal 9");
  take();
  EXPECT_EQ(count(Kind::approval_resolved), 0);
  EXPECT_EQ(session_->result().code, "agent_lost");
}

TEST_F(CodexSession, asks_at_most_thirty_two_at_once_and_declines_the_rest) {
  begin();
  for (int id = 0; id < static_cast<int>(kMaxPendingApprovals); ++id) ask(id);
  EXPECT_EQ(sent(), "");
  ask(100);
  EXPECT_EQ(sent(), "{\"id\":100,\"result\":{\"decision\":\"decline\"}}\n");
  EXPECT_EQ(count(Kind::approval_requested), static_cast<int>(kMaxPendingApprovals));
}

TEST_F(CodexSession, nobody_is_asked_where_the_policy_is_never) {
  begin(ApprovalMode::never);
  ask(0);
  EXPECT_EQ(sent(), "{\"id\":0,\"result\":{\"decision\":\"decline\"}}\n");
  EXPECT_EQ(count(Kind::approval_requested), 0);
}

TEST_F(CodexSession, an_unknown_request_gets_an_error_and_the_turn_goes_on) {
  begin();
  line(R"({"method":"no/such","id":"q","params":{}})");
  EXPECT_THAT(sent(), HasSubstr("\"error\""));
  EXPECT_FALSE(session_->ended());
}

TEST_F(CodexSession, a_second_turn_goes_on_with_the_same_thread) {
  begin();
  end_turn("t1", "completed");
  ASSERT_TRUE(session_->idle());
  command(AgentCommand::Kind::next_turn, 2, "fup_1");
  EXPECT_THAT(sent(), HasSubstr(R"("threadId":"thr","clientUserMessageId":"fup_1")"));
  answer(R"({"turn":{"id":"t2"}})");
  command(AgentCommand::Kind::next_turn, 2, "fup_1");  // said again
  EXPECT_EQ(sent(), "");
  end_turn("t2", "completed");
  EXPECT_THAT(story_, HasSubstr("turn_started turn=2 item=t2"));
  EXPECT_THAT(story_, HasSubstr("turn_ended turn=2 item=t2 text=\"completed\""));
  command(AgentCommand::Kind::finish);
  EXPECT_TRUE(session_->reusable());
  EXPECT_EQ(session_->result().kind, AgentResult::Kind::completed);
}

TEST_F(CodexSession, a_turn_that_ends_twice_ends_once) {
  begin();
  end_turn("t1", "completed");
  end_turn("t1", "completed");
  EXPECT_EQ(count(Kind::turn_ended), 1);
}

TEST_F(CodexSession, the_late_end_of_an_earlier_turn_does_not_end_this_one) {
  begin();
  end_turn("t1", "completed");
  command(AgentCommand::Kind::next_turn, 2, "fup_1");
  answer(R"({"turn":{"id":"t2"}})");
  end_turn("t1", "completed");
  EXPECT_FALSE(session_->idle());
}

TEST_F(CodexSession, a_steer_is_told_once_codex_took_it) {
  begin();
  command(AgentCommand::Kind::steer, 0, "fup_1");
  EXPECT_THAT(sent(), HasSubstr(R"("expectedTurnId":"t1")"));
  EXPECT_EQ(count(Kind::steered), 0);
  answer(R"({"turnId":"t1"})");
  EXPECT_THAT(story_, HasSubstr("steered turn=1 item=fup_1"));
}

TEST_F(CodexSession, a_steer_whose_answer_comes_after_its_turn_belongs_to_that_turn) {
  begin();
  command(AgentCommand::Kind::steer, 0, "fup_1");
  const std::int64_t steer = last_id();
  end_turn("t1", "completed");
  command(AgentCommand::Kind::next_turn, 2, "fup_2");
  line(R"({"id":)" + std::to_string(steer) + R"(,"result":{"turnId":"t1"}})");
  EXPECT_THAT(story_, HasSubstr("steered turn=1 item=fup_1"));
}

TEST_F(CodexSession, so_many_steers_may_wait_for_an_answer_and_no_more) {
  begin();
  for (std::size_t at = 0; at < kMaxOpenRequests + 5; ++at) command(AgentCommand::Kind::steer, 0, "fup_" + std::to_string(at));
  const std::string said = sent();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), static_cast<std::ptrdiff_t>(kMaxOpenRequests));
}

TEST_F(CodexSession, a_steer_that_comes_too_late_is_not_told) {
  begin();
  command(AgentCommand::Kind::steer, 0, "fup_1");
  refuse(-32600);
  end_turn("t1", "completed");
  command(AgentCommand::Kind::steer, 0, "fup_2");
  EXPECT_THAT(sent(), Not(HasSubstr("fup_2")));
  EXPECT_EQ(count(Kind::steered), 0);
  EXPECT_FALSE(session_->ended());
}

TEST_F(CodexSession, steer_and_interrupt_wait_until_the_turn_has_a_name) {
  open();
  answer(R"({"thread":{"id":"thr"}})");
  const std::int64_t turn_request = last_id();
  sent();
  command(AgentCommand::Kind::steer, 0, "fup_1");
  command(AgentCommand::Kind::interrupt);
  EXPECT_EQ(sent(), "");
  line(R"({"id":)" + std::to_string(turn_request) + R"(,"result":{"turn":{"id":"t1"}}})");
  const std::string said = sent();
  EXPECT_THAT(said, HasSubstr("turn/steer"));
  EXPECT_THAT(said, HasSubstr("turn/interrupt"));
}

TEST_F(CodexSession, an_interrupt_closes_the_open_items_and_the_process_has_to_go) {
  begin();
  start_command("c1");
  command(AgentCommand::Kind::interrupt);
  EXPECT_THAT(sent(), HasSubstr("turn/interrupt"));
  answer("{}");
  end_turn("t1", "interrupted");
  EXPECT_EQ(count(Kind::tool_use), 1);
  EXPECT_EQ(count(Kind::tool_result), 1);
  EXPECT_THAT(story_, HasSubstr("turn_ended turn=1 item=t1 text=\"interrupted\""));
  EXPECT_TRUE(session_->idle());
  EXPECT_TRUE(session_->must_end());
}

TEST_F(CodexSession, an_interrupt_with_nothing_open_keeps_the_process) {
  begin();
  command(AgentCommand::Kind::interrupt);
  end_turn("t1", "interrupted");
  EXPECT_TRUE(session_->idle());
  EXPECT_FALSE(session_->must_end());
}

TEST_F(CodexSession, a_turn_that_does_not_end_when_interrupted_is_ended_here) {
  begin();
  session_->on_time(1'000);
  command(AgentCommand::Kind::interrupt);
  EXPECT_EQ(session_->due_in_ms(), kInterruptMs);
  session_->on_time(1'000 + kInterruptMs);
  take();
  EXPECT_EQ(count(Kind::turn_ended), 1);
  EXPECT_TRUE(session_->must_end());
}

TEST_F(CodexSession, a_command_that_goes_on_after_its_turn_keeps_the_process_from_being_warm) {
  begin();
  start_command("c1");
  end_turn("t1", "completed");
  EXPECT_EQ(count(Kind::tool_result), 1);
  command(AgentCommand::Kind::finish);
  EXPECT_TRUE(session_->finished());
  EXPECT_FALSE(session_->reusable());
  EXPECT_TRUE(session_->must_end());
}

TEST_F(CodexSession, the_late_end_of_such_a_command_is_told_without_a_second_result) {
  begin();
  start_command("c1");
  end_turn("t1", "completed");
  const std::string end = R"({"threadId":"thr","item":{"type":"commandExecution","id":"c1","command":"sleep 60","status":"completed","exitCode":0}})";
  notify("item/completed", end);
  notify("item/completed", end);
  EXPECT_EQ(count(Kind::tool_result), 1);
  EXPECT_EQ(count(Kind::command_execution), 1);
  command(AgentCommand::Kind::finish);
  EXPECT_TRUE(session_->reusable());
}

TEST_F(CodexSession, goes_on_with_a_thread_that_it_is_given) {
  open(ApprovalMode::on_request, "old");
  EXPECT_THAT(sent(), HasSubstr(R"("method":"thread/resume","id":1,"params":{"threadId":"old","excludeTurns":true)"));
  answer(R"({"thread":{"id":"old"}})");
  EXPECT_THAT(story_, HasSubstr("session_started item=old\n"));
}

TEST_F(CodexSession, asks_an_older_codex_for_nothing_that_it_refuses) {
  open(ApprovalMode::on_request, "old", "0.130.0");
  EXPECT_THAT(sent(), AllOf(HasSubstr("thread/resume"), Not(HasSubstr("excludeTurns"))));
}

TEST_F(CodexSession, a_thread_that_codex_does_not_know_gives_way_to_a_fresh_one) {
  open(ApprovalMode::on_request, "old");
  refuse(-32600);
  EXPECT_THAT(sent(), HasSubstr("thread/start"));
  answer(R"({"thread":{"id":"new"}})");
  EXPECT_THAT(story_, HasSubstr("session_started item=new failed"));
  EXPECT_THAT(sent(), HasSubstr(R"("threadId":"new")"));
}

TEST_F(CodexSession, a_request_is_repeated_with_growing_pauses_while_codex_is_overloaded_and_then_given_up) {
  open();
  answer(R"({"thread":{"id":"thr"}})");
  sent();
  std::int64_t now_ms = 0, before = 0;
  for (int tries = 1; tries < kMaxTries; ++tries) {
    refuse(-32001);
    EXPECT_EQ(sent(), "");
    const std::int64_t pause = session_->due_in_ms();
    EXPECT_GT(pause, before);
    EXPECT_LE(pause, (kFirstRetryMs << (tries - 1)) * 5 / 4);
    before = pause;
    session_->on_time(now_ms += pause);
    EXPECT_THAT(sent(), HasSubstr("turn/start"));
  }
  refuse(-32001);
  EXPECT_TRUE(session_->ended());
  EXPECT_EQ(session_->result().code, "agent_failed");
  EXPECT_TRUE(session_->result().retryable);
}

TEST_F(CodexSession, an_idle_thread_whose_turn_has_not_ended_is_looked_at) {
  begin();
  notify("thread/status/changed", R"({"threadId":"thr","status":{"type":"idle"}})");
  EXPECT_EQ(session_->due_in_ms(), kReconcileMs);
  session_->on_time(kReconcileMs);
  EXPECT_THAT(sent(), HasSubstr("thread/read"));
  answer(R"({"thread":{"id":"thr","turns":[{"id":"t0","status":"completed"},{"id":"t1","status":"completed"}]}})");
  EXPECT_TRUE(session_->idle());
}

TEST_F(CodexSession, a_codex_that_is_too_old_is_refused) {
  Settings settings;
  session_.emplace(settings);
  session_->start();
  answer(R"({"userAgent":"dossier/0.120.0"})");
  EXPECT_TRUE(session_->ended());
  EXPECT_EQ(session_->result().code, "agent_unavailable");
  EXPECT_THAT(session_->result().error, HasSubstr("0.130.0"));
}

TEST_F(CodexSession, a_warm_process_begins_its_next_run_on_the_same_thread) {
  begin();
  end_turn("t1", "completed");
  command(AgentCommand::Kind::finish);
  ASSERT_TRUE(session_->reusable());
  session_->begin(4, {{"in_2", "more"}}, ApprovalMode::untrusted);
  EXPECT_FALSE(session_->finished());
  EXPECT_THAT(sent(), HasSubstr(R"("clientUserMessageId":"in_2")"));
  EXPECT_EQ(count(Kind::session_started), 2);
}

TEST_F(CodexSession, a_stop_interrupts_a_turn_but_leaves_an_open_approval_alone) {
  begin();
  session_->stop();
  EXPECT_THAT(sent(), HasSubstr("turn/interrupt"));
  end_turn("t1", "interrupted");
  EXPECT_TRUE(session_->ended());
  EXPECT_EQ(session_->result().kind, AgentResult::Kind::stopped);

  last_id_ = -1;
  begin();
  ask(0);
  session_->stop();
  EXPECT_EQ(sent(), "");
  EXPECT_TRUE(session_->must_end());
  EXPECT_EQ(count(Kind::approval_resolved), 0);
}

TEST_F(CodexSession, follows_so_many_items_and_no_more) {
  begin();
  for (std::size_t at = 0; at < kMaxOpenItems + 10; ++at) start_command("c" + std::to_string(at));
  EXPECT_EQ(count(Kind::tool_use), static_cast<int>(kMaxOpenItems));
  end_turn("t1", "interrupted");
  EXPECT_EQ(count(Kind::tool_result), static_cast<int>(kMaxOpenItems));
}

TEST_F(CodexSession, tools_of_other_servers_begin_and_end_once) {
  begin();
  const std::string item = R"("type":"mcpToolCall","id":"m","server":"s","tool":"find","arguments":{"q":1})";
  notify("item/started", R"({"threadId":"thr","item":{)" + item + R"(,"status":"inProgress"}})");
  notify("item/completed", R"({"threadId":"thr","item":{)" + item + R"(,"status":"failed","error":{"message":"no"}}})");
  EXPECT_THAT(story_, HasSubstr("tool_use item=m name=s.find text=\"{\\\"q\\\":1}\""));
  EXPECT_THAT(story_, HasSubstr("tool_result item=m name=s.find text=\"{\\\"message\\\":\\\"no\\\"}\" failed"));
}

}  // namespace
}  // namespace dossier::worker::codex
