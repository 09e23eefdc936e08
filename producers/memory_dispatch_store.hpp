// DispatchStore in memory, over the database that the projector's MemoryStore writes. For tests and the simulation.
#pragma once

#include <memory>

#include "platform/memory/memory_database.hpp"
#include "producers/dispatch_store.hpp"

namespace dossier::producers {

class MemoryDispatchStore final : public DispatchStore {
 public:
  explicit MemoryDispatchStore(std::shared_ptr<memory::MemoryDatabase> database) : database_(std::move(database)) {}
  Result<DispatchLook> look(std::int64_t live_us, const std::vector<std::string>& pools, int per_pool) override;
  Result<std::vector<QueuedTask>> queued(const std::vector<std::string>& pools, int per_pool) override;
  Result<std::vector<ActiveTask>> active() override;
  Result<std::vector<UndeliveredDecision>> undelivered_decisions(const std::vector<TaskId>& ids) override;
  Result<std::vector<TaskDetails>> details(const std::vector<TaskId>& ids) override;
  Result<std::vector<SessionRow>> sessions(const std::vector<SessionId>& ids) override;

 private:
  std::shared_ptr<memory::MemoryDatabase> database_;
};

}  // namespace dossier::producers
