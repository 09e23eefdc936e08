// What the API promises of reads: one moment, tags, waiting, pages, and who sees what.
#include "tests/support/api_rig.hpp"

namespace dossier::test {
namespace {

class ApiReads : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    rig_ = std::make_unique<ApiRig>();
    rig_->bootstrap();
  }
  static void TearDownTestSuite() { rig_.reset(); }
  static ApiRig& rig() { return *rig_; }
  static ApiReply comment(const std::string& issue, const std::string& body) {
    return rig().post("/v1/issues/" + issue + "/comments", R"({"body":")" + body + "\"}");
  }

 private:
  static std::unique_ptr<ApiRig> rig_;
};
std::unique_ptr<ApiRig> ApiReads::rig_;

TEST_F(ApiReads, AReplyCarriesItsSeqAndATagThatSavesTheBodyUntilSomethingChanges) {
  const std::string issue = rig().open_issue("tagged");
  const std::string target = "/v1/issues/" + issue;
  const ApiReply first = rig().get(target);
  const std::string tag = first.header("ETag");
  EXPECT_EQ(tag, "W/\"1-" + first.header("Dossier-Seq") + "\"");
  for (int round = 0; round < 2; ++round) {  // from the database, then from memory
    const ApiReply same = rig().get(target, {{"if-none-match", "\"other\", " + tag}});
    EXPECT_EQ(same.status(), 304);
    EXPECT_TRUE(same.response.body.empty());
    EXPECT_EQ(same.header("ETag"), tag);
  }
  ASSERT_EQ(comment(issue, "new").status(), 201);
  const ApiReply changed = rig().get(target, {{"if-none-match", tag}});
  EXPECT_EQ(changed.status(), 200);
  EXPECT_NE(changed.header("ETag"), tag);
}

TEST_F(ApiReads, ARepeatedReadComesFromMemoryAndIsNeverOld) {
  const std::string issue = rig().open_issue("cached");
  const auto hits = [&] {
    const std::string text = rig().metrics().text();
    const std::size_t at = text.find("\ndossier_read_cache_hits_total ");
    return std::stoll(text.substr(at + 31));
  };
  const std::string before = rig().get("/v1/issues/" + issue).response.body;
  const std::int64_t start = hits();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(rig().get("/v1/issues/" + issue).response.body, before);
  EXPECT_EQ(hits(), start + 10);
  ASSERT_EQ(comment(issue, "fresh").status(), 201);
  EXPECT_EQ(rig().get("/v1/issues/" + issue).number("comment_count"), 1);
}

TEST_F(ApiReads, AfterWaitsForASeqAndIsNeverAnsweredWithAnOlderState) {
  const std::string issue = rig().open_issue("after");
  const std::int64_t next = std::stoll(rig().get("/v1/issues/" + issue).header("Dossier-Seq")) + 1;
  std::thread later([&] { comment(issue, "arrives"); });
  const ApiReply waited = rig().get("/v1/issues/" + issue + "?after=" + std::to_string(next));
  later.join();
  EXPECT_EQ(waited.status(), 200);
  EXPECT_GE(std::stoll(waited.header("Dossier-Seq")), next);
  EXPECT_EQ(waited.number("comment_count"), 1);
  EXPECT_EQ(rig().get("/v1/issues/" + issue + "?after=x").field(), "after");
  EXPECT_EQ(rig().get("/v1/issues/" + issue + "?after=-1").field(), "after");
}

TEST(ApiReadsBounded, AfterThatIsNotReachedIs503AndHoldsNoThread) {
  api::Reading::Options options;
  options.after_wait_us = 300'000;
  ApiRig rig(options);
  rig.bootstrap();
  const ApiReply behind = rig.get(rig.in_workspace("?after=100000"));
  EXPECT_EQ(behind.status(), 503);
  EXPECT_EQ(behind.code(), "projection_behind");
  EXPECT_FALSE(behind.header("Retry-After").empty());
}

TEST_F(ApiReads, PagesHoldEveryItemOnceAlsoWhileItemsCome) {
  const std::string issue = rig().open_issue("paged");
  for (int i = 0; i < 7; ++i) ASSERT_EQ(comment(issue, "c" + std::to_string(i)).status(), 201);
  std::vector<std::string> seen;
  std::string cursor;
  do {
    const ApiReply page = rig().get("/v1/issues/" + issue + "/comments?limit=3" + (cursor.empty() ? "" : "&cursor=" + cursor));
    ASSERT_EQ(page.status(), 200) << page.response.body;
    ASSERT_LE(page.items().size(), 3u);
    for (const json::Value& item : page.items()) seen.push_back(item.text("body"));
    cursor = page.text("next_cursor");
    if (seen.size() == 3) {
      ASSERT_EQ(comment(issue, "c7").status(), 201);
    }
  } while (!cursor.empty());
  EXPECT_EQ(seen, (std::vector<std::string>{"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"}));
}

TEST_F(ApiReads, ListsOfIssuesAndTimelinesPageToo) {
  std::set<std::string> opened;
  for (int i = 0; i < 5; ++i) opened.insert(rig().open_issue("listed"));
  std::set<std::string> seen;
  std::string cursor;
  do {
    const ApiReply page = rig().get(rig().in_workspace("/issues?limit=2") + (cursor.empty() ? "" : "&cursor=" + cursor));
    for (const json::Value& item : page.items()) EXPECT_TRUE(seen.insert(item.text("id")).second);
    cursor = page.text("next_cursor");
  } while (!cursor.empty());
  for (const std::string& id : opened) EXPECT_TRUE(seen.contains(id));
  const ApiReply first = rig().get("/v1/issues/" + *opened.begin() + "/timeline?limit=1");
  ASSERT_FALSE(first.text("next_cursor").empty());
  EXPECT_EQ(first.items().at(0).text("type"), "issue_opened");
  const ApiReply second = rig().get("/v1/issues/" + *opened.begin() + "/timeline?limit=1&cursor=" + first.text("next_cursor"));
  EXPECT_EQ(second.items().at(0).text("type"), "issue_numbered");
  EXPECT_EQ(second.text("next_cursor"), "");
}

