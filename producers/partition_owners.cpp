// Two calls of functions in schemas/sql/0002_partition_owners.sql.
#include "producers/partition_owners.hpp"

#include <utility>

namespace dossier::producers {

PartitionOwners::PartitionOwners(postgres::Pool& pool, std::string role, std::string process, std::int32_t partitions)
    : pool_(pool), role_(std::move(role)), process_(std::move(process)), partitions_(partitions) {}

Result<std::vector<std::int32_t>> PartitionOwners::renew() {
  TRY(const auto rows, pool_.write_one("SELECT dossier.own_partitions($1, $2, $3::bigint::integer, $4)",
                                       postgres::Params().text(role_).text(process_).int8(partitions_).int8(kTtlMs)));
  std::vector<std::int32_t> owned;
  owned.reserve(static_cast<std::size_t>(rows.size()));
  for (const auto row : rows) owned.push_back(row.int32(0));
  return owned;
}

Status PartitionOwners::leave() {
  TRY(const auto rows, pool_.write_one("SELECT dossier.leave_partitions($1, $2)::text", postgres::Params().text(role_).text(process_)));
  (void)rows;
  return {};
}

}  // namespace dossier::producers
