// Starts, asks and ends the processes of a test's installation.
#include "tests/support/installation.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "platform/process/family.hpp"
#include "tests/support/eventually.hpp"
#include "worker/work_root.hpp"

namespace dossier::test {
namespace {

std::string unique_prefix() {
  static std::atomic<int> counter{0};
  return "t" + std::to_string(::getpid()) + "-" + std::to_string(++counter);
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush()) throw std::runtime_error("can't write " + path);
}

// A step of the fixture itself which failed: what the test wants to see needs it, so there is nothing to go on with.
[[noreturn]] void fail_step(const std::string& step, const Reply& reply, const std::string& logs) {
  throw std::runtime_error(step + ": status " + std::to_string(reply.status) + " " + reply.raw + reply.problem + "\n" + logs);
}

std::string last_lines(const std::string& text, std::size_t bytes = 4'000) {
  return text.size() <= bytes ? text : "…" + text.substr(text.size() - bytes);
}

}  // namespace

Installation::Installation(Clusters clusters, int partitions)
    : clusters_(std::move(clusters)),
      folder_("installation"),
      prefix_(unique_prefix()),
      database_(TestDatabase::create(false, clusters_.database_url)) {
  if (!clusters_.grant_command.empty()) {
    const auto granted = run_command({"/bin/sh", "-c", clusters_.grant_command + " " + prefix_}, {}, folder());
    if (granted.exit_code != 0) throw std::runtime_error("the ACLs could not be made: " + granted.err);
  }
  ports_[0] = free_port();
  std::vector<std::string> init{program(), "admin", "init"};
  if (partitions > 0) init.insert(init.end(), {"--partitions", std::to_string(partitions)});
  const auto made = run_command(init, server_environment(0), folder());
  if (made.exit_code != 0) throw std::runtime_error("dossier admin init: " + made.out + made.err);
}

Installation::~Installation() {
  // Workers first: their goodbye is to find a server. All are asked before any is waited for.
  std::vector<std::string> folders;
  for (auto& [name, worker] : workers_) {
    worker->signal(SIGTERM);
    folders.push_back(folder() + "/" + name);
  }
  workers_.clear();
  // What a killed worker's next start would end and remove: here it has none.
  for (const std::string& work_root : folders)
    if (const auto root = worker::WorkRoot::open(work_root)) process::kill_marked(root->family_prefix());
  for (auto& [number, server] : servers_) server->signal(SIGTERM);
  servers_.clear();
}

EnvironmentChanges Installation::server_environment(int number) const {
  return {{"DOSSIER_LISTEN", "127.0.0.1:" + std::to_string(ports_.at(number))},
          {"DOSSIER_KAFKA", ""},
          {"DOSSIER_KAFKA_PROPERTIES", clusters_.server_kafka_properties},
          {"DOSSIER_WORKER_KAFKA_PROPERTIES", clusters_.worker_kafka_properties},
          {"DOSSIER_DATABASE_URL", database_->url()},
          {"DOSSIER_TOPIC_PREFIX", prefix_},
          {"DOSSIER_KEY_FILE", folder() + "/server.key"},
          {"DOSSIER_BLOB_DIR", folder() + "/blobs"}};
}

void Installation::launch_server(int number, const EnvironmentChanges& more) {
  if (!ports_.contains(number)) ports_[number] = free_port();
  auto environment = server_environment(number);
  for (const auto& [name, value] : more) environment[name] = value;
  servers_[number] =
      std::make_unique<Program>(std::vector<std::string>{program(), "serve"}, environment, folder() + "/server-" + std::to_string(number) + ".log");
}

bool Installation::wait_until_ready(int number) {
  Api probe(url(number), "");
  return eventually(kReadyDeadlineMs, [&] { return !server(number).running() || probe.get("/ready").status == 200; }) && server(number).running();
}

void Installation::start_server(int number, const EnvironmentChanges& more) {
  launch_server(number, more);
  if (!wait_until_ready(number)) throw std::runtime_error("the server was not ready\n" + logs());
  if (number == 0 && !workspace_.empty()) api_ = std::make_unique<Api>(url(0), api_->token());
}

void Installation::bootstrap() {
  Api anyone(url(0), "");
  const auto made = anyone.post("/v1/bootstrap", object({{"login", "admin"},
                                                         {"password", "correct horse battery"},
                                                         {"display_name", "Ada"},
                                                         {"workspace_name", "Tests"},
                                                         {"workspace_slug", "tests"}}));
  if (made.status / 100 != 2) fail_step("bootstrap", made, logs());
  workspace_ = made.at("workspace", "id");
  api_ = std::make_unique<Api>(url(0), made.text("token"));
  const auto token = api().post_until_decided(in_workspace("/worker-tokens"), object({{"label", "tests"}}));
  if (token.status != 201) fail_step("worker token", token, logs());
  worker_token_ = token.text("token");
  write_text(folder() + "/profile.json", json::write(object({{"url", url(0)}, {"token", api_->token()}, {"workspace", workspace_}})));
}

std::string Installation::worker_id(const std::string& name) {
  for (const auto& worker : api().get(in_workspace("/workers")).items())
    if (worker.text("name") == name) return worker.text("id");
  return {};
}

