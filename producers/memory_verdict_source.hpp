// VerdictSource in memory, over the database that the projector's MemoryStore writes. For tests and the simulation.
#pragma once

#include <memory>
#include <utility>

#include "platform/memory/memory_database.hpp"
#include "producers/verdict_poller.hpp"

namespace dossier::producers {

class MemoryVerdictSource final : public VerdictSource {
 public:
  explicit MemoryVerdictSource(std::shared_ptr<memory::MemoryDatabase> database) : database_(std::move(database)) {}
  Result<Look> look(const std::vector<VerdictBoard::Wait>& waits) override;

 private:
  std::shared_ptr<memory::MemoryDatabase> database_;
};

}  // namespace dossier::producers
