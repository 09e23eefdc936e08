// One function a check.
#include "worker/doctor.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "base/clock.hpp"
#include "platform/git/git.hpp"
#include "platform/http_client/http_client.hpp"
#include "platform/json/json.hpp"
#include "platform/kafka/kafka.hpp"
#include "platform/process/cgroup.hpp"
#include "platform/process/process.hpp"
#include "worker/capabilities.hpp"
#include "worker/registration.hpp"
#include "worker/work_root.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;
using State = Finding::State;

constexpr std::int64_t kBrokersMs = 10'000;
constexpr std::int64_t kServerMs = 10'000;
constexpr std::int64_t kClockWarnUs = 5'000'000;
constexpr std::uint64_t kInodesWarn = 10'000;

// The folder itself, or the nearest one above it that is there.
fs::path nearest(const std::string& path) {
  std::error_code failed;
  fs::path there = fs::absolute(path, failed);
  while (!there.empty() && !fs::exists(there, failed) && there != there.root_path()) there = there.parent_path();
  return there;
}

Finding check_folder(const std::string& path) {
  if (path.empty()) return {"folder", State::failed, "no folder for repositories and worktrees", "give one by --work-root"};
  const fs::path there = nearest(path);
  if (::access(there.c_str(), R_OK | W_OK | X_OK) != 0)
    return {"folder", State::failed, there.string() + " can't be written to", "give the worker's account that right, or name another by --work-root"};
  std::error_code failed;
  if (fs::exists(path, failed) && !fs::is_directory(path, failed))
    return {"folder", State::failed, path + " is no folder", "remove it, or name another by --work-root"};
  return {"folder", State::ok, fs::exists(path, failed) ? path : path + " (will be made)", ""};
}

Finding check_disk(const std::string& path) {
  struct statvfs disk{};
  const fs::path there = nearest(path);
  if (::statvfs(there.c_str(), &disk) != 0) return {"disk", State::failed, "can't look at the file system of " + there.string(), ""};
  return judge_disk(there.string(), static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize, disk.f_favail);
}

Finding check_git() {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t end = rest.find(':');
    const std::string program = std::string(rest.substr(0, end)) + "/git";
    if (::access(program.c_str(), X_OK) == 0) return {"git", State::ok, "libgit2 " + git::library_version() + ", and the program " + program, ""};
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
  return {"git", State::warning,
          "libgit2 " + git::library_version() + "; the program git is not there: agents mostly want it, and a source's submodules take it",
          "install git"};
}

Finding check_agents() {
  const auto capabilities = probe_capabilities("");
  if (!capabilities) return {"agents", State::failed, capabilities.error().message, ""};
  std::string detail, refused;
  const auto providers = providers_of(*capabilities);
  for (const std::string& provider : providers) {
    const std::string version = capabilities->text(provider + ".version");
    detail += (detail.empty() ? "" : ", ") + provider + (version.empty() ? "" : " " + version);
  }
  for (const char* provider : {"codex", "claude"})
    if (const std::string reason = capabilities->text(std::string(provider) + ".reason"); !reason.empty())
      refused += "; " + std::string(provider) + " is not offered: " + reason;
  const bool any = providers.size() > 1;
  return {"agents", any && refused.empty() ? State::ok : State::warning, detail + (any ? "" : " alone") + refused,
          any ? "" : "install Codex or Claude Code, or name its program (DOSSIER_CODEX, DOSSIER_CLAUDE)"};
}

Finding check_processes() {
  const std::string& why = process::why_no_cgroups();
  if (why.empty()) return {"processes", State::ok, "each agent gets a control group of its own", ""};
  return {"processes", State::warning, "no control groups: " + why,
          "a daemon of an agent's that leaves its session and its environment behind outlives it"};
}

std::optional<Finding> check_account(const std::string& name, const std::string& work_root) {
  if (name.empty()) {
    if (::geteuid() != 0) return std::nullopt;
    return Finding{"account", State::warning, "agents would run as root, as the worker does", "name an account for them by --account"};
  }
  if (::geteuid() != 0)
    return Finding{"account", State::failed, "only root can run agents as " + name, "run the worker as root, or without --account"};
  const auto account = process::find_account(name);
  if (!account) return Finding{"account", State::failed, account.error().message, "make the account, or name another"};
  if (!work_root.empty())
    if (const Status reachable = check_reachable(nearest(work_root).string(), *account); !reachable)
      return Finding{"account", State::failed, reachable.error().message, ""};
  return Finding{"account", State::ok, "agents run as " + name, ""};
}