Program& Installation::launch_worker(const std::string& name, int slots, const EnvironmentChanges& more) {
  const std::string folder_of_worker = folder() + "/" + name;
  std::filesystem::create_directories(folder_of_worker);
  EnvironmentChanges environment{{"DOSSIER_URL", url(0)}, {"DOSSIER_TOKEN", worker_token_}, {"DOSSIER_PROFILE", ""}};
  // As ./dev up does it: under a closed umask, and agents of a worker that is root run as an account without rights.
  if (::geteuid() == 0) environment["DOSSIER_WORKER_ACCOUNT"] = "nobody";
  for (const auto& [variable, value] : more) environment[variable] = value;
  workers_[name] = std::make_unique<Program>(std::vector<std::string>{"/bin/sh", "-c", "umask 077 && exec \"$@\"", "sh", program(), "worker",
                                                                      "--name", name, "--dir", folder_of_worker, "--slots", std::to_string(slots)},
                                             environment, folder() + "/" + name + ".log");
  return *workers_[name];
}

Program& Installation::start_worker(const std::string& name, int slots, const EnvironmentChanges& more) {
  Program& worker = launch_worker(name, slots, more);
  const bool online = eventually(kReadyDeadlineMs, [&] {
    if (!worker.running()) return true;
    for (const auto& listed : api().get(in_workspace("/workers")).items())
      if (listed.text("name") == name && listed.text("status") == "online") return true;
    return false;
  });
  if (!online || !worker.running()) throw std::runtime_error("worker " + name + " did not come online\n" + logs());
  return worker;
}

std::string Installation::make_project(const std::string& name) {
  const auto git = run_command({"/bin/sh", std::string(DOSSIER_SOURCE_DIR) + "/tests/support/make_repository.sh", repository(name)}, {}, folder());
  if (git.exit_code != 0) throw std::runtime_error("make_repository.sh: " + git.err);
  const auto made =
      api().post_until_decided(in_workspace("/projects"), object({{"name", name}, {"local_path", repository(name)}, {"default_branch", "main"}}));
  if (made.status / 100 != 2) fail_step("project", made, logs());
  return made.text("id");
}

void Installation::make_agent(const AgentSpec& agent) {
  json::Value::Object body{{"name", agent.name}, {"provider", agent.provider}};
  if (!agent.command.empty()) body.emplace_back("command", json::Value::Array(agent.command.begin(), agent.command.end()));
  if (!agent.model.empty()) body.emplace_back("model", agent.model);
  const auto made = api().post_until_decided(in_workspace("/agents"), body);
  if (made.status / 100 != 2) fail_step("agent", made, logs());
}

std::string Installation::copy_script(const std::string& path_in_checkout) const {
  const std::string from = std::string(DOSSIER_SOURCE_DIR) + "/" + path_in_checkout;
  const std::string to = folder() + "/" + from.substr(from.rfind('/') + 1);
  std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  std::filesystem::permissions(to, std::filesystem::perms(0755));
  return to;
}

std::string Installation::open_issue(const std::string& title, const std::string& project) {
  json::Value::Object body{{"title", title}};
  if (!project.empty()) body.emplace_back("project_id", project);
  const auto made = api().post_until_decided(in_workspace("/issues"), body);
  if (made.status / 100 != 2) fail_step("issue", made, logs());
  return made.text("id");
}

Asked Installation::ask(const std::string& issue, const std::string& comment) {
  Asked asked;
  asked.issue = issue;
  const auto known = api().get("/v1/issues/" + issue + "/sessions").items().size();
  const auto made = api().post_until_decided("/v1/issues/" + issue + "/comments", object({{"body", comment}}));
  if (made.status / 100 != 2) fail_step("comment", made, logs());
  asked.comment = made.text("id");
  const auto sessions = api().get("/v1/issues/" + issue + "/sessions");
  if (sessions.items().size() != known + 1) fail_step("the comment queued no session", sessions, logs());
  // The newest one, whichever way the list is ordered: its trigger is our comment, and a test asks once at a time.
  for (const auto& session : sessions.items()) {
    const auto status = session.text("status");
    if (asked.session.empty() || (status != "completed" && status != "failed" && status != "cancelled" && status != "ended")) {
      asked.session = session.text("id");
      asked.task = session.text("task_id");
    }
  }
  return asked;
}

std::string Installation::wait_for_task(const std::string& id, const std::vector<std::string>& statuses, std::int64_t deadline_ms) {
  std::string status;
  const bool reached = eventually(deadline_ms, [&] {
    status = task(id).text("status");
    return std::find(statuses.begin(), statuses.end(), status) != statuses.end();
  });
  return reached ? status : std::string();
}

std::vector<std::string> Installation::timeline_types(const std::string& issue) {
  std::vector<std::string> types;
  std::string cursor;
  do {
    const auto page = api().get("/v1/issues/" + issue + "/timeline?limit=200" + (cursor.empty() ? "" : "&cursor=" + cursor));
    for (const auto& item : page.items()) types.push_back(item.text("type"));
    cursor = page.text("next_cursor");
  } while (!cursor.empty());
  return types;
}

std::string Installation::activity_text(const std::string& session) { return api().get("/v1/sessions/" + session + "/activity?limit=200").raw; }

CommandResult Installation::dossier(std::vector<std::string> arguments, const EnvironmentChanges& more, std::int64_t deadline_ms) {
  arguments.insert(arguments.begin(), program());
  auto environment = server_environment(0);
  environment["DOSSIER_PROFILE"] = folder() + "/profile.json";
  environment["DOSSIER_URL"] = "";
  environment["DOSSIER_TOKEN"] = "";
  for (const auto& [name, value] : more) environment[name] = value;
  return run_command(arguments, environment, folder(), deadline_ms);
}

std::string Installation::logs() const {
  std::string out;
  for (const auto& [number, server] : servers_) out += "--- server " + std::to_string(number) + "\n" + last_lines(server->log());
  for (const auto& [name, worker] : workers_) out += "--- " + name + "\n" + last_lines(worker->log());
  return out;
}

}  // namespace dossier::test
