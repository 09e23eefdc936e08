// What the API does with commands: good ones, repeated ones, and everything that must leave no event.
#include "tests/support/api_rig.hpp"

namespace dossier::test {
namespace {

class ApiCommands : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    rig_ = std::make_unique<ApiRig>();
    rig_->bootstrap();
  }
  static void TearDownTestSuite() { rig_.reset(); }
  static ApiRig& rig() { return *rig_; }
  static std::string comments_of(const std::string& issue) { return "/v1/issues/" + issue + "/comments"; }

 private:
  static std::unique_ptr<ApiRig> rig_;
};
std::unique_ptr<ApiRig> ApiCommands::rig_;

TEST_F(ApiCommands, AnAnswerSaysWhatACommandMadeAndAReadAgrees) {
  const ApiReply made = rig().post(rig().in_workspace("/issues"), R"({"title":"A title","body":"A \"body\"\nwith é","status":"in_review"})");
  ASSERT_EQ(made.status(), 201) << made.response.body;
  EXPECT_EQ(made.text("status"), "needs_review");
  EXPECT_EQ(made.header("Dossier-Seq"), std::to_string(made.number("seq")));
  EXPECT_EQ(made.header("Location"), "/v1/issues/" + made.text("id"));
  const ApiReply read = rig().get("/v1/issues/" + made.text("id"));
  for (const char* name : {"id", "workspace_id", "title", "body", "status", "author_id", "created_at", "updated_at"})
    EXPECT_EQ(read.text(name), made.text(name)) << name;
  EXPECT_EQ(read.number("number"), made.number("number"));
  EXPECT_EQ(read.number("seq"), made.number("seq"));
}

TEST_F(ApiCommands, ARepeatUnderTheSameKeyIsOneCommandWithOneAnswer) {
  const std::string issue = rig().open_issue("repeated");
  const std::string body = R"({"body":"once"})";
  const ApiReply first = rig().post(comments_of(issue), body, {{"idempotency-key", "k-1"}});
  const std::size_t records = rig().records();
  const ApiReply again = rig().post(comments_of(issue), R"({ "body" : "once" })", {{"idempotency-key", "k-1"}});
  EXPECT_EQ(first.status(), 201);
  EXPECT_EQ(again.response.body, first.response.body);
  EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(rig().records(), records);
  const ApiReply other = rig().post(comments_of(issue), R"({"body":"twice"})", {{"idempotency-key", "k-1"}});
  EXPECT_EQ(other.status(), 422);
  EXPECT_EQ(other.code(), "idempotency_key_reused");
  EXPECT_EQ(rig().records(), records);
}

TEST_F(ApiCommands, WithoutAKeyTheServerMakesOneAndReturnsIt) {
  const std::string issue = rig().open_issue("keyed");
  const ApiReply first = rig().post(comments_of(issue), R"({"body":"x"})");
  ASSERT_EQ(first.header("Idempotency-Key").size(), 32u);
  const ApiReply again = rig().post(comments_of(issue), R"({"body":"x"})", {{"idempotency-key", first.header("Idempotency-Key")}});
  EXPECT_EQ(again.text("id"), first.text("id"));
}

TEST_F(ApiCommands, ARepeatedWorkerTokenRequestShowsTheSameToken) {
  const ApiReply first = rig().post(rig().in_workspace("/worker-tokens"), "{}", {{"idempotency-key", "t-1"}});
  const ApiReply again = rig().post(rig().in_workspace("/worker-tokens"), "{}", {{"idempotency-key", "t-1"}});
  ASSERT_EQ(first.status(), 201);
  EXPECT_TRUE(first.text("token").starts_with("msw_"));
  EXPECT_EQ(again.text("token"), first.text("token"));
  const ApiReply other = rig().post(rig().in_workspace("/worker-tokens"), "{}", {{"idempotency-key", "t-2"}});
  EXPECT_NE(other.text("token"), first.text("token"));
}

