// From the projector's words to the write path's.
#include "producers/applied_voice.hpp"

#include <utility>
#include <vector>

namespace dossier::producers {

void AppliedVoice::applying(std::int32_t partition, std::span<const events::HeadOfWorkspace> heads) { recent_.applying(partition, heads); }

void AppliedVoice::applied(const events::AppliedBatch& batch) {
  recent_.applied(batch);
  std::vector<Decided> decided;
  decided.reserve(batch.records.size());
  for (const auto& record : batch.records)
    decided.push_back({record.offset, record.verdict, record.seq, record.time_us, record.versions, record.commit_id});
  board_.applied({batch.partition, batch.next_offset, batch.history, batch.lag_us}, std::move(decided));
  on_applied_(batch.partition, batch.dispatch);
}

void AppliedVoice::attached(std::int32_t partition, std::int64_t next_offset, std::uint64_t history) {
  recent_.stands_at(partition, next_offset);
  board_.resumed(partition);
  board_.progressed({partition, next_offset, history, 0});
  on_applied_(partition, events::DispatchNeed::now);
}

void AppliedVoice::caught_up(std::int32_t partition, std::int64_t next_offset, std::uint64_t history) {
  board_.progressed({partition, next_offset, history, 0});
}

void AppliedVoice::confirmed(std::int32_t partition, std::int64_t at_us) { recent_.confirmed(partition, at_us); }

void AppliedVoice::detached(std::int32_t partition) { recent_.forget(partition); }

void AppliedVoice::halted(std::int32_t partition, const std::string& reason) {
  recent_.forget(partition);
  board_.halted(partition, reason);
}

void AppliedVoice::resumed(std::int32_t partition) { board_.resumed(partition); }

}  // namespace dossier::producers
