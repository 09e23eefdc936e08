// The ledger: one pure, total function from the records of a partition, in order, to verdicts. Projector, replay,
// verify and simulation all judge with it. It reads envelopes and never payloads.
//
// Source of the idea: Delos (OSDI 2020) and Tango (SOSP 2013): propose, append, apply in order, answer with the result.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "dossier/v1/commit.pb.h"
#include "events/limits.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::events {

// Stored in the journal: numbers never change meaning.
enum class Verdict : std::uint8_t {
  accepted = 1,
  void_malformed = 2,  // no envelope, wrong partition, or over a limit
  void_history = 3,    // written in a history that is over
  void_duplicate = 4,  // an accepted commit with this id is among the workspace's last 2^20
  void_conflict = 5,   // an expectation does not hold
  control = 6,         // Genesis, HistoryRepaired, LedgerRuleActivated
};
std::string_view to_string(Verdict verdict) noexcept;

struct PartitionHead {
  std::int32_t partition = 0;
  std::int64_t next_offset = 0;
  crypto::Hash last_hash = crypto::kZeroHash;  // SHA-256 of the value at next_offset - 1
  std::string log_id;                          // empty before Genesis
  std::int32_t partitions = 0;
  std::uint64_t history = 0;
  std::uint32_t ledger_version = 0;
};

struct WorkspaceHead {
  std::uint64_t seq = 0;
  std::int64_t time_us = 0;                // of the last accepted commit
  crypto::Hash chain = crypto::kZeroHash;  // chain_0 where seq is 0
};

// chain_0 of a workspace: SHA-256(log id ‖ workspace ‖ ledger version).
crypto::Hash first_chain(std::string_view log_id, std::string_view workspace, std::uint32_t ledger_version);
// chain_n = SHA-256(chain_{n-1} ‖ SHA-256(record value)).
crypto::Hash next_chain(const crypto::Hash& chain, const crypto::Hash& value_hash);

// What the fold remembers per workspace. Two ways to use it: from offset 0, where what it does not know does not exist;
// or in the middle of a log, where the owner first puts in whatever needs() names. Not thread-safe.
class Book {
 public:
  struct Workspace {
    WorkspaceHead head;
    std::unordered_map<std::string, std::uint64_t> versions;  // stream → version
    std::unordered_map<std::string, std::uint64_t> accepted;  // commit id → seq
  };
  Workspace& workspace(const std::string& id) { return workspaces_[id]; }
  const Workspace* find(const std::string& id) const;
  const std::unordered_map<std::string, Workspace>& workspaces() const { return workspaces_; }
  void clear() { workspaces_.clear(); }
  void erase(const std::string& id) { workspaces_.erase(id); }

 private:
  std::unordered_map<std::string, Workspace> workspaces_;
};

struct Judgement {
  Verdict verdict = Verdict::void_malformed;
  std::uint64_t seq = 0;                // accepted: the commit's; void_duplicate: of the commit accepted first
  std::int64_t time_us = 0;             // accepted: max(previous, recorded_at)
  crypto::Hash value_hash{};            // of the record's value, always
  crypto::Hash chain{};                 // accepted: the new chain of the workspace
  std::vector<std::uint64_t> versions;  // accepted: one an event, its version in its stream
  std::string reason;                   // void: what did not hold, for people
};

// A decoded record. `record` is nullptr-like (has_body false) for bytes that are no envelope.
struct Envelope {
  bool decoded = false;
  v1::Record record;
};
Envelope decode(std::string_view value);

// What judging this record reads from the Book.
struct Needs {
  std::string workspace;  // empty: nothing
  std::string commit_id;
  std::vector<std::string> streams;  // each once
};
Needs needs(const Envelope& envelope);

// Judges the record at head.next_offset and moves head and book past it. `value` is the record's bytes as stored.
// Errors stop the reader and move nothing: log_mismatch (no Genesis first, another log), upgrade_required (an envelope or
// ledger version newer than this code). Every other input, whatever its bytes, has a verdict.
Result<Judgement> judge(PartitionHead& head, Book& book, const Envelope& envelope, std::string_view value);

}  // namespace dossier::events
