// The session's rules which no recording shows: limits, repetitions, what comes too early, too late or not at all.
#include "worker/agents/claude_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dossier::worker::claude {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Kind = AgentEvent::Kind;

class ClaudeSession : public ::testing::Test {
 protected:
  void begin(ApprovalMode approvals = ApprovalMode::on_request) {
    SessionSetup setup;
    setup.worktree = "/w";
    setup.session_id = "s";
    setup.approvals = approvals;
    setup.uuid_seed = "seed";
    session_.emplace(setup);
    session_->start(1, {{"in_1", "do it"}});
    EXPECT_THAT(sent(), HasSubstr("initialize"));
    line(R"({"type":"control_response","response":{"subtype":"success","request_id":"dossier-1","response":{}}})");
    line(R"({"type":"system","subtype":"init","session_id":"s"})");
    EXPECT_THAT(sent(), HasSubstr("do it"));
  }
  void line(const std::string& text) {
    session_->on_line(text);
    take();
  }
  void command(AgentCommand command) {
    session_->on_command(command);
    take();
  }
  void take() {
    for (auto& event : session_->take_events()) events_.push_back(std::move(event));
    sent_ += session_->take_output();
  }
  std::string sent() {
    take();
    return std::exchange(sent_, {});
  }
  void ask(const std::string& id, const std::string& tool = "Bash") {
    line(R"({"type":"control_request","request_id":")" + id + R"(","request":{"subtype":"can_use_tool","tool_name":")" + tool +
         R"(","input":{"command":"make"},"tool_use_id":"tool_)" + id + R"("}})");
  }
  static AgentCommand resolution(const std::string& request, const std::string& decision) {
    AgentCommand command;
    command.kind = AgentCommand::Kind::resolve;
    command.request = request;
    command.decision = decision;
    return command;
  }
  static AgentCommand with_input(AgentCommand::Kind kind, std::uint32_t turn, const std::string& id) {
    AgentCommand command;
    command.kind = kind;
    command.turn = turn;
    command.inputs = {{id, "words of " + id}};
    return command;
  }
  static AgentCommand plain(AgentCommand::Kind kind) {
    AgentCommand command;
    command.kind = kind;
    return command;
  }
  void result(const std::string& more = "") { line(R"({"type":"result","subtype":"success","is_error":false,"result":"done")" + more + "}"); }
  int count(Kind kind) const {
    return static_cast<int>(std::count_if(events_.begin(), events_.end(), [&](const auto& event) { return event.kind == kind; }));
  }
  const AgentEvent& last(Kind kind) const {
    static const AgentEvent kNone;
    for (auto event = events_.rbegin(); event != events_.rend(); ++event)
      if (event->kind == kind) return *event;
    return kNone;
  }
  static std::string uuid_in(const std::string& message) { return message.substr(message.rfind("\"uuid\":\"") + 8, 36); }
  void echo(const std::string& uuid) { line(R"({"type":"user","message":{"content":"x"},"isReplay":true,"uuid":")" + uuid + "\"}"); }

  std::optional<Session> session_;
  std::vector<AgentEvent> events_;
  std::string sent_;
};

TEST_F(ClaudeSession, a_request_is_answered_once_whatever_is_said_twice) {
  begin();
  ask("q");
  ask("q");
  EXPECT_EQ(count(Kind::approval_requested), 1);
  command(resolution("q", "accept"));
  EXPECT_THAT(sent(), HasSubstr("allow"));
  command(resolution("q", "decline"));
  line(R"({"type":"control_response","response":{"subtype":"success","request_id":"q","response":{"behavior":"allow"}}})");
  ask("q");
  EXPECT_EQ(sent(), "");
  EXPECT_EQ(count(Kind::approval_resolved), 1);
}

TEST_F(ClaudeSession, an_answer_to_what_was_never_asked_is_passed_over) {
  begin();
  command(resolution("no-such", "accept"));
  EXPECT_EQ(sent(), "");
  EXPECT_EQ(count(Kind::approval_resolved), 0);
}

TEST_F(ClaudeSession, a_withdrawn_request_takes_no_answer_any_more) {
  begin();
  ask("q");
  line(R"({"type":"control_cancel_request","request_id":"q"})");
  EXPECT_EQ(last(Kind::approval_resolved).name, "withdrawn");
  command(resolution("q", "accept"));
  EXPECT_EQ(sent(), "");
}

