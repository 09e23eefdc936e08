// What became of a question: each way from asked to known, and what comes twice, late, or from another process.
#include "worker/pending_approvals.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "events/approval.hpp"

namespace dossier::worker {
namespace {

AgentApproval command(const std::string& request, const std::string& line = "git push") {
  AgentApproval approval;
  approval.request = request;
  approval.kind = "command";
  approval.command = line;
  approval.cwd = "/work";
  return approval;
}

v1::ApprovalResolved resolved(const std::string& id, const std::string& decision) {
  v1::ApprovalResolved resolved;
  resolved.set_request_id(id);
  resolved.set_decision(decision);
  return resolved;
}

// "ask 0", "tell 0 accept", "known apr_1 answered", "withdrawn 0".
std::vector<std::string> words(const ApprovalActions& actions) {
  std::vector<std::string> words;
  for (const auto& action : actions) {
    if (const auto* ask = std::get_if<AskApproval>(&action)) words.push_back("ask " + ask->request.provider_request());
    if (const auto* tell = std::get_if<TellAgent>(&action)) words.push_back("tell " + tell->command.request + " " + tell->command.decision);
    if (const auto* known = std::get_if<ApprovalKnown>(&action)) words.push_back("known " + known->request_id + " " + known->how);
    if (const auto* withdrawn = std::get_if<ApprovalWithdrawn>(&action)) words.push_back("withdrawn " + withdrawn->provider_request);
  }
  return words;
}
using Words = std::vector<std::string>;

class PendingApprovalsTest : public ::testing::Test {
 protected:
  PendingApprovals approvals_{1, v1::SessionResume()};
};

TEST_F(PendingApprovalsTest, a_question_is_reported_with_all_that_a_person_needs) {
  AgentApproval asked = command("7");
  asked.reason = "network";
  asked.paths = {"a.txt"};
  asked.patch = "+x";
  asked.detail = "{}";
  const auto actions = approvals_.on_asked(asked, "item-1", 3);
  ASSERT_EQ(words(actions), Words{"ask 1/7"});
  const auto& request = std::get<AskApproval>(actions[0]).request;
  EXPECT_EQ(request.kind(), "command");
  EXPECT_EQ(request.command().plain(), "git push");
  EXPECT_EQ(request.patch().plain(), "+x");
  EXPECT_EQ(request.cwd(), "/work");
  EXPECT_EQ(request.reason().plain(), "network");
  EXPECT_EQ(request.detail().plain(), "{}");
  EXPECT_EQ(request.paths(0), "a.txt");
  EXPECT_EQ(request.turn(), 3u);
  EXPECT_EQ(request.offer(), 1u);
  EXPECT_EQ(request.provider_item(), "item-1");
  EXPECT_TRUE(request.request_id().empty());
  EXPECT_EQ(request.action_sha256(), events::action_sha256(request));
}

TEST_F(PendingApprovalsTest, the_hash_is_over_kind_command_folder_and_patch_with_their_lengths) {
  v1::ApprovalRequested request;
  request.set_kind("command");
  request.mutable_command()->set_plain("ls");
  request.set_cwd("/");
  // printf '\0\0\0\7command\0\0\0\2ls\0\0\0\1/\0\0\0\0' | sha256sum
  EXPECT_EQ(to_hex(events::action_sha256(request)), "a77051236921715ce64323a9b448cc06e423ad301602127774619483c5ddb3bf");
  v1::ApprovalRequested shifted = request;
  shifted.mutable_command()->set_plain("l");
  shifted.set_cwd("s/");
  EXPECT_NE(events::action_sha256(shifted), events::action_sha256(request));
}

TEST_F(PendingApprovalsTest, a_decision_is_told_and_known_when_the_agent_says_so) {
  (void)approvals_.on_asked(command("0"), "", 1);
  EXPECT_EQ(words(approvals_.on_decided("1/0", resolved("apr_1", "accept"))), Words{"tell 0 accept"});
  EXPECT_TRUE(approvals_.has_unsettled());
  EXPECT_EQ(words(approvals_.on_settled("0")), Words{"known apr_1 answered"});
  EXPECT_FALSE(approvals_.has_unsettled());
}

TEST_F(PendingApprovalsTest, what_comes_twice_changes_nothing) {
  (void)approvals_.on_asked(command("0"), "", 1);
  EXPECT_TRUE(approvals_.on_asked(command("0"), "", 1).empty());
  (void)approvals_.on_decided("1/0", resolved("apr_1", "accept"));
  EXPECT_TRUE(approvals_.on_decided("1/0", resolved("apr_1", "accept")).empty());
  EXPECT_TRUE(approvals_.on_decided("1/0", resolved("apr_1", "decline")).empty());
  (void)approvals_.on_settled("0");
  EXPECT_TRUE(approvals_.on_settled("0").empty());
}

TEST_F(PendingApprovalsTest, a_decision_for_which_nobody_waits_is_known_so_that_it_is_not_said_for_ever) {
  EXPECT_EQ(words(approvals_.on_decided("1/0", resolved("apr_1", "accept"))), Words{"known apr_1 answered"});
}

TEST_F(PendingApprovalsTest, a_question_that_the_agent_withdrew_needs_no_decision) {
  (void)approvals_.on_asked(command("0"), "", 1);
  EXPECT_EQ(words(approvals_.on_settled("0")), Words{"withdrawn 1/0"});
  EXPECT_EQ(words(approvals_.on_decided("1/0", resolved("apr_1", "accept"))), Words{"known apr_1 answered"});
}

TEST_F(PendingApprovalsTest, at_the_end_of_a_turn_nothing_waits) {
  (void)approvals_.on_asked(command("0"), "", 1);
  (void)approvals_.on_asked(command("1", "ls"), "", 1);
  (void)approvals_.on_decided("2/1", resolved("apr_2", "accept"));
  EXPECT_EQ(words(approvals_.on_turn_over()), (Words{"withdrawn 1/0", "known apr_2 answered"}));
  EXPECT_FALSE(approvals_.has_unsettled());
}

TEST_F(PendingApprovalsTest, one_too_many_is_declined_at_once) {
  for (std::size_t i = 0; i < PendingApprovals::kMaxOpen; ++i)
    EXPECT_EQ(words(approvals_.on_asked(command(std::to_string(i), "echo " + std::to_string(i)), "", 1)).size(), 1u);
  EXPECT_EQ(words(approvals_.on_asked(command("one more"), "", 1)), Words{"tell one more decline"});
  (void)approvals_.on_settled("0");
  EXPECT_EQ(words(approvals_.on_asked(command("room again"), "", 1)), Words{"ask 33/room again"});
}

TEST_F(PendingApprovalsTest, a_question_declined_because_the_server_refused_it_needs_no_word_to_the_server) {
  (void)approvals_.on_asked(command("0"), "", 1);
  EXPECT_EQ(words(approvals_.on_decided("1/0", resolved("", "decline"))), Words{"tell 0 decline"});
  EXPECT_TRUE(approvals_.on_settled("0").empty());
  EXPECT_FALSE(approvals_.has_unsettled());
}

// ---- the agent died

TEST_F(PendingApprovalsTest, what_a_dead_agent_had_asked_for_is_quoted_once_it_is_decided) {
  (void)approvals_.on_asked(command("0"), "", 1);
  approvals_.on_agent_lost();
  EXPECT_TRUE(approvals_.has_undecided());
  EXPECT_TRUE(approvals_.quotes().empty());
  EXPECT_TRUE(approvals_.on_decided("1/0", resolved("apr_1", "accept")).empty());
  EXPECT_FALSE(approvals_.has_undecided());
  ASSERT_EQ(approvals_.quotes().size(), 1u);
  EXPECT_EQ(approvals_.quotes()[0].request().command().plain(), "git push");
  EXPECT_EQ(words(approvals_.on_quoted()), Words{"known apr_1 quoted"});
  EXPECT_TRUE(approvals_.on_quoted().empty());
  EXPECT_FALSE(approvals_.has_unsettled());
}

TEST_F(PendingApprovalsTest, a_decision_that_the_dead_agent_may_not_have_heard_is_quoted) {
  (void)approvals_.on_asked(command("0"), "", 1);
  (void)approvals_.on_decided("1/0", resolved("apr_1", "accept"));
  approvals_.on_agent_lost();
  EXPECT_FALSE(approvals_.has_undecided());
  EXPECT_EQ(approvals_.quotes().size(), 1u);
}

TEST_F(PendingApprovalsTest, a_quote_that_began_no_turn_is_quoted_again) {
  (void)approvals_.on_asked(command("0"), "", 1);
  (void)approvals_.on_decided("1/0", resolved("apr_1", "decline"));
  approvals_.on_agent_lost();
  approvals_.on_agent_lost();
  EXPECT_EQ(approvals_.quotes().size(), 1u);
}

TEST_F(PendingApprovalsTest, an_accepted_action_that_is_asked_for_again_is_answered_at_once_and_once) {
  (void)approvals_.on_asked(command("0"), "", 1);
  (void)approvals_.on_decided("1/0", resolved("apr_1", "accept"));
  approvals_.on_agent_lost();
  (void)approvals_.on_quoted();
  EXPECT_EQ(words(approvals_.on_asked(command("0"), "", 2)), Words{"tell 0 accept"});
  EXPECT_TRUE(approvals_.on_settled("0").empty());
  EXPECT_EQ(words(approvals_.on_asked(command("1"), "", 2)), Words{"ask 2/1"});
}

TEST_F(PendingApprovalsTest, only_the_very_same_action_is_answered_by_itself) {
  AgentApproval asked = command("0");
  asked.paths = {"a"};
  (void)approvals_.on_asked(asked, "", 1);
  (void)approvals_.on_decided("1/0", resolved("apr_1", "accept"));
  approvals_.on_agent_lost();
  (void)approvals_.on_quoted();
  AgentApproval other = asked;
  other.command = "git push --force";
  EXPECT_EQ(words(approvals_.on_asked(other, "", 2)), Words{"ask 2/0"});
  other = asked;
  other.request = "1";
  other.cwd = "/";
  EXPECT_EQ(words(approvals_.on_asked(other, "", 2)), Words{"ask 3/1"});
  other = asked;
  other.request = "2";
  other.paths = {"b"};
  EXPECT_EQ(words(approvals_.on_asked(other, "", 2)), Words{"ask 4/2"});
}

TEST_F(PendingApprovalsTest, a_declined_action_that_is_asked_for_again_is_a_new_question) {
  (void)approvals_.on_asked(command("0"), "", 1);
  (void)approvals_.on_decided("1/0", resolved("apr_1", "decline"));
  approvals_.on_agent_lost();
  (void)approvals_.on_quoted();
  EXPECT_EQ(words(approvals_.on_asked(command("0"), "", 2)), Words{"ask 2/0"});
}

TEST_F(PendingApprovalsTest, what_the_hash_does_not_cover_is_never_answered_by_itself) {
  AgentApproval tool = command("0", "fetch");
  tool.kind = "tool";
  tool.detail = R"({"url":"https://example.org"})";
  AgentApproval huge = command("1", std::string(PendingApprovals::kMaxCommand + 1, 'x'));
  int asked_before = 0;
  for (const auto& asked : {tool, huge}) {
    (void)approvals_.on_asked(asked, "", 1);
    (void)approvals_.on_decided(std::to_string(++asked_before) + "/" + asked.request, resolved("apr_" + asked.request, "accept"));
  }
  approvals_.on_agent_lost();
  EXPECT_EQ(approvals_.on_quoted().size(), 2u);
  EXPECT_EQ(words(approvals_.on_asked(tool, "", 2)), Words{"ask 3/0"});
  EXPECT_EQ(words(approvals_.on_asked(huge, "", 2)), Words{"ask 4/1"});
}

TEST_F(PendingApprovalsTest, the_next_process_may_use_the_names_of_the_dead_one) {
  (void)approvals_.on_asked(command("0"), "", 1);
  approvals_.on_agent_lost();
  EXPECT_EQ(words(approvals_.on_asked(command("0", "ls"), "", 2)), Words{"ask 2/0"});
  EXPECT_EQ(words(approvals_.on_decided("2/0", resolved("apr_2", "accept"))), Words{"tell 0 accept"});
  EXPECT_TRUE(approvals_.on_decided("1/0", resolved("apr_1", "accept")).empty());
  EXPECT_EQ(approvals_.quotes().size(), 1u);
}

TEST_F(PendingApprovalsTest, no_two_questions_of_a_run_have_one_name) {
  (void)approvals_.on_asked(command("0"), "", 1);
  (void)approvals_.on_turn_over();  // the server still has it open
  EXPECT_EQ(words(approvals_.on_asked(command("0"), "", 2)), Words{"ask 2/0"});
}

TEST_F(PendingApprovalsTest, a_question_fits_into_one_report_however_large_it_is) {
  AgentApproval asked = command("0", std::string(1'000'000, 'c'));
  asked.patch = asked.detail = asked.reason = asked.cwd = asked.command;
  for (int i = 0; i < 1'000; ++i) asked.paths.push_back("folder/" + std::to_string(i) + std::string(100, 'p'));
  const auto actions = approvals_.on_asked(asked, std::string(10'000, 'i'), 1);
  EXPECT_LT(std::get<AskApproval>(actions.at(0)).request.ByteSizeLong(), 256u * 1024u);
}

// ---- an earlier offer's

TEST(PendingApprovalsOfAnEarlierOffer, are_known_by_the_servers_name_and_quoted) {
  v1::SessionResume left;
  auto* open = left.add_approvals()->mutable_request();
  open->set_request_id("apr_1");
  open->set_provider_request("0");
  open->set_kind("command");
  open->mutable_command()->set_plain("git push");
  open->set_cwd("/work");
  PendingApprovals approvals(2, left);
  EXPECT_TRUE(approvals.has_undecided());
  EXPECT_TRUE(approvals.on_decided("", resolved("apr_1", "accept")).empty());
  EXPECT_FALSE(approvals.has_undecided());
  EXPECT_EQ(words(approvals.on_quoted()), Words{"known apr_1 quoted"});
  EXPECT_EQ(words(approvals.on_asked(command("0"), "", 2)), Words{"tell 0 accept"});
}

TEST(PendingApprovalsOfAnEarlierOffer, are_not_mixed_up_with_a_new_question_of_the_same_name) {
  v1::SessionResume left;
  left.add_approvals()->mutable_request()->set_request_id("apr_1");
  left.mutable_approvals(0)->mutable_request()->set_provider_request("0");
  PendingApprovals approvals(2, left);
  (void)approvals.on_asked(command("0"), "", 2);
  EXPECT_EQ(words(approvals.on_decided("1/0", resolved("apr_2", "decline"))), Words{"tell 0 decline"});
  EXPECT_TRUE(approvals.has_undecided());
}

}  // namespace
}  // namespace dossier::worker