TEST_F(ApiCommands, ACommandIsVisibleInEveryReadOnceItIsAnswered) {
  const std::string issue = rig().open_issue("visible");
  for (int i = 1; i <= 20; ++i) {
    const ApiReply added = rig().post(comments_of(issue), R"({"body":"n"})");
    ASSERT_EQ(added.status(), 201);
    const ApiReply read = rig().get("/v1/issues/" + issue);
    ASSERT_EQ(read.number("comment_count"), i);
    ASSERT_GE(std::stoll(read.header("Dossier-Seq")), added.number("seq"));
  }
}

TEST_F(ApiCommands, AnEditShowsTheIssueAsItIsNowAndTheSameEditChangesNothing) {
  const std::string issue = rig().open_issue("before");
  const ApiReply edited = rig().ask("PATCH", "/v1/issues/" + issue, R"({"title":"after","status":"done"})");
  EXPECT_EQ(edited.status(), 200);
  EXPECT_EQ(edited.text("title"), "after");
  EXPECT_EQ(edited.text("status"), "closed");
  const std::size_t records = rig().records();
  const ApiReply same = rig().ask("PATCH", "/v1/issues/" + issue, R"({"title":"after","status":"completed"})");
  EXPECT_EQ(same.status(), 200);
  EXPECT_EQ(rig().records(), records);
}

TEST_F(ApiCommands, AMentionWithoutALiveWorkerIsRefusedAndSavesNothing) {
  ASSERT_EQ(rig().post(rig().in_workspace("/agents"), R"({"name":"helper","provider":"command","command":["/bin/cat"]})").status(), 201);
  const ApiReply project = rig().post(rig().in_workspace("/projects"), R"({"name":"p","local_path":"/srv/p"})");
  ASSERT_EQ(project.status(), 201);
  const ApiReply issue = rig().post(rig().in_workspace("/issues"), R"({"title":"t","project_id":")" + project.text("id") + "\"}");
  const std::size_t records = rig().records();
  const ApiReply refused = rig().post(comments_of(issue.text("id")), R"({"body":"@helper please"})");
  EXPECT_EQ(refused.status(), 409);
  EXPECT_EQ(refused.code(), "no_worker_available");
  EXPECT_EQ(rig().records(), records);
}

struct Refusal {
  const char* name;
  const char* method;
  std::string target;  // {ws} and {issue} are filled in
  std::string body;
  int status;
  const char* code;
  const char* field;
};

