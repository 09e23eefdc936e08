// What agents find in their environment.
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <string>

#include "worker/agents/agent.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

// One variable may hold at most 128 KiB on Linux; the whole prompt is on standard input.
constexpr std::size_t kMaxVariable = 100'000;
constexpr std::string_view kOurs = "DOSSIER_";

const char* const kAllowed[] = {"PATH",
                                "HOME",
                                "USER",
                                "LOGNAME",
                                "SHELL",
                                "LANG",
                                "LC_ALL",
                                "LC_CTYPE",
                                "TZ",
                                "TERM",
                                "TMPDIR",
                                "http_proxy",
                                "https_proxy",
                                "no_proxy",
                                "HTTP_PROXY",
                                "HTTPS_PROXY",
                                "NO_PROXY",
                                "SSL_CERT_FILE",
                                "SSL_CERT_DIR",
                                "OPENAI_API_KEY",
                                "OPENAI_BASE_URL",
                                "CODEX_API_KEY",
                                "ANTHROPIC_API_KEY",
                                "ANTHROPIC_AUTH_TOKEN",
                                "ANTHROPIC_BASE_URL",
                                "CLAUDE_CODE_OAUTH_TOKEN"};

std::set<std::string> allowed_names() {
  std::set<std::string> names(std::begin(kAllowed), std::end(kAllowed));
  const char* more = std::getenv("DOSSIER_AGENT_ENV");
  std::string_view list = more == nullptr ? "" : more;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string name(list.substr(0, end));
    if (!name.empty() && name.compare(0, kOurs.size(), kOurs) != 0) names.insert(name);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return names;
}

}  // namespace

process::Environment agent_environment(const std::optional<process::Account>& account) {
  process::Environment environment;
  bool has_path = false;
  for (const auto& name : allowed_names()) {
    const char* value = std::getenv(name.c_str());
    if (account && (name == "HOME" || name == "USER" || name == "LOGNAME" || name == "TMPDIR")) continue;
    if (value == nullptr) continue;
    has_path = has_path || name == "PATH";
    environment.emplace_back(name, value);
  }
  if (!has_path) environment.emplace_back("PATH", "/usr/local/bin:/usr/bin:/bin");
  if (account) {
    environment.emplace_back("HOME", account->home);
    environment.emplace_back("USER", account->name);
    environment.emplace_back("LOGNAME", account->name);
  }
  return environment;
}

process::Environment task_environment(const AgentRequest& request) {
  const auto text = [](const std::string& value) { return clean_text(value, kMaxVariable); };
  return {{"DOSSIER_WORKSPACE_ID", request.workspace_id},
          {"DOSSIER_ISSUE_ID", request.issue_id},
          {"DOSSIER_ISSUE_NUMBER", std::to_string(request.issue_number)},
          {"DOSSIER_ISSUE_TITLE", text(request.issue_title)},
          {"DOSSIER_SESSION_ID", request.session_id},
          {"DOSSIER_TASK_ID", request.task_id},
          {"DOSSIER_OFFER", std::to_string(request.offer)},
          {"DOSSIER_TURN", std::to_string(request.first_turn)},
          {"DOSSIER_AGENT", text(request.agent_name)},
          {"DOSSIER_MODEL", text(request.model)},
          {"DOSSIER_PROMPT", text(request.prompt)},
          {"DOSSIER_INSTRUCTIONS", text(request.instructions)},
          {"DOSSIER_WORKTREE", request.worktree},
          {"DOSSIER_BRANCH", request.branch},
          {"DOSSIER_BASE_COMMIT", request.base_commit},
          // The worktree may belong to one account and the repository behind it to another; git would refuse to look.
          {"GIT_CONFIG_COUNT", "2"},
          {"GIT_CONFIG_KEY_0", "safe.directory"},
          {"GIT_CONFIG_VALUE_0", "*"},
          // Submodules were checked out without a word of them in the repository's settings.
          {"GIT_CONFIG_KEY_1", "submodule.active"},
          {"GIT_CONFIG_VALUE_1", "."}};
}

}  // namespace dossier::worker
