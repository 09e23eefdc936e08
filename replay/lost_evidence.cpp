// Hashing what is kept.
#include "replay/lost_evidence.hpp"

#include "platform/crypto/crypto.hpp"

namespace dossier::replay {
namespace {

constexpr std::int64_t kRecordsAtOnce = 1'000;
constexpr std::string_view kLostSql = R"sql(
SELECT l."offset", l.value FROM dossier.repairs r JOIN dossier.lost_records l ON l.repair = r.number
 WHERE r.partition = $1 AND r.repaired_offset = $2 AND l."offset" > $3 ORDER BY l."offset" LIMIT $4
)sql";

}  // namespace

Result<std::optional<std::string>> check_lost_evidence(postgres::ReadTransaction& snapshot, std::int32_t partition, std::int64_t repaired_offset,
                                                       const v1::HistoryRepaired& repaired) {
  crypto::Sha256 hash;
  std::int64_t next = repaired.cut_offset();
  for (bool more = true; more;) {
    postgres::Params params;
    params.int8(partition).int8(repaired_offset).int8(next - 1).int8(kRecordsAtOnce);
    TRY(const auto rows, snapshot.query(kLostSql, params));
    for (const auto row : rows) {
      if (row.int64(0) != next) return std::optional<std::string>("the lost record of offset " + std::to_string(next) + " is not kept");
      hash.update(crypto::view(crypto::sha256(row.bytes(1))));
      ++next;
    }
    more = rows.size() == kRecordsAtOnce;
  }
  if (crypto::view(hash.finish()) == repaired.lost_suffix_sha256()) return std::optional<std::string>();
  return std::optional<std::string>("the " + std::to_string(next - repaired.cut_offset()) +
                                    " lost records which are kept are not those that it names by their hash");
}

}  // namespace dossier::replay
