// Records that a log lost are kept in the database as evidence; each HistoryRepaired in the log names them by their hash.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "dossier/v1/commit.pb.h"
#include "platform/postgres/pool.hpp"

namespace dossier::replay {

// What is wrong with the kept records of the repair at this offset; nullopt: they are those that it names.
Result<std::optional<std::string>> check_lost_evidence(postgres::ReadTransaction& snapshot, std::int32_t partition, std::int64_t repaired_offset,
                                                       const v1::HistoryRepaired& repaired);

}  // namespace dossier::replay
