// Where the stores in memory keep what they share: the projector's store writes these tables, the write path's reads them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "platform/memory/memory_database.hpp"

namespace dossier::memory {

inline constexpr std::int64_t kFirstGeneration = 1;

// live: key () → {number}. Absent: kFirstGeneration.
inline constexpr std::string_view kLive = "live";
// journal: key (partition, offset) → {verdict, workspace, seq, time_us, commit_id, chain, append_time_us, value}
inline constexpr std::string_view kJournal = "journal";
// journal_commits: key (workspace, commit_id, seq) → {seq, partition, offset}, accepted ones
inline constexpr std::string_view kJournalCommits = "journal_commits";
// ~liveness: key (workspace, worker) → {workspace, worker, boot, last_report_time_us, partition, Heartbeat bytes}
inline constexpr std::string_view kLiveness = "~liveness";
// intake_positions: key (partition) → {next_offset, last_hash, last_append_time_us}
inline constexpr std::string_view kIntakePositions = "intake_positions";

// Tables of a generation:
// positions: key (partition) → {next_offset, last_hash, log_id, partitions, history, ledger_version, partition}
// heads: key (workspace) → {workspace, seq, time_us, chain}
// streams: key (stream, workspace) → {workspace, stream, version, state, needs_newer_code}
// and each read model's under its own name, key (rows::key_of) → its columns.
inline std::string in_generation(std::int64_t generation, std::string_view table) {
  return "g" + std::to_string(generation) + "." + std::string(table);
}

// Broker time of the last report that was read from the partition; 0: none was.
inline std::int64_t reports_read_until_us(const MemoryDatabase::View& view, std::int64_t partition) {
  const auto row = view.find(kIntakePositions, Key().int8(partition));
  return row ? std::get<std::int64_t>(row->at(2)) : 0;
}

inline std::int64_t live_generation(const MemoryDatabase::View& view) {
  const auto row = view.find(kLive, Key());
  return row ? std::get<std::int64_t>(row->at(0)) : kFirstGeneration;
}
inline Status set_live_generation(MemoryDatabase& database, std::int64_t number) {
  return database.commit("switch", true, [&](MemoryDatabase::Edit& edit) -> Status {
    edit.put(kLive, Key(), rows::Row{number});
    return {};
  });
}

inline std::int64_t number(const rows::Row& row, std::size_t column) { return std::get<std::int64_t>(row.at(column)); }
inline const std::string& text(const rows::Row& row, std::size_t column) { return std::get<std::string>(row.at(column)); }
inline bool flag(const rows::Row& row, std::size_t column) { return std::get<bool>(row.at(column)); }

}  // namespace dossier::memory
