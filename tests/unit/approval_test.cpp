// The rules of an approval: asked, decided exactly once, told until the agent knows; and its bounds, at their edge.
#include "events/approval.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "events/fold.hpp"
#include "events/session.hpp"

namespace dossier::events {
namespace {

v1::SessionState session() {
  v1::SessionState state;
  v1::SessionEvent requested;
  requested.mutable_session_requested()->set_session_id("ses_a");
  evolve(state, requested);
  return state;
}

v1::ApprovalRequested request(int n, std::string kind = "command") {
  v1::ApprovalRequested made;
  made.set_request_id("apr_" + std::to_string(n));
  made.set_kind(std::move(kind));
  made.set_offer(1);
  made.set_provider_request(std::to_string(n));
  made.mutable_command()->set_plain("make");
  return made;
}

v1::ApprovalResolved decision(int n, std::string decision, std::string by) {
  v1::ApprovalResolved made;
  made.set_request_id("apr_" + std::to_string(n));
  made.set_decision(std::move(decision));
  made.set_by(std::move(by));
  return made;
}

v1::ApprovalDelivered delivery(int n) {
  v1::ApprovalDelivered made;
  made.set_request_id("apr_" + std::to_string(n));
  made.set_how("answered");
  made.set_offer(1);
  return made;
}

SessionEvents ask(v1::SessionState& state, const v1::ApprovalRequested& asked, const std::optional<v1::ApprovalResolved>& by_policy = {}) {
  const auto events = ask_approval(state, asked, by_policy);
  EXPECT_TRUE(events.has_value());
  for (const auto& event : *events) evolve(state, event);
  return *events;
}

void fold(v1::SessionState& state, const Result<std::optional<v1::SessionEvent>>& decided) {
  ASSERT_TRUE(decided.has_value()) << decided.error().message;
  ASSERT_TRUE(decided->has_value());
  evolve(state, **decided);
}

TEST(Approval, IsAFactBeforeAnybodyIsAsked) {
  auto state = session();
  EXPECT_EQ(ask(state, request(1)).size(), 1u);
  ASSERT_EQ(state.approvals_size(), 1);
  EXPECT_FALSE(state.approvals(0).has_resolved());
  EXPECT_EQ(state.approvals(0).request().command().plain(), "make");
  EXPECT_TRUE(ask(state, request(1)).empty()) << "the same request of the same offer";
  auto later = request(2);
  later.set_provider_request("1");
  later.set_offer(2);
  EXPECT_EQ(ask(state, later).size(), 1u) << "under another offer the agent's name for it means another request";
}

TEST(Approval, IsDecidedOnceAndTheNextIsToldByWhom) {
  auto state = session();
  ask(state, request(1));
  fold(state, resolve_approval(state, decision(1, "decline", "usr_a")));
  EXPECT_FALSE(resolve_approval(state, decision(1, "decline", "usr_a"))->has_value()) << "the same again is answered as the first";
  for (const auto& other : {decision(1, "accept", "usr_a"), decision(1, "decline", "usr_b")}) {
    const auto refused = resolve_approval(state, other);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Code::approval_resolved);
    EXPECT_NE(refused.error().message.find("decline by usr_a"), std::string::npos);
  }
  EXPECT_EQ(resolve_approval(state, decision(2, "accept", "usr_a")).error().code, Code::not_found);
  EXPECT_EQ(resolve_approval(state, decision(1, "maybe", "usr_a")).error().field, "decision");
}

TEST(Approval, ThatAPolicyDecidesIsResolvedInTheSameBreath) {
  auto state = session();
  v1::ApprovalResolved verdict;
  verdict.set_decision("accept");
  verdict.set_rule("status");
  const auto events = ask(state, request(1), verdict);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].approval_resolved().by(), kPolicy);
  EXPECT_EQ(events[1].approval_resolved().rule(), "status");
  EXPECT_EQ(events[1].approval_resolved().request_id(), "apr_1");
  EXPECT_EQ(resolve_approval(state, decision(1, "accept", "usr_a")).error().code, Code::approval_resolved);
}