TEST_F(ApiCommands, WhatIsWrongIsNamedAndLeavesNoEvent) {
  const std::string issue = rig().open_issue("target");
  const std::string nul = std::string("{\"title\":\"a\\u0000b\"}");
  const Refusal refusals[] = {
      {"no JSON", "POST", "/v1/workspaces/{ws}/issues", "{", 400, "malformed_json", ""},
      {"no body", "POST", "/v1/workspaces/{ws}/issues", "", 400, "malformed_json", ""},
      {"bad UTF-8", "POST", "/v1/workspaces/{ws}/issues", "{\"title\":\"\xff\"}", 400, "malformed_json", ""},
      {"lone surrogate", "POST", "/v1/workspaces/{ws}/issues", R"({"title":"\ud800"})", 400, "malformed_json", ""},
      {"repeated member", "POST", "/v1/workspaces/{ws}/issues", R"({"title":"a","title":"b"})", 400, "malformed_json", ""},
      {"NUL", "POST", "/v1/workspaces/{ws}/issues", nul, 400, "invalid_field", "title"},
      {"array", "POST", "/v1/workspaces/{ws}/issues", "[]", 400, "invalid_field", ""},
      {"missing", "POST", "/v1/workspaces/{ws}/issues", "{}", 400, "missing_field", "title"},
      {"null", "POST", "/v1/workspaces/{ws}/issues", R"({"title":null})", 400, "missing_field", "title"},
      {"empty", "POST", "/v1/workspaces/{ws}/issues", R"({"title":""})", 400, "invalid_field", "title"},
      {"wrong type", "POST", "/v1/workspaces/{ws}/issues", R"({"title":7})", 400, "invalid_field", "title"},
      {"too long", "POST", "/v1/workspaces/{ws}/issues", R"({"title":")" + std::string(501, 'x') + "\"}", 400, "invalid_field", "title"},
      {"unknown field", "POST", "/v1/workspaces/{ws}/issues", R"({"title":"a","labels":[]})", 400, "unknown_field", "labels"},
      {"unknown status", "POST", "/v1/workspaces/{ws}/issues", R"({"title":"a","status":"weird"})", 400, "invalid_field", "status"},
      {"bad id", "POST", "/v1/workspaces/{ws}/issues", R"({"title":"a","project_id":"prj_1"})", 400, "invalid_field", "project_id"},
      {"unknown project", "POST", "/v1/workspaces/{ws}/issues", R"({"title":"a","project_id":"prj_00000000000000000000000000000000"})", 404,
       "not_found", "project_id"},
      {"unknown issue", "POST", "/v1/issues/iss_00000000000000000000000000000000/comments", R"({"body":"a"})", 404, "not_found", ""},
      {"malformed issue id", "POST", "/v1/issues/nonsense/comments", R"({"body":"a"})", 404, "not_found", ""},
      {"foreign workspace", "POST", "/v1/workspaces/ws_00000000000000000000000000000000/issues", R"({"title":"a"})", 404, "not_found", ""},
      {"identity is no workspace", "POST", "/v1/workspaces/identity/issues", R"({"title":"a"})", 404, "not_found", ""},
      {"empty comment", "POST", "/v1/issues/{issue}/comments", R"({"body":""})", 400, "invalid_field", "body"},
      {"unknown parameter", "POST", "/v1/issues/{issue}/comments?x=1", R"({"body":"a"})", 400, "unknown_field", "x"},
      {"empty title", "PATCH", "/v1/issues/{issue}", R"({"title":""})", 400, "invalid_field", "title"},
      {"both sources", "POST", "/v1/workspaces/{ws}/projects", R"({"name":"p","git_url":"https://x/y","local_path":"/x"})", 400, "invalid_field",
       "local_path"},
      {"no source", "POST", "/v1/workspaces/{ws}/projects", R"({"name":"p"})", 400, "missing_field", "git_url"},
      {"relative path", "POST", "/v1/workspaces/{ws}/projects", R"({"name":"p","local_path":"x/y"})", 400, "invalid_field", "local_path"},
      {"agent name", "POST", "/v1/workspaces/{ws}/agents", R"({"name":"Bad","provider":"codex"})", 400, "invalid_field", "name"},
      {"provider", "POST", "/v1/workspaces/{ws}/agents", R"({"name":"a","provider":"x"})", 400, "invalid_field", "provider"},
      {"no command", "POST", "/v1/workspaces/{ws}/agents", R"({"name":"a","provider":"command"})", 400, "invalid_field", "command"},
      {"argument type", "POST", "/v1/workspaces/{ws}/agents", R"({"name":"a","provider":"command","command":["a",1]})", 400, "invalid_field",
       "command[1]"},
      {"slug", "POST", "/v1/workspaces", R"({"name":"x","slug":"A B"})", 400, "invalid_field", "slug"},
      {"taken slug", "POST", "/v1/workspaces", R"({"name":"x","slug":"home"})", 409, "already_exists", "slug"},
      {"unknown task", "POST", "/v1/tasks/tsk_00000000000000000000000000000000/cancel", "{}", 404, "not_found", ""},
      {"unknown token", "DELETE", "/v1/workspaces/{ws}/worker-tokens/sec_00000000000000000000000000000000", "", 404, "not_found", ""},
      {"malformed token id", "DELETE", "/v1/workspaces/{ws}/worker-tokens/x", "", 400, "invalid_field", "id"},
      {"wrong method", "DELETE", "/v1/issues/{issue}", "", 405, "method_not_allowed", ""},
      {"no such path", "POST", "/v1/nothing", "{}", 404, "not_found", ""},
      {"bootstrap twice", "POST", "/v1/bootstrap", R"({"login":"eve","password":"12345678"})", 409, "already_exists", ""},
  };
  const std::size_t records = rig().records();
  for (const Refusal& refusal : refusals) {
    std::string target = refusal.target;
    for (const auto& [mark, value] : {std::pair{std::string("{ws}"), rig().workspace}, std::pair{std::string("{issue}"), issue}})
      if (const std::size_t at = target.find(mark); at != std::string::npos) target.replace(at, mark.size(), value);
    const ApiReply reply = rig().ask(refusal.method, target, refusal.body);
    EXPECT_EQ(reply.status(), refusal.status) << refusal.name << ": " << reply.response.body;
    EXPECT_EQ(reply.code(), refusal.code) << refusal.name << ": " << reply.response.body;
    EXPECT_EQ(reply.field(), refusal.field) << refusal.name << ": " << reply.response.body;
    EXPECT_EQ(reply.header("Content-Type"), "application/problem+json") << refusal.name;
  }
  EXPECT_EQ(rig().records(), records);
}

