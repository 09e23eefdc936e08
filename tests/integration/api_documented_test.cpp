// Every request of /v1/openapi.json, sent to a running server: as documented it works and its answer has the documented
// members; without a token, with a field too many, one missing or one of another type it is refused, naming the field.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/encoding.hpp"
#include "platform/crypto/crypto.hpp"
#include "tests/support/scripted_worker.hpp"

namespace dossier::test {
namespace {

const std::string kBlob = "some evidence";

// One operation of the document.
struct Operation {
  std::string path;    // template
  std::string method;  // upper case
  const json::Value* value = nullptr;
  std::string id() const { return value->text("operationId"); }
};

class ApiDocument : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    installation_ = std::make_unique<Installation>(Clusters::shared());
    installation_->start_server();
    installation_->bootstrap();
    const Reply document = installation_->api().get("/v1/openapi.json");
    ASSERT_EQ(document.status, 200);
    document_ = document.body;
    make_things();
  }
  static void TearDownTestSuite() { installation_.reset(); }

  static Installation& installation() { return *installation_; }
  static Api& api() { return installation_->api(); }

  static std::vector<Operation> operations() {
    std::vector<Operation> all;
    for (const auto& [path, methods] : *document_.find("paths")->object())
      for (const auto& [method, value] : *methods.object()) {
        std::string upper;
        for (char c : method) upper += static_cast<char>(c - 32);
        all.push_back({path, upper, &value});
      }
    return all;
  }

  // The schema behind a $ref.
  static const json::Value* resolve(const json::Value* schema) {
    if (schema == nullptr || schema->find("$ref") == nullptr) return schema;
    const std::string reference = schema->text("$ref");
    return document_.find("components")->find("schemas")->find(reference.substr(reference.rfind('/') + 1));
  }
  static const json::Value* request_schema(const Operation& operation) {
    const json::Value* body = operation.value->find("requestBody");
    if (body == nullptr) return nullptr;
    const json::Value* json_body = body->find("content")->find("application/json");
    return json_body == nullptr ? nullptr : resolve(json_body->find("schema"));
  }

  // Path variables by what stands before them.
  static std::string target(const Operation& operation) {
    std::string out = operation.path;
    const auto fill = [&](const std::string& before, const std::string& variable, const std::string& value) {
      const std::string mark = before + variable;
      if (const std::size_t at = out.find(mark); at != std::string::npos) out.replace(at + before.size(), variable.size(), value);
    };
    fill("/workspaces/", "{ws}", installation_->workspace());
    fill("/projects/", "{id}", ids_["project"]);
    fill("/issues/", "{id}", ids_["issue"]);
    fill("/sessions/", "{id}", ids_["session"]);
    fill("/approvals/", "{apr}", ids_["approval"]);
    fill("/follow-ups/", "{fup}", ids_[operation.id() == "steerFollowUp" ? "other follow-up" : "follow-up"]);
    fill("/tasks/", "{id}", ids_["task"]);
    fill("/worker-tokens/", "{id}", ids_["spare token"]);
    fill("/secrets/", "{secret}", ids_["secret"]);
    fill("/commits/", "{id}", ids_["commit"]);
    fill("/blobs/", "{sha256}", to_hex(crypto::view(crypto::sha256(kBlob))));
    EXPECT_EQ(out.find('{'), std::string::npos) << "no value for a variable of " << operation.path;
    return out;
  }

  // A body of the documented examples.
  static json::Value::Object example(const json::Value& schema) {
    json::Value::Object body;
    for (const auto& [name, property] : *schema.find("properties")->object())
      if (const json::Value* value = property.find("example")) body.emplace_back(name, *value);
    return body;
  }
  static std::string body_of(const Operation& operation) {
    if (operation.id() == "putBlob") return kBlob;
    if (operation.id() == "signIn") return R"({"login":"admin","password":"correct horse battery"})";
    const json::Value* schema = request_schema(operation);
    return schema == nullptr ? std::string() : json::write(example(*schema));
  }

  // Sends it as whom the document says.
  static Reply send(const Operation& operation, const std::string& body, const std::string& more = {}) {
    const std::string security = json::write(*operation.value->find("security"));
    const bool by_user = security.find("userToken") != std::string::npos;
    const bool by_worker = !by_user && security.find("workerToken") != std::string::npos;
    Api caller(installation_->url(), by_user ? api().token() : by_worker ? ids_["worker token"] : std::string());
    const http_client::Headers headers =
        by_worker && !ids_["worker"].empty() ? http_client::Headers{{"dossier-worker", ids_["worker"]}} : http_client::Headers{};
    return caller.send(operation.method, target(operation) + more, body, headers);
  }

