// What keeps a process in step with the others: which partitions it owns, verdicts of partitions that others project,
// word of their commits, and the check of the log until it succeeded. Two threads.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/server/core.hpp"
#include "app/server/intake_role.hpp"
#include "app/server/loop.hpp"
#include "app/server/projector_role.hpp"
#include "platform/postgres/listener.hpp"
#include "producers/partition_owners.hpp"
#include "producers/postgres_verdict_source.hpp"
#include "producers/verdict_poller.hpp"

namespace dossier::app {

class Upkeep {
 public:
  // Roles that this process does not have are nullptr. `on_applied`: another process made commits of this partition visible.
  // `on_fatal`: the log is not the one of the database.
  Upkeep(Core& core, ProjectorRole* projector, IntakeRole* intake, std::function<void(std::int32_t)> on_applied,
         std::function<void(const Error&)> on_fatal);

  void start();
  void stop();   // the threads
  void leave();  // gives the partitions up, once nothing reads them any more

 private:
  Result<std::int64_t> step();
  Status renew();
  Result<std::int64_t> listen();

  Core& core_;
  ProjectorRole* const projector_;
  IntakeRole* const intake_;
  const std::function<void(std::int32_t)> on_applied_;
  const std::function<void(const Error&)> on_fatal_;
  producers::PartitionOwners projector_owners_;
  producers::PartitionOwners intake_owners_;
  producers::PostgresVerdictSource verdicts_;
  producers::VerdictPoller poller_;
  std::int64_t renewed_us_ = 0;
  std::int64_t verify_due_us_ = 0;
  std::atomic<bool> all_local_{false};
  std::unique_ptr<postgres::Listener> listener_;  // of the listening thread; only while others project something
  Loop loop_;
  Loop listen_loop_;
};

}  // namespace dossier::app
