// A question of the real agents outlives every process that takes part: the server, the agent and the worker are killed one
// after the other while it is open; then a person answers it, and the work goes on, in several turns.
#include <dirent.h>

#include "tests/e2e/fixture.hpp"
#include "tests/support/claude_program.hpp"
#include "tests/support/codex_program.hpp"
#include "tests/support/model_server.hpp"

namespace dossier::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

struct AgentCase {
  std::string provider;
  std::string version;  // of Codex
};

std::vector<AgentCase> agent_cases() {
  std::vector<AgentCase> cases{{"claude", ""}};
  for (const std::string& version : codex_versions()) cases.push_back({"codex", version});
  return cases;
}

class Survival : public EndToEnd, public ::testing::WithParamInterface<AgentCase> {
 protected:
  void begin_with_agent(const std::string& script) {
    const auto program = GetParam().provider == "codex" ? find_codex(GetParam().version) : find_claude();
    if (program.path.empty()) GTEST_SKIP() << program.why_not;
    begin(0);
    model_ = std::make_unique<ModelServer>(script, at().folder());
    worker_environment_ = {
        {"DOSSIER_WORKER_ACCOUNT", ""},  // npm's folder may lie below a home that nobody else can read
        {"HOME", at().folder()},         // no sign-in and no shell profile of anybody's
        {"DOSSIER_CODEX", GetParam().provider == "codex" ? program.path : "/nowhere/codex"},
        {"DOSSIER_CLAUDE", GetParam().provider == "claude" ? program.path : "/nowhere/claude"},
        {"DOSSIER_CODEX_SANDBOX", "danger-full-access"},
        {"DOSSIER_AGENT_ENV", "MOCK_KEY,ANTHROPIC_BASE_URL,ANTHROPIC_API_KEY,CLAUDE_CODE_MAX_RETRIES"},
        {"MOCK_KEY", "none"},
        {"ANTHROPIC_BASE_URL", model_->url()},
        {"ANTHROPIC_API_KEY", "none"},
        {"CLAUDE_CODE_MAX_RETRIES", "0"},
        {"DOSSIER_CODEX_CONFIG",
         "model_provider=\"mock\"\nmodel_providers.mock={name=\"mock\",base_url=\"" + model_->url() +
             "/v1\",env_key=\"MOCK_KEY\",wire_api=\"responses\",supports_websockets=false,request_max_retries=0,stream_max_retries=0}"}};
    at().start_worker("w1", 1, worker_environment_);
    at().make_agent(
        {.name = "helper", .provider = GetParam().provider, .model = GetParam().provider == "codex" ? "gpt-5.1-codex" : "claude-sonnet-4-5"});
    const auto policy =
        api().post_until_decided(at().in_workspace("/policy"), json::Value::Object{{"mode", "untrusted"}, {"reason", "people look at everything"}});
    ASSERT_EQ(policy.status / 100, 2) << policy.raw;
  }
  void TearDown() override {
    if (HasFailure() && model_ != nullptr) std::cerr << "--- model\n" << model_->log();
    EndToEnd::TearDown();
  }

  // The session's approvals, oldest first.
  std::vector<json::Value> approvals(const std::string& session) { return api().get("/v1/sessions/" + session + "/approvals").items(); }
  std::string wait_for_open_approval(const std::string& session) {
    std::string id;
    EXPECT_TRUE(eventually(120'000, [&] {
      for (const auto& one : approvals(session))
        if (one.text("status") == "open") id = one.text("id");
      return !id.empty();
    })) << at().task(session).raw;
    return id;
  }
  bool is_open(const std::string& session, const std::string& approval) {
    const auto all = approvals(session);
    return all.size() == 1 && all.front().text("id") == approval && all.front().text("status") == "open";
  }
  // Processes that were started for the session: they have its name in their environment.
  static std::vector<pid_t> processes_of(const std::string& session) {
    std::vector<pid_t> found;
    DIR* const folder = ::opendir("/proc");
    while (const dirent* entry = ::readdir(folder)) {
      const auto pid = static_cast<pid_t>(std::atoi(entry->d_name));
      if (pid <= 0) continue;
      std::ifstream file("/proc/" + std::to_string(pid) + "/environ", std::ios::binary);
      const std::string environment((std::istreambuf_iterator<char>(file)), {});
      if (environment.find("DOSSIER_SESSION_ID=" + session + '\0') != std::string::npos) found.push_back(pid);
    }
    ::closedir(folder);
    return found;
  }

  std::unique_ptr<ModelServer> model_;
  EnvironmentChanges worker_environment_;
};

INSTANTIATE_TEST_SUITE_P(Agents, Survival, ::testing::ValuesIn(agent_cases()), [](const auto& info) {
  std::string name = info.param.provider + info.param.version;
  std::erase(name, '.');
  return name;
});

