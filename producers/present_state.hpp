// Whether a database shows at least what this process knows to be applied. The projector's commits are not fsynced: what a
// crash of PostgreSQL forgets is read again from the log, and until then no refusal may rest on it.
#pragma once

#include <cstdint>

#include "producers/state_store.hpp"
#include "producers/verdict_board.hpp"

namespace dossier::producers {

// `known`: the board's next offset, taken before the snapshot. projection_behind (transient) where the snapshot is older.
Status is_present(Snapshot& snapshot, std::int32_t partition, std::int64_t known);
// The same of every partition, in a snapshot of its own.
Status database_is_present(StateStore& store, const VerdictBoard& board);

}  // namespace dossier::producers