TEST_F(ClaudeSession, a_turns_time_stands_still_while_somebody_is_asked) {
  begin();
  EXPECT_EQ(session_->timed_turn(), 1u);
  ask("q");
  EXPECT_EQ(session_->timed_turn(), 0u);
  command(resolution("q", "decline"));
  EXPECT_EQ(session_->timed_turn(), 1u);
  result();
  EXPECT_EQ(session_->timed_turn(), 0u);
}

TEST_F(ClaudeSession, one_request_more_than_may_be_open_is_denied) {
  begin();
  for (std::size_t number = 0; number < kMaxOpenApprovals; ++number) ask("q" + std::to_string(number));
  EXPECT_EQ(sent(), "");
  ask("one_more");
  EXPECT_THAT(sent(), HasSubstr("deny"));
  EXPECT_EQ(count(Kind::approval_requested), static_cast<int>(kMaxOpenApprovals));
}

TEST_F(ClaudeSession, a_question_whose_answer_cannot_be_read_is_declined) {
  begin();
  ask("q", "AskUserQuestion");
  command(resolution("q", "accept"));
  EXPECT_THAT(sent(), HasSubstr("deny"));
  EXPECT_EQ(last(Kind::approval_resolved).name, "decline");
}

TEST_F(ClaudeSession, a_request_of_an_unknown_kind_is_answered_with_an_error) {
  begin();
  line(R"({"type":"control_request","request_id":"q","request":{"subtype":"hook_callback"}})");
  EXPECT_THAT(sent(), HasSubstr(R"("subtype":"error","request_id":"q")"));
}

TEST_F(ClaudeSession, a_request_outside_of_a_turn_is_denied) {
  begin();
  result();
  ask("q");
  EXPECT_THAT(sent(), HasSubstr(R"("interrupt":true)"));
  EXPECT_EQ(count(Kind::approval_requested), 0);
}

