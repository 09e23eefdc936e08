// Where the write path waits for verdicts, holding no thread. A writer that got its record's offset leaves a callback
// here; whoever learns that the partition is applied past that offset (the projector in this process, after its
// transaction; or VerdictPoller, from the database) brings the verdicts, and the callbacks run.
//
// The answer goes by (partition, offset), never by id alone: a commit with the same id may stand in the log twice. And never by
// the offset alone: a log that lost its tail gives offsets again which were applied before.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "events/ledger.hpp"

namespace dossier::producers {

// What the ledger said about one record.
struct Decided {
  std::int64_t offset = 0;
  events::Verdict verdict = events::Verdict::void_malformed;
  std::uint64_t seq = 0;                // accepted: its own; void_duplicate: of the commit accepted first
  std::int64_t time_us = 0;             // accepted
  std::vector<std::uint64_t> versions;  // accepted, one an event; empty where the source does not know them
  std::string commit_id{};              // of the record that was applied there; empty where the source does not know it
};

// How far a partition is applied.
struct Progress {
  std::int32_t partition = 0;
  std::int64_t next_offset = 0;
  std::uint64_t history = 0;  // 0: not known (before Genesis)
  std::int64_t lag_us = 0;    // age of the oldest record that is in the log and not applied, as far as the source knows
};

// Thread-safe. Callbacks run on the thread that brings the verdict (or inside await(), if it is here already), with no
// lock held; they must be short and must not block.
class VerdictBoard {
 public:
  struct Options {
    // Verdicts kept per partition for writers whose acknowledgement comes after the projector was done with the record.
    std::size_t recent = 8192;
    std::size_t max_waits = 65'536;
    std::int64_t behind_us = 10'000'000;  // a partition this far behind refuses commands
  };
  using Done = std::function<void(const Decided&)>;
  struct Ticket {
    std::int32_t partition = 0;
    std::uint64_t id = 0;  // 0: nothing waits (it was answered inside await())
    std::int64_t offset = 0;
  };

  VerdictBoard(std::int32_t partitions, const Clock& clock);
  VerdictBoard(std::int32_t partitions, const Clock& clock, Options options);

  // Before a command decides: partition_halted, projection_behind, or success. Behind by what it acknowledged itself, it lets a
  // command through once every behind_us all the same: where the log lost its tail, what it waits for never comes, and an
  // acknowledgement at an earlier offset says so.
  Status ready(std::int32_t partition) const;
  // Calls `done` once, unless cancelled first. overloaded: max_waits are waiting already, `done` will not be called.
  Result<Ticket> await(std::int32_t partition, std::int64_t offset, Done done);
  // True: the wait was there and its callback will not run. False: it ran or runs now.
  bool cancel(const Ticket& ticket);

  // From the source of verdicts, after its transaction is committed and visible. `decided` in offset order, without gaps.
  void applied(const Progress& progress, std::vector<Decided> decided);
  // A source that knows the position only (another process projects): marks progress, answers nobody.
  void progressed(const Progress& progress);
  void halted(std::int32_t partition, std::string reason);
  void resumed(std::int32_t partition);

  // Waits at offsets which are applied already and whose verdict is not among the recent ones, or which nobody in this
  // process projects: a poller looks them up. At most `limit`, oldest offsets first.
  struct Wait {
    std::int32_t partition;
    std::int64_t offset;
  };
  std::vector<Wait> unanswered(std::size_t limit) const;
  // Answers every wait at this offset.
  void answer(std::int32_t partition, const Decided& decided);

  // A moment ago (kLosersUs) a record that nobody here waits for was void by conflict: a writer in another process loses
  // against somebody. Known only where the partition is projected in this process.
  bool others_lose(std::int32_t partition) const;
  static constexpr std::int64_t kLosersUs = 50'000;

  std::uint64_t history(std::int32_t partition) const;     // 0: not known yet
  std::int64_t next_offset(std::int32_t partition) const;  // applied up to here
  std::size_t waiting() const;
  std::int32_t partitions() const { return static_cast<std::int32_t>(partitions_.size()); }

 private:
  struct Waiter {
    std::uint64_t id;
    Done done;
  };
  struct Partition {
    std::int64_t next_offset = 0;
    std::uint64_t history = 0;
    std::int64_t lag_us = 0;
    bool is_halted = false;
    std::string halt_reason;
    std::int64_t others_lost_us = 0;                                 // boot time; 0: never
    std::deque<Decided> recent;                                      // contiguous offsets, ends at next_offset - 1
    std::multimap<std::int64_t, Waiter> waits;                       // by offset
    std::deque<std::pair<std::int64_t, std::int64_t>> acknowledged;  // (offset, boot time), both rising: samples for `behind`
    mutable std::int64_t let_through_us = 0;                         // boot time; 0: never
  };
  static void begin_history(Partition& partition, const Progress& progress);
  static void advance(Partition& partition, const Progress& progress);

  const Clock& clock_;
  const Options options_;
  mutable std::mutex mutex_;
  std::vector<Partition> partitions_;
  std::uint64_t next_id_ = 1;
  std::size_t waiting_ = 0;
};

}  // namespace dossier::producers
