// The projector: reads the partitions it was given, judges and projects their records, and writes them exactly once.
//
// step() does one bounded unit of work on the caller's thread; there are no others. Everything else may be called from
// any thread. Losing a partition is safe at any time: whoever applies a batch moves the position first, and a projector
// that finds it moved writes nothing, forgets what it knows, and reads the position again after a pause.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "projections/partition.hpp"

namespace dossier::projections {

struct ProjectorOptions {
  ExpectedLog log;
  MemoryLimits memory;  // of each partition
  std::size_t poll_records = kMaxBatchRecords;
  std::size_t poll_bytes = 8u << 20;
  std::int64_t linger_us = 5'000;             // in a backlog; live records are applied as soon as they are there
  std::int64_t log_end_every_us = 5'000'000;  // how often the end of the log is asked for while behind it
  std::int64_t check_every_us = 1'000'000;    // how often the stored position of an idle partition is looked at
};

class Projector {
 public:
  // The reader is used by step() alone. `models` is registry() but for tests; all must outlive the projector.
  Projector(ProjectorOptions options, topic::Reader& reader, ProjectionStore& store, const std::vector<Projection>& models, const Clock& clock,
            events::AppliedListener* listener = nullptr);

  // Replaces the set of owned partitions, from the next step on. Lost ones are forgotten, also if they were halted.
  void assign(std::vector<std::int32_t> partitions);
  // Tries a halted partition again.
  void resume(std::int32_t partition);

  struct Step {
    bool progressed = false;       // records were applied or a partition was attached: step again at once
    std::int64_t next_due_us = 0;  // not 0: nothing is being read; step again at this boot time
  };
  // Waits for records at most wait_ms, and only where there is a log to read and nothing else to do.
  Step step(std::int64_t wait_ms);

  ProjectorStats stats() const;

 private:
  void take_orders();
  bool attach_due();
  bool assign_reader();
  void poll(std::int64_t wait_ms);
  void look_at_log_ends();
  void look_at_idle_positions();
  bool apply_waiting();
  std::int64_t next_due() const;
  void publish_stats();

  const ProjectorOptions options_;
  topic::Reader& reader_;
  ProjectionStore& store_;
  const std::vector<Projection>& models_;
  const Clock& clock_;
  events::AppliedListener* const listener_;

  // Of the stepping thread.
  std::map<std::int32_t, std::unique_ptr<Partition>> partitions_;
  std::set<std::int32_t> reading_;  // partitions the reader is assigned
  bool reassign_ = false;
  bool backlog_ = false;  // the last poll was a large one
  std::int64_t log_ends_due_us_ = 0;
  std::int64_t positions_due_us_ = 0;
  ProjectorStats totals_;

  mutable std::mutex mutex_;  // guards what follows
  bool has_orders_ = false;
  std::set<std::int32_t> wanted_;
  std::set<std::int32_t> resumed_;
  ProjectorStats published_;
};

}  // namespace dossier::projections
