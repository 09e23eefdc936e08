// What the end-to-end tests start from: an installation with a server, workers, a project, and two agents: @editor ends
// at once, @waiter works until the test opens its gate.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/eventually.hpp"
#include "tests/support/installation.hpp"

namespace dossier::test {

class EndToEnd : public ::testing::Test {
 protected:
  // A server and workers w1, w2, …
  void begin(int workers, Clusters clusters = Clusters::shared()) {
    installation_ = std::make_unique<Installation>(std::move(clusters));
    copy_agents();
    installation_->start_server();
    installation_->bootstrap();
    for (int number = 1; number <= workers; ++number) installation_->start_worker("w" + std::to_string(number));
    project_ = installation_->make_project("demo");
    gate_folder_ = installation_->folder() + "/gates";
    // Agents may run as an account of their own, which has to leave its process id here.
    ::mkdir(gate_folder_.c_str(), 0777);
    ::chmod(gate_folder_.c_str(), 0777);
    installation_->make_agent({.name = "editor", .command = {"/bin/sh", agents_folder() + "/edit.sh"}});
    installation_->make_agent({.name = "waiter", .command = {"/bin/sh", agents_folder() + "/gated.sh", gate()}});
  }

  void TearDown() override {
    if (HasFailure() && installation_ != nullptr) std::cerr << installation_->logs();
    installation_.reset();
    own_clusters_.reset();
  }
  // Clusters of this test's own, which it may break; they outlive the installation on them.
  OwnClusters& own_clusters() {
    if (own_clusters_ == nullptr) own_clusters_ = std::make_unique<OwnClusters>();
    return *own_clusters_;
  }

  std::string agents_folder() const { return installation_->folder() + "/agents"; }
  // The checkout may lie where the agents' account can't read.
  void copy_agents() const {
    const auto copied = run_command(
        {"/bin/sh", "-c", "cp -R \"$0\" \"$1\" && chmod -R a+rX \"$1\"", std::string(DOSSIER_SOURCE_DIR) + "/tests/e2e/agents", agents_folder()}, {},
        installation_->folder());
    ASSERT_EQ(copied.exit_code, 0) << copied.err;
  }

  Installation& at() { return *installation_; }
  Api& api() { return installation_->api(); }
  std::string gate() const { return gate_folder_ + "/open"; }
  void open_gate() const { std::ofstream(gate()) << "open\n"; }

  // Process ids of the runs of @waiter that wait now or waited.
  std::vector<pid_t> waiters() const {
    std::ifstream file(gate() + ".pids");
    std::vector<pid_t> out;
    for (pid_t pid = 0; file >> pid;) out.push_back(pid);
    return out;
  }
  bool wait_for_waiters(std::size_t count, std::int64_t deadline_ms = 90'000) const {
    return eventually(deadline_ms, [&] { return waiters().size() >= count; });
  }
  static bool process_lives(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(stat, line)) return false;
    return line.at(line.rfind(')') + 2) != 'Z';
  }

  // An issue, and the comment that asks the agent.
  Asked ask(const std::string& agent, const std::string& title = "Change the readme") {
    return at().ask(at().open_issue(title, project_), "@" + agent + " please");
  }

  // The lines of a session have a way of their own: they may be there a moment after its task is completed.
  bool told(const Asked& asked, const std::string& line, std::int64_t deadline_ms = 10'000) {
    const bool found = eventually(deadline_ms, [&] { return at().activity_text(asked.session).find(line) != std::string::npos; });
    if (!found) std::cerr << at().activity_text(asked.session) << "\n";
    return found;
  }

  std::string worker_of(const Asked& asked) { return at().task(asked.task).text("worker_id"); }
  // "w1" of its id.
  std::string worker_name(const std::string& id) {
    for (const auto& worker : api().get(at().in_workspace("/workers")).items())
      if (worker.text("id") == id) return worker.text("name");
    return {};
  }

  static std::size_t count(const std::vector<std::string>& types, const std::string& type) {
    return static_cast<std::size_t>(std::count(types.begin(), types.end(), type));
  }

  std::unique_ptr<OwnClusters> own_clusters_;
  std::unique_ptr<Installation> installation_;
  std::string project_;
  std::string gate_folder_;
};

}  // namespace dossier::test
