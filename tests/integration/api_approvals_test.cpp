// Approvals and policies over HTTP, on PostgreSQL: what members see and decide, what admins set, and who is refused.
#include "base/encoding.hpp"
#include "events/codec.hpp"
#include "events/names.hpp"
#include "producers/commands/approval.hpp"
#include "producers/commands/task.hpp"
#include "tests/support/api_rig.hpp"

namespace dossier::test {
namespace {

namespace commands = producers::commands;

class ApiApprovals : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    rig_ = std::make_unique<ApiRig>();
    rig_->bootstrap();
    admin_ = rig_->token;
    project_ = must(rig_->post(rig_->in_workspace("/projects"), R"({"name":"p","local_path":"/srv/p"})")).text("id");
    must(rig_->post(rig_->in_workspace("/agents"), R"({"name":"helper","provider":"command","command":["/bin/cat"]})"));
  }
  static void TearDownTestSuite() { rig_.reset(); }
  static ApiRig& rig() { return *rig_; }
  static const std::string& project() { return project_; }

  void SetUp() override {
    rig().token = admin_;
    must(rig().post(rig().in_workspace("/policy"), R"({"mode":"on_request","reason":"tests"})"));
  }

  static ApiReply must(const ApiReply& reply) {
    if (reply.status() / 100 != 2) throw std::runtime_error(reply.response.body);
    return reply;
  }
  // A commit as intake and scheduler make them.
  static void commit(producers::Decide decide) {
    producers::Command command;
    command.context.workspace = WorkspaceId(rig().workspace);
    command.context.commit_id = events::derive_commit_id(command.context.workspace, "test", "test", std::to_string(++keys_));
    command.context.fingerprint = std::string(32, 'f');
    command.context.actor.set_kind(v1::Actor::SYSTEM);
    command.context.actor.set_id("test");
    command.decide = std::move(decide);
    const auto done = rig().runner().run_and_wait(std::move(command));
    if (!done) throw std::runtime_error(done.error().message);
  }
  struct Session {
    std::string issue, session, task;
  };
  // A session whose task a worker holds.
  Session begin() {
    Session made;
    const ApiReply issue = must(rig().post(rig().in_workspace("/issues"), R"({"title":"t","project_id":")" + project_ + "\"}"));
    made.issue = issue.text("id");
    const std::string key = std::to_string(++keys_);
    commit(queue(made, key));
    commit(commands::offer_task(TaskId(made.task), WorkerId(kWorker), 9));
    v1::Report claim = report(made);
    claim.mutable_claim();
    commit(commands::worker_report(claim));
    return made;
  }
  static v1::Report report(const Session& of) {
    v1::Report made;
    made.set_worker_id(kWorker);
    made.mutable_fence()->set_task_id(of.task);
    made.mutable_fence()->set_offer(1);
    return made;
  }
  // What its agent asks for; the approval's id.
  std::string ask(const Session& of, const std::string& kind = "command", const std::string& command = "make") {
    v1::Report asks = report(of);
    auto& asked = *asks.mutable_approval_asked();
    asked.set_kind(kind);
    asked.mutable_command()->set_plain(command);
    asked.set_provider_request(std::to_string(++keys_));
    commit(commands::worker_report(asks));
    return rig().get("/v1/sessions/" + of.session + "/approvals?limit=200").items().back().text("id");
  }
  static ApiReply decide(const Session& of, const std::string& approval, const std::string& body) {
    return rig().post("/v1/sessions/" + of.session + "/approvals/" + approval, body);
  }
  // The user has this role from now on.
  static void become(v1::Role role) {
    commit([role](producers::Snapshot&, const producers::CommandContext& context) -> Result<producers::Decision> {
      v1::EventPayload changed;
      changed.mutable_members()->mutable_member_role_changed()->set_user_id(rig().user);
      changed.mutable_members()->mutable_member_role_changed()->set_role(role);
      producers::Decision decision;
      decision.events.push_back(events::make_event(events::members_stream(context.workspace), {}, changed));
      return decision;
    });
  }
  void TearDown() override { become(v1::OWNER); }

 private:
  // The facts of a mention, without the live worker that a comment asks for.
  static producers::Decide queue(Session& made, const std::string& key) {
    made.session = "ses_" + hash(key + "s");
    made.task = "tsk_" + hash(key + "t");
    return [made](producers::Snapshot&, const producers::CommandContext&) -> Result<producers::Decision> {
      producers::Decision decision;
      const auto add = [&](const std::string& stream, const v1::EventPayload& payload) {
        decision.events.push_back(events::make_event(stream, made.issue, payload));
      };
      v1::EventPayload session, task;
      auto& requested = *session.mutable_session()->mutable_session_requested();
      requested.set_session_id(made.session);
      requested.set_issue_id(made.issue);
      requested.set_agent_name("helper");
      auto& queued = *task.mutable_task()->mutable_task_queued();
      queued.set_task_id(made.task);
      queued.set_session_id(made.session);
      queued.mutable_spec()->set_issue_id(made.issue);
      queued.mutable_spec()->set_project_id(project_);
      add("session/" + made.session, session);
      add("task/" + made.task, task);
      return decision;
    };
  }
  static std::string hash(const std::string& text) { return to_hex(crypto::view(crypto::sha256(text))).substr(0, 32); }

  inline static const std::string kWorker = "wkr_" + std::string(32, '1');
  static std::unique_ptr<ApiRig> rig_;
  static std::string admin_, project_;
  static int keys_;
};
std::unique_ptr<ApiRig> ApiApprovals::rig_;
std::string ApiApprovals::admin_, ApiApprovals::project_;
int ApiApprovals::keys_ = 0;

