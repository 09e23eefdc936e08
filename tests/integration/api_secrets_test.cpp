// Secrets of projects over HTTP, on PostgreSQL: who may set, see and get them, and that a value is nowhere but in the answer to a worker.
#include "tests/support/api_rig.hpp"

namespace dossier::test {
namespace {

const std::string kToken = "s3cret-token-of-the-remote";

class ApiSecrets : public ::testing::Test {
 protected:
  void SetUp() override {
    rig_.bootstrap();
    project_ = must(rig_.post(rig_.in_workspace("/projects"), R"({"name":"p","git_url":"https://host.invalid/p"})")).text("id");
    worker_token_ = must(rig_.post(rig_.in_workspace("/worker-tokens"), "{}")).text("token");
  }
  static ApiReply must(const ApiReply& reply) {
    if (reply.status() / 100 != 2) throw std::runtime_error(reply.response.body);
    return reply;
  }
  std::string secrets(const std::string& rest = {}) const { return "/v1/projects/" + project_ + "/secrets" + rest; }
  ApiReply set(const std::string& body, const std::string& key = {}) {
    api::http::Headers headers;
    if (!key.empty()) headers.emplace_back("idempotency-key", key);
    return rig_.post(secrets(), body, std::move(headers));
  }
  ApiReply set_https(const std::string& password = kToken, const std::string& key = {}) {
    return set(R"({"kind":"git_https","username":"robot","password":")" + password + "\"}", key);
  }
  ApiReply values() { return rig_.get(secrets("/values"), {{"authorization", "Bearer " + worker_token_}}); }
  static const json::Value::Array& secrets_in(const ApiReply& reply) {
    static const json::Value::Array none;
    const json::Value* secrets = reply.body.find("secrets");
    return secrets == nullptr || secrets->array() == nullptr ? none : *secrets->array();
  }
  // Once the read models have all of it.
  ApiReply values_of(std::size_t count) {
    ApiReply reply;
    EXPECT_TRUE(eventually(20'000, [&] { return secrets_in(reply = values()).size() == count && reply.status() == 200; })) << reply.response.body;
    return reply;
  }
  bool database_has(const std::string& text) {
    const auto found = rig_.pool().read_one(
        "SELECT EXISTS (SELECT 1 FROM dossier.journal WHERE position(convert_to($1, 'UTF8') in value) > 0) "
        "OR EXISTS (SELECT 1 FROM dossier.project_secrets WHERE position(convert_to($1, 'UTF8') in sealed) > 0)",
        postgres::Params().text(text));
    return found.value().front().boolean(0);
  }

  ApiRig rig_;
  std::string project_;
  std::string worker_token_;
};

TEST_F(ApiSecrets, AreListedWithoutValuesAndGivenToWorkersWithThem) {
  const ApiReply made = set_https();
  ASSERT_EQ(made.status(), 201) << made.response.body;
  EXPECT_EQ(made.text("name"), "git_https");
  EXPECT_EQ(made.text("set_by"), rig_.user);
  EXPECT_EQ(made.response.body.find(kToken), std::string::npos);
  must(set(R"({"kind":"value","name":"API_KEY","value":"a value\nof \"two\" lines"})"));
  const ApiReply got = values_of(2);
  EXPECT_EQ(got.header("cache-control"), "no-store");
  EXPECT_EQ(got.header("etag"), "");
  EXPECT_EQ(secrets_in(got)[0].text("name"), "API_KEY");
  EXPECT_EQ(secrets_in(got)[0].find("value")->text("value"), "a value\nof \"two\" lines");
  EXPECT_EQ(secrets_in(got)[1].text("id"), made.text("id"));
  EXPECT_EQ(secrets_in(got)[1].find("value")->text("username"), "robot");
  EXPECT_EQ(secrets_in(got)[1].find("value")->text("password"), kToken);
  const ApiReply list = rig_.get(secrets());
  ASSERT_EQ(list.items().size(), 2u);
  EXPECT_EQ(list.items()[1].text("kind"), "git_https");
  EXPECT_EQ(list.response.body.find(kToken), std::string::npos);
  EXPECT_EQ(rig_.get(secrets("?limit=1")).items().size(), 1u);
  EXPECT_FALSE(database_has(kToken));
}

TEST_F(ApiSecrets, AreReplacedByNameAndRemoved) {
  const std::string first = must(set_https()).text("id");
  const std::string second = must(set_https("another-token-of-it")).text("id");
  EXPECT_NE(first, second);
  ASSERT_TRUE(eventually(20'000, [&] {
    const ApiReply now = values();
    return secrets_in(now).size() == 1 && secrets_in(now)[0].find("value")->text("password") == "another-token-of-it";
  }));
  EXPECT_EQ(rig_.ask("DELETE", secrets("/" + second)).status(), 204);
  values_of(0);
  EXPECT_EQ(rig_.ask("DELETE", secrets("/" + second)).status(), 204) << "nothing is left to do";
}

TEST_F(ApiSecrets, ARequestThatIsSentAgainIsTheSameOnlyWithTheSameValue) {
  const ApiReply first = set_https(kToken, "key-1");
  ASSERT_EQ(first.status(), 201);
  const ApiReply again = set_https(kToken, "key-1");
  EXPECT_EQ(again.status(), 201) << again.response.body;
  EXPECT_EQ(again.text("id"), first.text("id"));
  EXPECT_EQ(again.header("idempotency-replayed"), "true");
  const ApiReply other = set_https("another-token-of-it", "key-1");
  EXPECT_EQ(other.code(), "idempotency_key_reused") << other.response.body;
  EXPECT_EQ(other.response.body.find("another-token"), std::string::npos);
  EXPECT_EQ(secrets_in(values_of(1))[0].find("value")->text("password"), kToken);
}

TEST_F(ApiSecrets, AreForWorkersOfTheWorkspaceAndSetByAdminsAlone) {
  must(set_https());
  values_of(1);
  EXPECT_EQ(rig_.get(secrets("/values")).status(), 401) << "no person gets values";
  const std::string home = rig_.workspace;
  rig_.workspace = must(rig_.post("/v1/workspaces", R"({"name":"other","slug":"other"})")).text("id");
  const std::string stranger = must(rig_.post(rig_.in_workspace("/worker-tokens"), "{}")).text("token");
  rig_.workspace = home;
  EXPECT_EQ(rig_.get(secrets("/values"), {{"authorization", "Bearer " + stranger}}).status(), 404);
  EXPECT_EQ(rig_.post(secrets(), R"({"kind":"value","name":"A","value":"a value to mask"})", {{"authorization", "Bearer " + worker_token_}}).status(),
            401);
  const ApiReply tokens = rig_.get(rig_.in_workspace("/worker-tokens"));
  must(rig_.ask("DELETE", rig_.in_workspace("/worker-tokens/" + tokens.items()[0].text("id"))));
  EXPECT_TRUE(eventually(20'000, [&] { return values().status() == 401; })) << "a revoked token gets nothing";
}

TEST_F(ApiSecrets, AWrongFieldIsNamedAndNoValueIsRepeated) {
  const std::size_t before = rig_.records();
  const std::vector<std::pair<std::string, std::string>> wrong{
      {R"({"kind":"git_https","username":"u","password":"hunter2"})", "password"},
      {R"({"kind":"git_https","username":"u","password":"hunter2-long-enough","value":"hunter2-long-enough"})", "value"},
      {R"({"kind":"git_ssh","private_key":"hunter2-is-no-key"})", "private_key"},
      {R"({"kind":"git_ssh","private_key":"-----BEGIN OPENSSH PRIVATE KEY-----","host_key":"hunter2"})", "host_key"},
      {R"({"kind":"value","name":"1 2","value":"hunter2-long-enough"})", "name"},
      {R"({"kind":"value","value":"hunter2-long-enough"})", "name"},
      {R"({"kind":"kubeconfig","value":"hunter2-long-enough"})", "kind"}};
  for (const auto& [body, field] : wrong) {
    const ApiReply refused = set(body);
    EXPECT_EQ(refused.status(), 400) << body;
    EXPECT_EQ(refused.field(), field) << refused.response.body;
    EXPECT_EQ(refused.response.body.find("hunter2"), std::string::npos) << refused.response.body;
  }
  EXPECT_EQ(rig_.records(), before);
}

TEST_F(ApiSecrets, AValueThatCanNotBeOpenedIsNamedAndNotPassedOver) {
  must(set_https());
  values_of(1);
  ASSERT_TRUE(rig_.pool().write_one("UPDATE dossier.project_secrets SET sealed = set_byte(sealed, 30, (get_byte(sealed, 30) + 1) % 256)"));
  EXPECT_EQ(values().code(), "corrupt");
  EXPECT_NE(values().response.body.find("git_https"), std::string::npos);
  ASSERT_TRUE(rig_.pool().write_one("DELETE FROM dossier.project_secrets"));
  EXPECT_EQ(values().code(), "corrupt");
}

}  // namespace
}  // namespace dossier::test
