// Signing in and out, worker tokens, and what of them reaches the log.
#include "tests/support/api_rig.hpp"

namespace dossier::test {
namespace {

std::string sign_in(const std::string& login, const std::string& password) {
  return R"({"login":")" + login + R"(","password":")" + password + "\"}";
}

class ApiAuth : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    rig_ = std::make_unique<ApiRig>();
    rig_->bootstrap();
    admin_ = rig_->token;
  }
  static void TearDownTestSuite() { rig_.reset(); }
  void SetUp() override { rig().token = admin_; }
  static ApiRig& rig() { return *rig_; }
  static std::string admin() { return admin_; }

 private:
  static std::unique_ptr<ApiRig> rig_;
  static std::string admin_;
};
std::unique_ptr<ApiRig> ApiAuth::rig_;
std::string ApiAuth::admin_;

TEST_F(ApiAuth, BootstrapMakesAnAdminAWorkspaceAndAToken) {
  const ApiReply me = rig().get("/v1/me");
  ASSERT_EQ(me.status(), 200);
  EXPECT_EQ(me.at("user", "login"), "ada");
  ASSERT_EQ(me.body.find("workspaces")->array()->size(), 1u);
  const json::Value& workspace = me.body.find("workspaces")->array()->front();
  EXPECT_EQ(workspace.text("slug"), "home");
  EXPECT_EQ(workspace.text("role"), "owner");
}

TEST(ApiBootstrap, ARepeatUnderItsKeyGoesOnWithTheRightPasswordOnly) {
  ApiRig rig;
  const std::string body = R"({"login":"ada","password":"correct horse"})";
  const ApiReply first = rig.post("/v1/bootstrap", body, {{"idempotency-key", "b-1"}});
  ASSERT_EQ(first.status(), 201) << first.response.body;
  const ApiReply again = rig.post("/v1/bootstrap", body, {{"idempotency-key", "b-1"}});
  ASSERT_EQ(again.status(), 201) << again.response.body;
  EXPECT_EQ(again.at("user", "id"), first.at("user", "id"));
  EXPECT_EQ(again.at("workspace", "id"), first.at("workspace", "id"));
  const ApiReply stranger = rig.post("/v1/bootstrap", R"({"login":"ada","password":"another one"})", {{"idempotency-key", "b-1"}});
  EXPECT_EQ(stranger.status(), 422) << stranger.response.body;
  EXPECT_EQ(rig.post("/v1/bootstrap", body, {{"idempotency-key", "b-2"}}).status(), 409);
}

TEST_F(ApiAuth, SigningInOpensASessionAndSigningOutEndsThatOneAlone) {
  rig().token.clear();
  const ApiReply one = rig().post("/v1/auth/sign-in", sign_in("ada", "correct horse"));
  const ApiReply two = rig().post("/v1/auth/sign-in", sign_in("ada", "correct horse"));
  ASSERT_EQ(one.status(), 201) << one.response.body;
  EXPECT_NE(one.text("token"), two.text("token"));
  rig().token = one.text("token");
  EXPECT_EQ(rig().get("/v1/me").status(), 200);
  EXPECT_EQ(rig().get(rig().in_workspace("")).status(), 200);  // kept in memory from now on
  EXPECT_EQ(rig().post("/v1/auth/sign-out", "").status(), 204);
  EXPECT_EQ(rig().get("/v1/me").status(), 401);
  EXPECT_EQ(rig().get(rig().in_workspace("")).status(), 401);
  EXPECT_EQ(rig().post(rig().in_workspace("/issues"), R"({"title":"x"})").status(), 401);
  rig().token = two.text("token");
  EXPECT_EQ(rig().get("/v1/me").status(), 200);
}

// Its commands were let in on what is remembered of it.
TEST_F(ApiAuth, ATokenThatWasAtWorkIsToldNothingAfterItsSignOut) {
  rig().token.clear();
  rig().token = rig().post("/v1/auth/sign-in", sign_in("ada", "correct horse")).text("token");
  const std::string issues = rig().in_workspace("/issues");
  const api::http::Headers key = {{"idempotency-key", "i-1"}};
  ASSERT_EQ(rig().post(issues, R"({"title":"one"})", key).status(), 201);
  const ApiReply two = rig().post(issues, R"({"title":"two"})");
  ASSERT_EQ(two.status(), 201);
  EXPECT_EQ(rig().post(issues, R"({"tittle":"x"})").status(), 400);
  ASSERT_EQ(rig().post("/v1/auth/sign-out", "").status(), 204);
  EXPECT_EQ(rig().post(issues, R"({"title":"three"})").status(), 401);
  EXPECT_EQ(rig().post(issues, R"({"title":"one"})", key).status(), 401) << "not what its request did then";
  EXPECT_EQ(rig().post(issues, R"({"tittle":"x"})").status(), 401) << "not what is wrong with its request";
  EXPECT_EQ(rig().post("/v1/issues/" + two.text("id") + "/comments", R"({"body":"x"})").status(), 401);
}

TEST_F(ApiAuth, AnUnknownLoginAndAWrongPasswordGetTheSameAnswer) {
  rig().token.clear();
  const ApiReply wrong = rig().post("/v1/auth/sign-in", sign_in("ada", "wrong horse"));
  const ApiReply unknown = rig().post("/v1/auth/sign-in", sign_in("nobody", "wrong horse"));
  EXPECT_EQ(wrong.status(), 401);
  EXPECT_EQ(wrong.response.body, unknown.response.body);
}