TEST_F(ApiApprovals, AnOpenApprovalIsListedWhereverSomebodyLooksForIt) {
  const Session session = begin();
  const std::string id = ask(session);
  for (const std::string& place : {"/v1/sessions/" + session.session, "/v1/issues/" + session.issue, rig().in_workspace("")}) {
    const ApiReply list = rig().get(place + "/approvals?status=open&limit=200");
    ASSERT_EQ(list.status(), 200) << list.response.body;
    ASSERT_FALSE(list.items().empty()) << place;
    const json::Value& approval = list.items().back();
    EXPECT_EQ(approval.text("id"), id);
    EXPECT_EQ(approval.text("status"), "open");
    EXPECT_EQ(approval.text("command"), "make");
    EXPECT_TRUE(approval.find("resolution")->is_null());
    EXPECT_TRUE(approval.find("delivery")->is_null());
  }
  const ApiReply shown = rig().get("/v1/sessions/" + session.session);
  EXPECT_EQ(shown.body.find("approvals")->integer_or("open", -1), 1);
  EXPECT_EQ(shown.body.find("approvals")->integer_or("asked", -1), 1);
}

TEST_F(ApiApprovals, ADecisionIsShownAtOnceAndTheSameAgainIsAnsweredAsTheFirst) {
  const Session session = begin();
  const std::string id = ask(session);
  const ApiReply made = decide(session, id, R"({"decision":"accept","reason":"looks harmless"})");
  ASSERT_EQ(made.status(), 200) << made.response.body;
  EXPECT_EQ(made.text("status"), "resolved");
  EXPECT_EQ(made.at("resolution", "decision"), "accept");
  EXPECT_EQ(made.at("resolution", "by"), rig().user);
  EXPECT_EQ(made.at("resolution", "reason"), "looks harmless");
  const std::size_t records = rig().records();
  const ApiReply again = decide(session, id, R"({"decision":"accept"})");
  EXPECT_EQ(again.status(), 200);
  EXPECT_EQ(again.at("resolution", "reason"), "looks harmless");
  const ApiReply otherwise = decide(session, id, R"({"decision":"decline"})");
  EXPECT_EQ(otherwise.status(), 409);
  EXPECT_EQ(otherwise.code(), "approval_resolved");
  EXPECT_NE(otherwise.text("detail").find("accept by " + rig().user), std::string::npos) << otherwise.response.body;
  EXPECT_EQ(rig().records(), records) << "neither left a record";
  EXPECT_TRUE(rig().get("/v1/sessions/" + session.session + "/approvals?status=open").items().empty());
  EXPECT_EQ(rig().get("/v1/sessions/" + session.session).body.find("approvals")->integer_or("open", -1), 0);
}

