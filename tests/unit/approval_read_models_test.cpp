// The read models of approvals and policies: given these events, these rows.
#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "tests/support/random_history.hpp"
#include "tests/support/table_rows.hpp"

namespace dossier::projections {
namespace {

using test::EventScript;
using test::hex_id;
using test::make_fact;

const std::string kIssue = hex_id("iss", 1), kSession = hex_id("ses", 1), kApproval = hex_id("apr", 1), kProject = hex_id("prj", 1);

class ApprovalReadModels : public ::testing::Test {
 protected:
  template <class Fill>
  void session(Fill fill) {
    script_.commit({make_fact("session/" + kSession, kIssue, [&](v1::EventPayload& p) { fill(*p.mutable_session()); })});
  }
  void ask(const std::string& id = kApproval) {
    session([&](v1::SessionEvent& e) {
      auto& asked = *e.mutable_approval_requested();
      asked.set_request_id(id);
      asked.set_kind("command");
      asked.mutable_command()->set_plain("make \"all\"");
      asked.set_offer(2);
      asked.set_turn(3);
      asked.set_provider_request("7");
      asked.set_cwd("/w");
      asked.add_paths("a");
      asked.set_action_sha256("\x01\xff");
    });
  }
  void resolve(const std::string& id = kApproval) {
    session([&](v1::SessionEvent& e) {
      auto& resolved = *e.mutable_approval_resolved();
      resolved.set_request_id(id);
      resolved.set_decision("decline");
      resolved.set_by("usr_a");
      resolved.mutable_reason()->set_plain("no");
    });
  }
  void set_policy(const std::string& project, bool inherits = false) {
    script_.commit({make_fact("workspace/" + script_.workspace(), "", [&](v1::EventPayload& p) {
      auto& set = *p.mutable_workspace()->mutable_approval_policy_set();
      set.set_project_id(project);
      set.mutable_reason()->set_plain("why");
      if (inherits) return;
      set.mutable_policy()->set_mode(v1::ApprovalPolicy::ON_REQUEST);
      auto& rule = *set.mutable_policy()->add_rules();
      rule.set_name("r");
      rule.set_effect(v1::ApprovalRule::ALLOW);
      rule.add_command_prefix("ls");
    })});
  }
  std::string cell(std::string_view table, std::string_view column, std::string_view first = {}) const {
    return test::project_all(script_).cell(table, column, first);
  }
  EventScript script_;
};

TEST_F(ApprovalReadModels, AnApprovalIsARowReadyToBeServed) {
  ask();
  EXPECT_EQ(cell("approvals", "id"), kApproval);
  EXPECT_EQ(cell("approvals", "session_id"), kSession);
  EXPECT_EQ(cell("approvals", "issue_id"), kIssue);
  EXPECT_EQ(cell("approvals", "status"), "open");
  EXPECT_EQ(cell("approvals", "command_json"), R"("make \"all\"")");
  EXPECT_EQ(cell("approvals", "patch_json"), "null");
  EXPECT_EQ(cell("approvals", "paths_json"), R"(["a"])");
  EXPECT_EQ(cell("approvals", "action_sha256"), "01ff");
  EXPECT_EQ(cell("approvals", "offer"), "2");
  EXPECT_EQ(cell("approvals", "resolved"), "");
}

TEST_F(ApprovalReadModels, ADecisionSaysByWhomAndKeepsItsBytesForTheScheduler) {
  ask();
  resolve();
  EXPECT_EQ(cell("approvals", "status"), "resolved");
  EXPECT_EQ(cell("approvals", "decision"), "decline");
  EXPECT_EQ(cell("approvals", "decided_by"), "usr_a");
  EXPECT_EQ(cell("approvals", "reason_json"), R"("no")");
  v1::ApprovalResolved kept;
  ASSERT_TRUE(kept.ParseFromString(cell("approvals", "resolved")));
  EXPECT_EQ(kept.request_id(), kApproval);
  EXPECT_EQ(cell("approvals", "delivered_us"), "");
  session([](v1::SessionEvent& e) {
    e.mutable_approval_delivered()->set_request_id(kApproval);
    e.mutable_approval_delivered()->set_how("quoted");
    e.mutable_approval_delivered()->set_offer(4);
  });
  EXPECT_EQ(cell("approvals", "delivered_how"), "quoted");
  EXPECT_EQ(cell("approvals", "delivered_offer"), "4");
  EXPECT_NE(cell("approvals", "delivered_us"), "");
}

TEST_F(ApprovalReadModels, ASessionCountsItsApprovals) {
  ask(hex_id("apr", 1));
  ask(hex_id("apr", 2));
  ask(hex_id("apr", 3));
  resolve(hex_id("apr", 2));
  EXPECT_EQ(cell("approval_counts", "asked", kSession), "3");
  EXPECT_EQ(cell("approval_counts", "open", kSession), "2");
  EXPECT_EQ(cell("approval_counts", "seq", kSession), "4");
}

TEST_F(ApprovalReadModels, ThePolicyLastSetIsShownWithWhoAndWhy) {
  set_policy("");
  EXPECT_EQ(cell("approval_policies", "mode"), "on_request");
  EXPECT_EQ(cell("approval_policies", "rules_json"), R"([{"name":"r","effect":"allow","command_prefix":["ls"]}])");
  EXPECT_EQ(cell("approval_policies", "reason_json"), R"("why")");
  EXPECT_EQ(cell("approval_policies", "set_by"), hex_id("usr", 7));
  EXPECT_EQ(cell("approval_policies", "inherits"), "false");
  set_policy("", true);
  EXPECT_EQ(cell("approval_policies", "inherits"), "true");
  EXPECT_EQ(cell("approval_policies", "mode"), "never");
  set_policy(kProject);
  EXPECT_EQ(test::project_all(script_).count("approval_policies"), 2u);
}

}  // namespace
}  // namespace dossier::projections