TEST_F(ApiAuth, GuessingALoginsPasswordIsSlowedDown) {
  rig().token.clear();
  int refused = 0;
  for (int i = 0; i < 15; ++i) {
    const ApiReply reply = rig().post("/v1/auth/sign-in", sign_in("mallory", "guess " + std::to_string(i)));
    if (reply.status() == 429) {
      ++refused;
      EXPECT_FALSE(reply.header("Retry-After").empty());
    } else {
      EXPECT_EQ(reply.status(), 401);
    }
  }
  EXPECT_GE(refused, 1);  // ten tries at once; a slow machine gives a few back meanwhile
}

TEST_F(ApiAuth, ATokenInTheDatabaseThatNoEventNamesOpensNothing) {
  producers::TokenRecord forged;
  forged.id = SecretId("sec_00000000000000000000000000000001");
  forged.kind = producers::TokenKind::user;
  forged.subject = rig().user;
  forged.sha256 = crypto::sha256("dst_forged");
  forged.prefix = "dst_forged";
  ASSERT_TRUE(rig().secrets().put_token(forged).has_value());
  rig().token = "dst_forged";
  EXPECT_EQ(rig().get("/v1/me").status(), 401);
}

TEST_F(ApiAuth, AnExpiredTokenOpensNothing) {
  rig().token.clear();
  const ApiReply signed_in = rig().post("/v1/auth/sign-in", sign_in("ada", "correct horse"));
  rig().token = signed_in.text("token");
  ASSERT_EQ(rig().get(rig().in_workspace("")).status(), 200);
  auto expired = rig().pool().write_one("UPDATE dossier.token_hashes SET expires_us = 1 WHERE sha256 = $1",
                                        postgres::Params().bytes(crypto::view(crypto::sha256(rig().token))));
  ASSERT_TRUE(expired.has_value());
  EXPECT_EQ(rig().get("/v1/me").status(), 401);
}

TEST_F(ApiAuth, AWorkerRegistersByItsTokenUntilThatIsRevoked) {
  const ApiReply token = rig().post(rig().in_workspace("/worker-tokens"), R"({"label":"builders"})");
  ASSERT_EQ(token.status(), 201);
  const std::string body = R"({"name":"w","mode":"local","capabilities":{"command":true,"gpu":"a100","cores":8},)"
                           R"("public_key":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","slots":3})";
  EXPECT_EQ(rig().post("/v1/workers", body).status(), 401);  // a user's token
  rig().token = token.text("token");
  const ApiReply registered = rig().post("/v1/workers", body);
  ASSERT_EQ(registered.status(), 201) << registered.response.body;
  EXPECT_EQ(registered.text("workspace_id"), rig().workspace);
  EXPECT_EQ(registered.text("pool"), rig().workspace);
  EXPECT_EQ(registered.at("topics", "tasks"), "dossier.tasks." + rig().workspace);
  EXPECT_EQ(registered.at("kafka", "bootstrap"), "broker:9092");
  const ApiReply again = rig().post("/v1/workers", body);
  EXPECT_EQ(again.text("worker_id"), registered.text("worker_id"));  // its key is who it is
  for (const auto& [bad, field] : {std::pair{R"({"name":"w","mode":"cloud","public_key":"AAAA","slots":1})", "mode"},
                                   std::pair{R"({"name":"w","mode":"local","public_key":"AAAA","slots":1})", "public_key"},
                                   std::pair{R"({"name":"w","mode":"local","capabilities":{"a":[1]},"public_key":"AAAA"})", "capabilities.a"}})
    EXPECT_EQ(rig().post("/v1/workers", bad).field(), field);

  rig().token = admin();
  const ApiReply listed = rig().get(rig().in_workspace("/workers"));
  ASSERT_EQ(listed.items().size(), 1u);
  EXPECT_EQ(json::write(*listed.items()[0].find("capabilities")), R"({"command":true,"gpu":"a100","cores":8})");
  EXPECT_EQ(rig().ask("DELETE", rig().in_workspace("/worker-tokens/" + token.text("id"))).status(), 204);
  EXPECT_EQ(rig().ask("DELETE", rig().in_workspace("/worker-tokens/" + token.text("id"))).status(), 204);  // once is enough
  rig().token = token.text("token");
  EXPECT_EQ(rig().post("/v1/workers", body).status(), 401);
}

TEST_F(ApiAuth, NoPasswordTokenOrHashOfOneReachesTheLog) {
  rig().token.clear();
  const ApiReply signed_in = rig().post("/v1/auth/sign-in", sign_in("ada", "correct horse"));
  rig().token = admin();
  const ApiReply worker = rig().post(rig().in_workspace("/worker-tokens"), "{}");
  const std::string bootstrap_body = R"({"login":"ada","password":"correct horse","workspace_slug":"home"})";
  std::string log;
  for (std::int32_t partition = 0; partition < ApiRig::kPartitions; ++partition)
    for (const auto& record : rig().broker().records("dossier.events", partition)) log += record.value + '\n';
  const auto hash = [](const std::string& text) { return std::string(crypto::view(crypto::sha256(text))); };
  for (const std::string& secret : {std::string("correct horse"), signed_in.text("token"), worker.text("token"), hash("correct horse"),
                                    hash(signed_in.text("token")), hash(worker.text("token")), hash(bootstrap_body)}) {
    ASSERT_FALSE(secret.empty());
    EXPECT_EQ(log.find(secret), std::string::npos);
  }
  EXPECT_NE(log.find("usr_"), std::string::npos);
}

}  // namespace
}  // namespace dossier::test