TEST_F(ApiApprovals, TheAgentsKnowledgeAndThePolicysWordAreShown) {
  must(rig().post(rig().in_workspace("/policy"),
                  R"({"mode":"on_request","reason":"w","rules":[{"name":"look","effect":"allow","command_prefix":["ls"]}]})"));
  const Session session = begin();
  const std::string id = ask(session, "command", "ls -l");
  const std::string target = "/v1/sessions/" + session.session + "/approvals/" + id;
  EXPECT_EQ(rig().get(target).at("resolution", "by"), "policy");
  EXPECT_EQ(rig().get(target).at("resolution", "rule"), "look");
  v1::Report knows = report(session);
  knows.mutable_approval_answered()->set_request_id(id);
  knows.mutable_approval_answered()->set_how("answered");
  commit(commands::worker_report(knows));
  EXPECT_EQ(rig().get(target).at("delivery", "how"), "answered");
  EXPECT_EQ(decide(session, id, R"({"decision":"decline"})").code(), "approval_resolved");
}

TEST_F(ApiApprovals, QuestionsAreAnsweredAndNothingElseIs) {
  const Session session = begin();
  const std::string question = ask(session, "user_input"), command = ask(session);
  EXPECT_EQ(decide(session, question, R"({"decision":"accept"})").text("field"), "answer");
  EXPECT_EQ(decide(session, question, R"({"decision":"accept","answer":{"q":"a"}})").text("field"), "answer");
  EXPECT_EQ(decide(session, command, R"({"decision":"accept","answer":{"q":["a"]}})").text("field"), "answer");
  const ApiReply made = decide(session, question, R"({"decision":"accept","answer":{"q":["a","b"]}})");
  EXPECT_EQ(made.status(), 200) << made.response.body;
  EXPECT_EQ(made.at("resolution", "answer"), R"({"q":["a","b"]})");
}

TEST_F(ApiApprovals, WhatIsNotThereIsNotFoundAndWhatIsWrongIsNamed) {
  const Session session = begin(), other = begin();
  const std::string id = ask(session);
  for (const std::string& wrong : {std::string("apr_1"), "apr_" + std::string(32, '0')}) {
    EXPECT_EQ(decide(session, wrong, R"({"decision":"accept"})").status(), 404) << wrong;
    EXPECT_EQ(rig().get("/v1/sessions/" + session.session + "/approvals/" + wrong).status(), 404) << wrong;
  }
  EXPECT_EQ(decide(other, id, R"({"decision":"accept"})").status(), 404) << "it is another session's";
  EXPECT_EQ(rig().get("/v1/sessions/" + other.session + "/approvals/" + id).status(), 404);
  EXPECT_EQ(decide(session, id, R"({"decision":"perhaps"})").text("field"), "decision");
  EXPECT_EQ(rig().get(rig().in_workspace("/approvals?status=half")).text("field"), "status");
}

TEST_F(ApiApprovals, ViewersLookMembersDecideAndAdminsSetPolicies) {
  const Session session = begin();
  const std::string id = ask(session);
  const std::string policy = R"({"mode":"never","reason":"w"})", of_project = "/v1/projects/" + project();
  become(v1::VIEWER);
  EXPECT_EQ(rig().get("/v1/sessions/" + session.session + "/approvals").status(), 200);
  EXPECT_EQ(rig().get(rig().in_workspace("/policy")).status(), 200);
  EXPECT_EQ(decide(session, id, R"({"decision":"accept"})").status(), 403);
  become(v1::MEMBER);
  for (const std::string& target : {rig().in_workspace("/policy"), of_project + "/policy"})
    EXPECT_EQ(rig().post(target, policy).status(), 403) << target;
  EXPECT_EQ(rig().post(of_project + "/trust", R"({"trusted":true})").status(), 403);
  EXPECT_EQ(decide(session, id, R"({"decision":"accept"})").status(), 200);
  become(v1::ADMIN);
  EXPECT_EQ(rig().post(of_project + "/policy", policy).status(), 200);
  EXPECT_EQ(rig().post(of_project + "/policy", R"({"inherit":true,"reason":"w"})").status(), 200);
}

