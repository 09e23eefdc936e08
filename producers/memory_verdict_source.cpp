// Positions and journal, by look-ups.
#include "producers/memory_verdict_source.hpp"

#include <map>

#include "events/ledger.hpp"
#include "platform/memory/ledger_tables.hpp"

namespace dossier::producers {

Result<VerdictSource::Look> MemoryVerdictSource::look(const std::vector<VerdictBoard::Wait>& waits) {
  using memory::Key;
  TRY(const auto view, database_->view("read"));
  if (!view.alive()) return make_error(Code::database_unavailable, "the database crashed");
  const std::string positions = memory::in_generation(memory::live_generation(view), "positions");
  Look look;
  std::map<std::int32_t, std::int64_t> next_offsets;
  view.scan(positions, Key(), [&](const rows::Row& row) {
    const auto partition = static_cast<std::int32_t>(memory::number(row, 6));
    look.progress.push_back({partition, memory::number(row, 0), static_cast<std::uint64_t>(memory::number(row, 4)), 0});
    next_offsets[partition] = memory::number(row, 0);
    return true;
  });
  for (const auto& wait : waits) {
    const auto applied = next_offsets.find(wait.partition);
    if (applied == next_offsets.end() || wait.offset >= applied->second) continue;
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
