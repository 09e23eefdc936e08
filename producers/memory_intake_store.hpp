// IntakeStore and ActivityStore in memory, over the database that the other stores share.
#pragma once

#include <memory>

#include "platform/memory/memory_database.hpp"
#include "producers/intake_store.hpp"

namespace dossier::producers {

class MemoryIntakeStore final : public IntakeStore {
 public:
  explicit MemoryIntakeStore(std::shared_ptr<memory::MemoryDatabase> database) : database_(std::move(database)) {}
  Result<IntakePosition> position(std::int32_t partition) override;
  Status save(const IntakePosition& before, const IntakePosition& after, const std::vector<LivenessRow>& liveness,
              const std::vector<AcceptedThroughRow>& accepted) override;
  Status save_liveness(const std::vector<LivenessRow>& liveness) override;
  Result<std::uint64_t> accepted_through(const WorkerId& worker, const std::string& boot_id) override;
  Result<std::vector<AcceptedThroughRow>> accepted_through_all() override;
  Result<std::vector<LivenessRow>> liveness(const WorkspaceId& workspace) override;
  Result<std::vector<LivenessRow>> liveness_all() override;
  Result<std::optional<LivenessRow>> liveness_of(const WorkerId& worker) override;

 private:
  std::shared_ptr<memory::MemoryDatabase> database_;
};

class MemoryActivityStore final : public ActivityStore {
 public:
  explicit MemoryActivityStore(std::shared_ptr<memory::MemoryDatabase> database) : database_(std::move(database)) {}
  Result<IntakePosition> position(std::int32_t partition) override;
  Status append(const IntakePosition& before, const IntakePosition& after, const std::vector<ActivityBlock>& blocks) override;
  Result<std::vector<ActivityBlock>> read(const std::string& session_id, const ActivityCursor& after, std::size_t max_blocks,
                                          std::size_t max_bytes) override;
  Result<std::vector<ActivityExtent>> extents(const std::string& session_id) override;

 private:
  std::shared_ptr<memory::MemoryDatabase> database_;
};

}  // namespace dossier::producers
