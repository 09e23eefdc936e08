// One installation of Dossier for a test: its own topics, database, folders and ports on the clusters given; servers and
// workers as processes of the real program, which a test may kill, freeze and start again. One thread per object.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/api.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::test {

struct AgentSpec {
  std::string name;
  std::string provider = "command";
  std::vector<std::string> command = {};
  std::string model = {};
};

// What a comment that mentions an agent set in motion.
struct Asked {
  std::string issue;
  std::string comment;
  std::string session;
  std::string task;
};

class Installation {
 public:
  static constexpr std::int64_t kReadyDeadlineMs = 60'000;
  static constexpr std::int64_t kTaskDeadlineMs = 120'000;

  // Makes topics and schema (`dossier admin init`; partitions 0: as many as it makes by itself). Throws std::runtime_error with the program's own
  // words on failure.
  explicit Installation(Clusters clusters, int partitions = 0);
  ~Installation();
  Installation(const Installation&) = delete;
  Installation& operator=(const Installation&) = delete;

  // Servers: number 0 is the one that api() talks to. Returns once /ready says yes.
  void start_server(int number = 0, const EnvironmentChanges& more = {});
  // Started, not waited for: for what must come up without its clusters.
  void launch_server(int number = 0, const EnvironmentChanges& more = {});
  bool wait_until_ready(int number = 0);
  Program& server(int number = 0) { return *servers_.at(number); }
  std::string url(int number = 0) const { return "http://127.0.0.1:" + std::to_string(ports_.at(number)); }

  // The first user, a workspace, and a token for workers; after that api() is signed in.
  void bootstrap();
  Api& api() { return *api_; }
  Api api_of(int number) const { return Api(url(number), api_->token()); }
  const std::string& workspace() const { return workspace_; }
  std::string in_workspace(const std::string& rest) const { return "/v1/workspaces/" + workspace_ + rest; }

  // Returns once the server lists the worker as online.
  Program& start_worker(const std::string& name, int slots = 1, const EnvironmentChanges& more = {});
  // Started, not waited for.
  Program& launch_worker(const std::string& name, int slots = 1, const EnvironmentChanges& more = {});
  Program& worker(const std::string& name) { return *workers_.at(name); }
  std::string worker_id(const std::string& name);

  // A git repository with one commit, as a project. Its id.
  std::string make_project(const std::string& name);
  std::string repository(const std::string& project_name) const { return folder_.path() + "/repositories/" + project_name; }
  void make_agent(const AgentSpec& agent);
  // A script of the checkout, where the agents' account can read it. Its path.
  std::string copy_script(const std::string& path_in_checkout) const;
  std::string open_issue(const std::string& title, const std::string& project);
  // Comments on the issue, and finds the session and task which that queued.
  Asked ask(const std::string& issue, const std::string& comment);

  Reply task(const std::string& id) { return api().get("/v1/tasks/" + id); }
  // The task's status once it is one of these; "" at the deadline.
  std::string wait_for_task(const std::string& id, const std::vector<std::string>& statuses, std::int64_t deadline_ms = kTaskDeadlineMs);
  // Types of the issue's timeline, in order.
  std::vector<std::string> timeline_types(const std::string& issue);
  // All text of the session's log lines.
  std::string activity_text(const std::string& session);

  // `dossier` with the profile, Kafka and database of this installation.
  CommandResult dossier(std::vector<std::string> arguments, const EnvironmentChanges& more = {}, std::int64_t deadline_ms = 60'000);
  static std::string program() { return std::string(DOSSIER_BINARY_DIR) + "/app/dossier"; }
  EnvironmentChanges server_environment(int number) const;
  const std::string& folder() const { return folder_.path(); }
  const std::string& prefix() const { return prefix_; }
  const std::string& database_url() const { return database_->url(); }
  const Clusters& clusters() const { return clusters_; }
  // The logs of all its programs, for a failure's message.
  std::string logs() const;

 private:
  Clusters clusters_;
  TemporaryFolder folder_;
  std::string prefix_;
  std::unique_ptr<TestDatabase> database_;
  std::map<int, std::uint16_t> ports_;
  std::map<int, std::unique_ptr<Program>> servers_;
  std::map<std::string, std::unique_ptr<Program>> workers_;
  std::unique_ptr<Api> api_;
  std::string workspace_;
  std::string worker_token_;
};

}  // namespace dossier::test
