// What a run does with its agent: turns, questions that outlive the agent, going on where an earlier offer broke off.
#include "tests/unit/run_thread_fixture.hpp"

#include "worker/run_agent.hpp"

namespace dossier::worker {
namespace {

using Words = std::vector<std::string>;
using Kind = AgentCommand::Kind;

bool run_has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A process that has its turn and waits for the end.
AgentScript one_turn(const std::string& session) {
  return [session](const AgentRequest&, AgentHost& host) {
    begin_session(host, session);
    begin_turn(host);
    end_turn(host);
    const auto command = next_command(host);
    return command && command->kind == Kind::finish ? done() : AgentResult();
  };
}

// A process that asks and is killed before it hears the answer.
AgentScript killed_while_it_asks(const std::string& session, const std::string& command) {
  return [session, command](const AgentRequest&, AgentHost& host) {
    begin_session(host, session);
    begin_turn(host);
    ask(host, "0", command);
    end_turn(host, "lost");
    return lost();
  };
}

TEST_F(RunThreadTest, a_run_has_as_many_turns_as_the_server_says_and_captures_each) {
  scripts_ = {[](const AgentRequest& request, AgentHost& host) {
    begin_session(host, "thread-1");
    begin_turn(host);
    test::write_file(request.worktree + "/one.txt", "1");
    end_turn(host);
    const auto command = next_command(host);
    if (!command || command->kind != Kind::next_turn) return AgentResult();
    begin_turn(host);
    test::write_file(request.worktree + "/two.txt", command->inputs.at(0).id + " " + command->inputs.at(0).text);
    end_turn(host);
    return next_command(host) ? done("both done") : AgentResult();
  }};
  start();
  ASSERT_TRUE(says("source 1"));
  next_turn(2, "and tests");
  ASSERT_TRUE(says("source 2"));
  finish();
  const RunEnd end = ends();
  EXPECT_EQ(end.kind, RunEnd::Kind::completed);
  EXPECT_EQ(end.result, "both done");
  EXPECT_EQ(said(), (Words{"ready", "session thread-1", "began 1", "ended 1 completed", "source 1", "began 2", "ended 2 completed", "source 2"}));
  ASSERT_EQ(commits_.size(), 2u);
  EXPECT_NE(commits_[0], commits_[1]);
  ASSERT_TRUE(end.source);
  EXPECT_EQ(end.source->commit(), commits_[1]);
  EXPECT_EQ(end.source->turn(), 2u);
  EXPECT_EQ(end.source->files_size(), 2);
}

TEST_F(RunThreadTest, a_program_has_several_turns_too) {
  offer_.mutable_spec()->set_provider("command");
  for (const char* word : {"/bin/sh", "-c", "echo \"$DOSSIER_PROMPT\" >>said.txt; echo heard"}) offer_.mutable_spec()->add_command(word);
  start();
  ASSERT_TRUE(says("source 1"));
  next_turn(2, "and tests");
  ASSERT_TRUE(says("source 2"));
  finish();
  const RunEnd end = ends();
  EXPECT_EQ(end.kind, RunEnd::Kind::completed) << end.error;
  ASSERT_TRUE(end.source);
  EXPECT_TRUE(run_has(end.source->diff().plain(), "+Fix the parser.\n+and tests")) << end.source->diff().plain();
}

TEST_F(RunThreadTest, a_question_is_asked_answered_and_known) {
  scripts_ = {[](const AgentRequest&, AgentHost& host) {
    begin_session(host, "thread-1");
    begin_turn(host);
    ask(host, "0", "git push");
    const auto command = next_command(host);
    if (!command || command->kind != Kind::resolve || command->request != "0") return AgentResult();
    settle(host, "0", command->decision);
    end_turn(host);
    return next_command(host) ? done(command->decision) : AgentResult();
  }};
  start();
  ASSERT_TRUE(says("asks 1/0 git push"));
  decide("1/0", "apr_1", "accept_for_session");
  ASSERT_TRUE(says("knows apr_1 answered"));
  finish();
  EXPECT_EQ(ends().result, "accept_for_session");
}

TEST_F(RunThreadTest, a_follow_up_is_steered_into_the_turn_and_said_to_be) {
  scripts_ = {[](const AgentRequest&, AgentHost& host) {
    begin_session(host, "thread-1");
    begin_turn(host);
    const auto command = next_command(host);
    if (!command || command->kind != Kind::steer) return AgentResult();
    host.on_event(agent_event(AgentEvent::Kind::steered, command->inputs.at(0).id));
    end_turn(host);
    return next_command(host) ? done() : AgentResult();
  }};
  start();
  ASSERT_TRUE(says("began 1"));
  Steer mail;
  mail.input.set_follow_up_id("fup_7");
  run_->tell(mail);
  ASSERT_TRUE(says("steered fup_7 1"));
  finish();
  EXPECT_EQ(ends().kind, RunEnd::Kind::completed);
}

// ---- the agent dies

TEST_F(RunThreadTest, an_agent_that_dies_while_it_asks_goes_on_in_a_new_turn_once_it_is_decided) {
  scripts_ = {killed_while_it_asks("thread-1", "git push"), [](const AgentRequest& request, AgentHost& host) {
                begin_session(host, request.provider_session);
                begin_turn(host);
                ask(host, "0", "git push");  // what it was told to do
                const auto command = next_command(host);
                if (!command || command->kind != Kind::resolve || command->decision != "accept") return AgentResult();
                settle(host, "0", "accept");
                ask(host, "1", "rm -r build");
                const auto other = next_command(host);
                if (!other || other->kind != Kind::resolve) return AgentResult();
                settle(host, "1", other->decision);
                end_turn(host);
                return next_command(host) ? done() : AgentResult();
              }};
  start();
  ASSERT_TRUE(says("asks 1/0 git push"));
  EXPECT_TRUE(test::always_during(200, [&] { return processes() == 1; })) << "it did not wait for the decision";
  decide("1/0", "apr_1", "accept");
  ASSERT_TRUE(says("asks 2/1 rm -r build"));
  decide("2/1", "apr_2", "decline");
  ASSERT_TRUE(says("source 2"));
  finish();
  EXPECT_EQ(ends().kind, RunEnd::Kind::completed);
  EXPECT_EQ(said(), (Words{"ready", "session thread-1", "began 1", "asks 1/0 git push", "began 2", "knows apr_1 quoted", "asks 2/1 rm -r build",
                           "knows apr_2 answered", "ended 2 completed", "source 2"}));
  EXPECT_EQ(request(0).provider_session, "");
  EXPECT_EQ(request(1).provider_session, "thread-1");
  EXPECT_EQ(request(1).home, request(0).home);
  EXPECT_EQ(request(1).first_turn, 2u);
  EXPECT_NE(request(1).family, request(0).family);
  EXPECT_TRUE(run_has(request(1).prompt, "approved: run\n\n    git push\n")) << request(1).prompt;
}

TEST_F(RunThreadTest, a_decision_that_fell_while_the_agent_died_is_quoted_without_another_wait) {
  scripts_ = {[](const AgentRequest&, AgentHost& host) {
                begin_session(host, "thread-1");
                begin_turn(host);
                ask(host, "0", "git push");
                (void)next_command(host);  // taken from the mailbox, and never acted upon
                end_turn(host, "lost");
                return lost();
              },
              one_turn("thread-1")};
  start();
  ASSERT_TRUE(says("asks 1/0 git push"));
  decide("1/0", "apr_1", "decline");
  ASSERT_TRUE(says("knows apr_1 quoted"));
  ASSERT_TRUE(says("source 2"));
  finish();
  EXPECT_EQ(ends().kind, RunEnd::Kind::completed);
  EXPECT_TRUE(run_has(request(1).prompt, "declined: you wanted to run")) << request(1).prompt;
}

TEST_F(RunThreadTest, an_agent_that_dies_with_nothing_open_fails_and_may_be_tried_again) {
  scripts_ = {[](const AgentRequest&, AgentHost& host) {
    begin_session(host, "thread-1");
    begin_turn(host);
    end_turn(host, "lost");
    return lost();
  }};
  start();
  const RunEnd end = ends();
  EXPECT_EQ(end.kind, RunEnd::Kind::failed);
  EXPECT_EQ(end.code, "agent_lost");
  EXPECT_TRUE(end.retryable);
  EXPECT_TRUE(has_said("ended 1 lost"));
}

TEST_F(RunThreadTest, an_agent_that_dies_at_every_question_is_given_up) {
  for (int i = 0; i <= RunAgent::kMaxRestarts; ++i) scripts_.push_back(killed_while_it_asks("thread-1", "try " + std::to_string(i)));
  start();
  for (int i = 0; i <= RunAgent::kMaxRestarts; ++i) {
    const std::string number = std::to_string(i + 1);
    ASSERT_TRUE(says("asks " + number + "/0 try " + std::to_string(i)));
    decide(number + "/0", "apr_" + number, "accept");
  }
  const RunEnd end = ends();
  EXPECT_EQ(end.kind, RunEnd::Kind::failed);
  EXPECT_EQ(end.code, "agent_lost");
  EXPECT_TRUE(end.retryable);
  EXPECT_EQ(processes(), static_cast<std::size_t>(RunAgent::kMaxRestarts) + 1);
}

TEST_F(RunThreadTest, a_turn_that_was_interrupted_has_no_open_questions) {
  scripts_ = {[](const AgentRequest&, AgentHost& host) {
    begin_session(host, "thread-1");
    begin_turn(host);
    ask(host, "0", "git push");
    end_turn(host, "interrupted");
    return next_command(host) ? done() : AgentResult();
  }};
  start();
  ASSERT_TRUE(says("ended 1 interrupted"));
  EXPECT_TRUE(has_said("withdraws 1/0"));
  finish();
  EXPECT_EQ(ends().kind, RunEnd::Kind::completed);
}

TEST_F(RunThreadTest, a_run_that_waits_for_a_decision_stops_when_it_is_told_to) {
  scripts_ = {killed_while_it_asks("thread-1", "git push")};
  start();
  ASSERT_TRUE(says("asks 1/0 git push"));
  run_->stop(StopReason::cancelled);
  EXPECT_EQ(ends().kind, RunEnd::Kind::stopped);
}

// ---- an earlier offer broke off

TEST_F(RunThreadTest, a_question_that_an_earlier_offer_left_is_waited_for_before_the_agent_starts) {
  auto* resume = offer_.mutable_resume();
  resume->set_provider_session("thread-1");
  resume->set_turns(3);
  resume->add_inputs()->mutable_body()->set_plain("And the lexer.");
  auto* asked = resume->add_approvals()->mutable_request();
  asked->set_request_id("apr_1");
  asked->set_kind("command");
  asked->mutable_command()->set_plain("git push");
  scripts_ = {one_turn("thread-2")};
  start();
  ASSERT_TRUE(says("ready"));
  EXPECT_TRUE(test::always_during(200, [&] { return processes() == 0; })) << "it did not wait for the decision";
  decide("", "apr_1", "accept");
  ASSERT_TRUE(says("source 4"));
  finish();
  EXPECT_EQ(ends().kind, RunEnd::Kind::completed);
  EXPECT_EQ(said(), (Words{"ready", "session thread-2", "began 4", "knows apr_1 quoted", "ended 4 completed", "source 4"}));
  const AgentRequest first = request(0);
  EXPECT_EQ(first.first_turn, 4u);
  EXPECT_EQ(first.provider_session, "") << "its memory is not here";
  for (const char* part : {"Fix the parser.", "And the lexer.", "approved: run\n\n    git push\n"}) EXPECT_TRUE(run_has(first.prompt, part)) << part;
}

TEST_F(RunThreadTest, an_agent_whose_memory_is_here_resumes_and_one_whose_is_not_begins_afresh) {
  scripts_ = {one_turn("thread-1"), one_turn("thread-1"), one_turn("thread-3")};
  start();
  ASSERT_TRUE(says("source 1"));
  finish();
  ends();
  const std::string home = request(0).home;

  const auto run_again = [&](std::uint32_t offer, const std::string& session) {
    run_.reset();
    end_.reset();
    said_.clear();
    offer_.set_offer(offer);
    offer_.mutable_resume()->set_provider_session(session);
    offer_.mutable_resume()->set_turns(1);
    start();
    ASSERT_TRUE(says("source 2"));
    finish();
    ends();
  };
  run_again(2, "thread-1");
  EXPECT_EQ(request(1).provider_session, "thread-1");
  EXPECT_EQ(request(1).home, home);
  EXPECT_TRUE(run_has(request(1).prompt, "interrupted"));
  run_again(3, "thread-9");
  EXPECT_EQ(request(2).provider_session, "");
  EXPECT_TRUE(run_has(request(2).prompt, "Fix the parser."));
}

// ---- warm agents

TEST_F(RunThreadTest, a_warm_agent_is_kept_when_its_run_is_completed) {
  warm_ = true;
  scripts_ = {one_turn("thread-1")};
  start();
  ASSERT_TRUE(says("source 1"));
  finish();
  ends();
  EXPECT_EQ(agents_.idle(), 1u);
}

TEST_F(RunThreadTest, an_agent_that_was_stopped_is_not_kept) {
  warm_ = true;
  scripts_ = {one_turn("thread-1")};
  start();
  ASSERT_TRUE(says("source 1"));
  run_->stop(StopReason::cancelled);
  EXPECT_EQ(ends().kind, RunEnd::Kind::stopped);
  EXPECT_EQ(agents_.idle(), 0u);
}

TEST_F(RunThreadTest, a_provider_that_is_not_here_fails_the_run_for_another_worker) {
  offer_.mutable_spec()->set_provider("unheard-of");
  start();
  const RunEnd end = ends();
  EXPECT_EQ(end.code, "agent_unavailable");
  EXPECT_TRUE(end.retryable);
}

}  // namespace
}  // namespace dossier::worker
