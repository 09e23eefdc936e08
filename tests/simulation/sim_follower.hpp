// Somebody who follows a workspace's events, with the id of the last message in hand: whenever the server goes away it asks
// another one to go on behind it. The place in the stream is the product's (api/commit_cursor).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/commit_cursor.hpp"
#include "platform/memory/memory_database.hpp"
#include "tests/simulation/log_model.hpp"
#include "tests/simulation/sim_server.hpp"

namespace dossier::simulation {

class SimFollower {
 public:
  SimFollower(const Clock& clock, Random& random, std::shared_ptr<memory::MemoryDatabase> database, WorkspaceId workspace)
      : clock_(clock), random_(random), database_(std::move(database)), workspace_(std::move(workspace)) {}

  // Connects, or pulls what came. Empty, or what was wrong with it: skipped, repeated, or another commit than the log's.
  std::string step(const SimServer& server, const LogModel& model);
  std::int64_t due_us() const { return due_us_; }
  void wake() { due_us_ = 0; }
  void lost(const SimServer& server);
  const WorkspaceId& workspace() const { return workspace_; }
  std::uint64_t seen() const { return seen_; }

 private:
  Status connect(const memory::MemoryDatabase::View& view, std::uint64_t visible);
  std::string pull(const memory::MemoryDatabase::View& view, std::uint64_t visible, const LogModel& model);

  const Clock& clock_;
  Random& random_;
  std::shared_ptr<memory::MemoryDatabase> database_;
  const WorkspaceId workspace_;
  const SimServer* server_ = nullptr;
  std::optional<api::CommitCursor> cursor_;
  std::string last_id_ = "0-0";
  std::uint64_t seen_ = 0;
  std::int64_t due_us_ = 0;
};

}  // namespace dossier::simulation
