// Ties each change of the worktree to the item that caused it: a tree after every item that may have written files, whatever
// wrote them, and one at each turn's end. Told as activity, where they are no different from the one before not at all.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "worker/activity.hpp"
#include "worker/workdir/workdir.hpp"

namespace dossier::worker {

// One a run; on the run's thread.
class RunTrees {
 public:
  // In a worktree where looking is dear, items are passed over so that it takes at most a tenth of the time; the next look shows
  // their changes together.
  static constexpr std::int64_t kShare = 10;

  RunTrees(WorkdirStore& workdirs, const Workdir& workdir, ActivityStream& activity, const Clock& clock)
      : workdirs_(workdirs), workdir_(workdir), activity_(activity), clock_(clock) {}

  void after_item(std::uint32_t turn, const std::string& item);
  void after_turn(std::uint32_t turn);

 private:
  void look(std::uint32_t turn, const std::string& item);

  WorkdirStore& workdirs_;
  const Workdir& workdir_;
  ActivityStream& activity_;
  const Clock& clock_;
  std::string tree_;  // of the last look; empty: none yet, so the branch's tip counts
  std::int64_t rest_until_us_ = 0;
  bool told_failure_ = false;
};

}  // namespace dossier::worker