TEST_F(ApiCommands, HeadersAreCheckedToo) {
  const std::string issue = rig().open_issue("headers");
  const std::size_t records = rig().records();
  const auto add = [&](api::http::Headers headers) { return rig().post(comments_of(issue), R"({"body":"a"})", std::move(headers)); };
  EXPECT_EQ(add({{"idempotency-key", ""}}).field(), "Idempotency-Key");
  EXPECT_EQ(add({{"idempotency-key", std::string(201, 'k')}}).field(), "Idempotency-Key");
  EXPECT_EQ(add({{"idempotency-key", "a\tb"}}).field(), "Idempotency-Key");
  EXPECT_EQ(add({{"content-type", "text/xml"}}).status(), 415);
  EXPECT_EQ(add({{"x-anything", "\xff"}}).status(), 400);
  EXPECT_EQ(rig().records(), records);
}

TEST_F(ApiCommands, AStalledProjectionMakesItAnHonest202AndTheSameKeySettlesIt) {
  const std::string issue = rig().open_issue("undecided");
  rig().stop_projecting();
  const ApiReply open = rig().post(comments_of(issue), R"({"body":"late"})", {{"idempotency-key", "late-1"}});
  EXPECT_EQ(open.status(), 202);
  EXPECT_EQ(open.code(), "undecided");
  const std::string location = open.header("Location");
  EXPECT_TRUE(location.starts_with(rig().in_workspace("/commits/cmm_"))) << location;
  EXPECT_EQ(rig().get(location).text("status"), "open");
  rig().start_projecting();
  ASSERT_TRUE(eventually(10'000, [&] { return rig().get(location).text("status") == "accepted"; }));
  const ApiReply settled = rig().post(comments_of(issue), R"({"body":"late"})", {{"idempotency-key", "late-1"}});
  EXPECT_EQ(settled.status(), 201);
  EXPECT_EQ(settled.text("commit_id"), location.substr(location.rfind('/') + 1));
}

TEST_F(ApiCommands, WithoutALogCommandsAre503AndReadsGoOn) {
  const std::string issue = rig().open_issue("log away");
  rig().broker().set_reachable(false);
  const ApiReply refused = rig().post(comments_of(issue), R"({"body":"x"})", {{"idempotency-key", "away-1"}});
  EXPECT_EQ(refused.status(), 503);
  EXPECT_FALSE(refused.header("Retry-After").empty());
  EXPECT_EQ(rig().get("/v1/issues/" + issue).status(), 200);
  rig().broker().set_reachable(true);
  ASSERT_TRUE(eventually(30'000, [&] { return rig().post(comments_of(issue), R"({"body":"x"})", {{"idempotency-key", "away-1"}}).status() == 201; }));
  EXPECT_EQ(rig().get("/v1/issues/" + issue).number("comment_count"), 1);
}

}  // namespace
}  // namespace dossier::test
