// Bounds of the log format. Part of the ledger's rules: a change needs a new ledger version.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dossier::events {

inline constexpr std::uint32_t kEnvelopeVersion = 1;
inline constexpr std::uint32_t kLedgerVersion = 1;
inline constexpr std::size_t kMaxCommitBytes = 900'000;
inline constexpr int kMaxCommitEvents = 500;
inline constexpr int kMaxCommitExpects = 1'000;
inline constexpr std::size_t kMaxStreamName = 200;
inline constexpr std::uint64_t kDuplicateWindow = 1u << 20;  // accepted commits of a workspace
inline constexpr int kDefaultPartitions = 12;
inline constexpr int kMaxPartitions = 1'024;

}  // namespace dossier::events
