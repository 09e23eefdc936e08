// Shares partitions out among the processes of a role, through the database: every process says every second that it is
// alive and is told what it owns. A process that stops saying so loses its partitions after kTtlMs. Nothing relies on it
// for correctness: two owners of one partition find out by its position.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "platform/postgres/pool.hpp"

namespace dossier::producers {

// One thread per object.
class PartitionOwners {
 public:
  static constexpr std::int64_t kTtlMs = 5'000;
  static constexpr std::int64_t kRenewUs = 1'000'000;

  // `process`: unique among all processes that ever run.
  PartitionOwners(postgres::Pool& pool, std::string role, std::string process, std::int32_t partitions);
  // The partitions that this process owns now. database_unavailable: nobody knows; go on with what there was.
  Result<std::vector<std::int32_t>> renew();
  // Gives all of them up.
  Status leave();

 private:
  postgres::Pool& pool_;
  const std::string role_;
  const std::string process_;
  const std::int32_t partitions_;
};

}  // namespace dossier::producers
