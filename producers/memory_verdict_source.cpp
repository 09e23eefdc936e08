// Positions and journal, by look-ups.
#include "producers/memory_verdict_source.hpp"

#include "events/ledger.hpp"
#include "platform/memory/ledger_tables.hpp"

namespace dossier::producers {

Result<VerdictSource::Look> MemoryVerdictSource::look(const std::vector<VerdictBoard::Wait>& waits) {
  using memory::Key;
  TRY(const auto view, database_->view("read"));
  if (!view.alive()) return make_error(Code::database_unavailable, "the database crashed");
  const std::string positions = memory::in_generation(memory::live_generation(view), "positions");
  Look look;
  constexpr std::int32_t kMostPartitions = 1'000;
  for (std::int32_t partition = 0; partition < kMostPartitions; ++partition) {
    const auto row = view.find(positions, Key().int8(partition));
    if (!row) break;
    look.progress.push_back({partition, memory::number(*row, 0), static_cast<std::uint64_t>(memory::number(*row, 4)), 0});
  }
  for (const auto& wait : waits) {
    if (static_cast<std::size_t>(wait.partition) >= look.progress.size()) continue;
    if (wait.offset >= look.progress[static_cast<std::size_t>(wait.partition)].next_offset) continue;
    const auto row = view.find(memory::kJournal, Key().int8(wait.partition).int8(wait.offset));
    if (!row) continue;
    Answer answer;
    answer.partition = wait.partition;
    answer.decided.offset = wait.offset;
    answer.decided.verdict = static_cast<events::Verdict>(memory::number(*row, 0));
    answer.decided.seq = static_cast<std::uint64_t>(memory::number(*row, 2));
    answer.decided.time_us = memory::number(*row, 3);
    answer.decided.commit_id = memory::text(*row, 4);
    look.answers.push_back(std::move(answer));
  }
  return look;
}

}  // namespace dossier::producers