TEST_F(ApiReads, LimitsAndCursorsAreChecked) {
  for (const char* query : {"limit=0", "limit=201", "limit=x", "limit=", "cursor=%21", "cursor=abc", "status=weird", "colour=red"}) {
    const ApiReply reply = rig().get(rig().in_workspace("/issues?") + query);
    EXPECT_EQ(reply.status(), 400) << query;
    EXPECT_EQ(reply.field(), std::string(query).substr(0, std::string(query).find('='))) << query;
  }
  EXPECT_EQ(rig().get(rig().in_workspace("/issues?limit=200")).status(), 200);
}

TEST_F(ApiReads, AnIssueAsOfThenAndNowAreOneDocument) {
  const std::string issue = rig().open_issue("then");
  const std::string opened = rig().get("/v1/issues/" + issue).header("Dossier-Seq");
  ASSERT_EQ(comment(issue, "later").status(), 201);
  ASSERT_EQ(rig().ask("PATCH", "/v1/issues/" + issue, R"({"title":"now"})").status(), 200);
  const ApiReply then = rig().get("/v1/issues/" + issue + "?at=" + opened);
  EXPECT_EQ(then.text("title"), "then");
  EXPECT_EQ(then.number("comment_count"), 0);
  const ApiReply present = rig().get("/v1/issues/" + issue);
  const ApiReply as_of_now = rig().get("/v1/issues/" + issue + "?at=" + present.header("Dossier-Seq"));
  for (const char* name : {"title", "status", "updated_at", "created_at", "body"}) EXPECT_EQ(as_of_now.text(name), present.text(name)) << name;
  EXPECT_EQ(as_of_now.number("seq"), present.number("seq"));
  EXPECT_EQ(as_of_now.number("comment_count"), 1);
  EXPECT_EQ(rig().get("/v1/issues/" + issue + "?at=2001-01-01T00:00:00Z").status(), 404);
  EXPECT_EQ(rig().get("/v1/issues/" + issue + "?at=yesterday").field(), "at");
}

TEST_F(ApiReads, OnlyAUsersOwnTokenOpensAnything) {
  const std::string issue = rig().open_issue("private");
  const std::string admin = rig().token;
  for (const std::string& target : {"/v1/issues/" + issue, rig().in_workspace(""), rig().in_workspace("/issues"), "/v1/issues/" + issue + "/timeline",
                                    rig().in_workspace("/worker-tokens")}) {
    rig().token = "dst_unknown";
    EXPECT_EQ(rig().get(target).status(), 401) << target;
    rig().token.clear();
    EXPECT_EQ(rig().get(target).status(), 401) << target;
    rig().token = admin;
    EXPECT_EQ(rig().get(target).status(), 200) << target;
  }
  // A worker's token is no user's.
  const ApiReply token = rig().post(rig().in_workspace("/worker-tokens"), "{}");
  rig().token = token.text("token");
  EXPECT_EQ(rig().get("/v1/issues/" + issue).status(), 401);
  EXPECT_EQ(rig().post("/v1/issues/" + issue + "/comments", R"({"body":"x"})").status(), 401);
  rig().token = admin;
}

TEST_F(ApiReads, WhoIsNoMemberSees404AndAMemberWithoutTheRole403) {
  const ApiReply made = rig().post("/v1/workspaces", R"({"name":"Other","slug":"other"})");
  ASSERT_EQ(made.status(), 201) << made.response.body;
  const std::string other = made.text("id");
  EXPECT_EQ(rig().get("/v1/workspaces/" + other).status(), 200);
  auto removed = rig().pool().write_one("UPDATE g1.members SET removed = true WHERE workspace = $1", postgres::Params().text(other));
  ASSERT_TRUE(removed.has_value()) << removed.error().message;
  EXPECT_EQ(rig().get("/v1/workspaces/" + other + "/issues").status(), 404);
  auto lowered =
      rig().pool().write_one("UPDATE g1.members SET removed = false, role = 'viewer' WHERE workspace = $1", postgres::Params().text(other));
  ASSERT_TRUE(lowered.has_value());
  EXPECT_EQ(rig().get("/v1/workspaces/" + other + "/issues").status(), 200);
  EXPECT_EQ(rig().get("/v1/workspaces/" + other + "/worker-tokens").status(), 403);
}

TEST_F(ApiReads, HealthAndReadinessNeedNoToken) {
  const std::string admin = std::exchange(rig().token, {});
  EXPECT_EQ(rig().get("/health").status(), 200);
  EXPECT_EQ(rig().get("/ready").text("status"), "ready");
  EXPECT_NE(rig().get("/metrics").response.body.find("dossier_http_requests_total{method=\"GET\",route=\"/health\",status=\"2xx\"}"),
            std::string::npos);
  rig().token = admin;
}

TEST_F(ApiReads, ADatabaseThatRestartsCostsNoRequest) {
  const std::string issue = rig().open_issue("restart");
  rig().database().kill_connections();
  ASSERT_TRUE(eventually(10'000, [&] { return rig().get("/v1/issues/" + issue).status() == 200; }));
  ASSERT_TRUE(eventually(10'000, [&] { return comment(issue, "again").status() == 201; }));
}

}  // namespace
}  // namespace dossier::test
