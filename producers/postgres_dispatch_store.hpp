// DispatchStore on PostgreSQL: the read model of tasks, folded states of workers, and liveness. Thread-safe.
#pragma once

#include "platform/postgres/pool.hpp"
#include "producers/dispatch_store.hpp"

namespace dossier::producers {

class PostgresDispatchStore final : public DispatchStore {
 public:
  // The pool outlives this.
  explicit PostgresDispatchStore(postgres::Pool& pool) : pool_(pool) {}
  Result<DispatchLook> look(std::int64_t live_us, const std::vector<std::string>& pools, int per_pool) override;
  Result<std::vector<QueuedTask>> queued(const std::vector<std::string>& pools, int per_pool) override;
  Result<std::vector<ActiveTask>> active() override;
  Result<std::vector<UndeliveredDecision>> undelivered_decisions(const std::vector<TaskId>& ids) override;
  Result<std::vector<TaskDetails>> details(const std::vector<TaskId>& ids) override;
  Result<std::vector<SessionRow>> sessions(const std::vector<SessionId>& ids) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace dossier::producers