TEST(Approval, IsKeptUntilTheAgentKnowsAndThenOnlyByWhom) {
  auto state = session();
  ask(state, request(1));
  EXPECT_EQ(deliver_approval(state, delivery(1)).error().code, Code::conflict) << "nobody decided it";
  fold(state, resolve_approval(state, decision(1, "accept", "usr_a")));
  ASSERT_EQ(state.approvals_size(), 1);
  EXPECT_EQ(state.approvals(0).resolved().decision(), "accept");
  auto wrong = delivery(1);
  wrong.set_how("guessed");
  EXPECT_EQ(deliver_approval(state, wrong).error().field, "approval_answered.how");
  const auto delivered = deliver_approval(state, delivery(1));
  ASSERT_EQ(delivered->size(), 1u);
  evolve(state, delivered->at(0));
  EXPECT_EQ(state.approvals_size(), 0);
  EXPECT_TRUE(deliver_approval(state, delivery(1))->empty());
  EXPECT_EQ(deliver_approval(state, delivery(2)).error().code, Code::not_found);
  EXPECT_EQ(resolve_approval(state, decision(1, "decline", "usr_b")).error().code, Code::approval_resolved);
}

TEST(Approval, ThatTheAgentWithdrewIsCancelledUnlessSomebodyWasFaster) {
  auto state = session();
  ask(state, request(1));
  ask(state, request(2));
  fold(state, resolve_approval(state, decision(2, "accept", "usr_a")));
  auto withdrawn = delivery(1);
  withdrawn.set_how("withdrawn");
  const auto open = deliver_approval(state, withdrawn);
  ASSERT_EQ(open->size(), 2u);
  EXPECT_EQ(open->at(0).approval_resolved().decision(), "cancel");
  EXPECT_EQ(open->at(0).approval_resolved().by(), kSystem);
  for (const auto& event : *open) evolve(state, event);
  EXPECT_EQ(resolve_approval(state, decision(1, "accept", "usr_a")).error().code, Code::approval_resolved);
  withdrawn.set_request_id("apr_2");
  EXPECT_EQ(deliver_approval(state, withdrawn)->size(), 1u) << "it was decided, and the agent will never know";
}

TEST(Approval, OfQuestionsNeedsAnAnswerAndNoOtherTakesOne) {
  auto state = session();
  ask(state, request(1, "user_input"));
  ask(state, request(2));
  auto accept = decision(1, "accept", "usr_a");
  EXPECT_EQ(resolve_approval(state, accept).error().field, "answer");
  accept.mutable_answer()->set_plain(R"({"q":["a"]})");
  EXPECT_TRUE(resolve_approval(state, accept).has_value());
  EXPECT_TRUE(resolve_approval(state, decision(1, "decline", "usr_a")).has_value());
  accept.set_request_id("apr_2");
  EXPECT_EQ(resolve_approval(state, accept).error().field, "answer");
}

TEST(Approval, ThatIsOpenAtTheSessionsEndIsCancelledByTheSystem) {
  auto state = session();
  ask(state, request(1));
  ask(state, request(2));
  fold(state, resolve_approval(state, decision(1, "accept", "usr_a")));
  const auto events = cancel_open_approvals(state);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].approval_resolved().request_id(), "apr_2");
  EXPECT_EQ(events[0].approval_resolved().decision(), "cancel");
  EXPECT_EQ(events[0].approval_resolved().by(), kSystem);
  for (const auto& event : events) evolve(state, event);
  EXPECT_TRUE(cancel_open_approvals(state).empty());
  evolve(state, *end_session(state, "completed"));
  EXPECT_EQ(state.approvals_size(), 0);
  EXPECT_EQ(resolve_approval(state, decision(2, "accept", "usr_a")).error().code, Code::approval_resolved);
  EXPECT_EQ(ask_approval(state, request(3), {}).error().code, Code::terminal_state);
}

TEST(Approval, BeyondSoManyOpenOnesIsDeclinedAtOnceSoThatTheAgentHasItsAnswer) {
  auto state = session();
  for (int n = 0; n < kMaxOpenApprovals; ++n) EXPECT_EQ(ask(state, request(n)).size(), 1u);
  const auto events = ask(state, request(kMaxOpenApprovals));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].approval_resolved().decision(), "decline");
  EXPECT_EQ(events[1].approval_resolved().by(), kSystem);
  fold(state, resolve_approval(state, decision(0, "accept", "usr_a")));
  EXPECT_EQ(ask(state, request(kMaxOpenApprovals + 1)).size(), 1u);
}

