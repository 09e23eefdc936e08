// What an agent finds in its environment, and what it never does.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <regex>
#include <set>

#include "platform/crypto/crypto.hpp"
#include "platform/process/process.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/agents/agent.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;

// As docs/agents.md lists them.
const std::set<std::string> kOfTheTask = {"DOSSIER_WORKSPACE_ID", "DOSSIER_ISSUE_ID",    "DOSSIER_ISSUE_NUMBER", "DOSSIER_ISSUE_TITLE",
                                          "DOSSIER_SESSION_ID",   "DOSSIER_TASK_ID",     "DOSSIER_OFFER",        "DOSSIER_AGENT",
                                          "DOSSIER_MODEL",        "DOSSIER_PROMPT",      "DOSSIER_INSTRUCTIONS", "DOSSIER_WORKTREE",
                                          "DOSSIER_BRANCH",       "DOSSIER_BASE_COMMIT", "DOSSIER_TURN"};

// Every variable of ours that any part of the product knows.
std::set<std::string> known_names() {
  std::set<std::string> names = {"DOSSIER_", "DOSSIER_NEWER_THAN_THIS_TEST"};
  static const std::regex quoted("\"(DOSSIER_[A-Z_]+)\"");
  for (const char* folder : {"app", "worker", "api", "producers", "projections", "platform", "replay", "base"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(DOSSIER_SOURCE_DIR) / folder)) {
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
      const std::string text = test::read_file(entry.path().string());
      for (std::sregex_iterator at(text.begin(), text.end(), quoted), end; at != end; ++at) names.insert((*at)[1]);
    }
  }
  return names;
}

class Variables {
 public:
  void set(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
    names_.push_back(name);
  }
  ~Variables() {
    for (const auto& name : names_) ::unsetenv(name.c_str());
  }

 private:
  std::vector<std::string> names_;
};

std::set<std::string> ours(const process::Environment& environment) {
  std::set<std::string> names;
  for (const auto& [name, value] : environment)
    if (name.compare(0, 8, "DOSSIER_") == 0) names.insert(name);
  return names;
}

class AgentEnvironment : public ::testing::Test {
 protected:
  AgentEnvironment() {
    std::string list = "GIVEN, ,DOSSIER_TOKEN ";
    for (const auto& name : known_names()) {
      variables_.set(name, "control-plane-value");
      list += "," + name;  // also where an operator asks for it
    }
    variables_.set("GIVEN", "seen");
    variables_.set("PGPASSWORD", "control-plane-value");
    variables_.set("DOSSIER_AGENT_ENV", list);
  }
  Variables variables_;
};

TEST_F(AgentEnvironment, holds_no_variable_of_the_control_plane_however_it_is_asked_for) {
  ASSERT_GT(known_names().size(), 30u);
  ASSERT_TRUE(known_names().count("DOSSIER_TOKEN") == 1 && known_names().count("DOSSIER_DATABASE_URL") == 1 &&
              known_names().count("DOSSIER_KAFKA_PROPERTIES") == 1);
  process::Account account;
  account.name = "nobody";
  account.home = "/nonexistent";
  for (const bool with_account : {false, true}) {
    const auto environment = agent_environment(with_account ? std::optional(account) : std::nullopt);
    EXPECT_EQ(ours(environment), std::set<std::string>{});
    bool given = false;
    for (const auto& [name, value] : environment) {
      EXPECT_EQ(value.find("control-plane-value"), std::string::npos) << name;
      given = given || (name == "GIVEN" && value == "seen");
    }
    EXPECT_TRUE(given);
  }
}

TEST_F(AgentEnvironment, describes_the_task_by_exactly_the_documented_names) {
  const AgentRequest request;
  EXPECT_EQ(ours(task_environment(request)), kOfTheTask);
}

TEST_F(AgentEnvironment, is_what_the_program_itself_sees) {
  const test::TemporaryFolder folder("environment");
  process::SpawnOptions options;
  options.argv = {"env", "-0"};
  options.working_directory = folder.path();
  options.environment = agent_environment(std::nullopt);
  for (auto& variable : task_environment(AgentRequest{})) options.environment.push_back(std::move(variable));
  options.family = "test-environment-" + crypto::random_uuid_hex();
  auto process = process::Process::spawn(options);
  ASSERT_TRUE(process) << process.error().message;
  std::string output;
  while (process->read_output(output, 65'536)) process->poll(1'000);
  std::set<std::string> names;
  for (std::size_t at = 0; at < output.size(); at = output.find('\0', at) + 1) {
    const std::string variable = output.c_str() + at;
    if (variable.compare(0, 8, "DOSSIER_") == 0) names.insert(variable.substr(0, variable.find('=')));
    EXPECT_EQ(variable.find("control-plane-value"), std::string::npos) << variable;
  }
  std::set<std::string> expected = kOfTheTask;
  expected.insert("DOSSIER_FAMILY");
  EXPECT_EQ(names, expected);
}

}  // namespace
}  // namespace dossier::worker
