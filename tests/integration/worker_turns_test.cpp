// Runs of several turns, questions that outlive the agent, and the worker's own end, on a real Kafka.
#include "tests/integration/worker_daemon_fixture.hpp"

namespace dossier::worker {
namespace {

TEST_F(WorkerDaemon, a_run_has_a_turn_for_what_people_say_meanwhile) {
  start({registers()});
  append(tasks(), offer("echo \"$DOSSIER_PROMPT\" >>said.txt; echo heard").SerializeAsString());
  ASSERT_TRUE(until([&] { return has(Report::kClaim); }));
  grant();
  ASSERT_TRUE(until([&] { return has(Report::kSource); }));
  next_turn(2, "and tests");
  next_turn(2, "and tests");  // said again, as the server does
  ASSERT_TRUE(until([&] { return count(Report::kSource) == 2; }));
  finish(2);
  ASSERT_TRUE(until([&] { return has(Report::kRunCompleted) || has(Report::kRunFailed); }));
  EXPECT_EQ(kinds(), (Kinds{Report::kClaim, Report::kRunStarted, Report::kTurnBegan, Report::kTurnEnded, Report::kSource, Report::kTurnBegan,
                            Report::kTurnEnded, Report::kSource, Report::kRunCompleted}));
  const auto& last = reports_.at(8).source();
  EXPECT_EQ(last.turn(), 2u);
  EXPECT_NE(last.diff().plain().find("+please\n+and tests"), std::string::npos) << last.diff().plain();
  EXPECT_EQ(find(Report::kRunCompleted)->run_completed().commit(), last.commit());
}

TEST_F(WorkerDaemon, a_run_whose_accepted_turn_nobody_answers_finishes_by_itself) {
  start({registers()});
  append(tasks(), offer("true").SerializeAsString());
  ASSERT_TRUE(until([&] { return has(Report::kClaim); }));
  grant();
  ASSERT_TRUE(until([&] { return has(Report::kSource); }));
  accept_all();
  ASSERT_TRUE(until([&] { return has(Report::kRunCompleted); }));
}

// Asks, and is killed before anybody answers; the next one does what it is told in the first turn.
class ForgetfulAgent final : public Agent {
 public:
  explicit ForgetfulAgent(int process) : process_(process) {}
  AgentResult run(const AgentRequest& request, AgentHost& host) override {
    say(host, AgentEvent::Kind::session_started, "thread-1");
    say(host, AgentEvent::Kind::turn_started, "turn");
    AgentResult result;
    if (process_ == 1) {
      AgentEvent asks;
      asks.kind = AgentEvent::Kind::approval_requested;
      asks.approval.emplace();
      asks.approval->request = "0";
      asks.approval->kind = "command";
      asks.approval->command = "git push";
      host.on_event(std::move(asks));
      say(host, AgentEvent::Kind::turn_ended, "turn", "lost");
      result.kind = AgentResult::Kind::failed;
      result.code = "agent_lost";
      result.retryable = true;
      return result;
    }
    test::write_file(request.worktree + "/told.txt", request.provider_session + "\n" + request.prompt);
    say(host, AgentEvent::Kind::turn_ended, "turn", "completed");
    while (host.stop() == AgentHost::Stop::no && host.take_commands().empty()) host.wakeup().wait(100);
    result.kind = AgentResult::Kind::completed;
    return result;
  }

 private:
  static void say(AgentHost& host, AgentEvent::Kind kind, const std::string& item, const std::string& text = {}) {
    AgentEvent event;
    event.kind = kind;
    event.item = item;
    event.text = text;
    host.on_event(std::move(event));
  }
  const int process_;
};

TEST_F(WorkerDaemon, what_an_agent_had_asked_for_outlives_the_agent_and_is_quoted_once_it_is_decided) {
  std::atomic<int> processes{0};
  make_ = [&](std::string_view) { return std::make_unique<ForgetfulAgent>(++processes); };
  start({registers()});
  append(tasks(), offer("true").SerializeAsString());
  ASSERT_TRUE(until([&] { return has(Report::kClaim); }));
  grant();
  ASSERT_TRUE(until([&] { return has(Report::kApprovalAsked); }));
  const auto asked = find(Report::kApprovalAsked)->approval_asked();
  EXPECT_EQ(asked.command().plain(), "git push");
  accept_all();
  EXPECT_TRUE(test::always_during(300, [&] { return processes == 1; })) << "it did not wait for the decision";
  decide(asked.provider_request(), "apr_1", "accept");
  decide(asked.provider_request(), "apr_1", "accept");  // said again until the agent knows
  ASSERT_TRUE(until([&] { return has(Report::kApprovalAnswered); }));
  EXPECT_EQ(find(Report::kApprovalAnswered)->approval_answered().request_id(), "apr_1");
  EXPECT_EQ(find(Report::kApprovalAnswered)->approval_answered().how(), "quoted");
  ASSERT_TRUE(until([&] { return has(Report::kSource); }));
  const std::string told = find(Report::kSource)->source().diff().plain();
  EXPECT_NE(told.find("+thread-1"), std::string::npos) << told;
  EXPECT_NE(told.find("+approved: run"), std::string::npos) << told;
  EXPECT_NE(told.find("+    git push"), std::string::npos) << told;
  auto m = message();
  m.mutable_finish_run()->set_task_id(kTask);
  m.mutable_finish_run()->set_offer(1);
  m.mutable_finish_run()->set_turn(2);
  say(m);
  ASSERT_TRUE(until([&] { return has(Report::kRunCompleted); }));
  EXPECT_EQ(count(Report::kTurnBegan), 2);
  EXPECT_EQ(count(Report::kTurnEnded), 1);
  EXPECT_EQ(count(Report::kApprovalAnswered), 1);
}

TEST_F(WorkerDaemon, a_worker_for_one_task_ends_with_it) {
  options_.once = true;
  start({registers()});
  append(tasks(), offer("exit 3").SerializeAsString());
  ASSERT_TRUE(until([&] { return has(Report::kClaim); }));
  grant();
  ASSERT_TRUE(until([&] { return has(Report::kRunFailed) && has(Report::kDrainBegan); }));
  accept_all();
  ASSERT_TRUE(test::eventually(kPatienceMs, [&] { return is_over_.load(); }));
  ASSERT_FALSE(ended_);
  EXPECT_EQ(ended_.error().code, Code::internal);
}

TEST_F(WorkerDaemon, draining_has_a_deadline_at_which_what_runs_is_handed_on) {
  options_.drain_ms = 500;
  start({registers()});
  append(tasks(), offer("echo running; exec sleep 600").SerializeAsString());
  ASSERT_TRUE(until([&] { return has(Report::kClaim); }));
  grant();
  ASSERT_TRUE(until([&] { return lines_.find("agent: running") != std::string::npos; }));
  stop_.request();
  ASSERT_TRUE(until([&] { return has(Report::kRunFailed); }));
  EXPECT_EQ(find(Report::kRunFailed)->run_failed().code(), "worker_drained");
  EXPECT_TRUE(find(Report::kRunFailed)->run_failed().retryable());
  accept_all();
  ASSERT_TRUE(test::eventually(kPatienceMs, [&] { return is_over_.load(); }));
  EXPECT_FALSE(is_running());
}

}  // namespace
}  // namespace dossier::worker