TEST_F(ClaudeSession, cost_and_tokens_are_what_came_since_the_last_result) {
  begin();
  result(
      R"(,"total_cost_usd":0.5,"modelUsage":{"a":{"inputTokens":10,"cacheReadInputTokens":5,"outputTokens":3},"b":{"inputTokens":1,"outputTokens":1}})");
  EXPECT_EQ(last(Kind::turn_ended).tokens_in, 16u);
  EXPECT_EQ(last(Kind::turn_ended).tokens_out, 4u);
  EXPECT_EQ(last(Kind::turn_ended).cost_microusd, 500'000u);
  command(with_input(AgentCommand::Kind::next_turn, 2, "in_2"));
  result(
      R"(,"total_cost_usd":0.75,"modelUsage":{"a":{"inputTokens":20,"cacheReadInputTokens":5,"outputTokens":3},"b":{"inputTokens":1,"outputTokens":1}})");
  EXPECT_EQ(last(Kind::turn_ended).turn, 2u);
  EXPECT_EQ(last(Kind::turn_ended).tokens_in, 10u);
  EXPECT_EQ(last(Kind::turn_ended).tokens_out, 0u);
  EXPECT_EQ(last(Kind::turn_ended).cost_microusd, 250'000u);
}

TEST_F(ClaudeSession, a_second_result_ends_no_turn_twice) {
  begin();
  result();
  result();
  EXPECT_EQ(count(Kind::turn_ended), 1);
}

TEST_F(ClaudeSession, a_frame_that_comes_twice_counts_once) {
  begin();
  const std::string message = R"({"type":"assistant","uuid":"f1","message":{"id":"m","content":[{"type":"text","text":"hello"}]}})";
  line(message);
  line(message);
  EXPECT_EQ(count(Kind::message), 1);
}

TEST_F(ClaudeSession, no_two_messages_bear_the_same_name) {
  begin();
  command(with_input(AgentCommand::Kind::steer, 1, "in_2"));
  const std::string first = uuid_in(sent());
  command(with_input(AgentCommand::Kind::steer, 1, "in_2"));
  EXPECT_TRUE(is_uuid(first));
  EXPECT_NE(uuid_in(sent()), first);
}

TEST_F(ClaudeSession, a_turn_goes_on_until_what_steers_it_was_taken) {
  begin();
  command(with_input(AgentCommand::Kind::steer, 1, "in_2"));
  const std::string uuid = uuid_in(sent());
  result();
  EXPECT_EQ(count(Kind::turn_ended), 0);
  echo(uuid);
  EXPECT_EQ(last(Kind::steered).item, "in_2");
  EXPECT_EQ(last(Kind::steered).turn, 1u);
  result();
  EXPECT_EQ(last(Kind::turn_ended).text, "completed");
}

TEST_F(ClaudeSession, what_steers_outside_of_a_turn_is_passed_over) {
  begin();
  result();
  command(with_input(AgentCommand::Kind::steer, 1, "in_2"));
  EXPECT_EQ(sent(), "");
}

TEST_F(ClaudeSession, no_more_than_so_many_messages_wait_in_the_program) {
  begin();
  for (std::size_t number = 0; number < kMaxSteers; ++number) command(with_input(AgentCommand::Kind::steer, 1, "in"));
  sent();
  command(with_input(AgentCommand::Kind::steer, 1, "one_more"));
  EXPECT_EQ(sent(), "");
}

TEST_F(ClaudeSession, an_interrupt_takes_back_what_waits_and_is_sent_once) {
  begin();
  command(with_input(AgentCommand::Kind::steer, 1, "in_2"));
  sent();
  command(plain(AgentCommand::Kind::interrupt));
  const std::string asked = sent();
  EXPECT_THAT(asked, HasSubstr("cancel_async_message"));
  EXPECT_LT(asked.find("cancel_async_message"), asked.find("\"interrupt\""));
  command(plain(AgentCommand::Kind::interrupt));
  EXPECT_EQ(sent(), "");
  line(R"({"type":"result","subtype":"error_during_execution","is_error":true,"terminal_reason":"aborted_tools"})");
  EXPECT_EQ(last(Kind::turn_ended).text, "interrupted");
  EXPECT_EQ(count(Kind::steered), 0);
}

TEST_F(ClaudeSession, what_comes_before_the_program_begins_a_turn_belongs_to_none) {
  begin();
  result();
  command(with_input(AgentCommand::Kind::next_turn, 2, "in_2"));
  const std::string uuid = uuid_in(sent());
  line(R"({"type":"assistant","message":{"id":"m","content":[{"type":"text","text":"too late"}]}})");
  EXPECT_EQ(count(Kind::message), 0);
  ask("q");
  EXPECT_THAT(sent(), Not(HasSubstr("interrupt")));
  EXPECT_EQ(count(Kind::approval_requested), 0);
  echo(uuid);
  EXPECT_EQ(last(Kind::turn_started).turn, 2u);
}

TEST_F(ClaudeSession, a_cancelled_request_takes_back_what_waits_before_it_ends_the_turn) {
  begin();
  ask("q");
  command(with_input(AgentCommand::Kind::steer, 1, "in_2"));
  sent();
  command(resolution("q", "cancel"));
  const std::string said = sent();
  EXPECT_NE(said.find("cancel_async_message"), std::string::npos);
  EXPECT_LT(said.find("cancel_async_message"), said.find("deny"));
}

TEST_F(ClaudeSession, an_answer_that_nobody_asked_for_is_interrupted_and_the_next_turn_waits_for_its_end) {
  begin();
  result();
  line(R"({"type":"system","subtype":"init","session_id":"s"})");
  EXPECT_THAT(sent(), HasSubstr("\"interrupt\""));
  EXPECT_FALSE(session_->is_idle());
  line(R"({"type":"assistant","message":{"id":"m","content":[{"type":"text","text":"uncalled for"}]}})");
  EXPECT_EQ(count(Kind::message), 0);
  command(with_input(AgentCommand::Kind::next_turn, 2, "in_2"));
  EXPECT_EQ(sent(), "");
  line(R"({"type":"result","subtype":"error_during_execution","is_error":true})");
  EXPECT_EQ(count(Kind::turn_ended), 1);
  EXPECT_THAT(sent(), HasSubstr("words of in_2"));
}

TEST_F(ClaudeSession, the_answer_to_a_message_that_was_not_taken_back_in_time_is_not_the_next_turns) {
  begin();
  command(with_input(AgentCommand::Kind::steer, 1, "in_2"));
  command(plain(AgentCommand::Kind::interrupt));
  sent();
  line(R"({"type":"control_response","response":{"subtype":"success","request_id":"dossier-2","response":{"cancelled":false}}})");
  line(R"({"type":"result","subtype":"error_during_execution","is_error":true,"terminal_reason":"aborted_tools"})");
  command(with_input(AgentCommand::Kind::next_turn, 2, "in_3"));
  const std::string uuid = uuid_in(sent());
  line(R"({"type":"system","subtype":"init","session_id":"s"})");
  result();
  EXPECT_EQ(count(Kind::turn_ended), 1);
  line(R"({"type":"system","subtype":"init","session_id":"s"})");
  echo(uuid);
  result();
  EXPECT_EQ(count(Kind::turn_ended), 2);
  EXPECT_EQ(last(Kind::turn_ended).text, "completed");
}

TEST_F(ClaudeSession, after_a_message_that_was_taken_back_the_next_result_is_the_next_turns) {
  begin();
  command(with_input(AgentCommand::Kind::steer, 1, "in_2"));
  command(plain(AgentCommand::Kind::interrupt));
  line(R"({"type":"control_response","response":{"subtype":"success","request_id":"dossier-2","response":{"cancelled":true}}})");
  line(R"({"type":"result","subtype":"error_during_execution","is_error":true,"terminal_reason":"aborted_tools"})");
  command(with_input(AgentCommand::Kind::next_turn, 2, "in_3"));
  result();
  EXPECT_EQ(count(Kind::turn_ended), 2);
}

TEST_F(ClaudeSession, an_interrupt_before_the_first_message_sends_none) {
  SessionSetup setup;
  session_.emplace(setup);
  session_->start(1, {{"in_1", "do it"}});
  command(plain(AgentCommand::Kind::interrupt));
  line(R"({"type":"control_response","response":{"subtype":"success","request_id":"dossier-1","response":{}}})");
  EXPECT_THAT(sent(), Not(HasSubstr("do it")));
  EXPECT_EQ(last(Kind::turn_ended).text, "interrupted");
  command(with_input(AgentCommand::Kind::next_turn, 2, "in_2"));
  EXPECT_THAT(sent(), HasSubstr("words of in_2"));
}

TEST_F(ClaudeSession, several_inputs_are_one_message) {
  begin();
  result();
  AgentCommand next = with_input(AgentCommand::Kind::next_turn, 2, "in_2");
  next.inputs.push_back({"in_3", "words of in_3"});
  command(next);
  const std::string message = sent();
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 1);
  EXPECT_THAT(message, HasSubstr(R"([{"type":"text","text":"words of in_2"},{"type":"text","text":"words of in_3"}])"));
}

TEST_F(ClaudeSession, words_that_begin_with_a_slash_are_no_command_to_the_program) {
  begin();
  result();
  AgentCommand next = with_input(AgentCommand::Kind::next_turn, 2, "in_2");
  next.inputs.front().text = "/clear";
  command(next);
  EXPECT_THAT(sent(), HasSubstr(R"("content":"\n/clear")"));
}

TEST_F(ClaudeSession, a_session_that_changes_its_name_tells_the_new_one) {
  begin();
  result();
  command(with_input(AgentCommand::Kind::next_turn, 2, "in_2"));
  line(R"({"type":"system","subtype":"init","session_id":"t"})");
  EXPECT_EQ(last(Kind::session_started).item, "t");
  EXPECT_EQ(session_->session_id(), "t");
}

TEST_F(ClaudeSession, the_end_of_a_lost_program_leaves_its_request_open) {
  begin();
  line(R"({"type":"assistant","message":{"id":"m","content":[{"type":"tool_use","id":"tool_q","name":"Bash","input":{"command":"make"}}]}})");
  ask("q");
  session_->on_end("ended by signal 9");
  take();
  EXPECT_EQ(session_->result().code, "agent_lost");
  EXPECT_TRUE(session_->result().retryable);
  EXPECT_EQ(count(Kind::approval_resolved), 0);
  EXPECT_EQ(count(Kind::command_execution), 0);
  EXPECT_EQ(last(Kind::turn_ended).text, "lost");
}

TEST_F(ClaudeSession, a_finished_session_is_idle_and_tells_its_name_again_to_the_next_run) {
  begin();
  command(plain(AgentCommand::Kind::finish));
  EXPECT_FALSE(session_->finished());  // its turn runs
  result();
  command(plain(AgentCommand::Kind::finish));
  EXPECT_TRUE(session_->finished() && session_->is_idle());
  command(with_input(AgentCommand::Kind::next_turn, 5, "in_2"));
  EXPECT_FALSE(session_->finished());
  line(R"({"type":"system","subtype":"init","session_id":"s"})");
  EXPECT_EQ(count(Kind::session_started), 2);
  EXPECT_EQ(last(Kind::turn_started).turn, 5u);
}

}  // namespace
}  // namespace dossier::worker::claude
