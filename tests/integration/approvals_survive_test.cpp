// Approvals on a real server, Kafka and PostgreSQL: what an agent asked for outlives a killed server, is decided once, and is told to
// its worker until that confirms it; and the command line sees and decides it.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/scripted_worker.hpp"

namespace dossier::test {
namespace {

using Control = v1::ControlMessage;

class ApprovalsSurvive : public ::testing::Test {
 protected:
  ApprovalsSurvive() : at_(Clusters::shared()) {
    at_.start_server();
    at_.bootstrap();
    project_ = must(at_.api().post(at_.in_workspace("/projects"), object({{"name", "p"}, {"local_path", "/srv/p"}}))).text("id");
    at_.make_agent({.name = "helper", .provider = "command", .command = {"/bin/cat"}, .model = {}});
    must(at_.api().post(at_.in_workspace("/policy"), object({{"mode", "on_request"}, {"reason", "tests"}})));
    worker_ = std::make_unique<ScriptedWorker>(at_, "scripted");
    asked_ = at_.ask(at_.open_issue("t", project_), "@helper please");
    fence_ = worker_->claim(asked_.task);
    worker_->report(fence_, [](v1::Report& report) { report.mutable_run_started()->set_provider_session("thread"); });
  }
  static Reply must(Reply reply) {
    if (reply.status / 100 != 2) throw std::runtime_error(reply.raw + reply.problem);
    return reply;
  }
  std::string approvals() const { return "/v1/sessions/" + asked_.session + "/approvals"; }
  // Asked, and listed as open; its id.
  std::string ask(const std::string& command, const std::string& name) {
    worker_->report(fence_, [&](v1::Report& report) {
      auto& request = *report.mutable_approval_asked();
      request.set_kind("command");
      request.mutable_command()->set_plain(command);
      request.set_provider_request(name);
    });
    std::string id;
    EXPECT_TRUE(worker_->eventually([&] {
      const Reply list = at_.api().get(approvals() + "?status=open");
      if (!list.items().empty()) id = list.items()[0].text("id");
      return !id.empty();
    })) << at_.logs();
    return id;
  }
  void knows(const std::string& id) {
    worker_->report(fence_, [&](v1::Report& report) {
      report.mutable_approval_answered()->set_request_id(id);
      report.mutable_approval_answered()->set_how("answered");
    });
    EXPECT_TRUE(worker_->eventually([&] { return at_.api().get(approvals() + "/" + id).at("delivery", "how") == "answered"; })) << at_.logs();
  }

  Installation at_;
  std::string project_;
  std::unique_ptr<ScriptedWorker> worker_;
  Asked asked_;
  v1::Fence fence_;
};

TEST_F(ApprovalsSurvive, AKilledServerWhileOneIsOpenAndAnotherWhileItsDecisionIsNotConfirmed) {
  const std::string id = ask("make", "7");
  at_.server().kill();
  at_.start_server();
  const Reply open = at_.api().get(approvals() + "/" + id);
  ASSERT_EQ(open.status, 200) << open.raw;
  EXPECT_EQ(open.text("status"), "open");
  EXPECT_EQ(open.text("command"), "make");
  const Reply decided = at_.api().post_until_decided(approvals() + "/" + id, object({{"decision", "accept"}, {"reason", "go on"}}));
  ASSERT_EQ(decided.status, 200) << decided.raw;
  ASSERT_TRUE(worker_->eventually([&] { return !worker_->told(Control::kApprovalDecision).empty(); })) << at_.logs();
  const auto first = worker_->told(Control::kApprovalDecision)[0].approval_decision();
  EXPECT_EQ(first.provider_request(), "7");
  EXPECT_EQ(first.resolved().request_id(), id);
  EXPECT_EQ(first.resolved().decision(), "accept");

  at_.server().kill();
  at_.start_server();
  const std::size_t before = worker_->told(Control::kApprovalDecision).size();
  ASSERT_TRUE(worker_->eventually([&] { return worker_->told(Control::kApprovalDecision).size() > before; })) << "told again: " << at_.logs();
  knows(id);
  EXPECT_EQ(at_.api().post(approvals() + "/" + id, object({{"decision", "decline"}})).text("code"), "approval_resolved");
}

TEST_F(ApprovalsSurvive, ARepeatedReportAsksOnceAndARuleAnswersAtOnce) {
  must(at_.api().send("POST", at_.in_workspace("/policy"),
                      R"({"mode":"on_request","reason":"w","rules":[{"name":"look","effect":"allow","command_prefix":["git","status"]}]})"));
  worker_->report(fence_, [](v1::Report& report) {
    auto& request = *report.mutable_approval_asked();
    request.set_kind("command");
    request.mutable_command()->set_plain("/bin/bash -lc 'git status'");
    request.set_provider_request("0");
  });
  worker_->repeat_last();
  ASSERT_TRUE(worker_->eventually([&] { return !worker_->told(Control::kApprovalDecision).empty(); })) << at_.logs();
  EXPECT_EQ(worker_->told(Control::kApprovalDecision)[0].approval_decision().resolved().rule(), "look");
  const Reply list = at_.api().get(approvals());
  ASSERT_EQ(list.items().size(), 1u) << list.raw;
  knows(list.items()[0].text("id"));
  const std::vector<std::string> types = at_.timeline_types(asked_.issue);
  EXPECT_EQ(std::count(types.begin(), types.end(), "approval_requested"), 1);
  EXPECT_EQ(std::count(types.begin(), types.end(), "approval_resolved"), 1);
  EXPECT_EQ(std::count(types.begin(), types.end(), "approval_delivered"), 1);
}

TEST_F(ApprovalsSurvive, TheCommandLineListsAndDecidesThem) {
  const std::string id = ask("make install", "7");
  const CommandResult listed = at_.dossier({"approval", "list"});
  EXPECT_EQ(listed.exit_code, 0) << listed.err;
  EXPECT_NE(listed.out.find(id), std::string::npos) << listed.out;
  EXPECT_NE(listed.out.find("make install"), std::string::npos) << listed.out;
  const CommandResult declined = at_.dossier({"approval", "decline", id, "--reason", "not here"});
  EXPECT_EQ(declined.exit_code, 0) << declined.err;
  const CommandResult again = at_.dossier({"approval", "accept", id, "--session", asked_.session});
  EXPECT_EQ(again.exit_code, 5) << again.out << again.err;
  EXPECT_NE(again.err.find("decline"), std::string::npos) << again.err;
  EXPECT_NE(at_.dossier({"approval", "list", "--status", "all"}).out.find("decline"), std::string::npos);
  const CommandResult set = at_.dossier({"policy", "set", "untrusted", "--reason", "careful", "--project", project_});
  EXPECT_EQ(set.exit_code, 0) << set.err;
  const CommandResult shown = at_.dossier({"policy", "show", "--project", project_});
  EXPECT_NE(shown.out.find("mode untrusted"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("careful"), std::string::npos) << shown.out;
  EXPECT_EQ(at_.dossier({"policy", "set", "never"}).exit_code, 2) << "why is needed";
}

}  // namespace
}  // namespace dossier::test
