// StateStore on PostgreSQL: a snapshot is a read transaction of the live generation, begun by its first question.
#pragma once

#include <memory>

#include "platform/postgres/pool.hpp"
#include "producers/state_store.hpp"

namespace dossier::producers {

class PostgresStateStore final : public StateStore {
 public:
  explicit PostgresStateStore(postgres::Pool& pool) : pool_(pool) {}
  Result<std::vector<StatesRead>> read(std::span<const StatesWanted> wanted) override;
  Result<std::unique_ptr<Snapshot>> snapshot() override;

 private:
  postgres::Pool& pool_;
};

}  // namespace dossier::producers