  // The members that the document requires of the answer.
  static void expect_documented(const Operation& operation, const std::string& status, const Reply& reply) {
    const json::Value* content = operation.value->find("responses")->find(status)->find("content");
    if (content == nullptr) {
      EXPECT_TRUE(reply.raw.empty()) << operation.id();
      return;
    }
    const json::Value* body = content->find("application/json");
    if (body == nullptr) return;
    const json::Value* schema = resolve(body->find("schema"));
    for (const json::Value& name : *schema->find("required")->array())
      EXPECT_NE(reply.body.find(*name.string()), nullptr) << operation.id() << " lacks " << *name.string() << ": " << reply.raw;
    const json::Value* items = schema->find("properties")->find("items");
    if (items == nullptr || reply.items().empty()) return;
    for (const json::Value& name : *resolve(items->find("items"))->find("required")->array())
      EXPECT_NE(reply.items()[0].find(*name.string()), nullptr) << operation.id() << " lacks " << *name.string() << " in its items: " << reply.raw;
  }

 private:
  // One of everything that the paths name. The worker goes as far as asking for an approval: what it does else is others' business.
  static void make_things() {
    const auto must = [](const Reply& reply) {
      if (reply.status < 200 || reply.status > 204) throw std::runtime_error(std::to_string(reply.status) + " " + reply.raw + installation_->logs());
      return reply;
    };
    const std::string ws = installation_->in_workspace("");
    ids_["project"] = must(api().send("POST", ws + "/projects", R"({"name":"p","local_path":"/srv/p"})")).text("id");
    must(api().send("POST", ws + "/agents", R"({"name":"helper","provider":"command","command":["/bin/cat"]})"));
    ids_["issue"] = must(api().send("POST", ws + "/issues", R"({"title":"t","project_id":")" + ids_["project"] + "\"}")).text("id");
    ids_["secret"] =
        must(api().send("POST", "/v1/projects/" + ids_["project"] + "/secrets", R"({"kind":"value","name":"KEY","value":"a value to mask"})"))
            .text("id");
    ids_["worker token"] = must(api().send("POST", ws + "/worker-tokens", "{}")).text("token");
    ids_["spare token"] = must(api().send("POST", ws + "/worker-tokens", "{}")).text("id");
    must(api().send("POST", ws + "/policy", R"({"mode":"on_request","reason":"tests"})"));
    ScriptedWorker worker(*installation_, "w");
    ids_["worker"] = worker.id();
    const Reply asked = must(api().send("POST", "/v1/issues/" + ids_["issue"] + "/comments", R"({"body":"@helper please"})"));
    ids_["session"] = asked.text("session_id");
    ids_["task"] = asked.text("task_id");
    ids_["commit"] = asked.text("commit_id");
    worker.report(worker.claim(ids_["task"]), [](v1::Report& report) {
      report.mutable_approval_asked()->set_kind("command");
      report.mutable_approval_asked()->mutable_command()->set_plain("make");
      report.mutable_approval_asked()->set_provider_request("0");
    });
    worker.eventually([] {
      const Reply list = api().get("/v1/sessions/" + ids_["session"] + "/approvals");
      if (!list.items().empty()) ids_["approval"] = list.items()[0].text("id");
      return !ids_["approval"].empty();
    });
    const std::string follow_ups = "/v1/sessions/" + ids_["session"] + "/follow-ups";
    ids_["follow-up"] = must(api().send("POST", follow_ups, R"({"body":"and this"})")).text("id");
    ids_["other follow-up"] = must(api().send("POST", follow_ups, R"({"body":"and that"})")).text("id");
    must(api().send("PUT", ws + "/blobs/" + to_hex(crypto::view(crypto::sha256(kBlob))), kBlob));
  }

  static std::unique_ptr<Installation> installation_;
  static json::Value document_;
  static std::map<std::string, std::string> ids_;
};
std::unique_ptr<Installation> ApiDocument::installation_;
json::Value ApiDocument::document_;
std::map<std::string, std::string> ApiDocument::ids_;

// The only status of success that the document names.
std::string success(const Operation& operation) {
  for (const auto& [status, response] : *operation.value->find("responses")->object())
    if (status.starts_with("2") && status != "202") return status;
  return {};
}

TEST_F(ApiDocument, EveryDocumentedRequestWorksAndAnswersAsDocumented) {
  std::set<std::string> sent;
  std::vector<Operation> all = operations();
  // Signing out last: it ends the token that the others use.
  std::stable_partition(all.begin(), all.end(), [](const Operation& operation) { return operation.id() != "signOut"; });
  for (const Operation& operation : all) {
    if (operation.id() == "signOut") continue;  // below
    if (operation.id() == "streamEvents") {     // endless; its messages have tests of their own
      int status = 0;
      const auto ended = api().client().events(target(operation) + "?last_event_id=0-0", {}, 10'000, [&](const http_client::ServerEvent& event) {
        status = event.event == "commit" && event.id == "1-1" ? 200 : 500;
        return false;
      });
      EXPECT_TRUE(ended.has_value());
      EXPECT_EQ(status, 200);
      sent.insert(operation.id());
      continue;
    }
    const Reply reply = send(operation, body_of(operation));
    sent.insert(operation.id());
    if (operation.id() == "bootstrap") {  // done once, by this very server's first user
      EXPECT_EQ(reply.status, 409) << reply.raw;
      continue;
    }
    EXPECT_EQ(std::to_string(reply.status), success(operation)) << operation.id() << ": " << reply.raw << reply.problem;
    if (std::to_string(reply.status) == success(operation)) expect_documented(operation, success(operation), reply);
  }
  for (const Operation& operation : all) {
    if (operation.id() != "signOut") continue;
    Api other(installation().url(), api().send("POST", "/v1/auth/sign-in", R"({"login":"admin","password":"correct horse battery"})").text("token"));
    EXPECT_EQ(other.send(operation.method, operation.path, "").status, 204);
    sent.insert(operation.id());
  }
  EXPECT_EQ(sent.size(), all.size());
  EXPECT_GT(sent.size(), 30u);
}