TEST_P(Survival, of_a_question_through_the_death_of_server_agent_and_worker) {
  begin_with_agent(R"({
      "approved: run": [{"run": "echo one >>a.txt"}, {"say": "Done as approved."}],
      "the second thing": [{"run": "echo two >>a.txt"}, {"say": "Second."}],
      "please": [{"run": "echo one >>a.txt"}, {"say": "First."}]})");
  if (IsSkipped()) return;
  const Asked asked = ask("helper");
  const std::string approval = wait_for_open_approval(asked.session);
  ASSERT_FALSE(approval.empty());
  EXPECT_THAT(approvals(asked.session).front().text("command"), HasSubstr("echo one >>a.txt"));

  at().server().kill();
  at().start_server();
  EXPECT_TRUE(is_open(asked.session, approval)) << "after the server's death";

  const auto agents = processes_of(asked.session);
  ASSERT_FALSE(agents.empty());
  for (const pid_t pid : agents) ::kill(pid, SIGKILL);
  EXPECT_TRUE(told(asked, "the agent is gone", 30'000));
  EXPECT_TRUE(is_open(asked.session, approval)) << "after the agent's death";

  // What a person says meanwhile waits for the next turn.
  const auto comment =
      api().post_until_decided("/v1/issues/" + asked.issue + "/comments", json::Value::Object{{"body", "And the second thing, too."}});
  ASSERT_EQ(comment.status / 100, 2) << comment.raw;

  at().worker("w1").kill();
  at().start_worker("w1", 1, worker_environment_);
  EXPECT_TRUE(eventually(60'000, [&] {
    const auto task = at().task(asked.task);
    // The worker holds it; the agent begins again once the question is answered.
    return task.body.integer_or("offer", 0) == 2 && task.text("status") == "claimed";
  })) << at().task(asked.task).raw;
  EXPECT_TRUE(is_open(asked.session, approval)) << "after the worker's death";

  const auto resolved = api().post_until_decided("/v1/sessions/" + asked.session + "/approvals/" + approval,
                                                 json::Value::Object{{"decision", "accept"}, {"reason", "fine"}});
  ASSERT_EQ(resolved.status / 100, 2) << resolved.raw;
  // The follow-up's command is another one: it is asked about, and allowed.
  std::string second;
  ASSERT_TRUE(eventually(120'000, [&] {
    for (const auto& one : approvals(asked.session))
      if (one.text("status") == "open") second = one.text("id");
    return !second.empty() || at().task(asked.task).text("status") == "completed";
  }));
  ASSERT_FALSE(second.empty()) << at().task(asked.task).raw;
  EXPECT_NE(second, approval);
  const auto allowed =
      api().post_until_decided("/v1/sessions/" + asked.session + "/approvals/" + second, json::Value::Object{{"decision", "accept"}});
  ASSERT_EQ(allowed.status / 100, 2) << allowed.raw;

  ASSERT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "completed") << at().task(asked.task).raw;
  const Reply session = api().get("/v1/sessions/" + asked.session);
  EXPECT_THAT(session.at("source", "diff"), HasSubstr("+one\n+two\n")) << session.raw;
  const auto all = approvals(asked.session);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].find("delivery")->text("how"), "quoted");
  EXPECT_EQ(all[1].find("delivery")->text("how"), "answered");
  const auto types = at().timeline_types(asked.issue);
  EXPECT_EQ(count(types, "approval_requested"), 2u);
  EXPECT_EQ(count(types, "approval_resolved"), 2u);
  EXPECT_EQ(count(types, "follow_up_delivered"), 1u);
  EXPECT_EQ(count(types, "task_lease_expired"), 1u);
  EXPECT_TRUE(processes_of(asked.session).empty() || GetParam().provider != "command") << "only a warm agent may be left";
}

TEST_P(Survival, of_what_an_agent_knows_from_one_session_to_the_next) {
  begin_with_agent(R"({"again": [{"say": "I remember."}], "please": [{"say": "First."}]})");
  if (IsSkipped()) return;
  const Asked first = ask("helper");
  ASSERT_EQ(at().wait_for_task(first.task, {"completed", "failed"}), "completed") << at().task(first.task).raw;
  const Asked second = at().ask(first.issue, "@helper again");
  ASSERT_NE(second.session, first.session);
  ASSERT_EQ(at().wait_for_task(second.task, {"completed", "failed"}), "completed") << at().task(second.task).raw;
  const Reply before = api().get("/v1/sessions/" + first.session);
  const Reply after = api().get("/v1/sessions/" + second.session);
  EXPECT_EQ(after.text("continues_session_id"), first.session) << after.raw;
  EXPECT_EQ(after.text("provider_session"), before.text("provider_session")) << "the same conversation goes on";
  EXPECT_TRUE(told(second, "I remember."));
}

}  // namespace
}  // namespace dossier::test
