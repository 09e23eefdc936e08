// IntakeStore and ActivityStore on PostgreSQL: schema dossier, one round trip a call.
#pragma once

#include "platform/postgres/pool.hpp"
#include "producers/intake_store.hpp"

namespace dossier::producers {

class PostgresIntakeStore final : public IntakeStore {
 public:
  explicit PostgresIntakeStore(postgres::Pool& pool) : pool_(pool) {}
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
  postgres::Pool& pool_;
};

class PostgresActivityStore final : public ActivityStore {
 public:
  explicit PostgresActivityStore(postgres::Pool& pool) : pool_(pool) {}
  Result<IntakePosition> position(std::int32_t partition) override;
  Status append(const IntakePosition& before, const IntakePosition& after, const std::vector<ActivityBlock>& blocks) override;
  Result<std::vector<ActivityBlock>> read(const std::string& session_id, const ActivityCursor& after, std::size_t max_blocks,
                                          std::size_t max_bytes) override;
  Result<std::vector<ActivityExtent>> extents(const std::string& session_id) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace dossier::producers
