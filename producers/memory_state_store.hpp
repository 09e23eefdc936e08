// StateStore in memory, over the database that the projector's MemoryStore writes.
#pragma once

#include <memory>

#include "platform/memory/memory_database.hpp"
#include "producers/state_store.hpp"

namespace dossier::producers {

class MemoryStateStore final : public StateStore {
 public:
  explicit MemoryStateStore(std::shared_ptr<memory::MemoryDatabase> database) : database_(std::move(database)) {}
  Result<std::vector<StatesRead>> read(std::span<const StatesWanted> wanted) override;
  Result<std::unique_ptr<Snapshot>> snapshot() override;

 private:
  std::shared_ptr<memory::MemoryDatabase> database_;
};

}  // namespace dossier::producers
