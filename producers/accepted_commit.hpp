// A commit as the journal has it.
#pragma once

#include <cstdint>
#include <string_view>

#include "producers/state_store.hpp"

namespace dossier::producers {

// corrupt: the bytes are no commit though the ledger accepted them.
Result<AcceptedCommit> accepted_from(std::int32_t partition, std::int64_t offset, std::uint64_t seq, std::int64_t time_us, std::string_view value);

}  // namespace dossier::producers
