// Verdicts from the database, for what is projected by another process (or was missed): positions tell how far the
// partitions are applied, the journal what the ledger said.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "producers/verdict_board.hpp"

namespace dossier::producers {

class VerdictSource {
 public:
  virtual ~VerdictSource() = default;  // thread-safe
  struct Answer {
    std::int32_t partition = 0;
    Decided decided;
  };
  struct Look {
    std::vector<Progress> progress;  // of every partition that has a position
    std::vector<Answer> answers;     // of the waits that are applied
  };
  // One snapshot of the live generation: a wait below its partition's next_offset has an answer, though the journal may be
  // ahead (a generation that is built beside the live one writes it too). In no order. database_unavailable.
  virtual Result<Look> look(const std::vector<VerdictBoard::Wait>& waits) = 0;
};

// One owner thread.
class VerdictPoller {
 public:
  struct Options {
    std::size_t max_waits = 2'000;     // looked up in one go
    std::int64_t idle_us = 1'000'000;  // between looks while nobody waits
    std::int64_t waiting_us = 5'000;   // while somebody waits for a partition that another process projects
    std::int64_t local_us = 250'000;   // while all that wait are in partitions projected here
  };
  VerdictPoller(VerdictBoard& board, VerdictSource& source, const Clock& clock) : VerdictPoller(board, source, clock, Options{}) {}
  VerdictPoller(VerdictBoard& board, VerdictSource& source, const Clock& clock, Options options);

  // Partitions whose verdicts come from a projector in this process.
  void set_local(const std::vector<std::int32_t>& partitions);
  // Looks if it is time to. Returns the microseconds until the next look may be due.
  Result<std::int64_t> step();

 private:
  VerdictBoard& board_;
  VerdictSource& source_;
  const Clock& clock_;
  const Options options_;
  std::vector<bool> local_;
  std::int64_t looked_us_ = 0;
};

}  // namespace dossier::producers