Finding check_brokers(const json::Value& connection) {
  const json::Value* kafka = connection.find("kafka");
  const json::Value* topics = connection.find("topics");
  if (kafka == nullptr || topics == nullptr) return {"brokers", State::failed, "the server's answer names no brokers", ""};
  kafka::Cluster cluster;
  cluster.bootstrap = kafka->text("bootstrap");
  if (const json::Value* properties = kafka->find("properties"); properties != nullptr && properties->object() != nullptr)
    for (const auto& [name, value] : *properties->object())
      if (value.string() != nullptr) cluster.properties.emplace_back(name, *value.string());
  const std::string remedy = "let this machine reach " + cluster.bootstrap + ", or run the worker with --gateway";
  const auto reader = kafka::make_reader(cluster);
  if (!reader) return {"brokers", State::failed, reader.error().message, remedy};
  const auto partitions = (*reader)->partition_count(topics->text("reports"), kBrokersMs);
  if (!partitions) return {"brokers", State::failed, cluster.bootstrap + ": " + partitions.error().message, remedy};
  return {"brokers", State::ok, cluster.bootstrap + " answers", ""};
}

// Server, clock, token, brokers: each needs the one before.
void check_server(const DoctorOptions& options, std::vector<Finding>& findings) {
  auto client = http_client::Client::make({.base_url = options.url, .bearer_token = options.token, .request_timeout_ms = kServerMs});
  if (!client) {
    findings.push_back({"server", State::failed, client.error().message, "name it by --url http://host:port"});
    return;
  }
  const SystemClock clock;
  const std::int64_t asked_us = clock.wall_us();
  const auto health = client->request("GET", "/health");
  const std::int64_t answered_us = clock.wall_us();
  if (!health || health->status != 200) {
    findings.push_back({"server", State::failed,
                        options.url + ": " + (health ? "HTTP status " + std::to_string(health->status) : health.error().message),
                        "start it, or name another by --url"});
    return;
  }
  findings.push_back({"server", State::ok, options.url + " answers in " + std::to_string((answered_us - asked_us) / 1'000) + " ms", ""});
  findings.push_back(judge_clock(health->header("date"), asked_us + (answered_us - asked_us) / 2));
  if (options.token.empty()) {
    findings.push_back({"token", State::failed, "there is none", "make one with `dossier worker-token create`, and give it by DOSSIER_TOKEN"});
    return;
  }
  const auto connection = client->request("GET", "/v1/workers/connection");
  if (!connection || connection->status != 200) {
    findings.push_back({"token", State::failed, connection ? error_of_reply(*connection).message : connection.error().message,
                        "make one with `dossier worker-token create`"});
    return;
  }
  const auto body = json::parse(connection->body);
  if (!body) {
    findings.push_back({"token", State::failed, "the server's answer is no JSON", ""});
    return;
  }
  findings.push_back({"token", State::ok, "pool " + body->text("pool"), ""});
  if (!options.gateway) {
    findings.push_back(check_brokers(*body));
    return;
  }
  const json::Value* gateway = body->find("gateway");
  const bool there = gateway != nullptr && gateway->boolean() != nullptr && *gateway->boolean();
  findings.push_back({"brokers", there ? State::ok : State::failed,
                      there ? "by the server's gateway" : "this server is no gateway: it lacks the role api or its log", ""});
}

}  // namespace

std::string_view to_string(State state) noexcept {
  switch (state) {
    case State::ok: return "ok";
    case State::warning: return "warning";
    case State::failed: return "failed";
  }
  return "failed";
}

Finding judge_disk(const std::string& path, std::uint64_t free_bytes, std::uint64_t free_inodes) {
  const std::string detail = std::to_string(free_bytes >> 30) + " GiB free at " + path;
  if (free_bytes < kDiskFailBytes) return {"disk", State::failed, detail, "free some: a worktree, its repository and an agent's output need room"};
  if (free_bytes < kDiskWarnBytes) return {"disk", State::warning, detail, "keep 5 GiB free"};
  if (free_inodes > 0 && free_inodes < kInodesWarn)
    return {"disk", State::warning, detail + ", but room for " + std::to_string(free_inodes) + " files only", "free inodes"};
  return {"disk", State::ok, detail, ""};
}

Finding judge_clock(std::string_view date, std::int64_t middle_us) {
  tm time{};
  const std::string text(date);
  if (text.empty() || ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time) == nullptr)
    return {"clock", State::warning, "the server does not say what time it is", ""};
  const std::int64_t server_us = static_cast<std::int64_t>(::timegm(&time)) * 1'000'000 + 500'000;  // it tells whole seconds
  const std::int64_t apart_us = middle_us > server_us ? middle_us - server_us : server_us - middle_us;
  if (apart_us <= kClockWarnUs) return {"clock", State::ok, "within " + std::to_string(kClockWarnUs / 1'000'000) + " s of the server's", ""};
  // Leases are counted by the brokers' clock, so nothing breaks: what this machine writes only looks odd.
  return {"clock", State::warning, std::to_string(apart_us / 1'000'000) + " s away from the server's: times in logs and commits will be wrong",
          "set it (NTP)"};
}

std::vector<Finding> examine(const DoctorOptions& options) {
  std::vector<Finding> findings;
  findings.push_back(check_folder(options.work_root));
  if (!options.work_root.empty()) findings.push_back(check_disk(options.work_root));
  findings.push_back(check_git());
  findings.push_back(check_agents());
  findings.push_back(check_processes());
  if (auto account = check_account(options.account, options.work_root)) findings.push_back(*std::move(account));
  check_server(options, findings);
  return findings;
}

}  // namespace dossier::worker
