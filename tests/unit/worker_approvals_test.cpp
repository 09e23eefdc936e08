// The worker's rules about what its agents ask for: reported, waited for without an end, told once.
#include "tests/unit/worker_protocol_fixture.hpp"

namespace dossier::worker {
namespace {

class WorkerApprovals : public WorkerProtocol {
 protected:
  void SetUp() override {
    start_running();
    turn_began(1);
    asked("0");
    take();
  }
};

TEST_F(WorkerApprovals, what_the_agent_asks_for_is_reported_and_its_decision_passed_on_once) {
  EXPECT_EQ(kinds(), (Strings{"turn_began", "approval_asked"}));
  decided("0", "apr_1", "accept");
  decided("0", "apr_1", "accept");
  take();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].run, kRun);
  EXPECT_EQ(answers_[0].provider_request, "0");
  EXPECT_EQ(answers_[0].resolved.decision(), "accept");
  protocol_.on_approval_answered(kRun, "apr_1", "answered", now());
  take();
  ASSERT_EQ(kinds(), Strings{"approval_answered"});
  EXPECT_EQ(reports_[0].approval_answered().request_id(), "apr_1");
  EXPECT_EQ(reports_[0].approval_answered().how(), "answered");
  decided("0", "apr_1", "accept");  // late
  take();
  EXPECT_TRUE(answers_.empty());
}

TEST_F(WorkerApprovals, a_second_decision_on_another_question_is_its_own) {
  asked("1");
  decided("1", "apr_2", "decline");
  decided("0", "apr_1", "accept");
  take();
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_EQ(answers_[0].provider_request, "1");
  EXPECT_EQ(answers_[1].provider_request, "0");
}

TEST_F(WorkerApprovals, a_decision_without_the_servers_name_for_it_is_malformed) {
  decided("0", "", "accept");
  take();
  EXPECT_TRUE(answers_.empty());
}

TEST_F(WorkerApprovals, an_open_question_waits_for_days) {
  pass_connected(2 * 86'400 * kSecond);
  take();
  EXPECT_TRUE(stopped_.empty());
  EXPECT_TRUE(finishing_.empty());
}

TEST_F(WorkerApprovals, no_run_finishes_by_itself_while_a_question_is_open) {
  turn_ended(1);
  accepted_through(protocol_.outbox().last_sequence());
  pass_connected(10 * Protocol::kTurnAnswerUs);
  take();
  EXPECT_TRUE(finishing_.empty());
  decided("0", "apr_1", "accept");
  protocol_.on_tick(now());
  take();
  EXPECT_EQ(finishing_, std::vector<RunKey>{kRun});
}

TEST_F(WorkerApprovals, a_question_that_the_agent_withdrew_is_waited_for_no_more) {
  protocol_.on_approval_withdrawn(kRun, "0", now());
  turn_ended(1);
  accepted_through(protocol_.outbox().last_sequence());
  pass_connected(Protocol::kTurnAnswerUs);
  take();
  EXPECT_EQ(finishing_, std::vector<RunKey>{kRun});
}

TEST_F(WorkerApprovals, a_question_that_the_server_refuses_is_declined_so_that_the_agent_goes_on) {
  asked("1");
  take();
  const std::uint64_t sequence = reports_.at(0).sequence();
  refused(sequence, "kind: must be command");
  refused(sequence, "kind: must be command");
  take();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].provider_request, "1");
  EXPECT_EQ(answers_[0].resolved.decision(), "decline");
  EXPECT_EQ(answers_[0].resolved.by(), "system");
  EXPECT_NE(answers_[0].resolved.reason().plain().find("must be command"), std::string::npos);
}

TEST_F(WorkerApprovals, a_stopped_run_is_told_nothing_more) {
  cancel(kRun, "enough");
  decided("0", "apr_1", "accept");
  take();
  EXPECT_TRUE(answers_.empty());
}

TEST_F(WorkerApprovals, decisions_are_remembered_up_to_a_bound) {
  for (std::size_t i = 0; i <= Protocol::kMaxKnown; ++i) decided("", "apr_" + std::to_string(i), "accept");
  take();
  EXPECT_EQ(answers_.size(), Protocol::kMaxKnown + 1);
  decided("", "apr_" + std::to_string(Protocol::kMaxKnown), "accept");
  take();
  EXPECT_TRUE(answers_.empty());
  decided("", "apr_0", "accept");  // the run takes it as harmless
  take();
  EXPECT_EQ(answers_.size(), 1u);
}

TEST_F(WorkerProtocol, a_question_that_an_earlier_offer_left_open_is_waited_for_and_known_by_its_own_name) {
  auto offer = offer_of(kTask, 1);
  auto* left = offer.mutable_resume()->add_approvals();
  left->mutable_request()->set_request_id("apr_1");
  left->mutable_request()->set_provider_request("0");
  protocol_.on_offer(offer, now());
  granted(kRun);
  protocol_.on_workdir_ready(kRun, now());
  pass_connected(86'400 * kSecond);
  take();
  EXPECT_TRUE(stopped_.empty());
  decided("", "apr_1", "accept");
  take();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].resolved.request_id(), "apr_1");
  turn_began(2);
  asked("0");  // the new process counts from the start too
  turn_ended(2);
  accepted_through(protocol_.outbox().last_sequence());
  pass_connected(2 * Protocol::kTurnAnswerUs);
  take();
  EXPECT_TRUE(finishing_.empty()) << "the old decision closed the new question";
}

}  // namespace
}  // namespace dossier::worker
