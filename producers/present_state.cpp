// What is applied there, held against what is known here.
#include "producers/present_state.hpp"

#include <string>
#include <vector>

namespace dossier::producers {

Status is_present(Snapshot& snapshot, std::int32_t partition, std::int64_t known) {
  TRY(const std::int64_t applied, snapshot.applied_to(partition));
  if (applied >= known) return {};
  Error error =
      make_error(Code::projection_behind, "the database forgot its last commits in a crash and reads them again: partition " +
                                              std::to_string(partition) + " stands at " + std::to_string(applied) + " of " + std::to_string(known));
  error.retry_after_ms = 200;
  return error;
}

Status database_is_present(StateStore& store, const VerdictBoard& board) {
  std::vector<std::int64_t> known;  // before the snapshot, which is at least as new then
  known.reserve(static_cast<std::size_t>(board.partitions()));
  for (std::int32_t partition = 0; partition < board.partitions(); ++partition) known.push_back(board.next_offset(partition));
  TRY(const std::unique_ptr<Snapshot> snapshot, store.snapshot());
  for (std::int32_t partition = 0; partition < board.partitions(); ++partition)
    TRY_STATUS(is_present(*snapshot, partition, known[static_cast<std::size_t>(partition)]));
  return {};
}

}  // namespace dossier::producers