TEST_F(ApiDocument, EveryDocumentedParameterIsTakenAndNoOther) {
  for (const Operation& operation : operations()) {
    if (operation.method != "GET" || operation.id() == "streamEvents") continue;
    for (const json::Value& parameter : *operation.value->find("parameters")->array()) {
      if (parameter.text("in") != "query") continue;
      const std::string name = parameter.text("name");
      const std::map<std::string, std::string> values = {{"limit", "1"},    {"after", operation.id() == "getActivity" ? "0-0" : "0"},
                                                         {"status", ""},    {"cursor", ""},
                                                         {"at", "1000000"}, {"offset", "-1"},
                                                         {"wait_ms", "0"}};
      const auto value = values.find(name);
      ASSERT_NE(value, values.end()) << "the test has no value for " << name;
      const std::string text = name == "status" ? (operation.id() == "listTasks" ? "queued" : "open") : value->second;
      const Reply reply = send(operation, "", std::string("?").append(name).append("=").append(text));
      EXPECT_EQ(reply.status, 200) << operation.id() << " " << name << ": " << reply.raw;
    }
    const Reply unknown = send(operation, "", "?no_such_parameter=1");
    EXPECT_EQ(unknown.status, 400) << operation.id();
    EXPECT_EQ(unknown.text("field"), "no_such_parameter") << operation.id();
  }
}

TEST_F(ApiDocument, WithoutATokenOnlyWhatIsDocumentedSoAnswers) {
  Api nobody(installation().url(), "");
  Api stranger(installation().url(), "dst_stranger");
  for (const Operation& operation : operations()) {
    if (json::write(*operation.value->find("security")) == "[]") continue;
    for (Api* caller : {&nobody, &stranger}) {
      const Reply reply = caller->send(operation.method, target(operation), body_of(operation));
      EXPECT_EQ(reply.status, 401) << operation.id() << ": " << reply.raw << reply.problem;
      EXPECT_EQ(reply.text("code"), "unauthenticated") << operation.id();
    }
  }
}

TEST_F(ApiDocument, EveryBodyIsReadStrictlyAndTheWrongFieldIsNamed) {
  const std::int64_t seq = installation().api().get(installation().in_workspace("")).body.integer_or("seq", 0);
  const std::string before = api().get(installation().in_workspace("/issues?limit=1")).header("dossier-seq");
  int bodies = 0;
  for (const Operation& operation : operations()) {
    const json::Value* schema = request_schema(operation);
    if (schema == nullptr || operation.id() == "signIn") continue;  // sign-in is slowed down for who tries too often
    ++bodies;
    json::Value::Object extra = example(*schema);
    extra.emplace_back("no_such_field", 1);
    const Reply unknown = send(operation, json::write(extra));
    EXPECT_EQ(unknown.status, 400) << operation.id() << ": " << unknown.raw;
    EXPECT_EQ(unknown.text("code"), "unknown_field") << operation.id();
    EXPECT_EQ(unknown.text("field"), "no_such_field") << operation.id();
    for (const char* wrong : {"[]", "7", "{", "\"text\"", "null", "{\"a\":\"\xff\"}"}) {
      const Reply refused = send(operation, wrong);
      EXPECT_EQ(refused.status, 400) << operation.id() << " " << wrong << ": " << refused.raw;
    }
    if (const json::Value* required = schema->find("required"))
      for (const json::Value& name : *required->array()) {
        json::Value::Object without = example(*schema);
        std::erase_if(without, [&](const auto& member) { return member.first == *name.string(); });
        const Reply missing = send(operation, json::write(without));
        EXPECT_EQ(missing.status, 400) << operation.id() << " without " << *name.string() << ": " << missing.raw;
        EXPECT_EQ(missing.text("field"), *name.string()) << operation.id();
      }
    for (const auto& [name, property] : *schema->find("properties")->object()) {
      json::Value::Object changed = example(*schema);
      std::erase_if(changed, [&, &gone = name](const auto& member) { return member.first == gone; });
      changed.emplace_back(name, property.text("type") == "object" ? json::Value(7) : json::Value(json::Value::Object{}));
      const Reply refused = send(operation, json::write(changed));
      EXPECT_EQ(refused.status, 400) << operation.id() << " " << name << ": " << refused.raw;
      EXPECT_EQ(refused.text("field"), name) << operation.id() << ": " << refused.raw;
    }
  }
  EXPECT_GE(bodies, 9);
  EXPECT_GE(seq, 1);
  EXPECT_EQ(api().get(installation().in_workspace("/issues?limit=1")).header("dossier-seq"), before);  // not one event
}

}  // namespace
}  // namespace dossier::test
