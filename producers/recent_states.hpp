// Folded states by which a command is decided without asking the database: what the projector of this process wrote last,
// and what commands before have read, for the partitions that this process projects. All that is known of a partition is of
// one moment, the offset up to which it is applied here.
//
// Being late is no danger to a decision: it expects the versions it relied on, so on a state that has changed it is void and
// decided again, from the database; states are believed while the position was seen to be where it is known at most trusted_us
// ago. Whom a request was let in on (StatesWanted::head_of) nothing checks afterwards, so that holds to a harder rule: a head
// is believed for trusted_us after it was read from the live generation, where no transaction of this process has begun to move
// it since, and no other process can have been given its partition (own_until).
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "events/applied.hpp"
#include "producers/state_store.hpp"

namespace dossier::producers {

// Thread-safe.
class RecentStates {
 public:
  struct Options {
    std::size_t bytes = 64 << 20;         // of names and states, in all; what is used least recently goes first
    std::int64_t trusted_us = 2'000'000;  // twice as long as an idle projector lets pass between two looks at its position
    std::size_t backlog_records = 256;    // of a batch this large only what is known already is kept up: nobody waits for the rest
  };
  RecentStates(std::int32_t partitions, const Clock& clock);
  RecentStates(std::int32_t partitions, const Clock& clock, Options options);
  ~RecentStates();

  // ---- from the projector of the live generation
  // It stands here; nothing else is known.
  void stands_at(std::int32_t partition, std::int64_t next_offset);
  void applying(std::int32_t partition, std::span<const events::HeadOfWorkspace> heads);
  void applied(const events::AppliedBatch& batch);
  void confirmed(std::int32_t partition, std::int64_t at_us);
  void forget(std::int32_t partition);
  // Until this boot time nobody else is given a partition that this process has; 0: it may happen now. Where partitions are
  // not shared out, nothing need be said.
  void own_until(std::int64_t boot_us) { owned_until_us_.store(boot_us); }

  // ---- from commands
  // All that was asked, of one moment a workspace; nullopt: ask the database. Whether a commit was accepted is not known here.
  std::optional<StatesRead> find(const StatesWanted& wanted);
  // Adds to what is to be read the positions by which learn() can tell of which moment it is.
  void ask_positions(StatesWanted& wanted) const;
  // Keeps what was read from the database, if it is of this moment. began_us: boot time before the read.
  void learn(const StatesWanted& wanted, const StatesRead& read, std::int64_t began_us);
  std::int64_t now_us() const { return clock_.boot_us(); }

  struct Metrics {
    std::atomic<std::uint64_t> found{0};
    std::atomic<std::uint64_t> not_found{0};
  };
  const Metrics& metrics() const { return metrics_; }

 private:
  class States;
  struct Partition;
  std::int32_t partition_of(const WorkspaceId& workspace) const;
  Partition& at(std::int32_t partition) const { return *partitions_[static_cast<std::size_t>(partition)]; }
  bool is_trusted(const Partition& partition) const;

  const Clock& clock_;
  const Options options_;
  const std::vector<std::unique_ptr<Partition>> partitions_;
  std::atomic<std::int64_t> owned_until_us_{std::numeric_limits<std::int64_t>::max()};
  Metrics metrics_;
};

}  // namespace dossier::producers
