// Which queued task goes to which worker now. Pure: a view in, pairs out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dossier/v1/payload.pb.h"
#include "producers/dispatch_store.hpp"

namespace dossier::producers {

struct Candidate {
  const QueuedTask* task = nullptr;
  const v1::TaskQueued* details = nullptr;
  WorkerId home = {};  // has the agent's session; empty: none
  bool waits = false;  // for a slot of it, where it has none free
};
struct Seat {
  const LiveWorker* worker = nullptr;
  std::uint32_t free = 0;  // slots that nothing is offered to or runs in
};
struct Match {
  const QueuedTask* task = nullptr;
  const LiveWorker* worker = nullptr;
};

// True where this worker may take the task: same pool, not draining, every required capability offered with the same
// value. A required "mode" is met by the worker's mode.
bool fits(const LiveWorker& worker, const QueuedTask& task, const v1::TaskQueued& details);

// Tasks go by priority; among equals the workspace with the fewest tasks at work is served first (`at_work`, counted on
// while matching), then the oldest. A task goes to its home where that has a free slot, and to nobody while it waits for
// one. Of the workers that fit, one that has the task's affinity cached wins, then the one
// with the most free slots, then the lowest id. Each task and each free slot is used at most once.
std::vector<Match> match(const std::vector<Candidate>& tasks, const std::vector<Seat>& workers, std::map<std::string, std::uint32_t> at_work,
                         std::size_t max_matches);

}  // namespace dossier::producers