TEST_F(ApiApprovals, ListsComeInPagesInTheOrderAsked) {
  const Session session = begin();
  std::vector<std::string> asked;
  asked.reserve(5);
  for (int n = 0; n < 5; ++n) asked.push_back(ask(session));
  std::vector<std::string> listed;
  std::string cursor;
  do {
    const ApiReply page = rig().get("/v1/sessions/" + session.session + "/approvals?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor));
    ASSERT_EQ(page.status(), 200) << page.response.body;
    for (const json::Value& item : page.items()) listed.push_back(item.text("id"));
    cursor = page.text("next_cursor");
  } while (!cursor.empty());
  EXPECT_EQ(listed, asked);
}

TEST_F(ApiApprovals, APolicyIsShownWithWhoAndWhyAndProjectsInheritIt) {
  const std::string target = "/v1/projects/" + project() + "/policy";
  must(rig().post(rig().in_workspace("/policy"),
                  R"({"mode":"untrusted","reason":"careful","rules":[{"name":"ci","effect":"deny","path":".github/**","project":"not_trusted"}]})"));
  const ApiReply inherited = rig().get(target);
  ASSERT_EQ(inherited.status(), 200) << inherited.response.body;
  EXPECT_EQ(inherited.text("mode"), "untrusted");
  EXPECT_EQ(inherited.text("reason"), "careful");
  EXPECT_EQ(inherited.text("set_by"), rig().user);
  EXPECT_TRUE(*inherited.body.find("inherits")->boolean());
  EXPECT_EQ((*inherited.body.find("rules")->array())[0].text("project"), "not_trusted");
  const ApiReply own = rig().post(target, R"({"mode":"never","reason":"it deploys"})");
  ASSERT_EQ(own.status(), 200) << own.response.body;
  EXPECT_EQ(own.text("mode"), "never");
  EXPECT_FALSE(*own.body.find("inherits")->boolean());
  EXPECT_EQ(rig().get(rig().in_workspace("/policy")).text("mode"), "untrusted");
  const ApiReply back = rig().post(target, R"({"inherit":true,"reason":"it does not deploy any more"})");
  ASSERT_EQ(back.status(), 200) << back.response.body;
  EXPECT_EQ(back.text("mode"), "untrusted");
  EXPECT_TRUE(*back.body.find("inherits")->boolean());
}

TEST_F(ApiApprovals, AWrongPolicyNamesTheField) {
  const auto field_of = [&](const std::string& body) { return rig().post(rig().in_workspace("/policy"), body).text("field"); };
  EXPECT_EQ(field_of(R"({"mode":"never"})"), "reason");
  EXPECT_EQ(field_of(R"({"reason":"w"})"), "mode");
  EXPECT_EQ(field_of(R"({"mode":"NEVER","reason":"w"})"), "mode");
  EXPECT_EQ(field_of(R"({"mode":"never","reason":"w","rules":[{"name":"a"}]})"), "rules[0].effect");
  EXPECT_EQ(field_of(R"({"mode":"never","reason":"w","rules":[{"name":"a","effect":"allow","when":1}]})"), "rules[0].when");
  EXPECT_EQ(field_of(R"({"mode":"never","reason":"w","rules":[{"name":"a","effect":"allow","command_prefix":"git"}]})"), "rules[0].command_prefix");
  EXPECT_EQ(field_of(R"({"mode":"never","reason":"w","rules":[{"name":"a","effect":"allow","project":"maybe"}]})"), "rules[0].project");
  EXPECT_EQ(field_of(R"({"mode":"never","reason":"w","inherit":true})"), "inherit");
  EXPECT_EQ(rig().post("/v1/projects/" + project() + "/policy", R"({"mode":"never","inherit":true,"reason":"w"})").text("field"), "inherit");
}

TEST_F(ApiApprovals, TrustIsSetAndShown) {
  EXPECT_EQ(rig().post("/v1/projects/" + project() + "/trust", R"({"trusted":true})").status(), 200);
  EXPECT_TRUE(*rig().get("/v1/projects/" + project()).body.find("trusted")->boolean());
  EXPECT_EQ(rig().post("/v1/projects/" + project() + "/trust", "{}").text("field"), "trusted");
}

}  // namespace
}  // namespace dossier::test