TEST(Approval, ThatIsTooLargeIsDeclinedAndNotKeptWhole) {
  auto state = session();
  auto large = request(1);
  large.mutable_patch()->set_plain(std::string(kMaxApprovalBytes, 'x'));
  const auto events = ask(state, large);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].approval_requested().patch().plain().size(), kMaxApprovalBytes) << "the log has all of it";
  EXPECT_EQ(events[1].approval_resolved().by(), kSystem);
  EXPECT_LT(state.ByteSizeLong(), 4'096u);
  int asked = 0;
  for (auto fits = request(2); asked < kMaxOpenApprovals; ++asked) {
    fits.set_request_id("apr_f" + std::to_string(asked));
    fits.set_provider_request("f" + std::to_string(asked));
    fits.mutable_patch()->set_plain(std::string(kMaxApprovalBytes - 1'000, 'x'));
    if (ask(state, fits).size() == 2) break;
  }
  EXPECT_EQ(asked, 4) << "so many fit into " << kMaxKeptApprovalBytes << " bytes";
  EXPECT_LE(state.ByteSizeLong(), kMaxKeptApprovalBytes + kMaxApprovalBytes);
}

TEST(Approval, WhoseDecisionIsNeverConfirmedMakesRoomForOthers) {
  auto state = session();
  for (int n = 0; n < 2 * kMaxRememberedApprovals; ++n) {
    ask(state, request(n));
    fold(state, resolve_approval(state, decision(n, "accept", "usr_a")));
  }
  EXPECT_EQ(state.approvals_size(), kMaxKeptApprovals);
  EXPECT_EQ(state.resolved_approvals_size(), kMaxRememberedApprovals);
  EXPECT_EQ(resolve_approval(state, decision(2 * kMaxRememberedApprovals - 1, "decline", "usr_a")).error().code, Code::approval_resolved);
  EXPECT_EQ(resolve_approval(state, decision(0, "accept", "usr_a")).error().code, Code::not_found);
}

TEST(Approval, OfASecretIsDeclinedBecauseAnswersAreKeptInTheLog) {
  auto state = session();
  auto question = request(1, "user_input");
  question.mutable_detail()->set_plain(R"({"questions":[{"id":"q","isSecret":false},{"id":"token","isSecret" : true}]})");
  const auto events = ask(state, question);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].approval_resolved().decision(), "decline");
  EXPECT_EQ(events[1].approval_resolved().by(), kSystem);
  question = request(2, "user_input");
  question.mutable_detail()->set_plain(R"({"questions":[{"id":"q","question":"true?","isSecret":false}]})");
  EXPECT_EQ(ask(state, question).size(), 1u);
}

TEST(Approval, NamesWhatIsWrongWithARequest) {
  auto state = session();
  EXPECT_EQ(ask_approval(state, request(1, "dance"), {}).error().field, "approval_asked.kind");
  auto unnamed = request(1);
  unnamed.clear_provider_request();
  EXPECT_EQ(ask_approval(state, unnamed, {}).error().field, "approval_asked.provider_request");
  EXPECT_EQ(ask_approval(v1::SessionState{}, request(1), {}).error().code, Code::not_found);
}

// The worker computes the same bytes, for what its agent asks again: they never change.
TEST(Approval, KnowsAnActionByItsHash) {
  v1::ApprovalRequested action;
  action.set_kind("command");
  action.mutable_command()->set_plain("git push");
  action.set_cwd("/w");
  const std::string hash = action_sha256(action);
  EXPECT_EQ(to_hex(hash), "a2add11090a9af3eb6ec0dc2b358420dcf9343408063482b7be4681f0c1aca23");
  action.set_provider_request("7");
  action.set_offer(9);
  action.mutable_reason()->set_plain("other words");
  EXPECT_EQ(action_sha256(action), hash) << "who asks, and when, makes no other action";
  action.mutable_command()->set_plain("git push/");
  action.set_cwd("w");
  EXPECT_NE(action_sha256(action), hash) << "lengths keep the fields apart";
}

}  // namespace
}  // namespace dossier::events
