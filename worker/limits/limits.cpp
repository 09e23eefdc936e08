// Comparing and remembering.
#include "worker/limits/limits.hpp"

#include <algorithm>

namespace dossier::worker::limits {

std::string_view to_string(Limit limit) noexcept {
  switch (limit) {
    case Limit::wall_time: return "wall_time";
    case Limit::output_bytes: return "output_bytes";
    case Limit::processes: return "processes";
    case Limit::disk: return "disk";
  }
  return "";
}

std::string_view to_string(Action action) noexcept {
  switch (action) {
    case Action::stopped: return "stopped";
    case Action::kept_as_blob: return "kept_as_blob";
  }
  return "";
}

Action action_at(Limit limit) noexcept { return limit == Limit::output_bytes ? Action::kept_as_blob : Action::stopped; }

std::string describe(const Reached& reached) {
  const std::string observed = std::to_string(reached.observed), allowed = std::to_string(reached.allowed) + " are allowed";
  switch (reached.limit) {
    case Limit::wall_time: return "the turn took " + observed + " ms, " + allowed;
    case Limit::output_bytes: return "the agent said " + observed + " bytes, " + allowed + " in the log; the rest is kept as a file of evidence";
    case Limit::processes: return observed + " processes run, " + allowed;
    case Limit::disk: return "worktree and home take " + observed + " bytes on disk, " + allowed;
  }
  return "";
}

std::uint64_t TaskLimits::of(Limit limit) const {
  switch (limit) {
    case Limit::wall_time: return wall_time_ms;
    case Limit::output_bytes: return output_bytes;
    case Limit::processes: return processes;
    case Limit::disk: return disk_bytes;
  }
  return 0;
}

TaskLimits lowered(TaskLimits worker, const TaskLimits& profile) {
  const auto lower = [](std::uint64_t& value, std::uint64_t asked) {
    if (asked != 0) value = std::min(value, asked);
  };
  lower(worker.wall_time_ms, profile.wall_time_ms);
  lower(worker.output_bytes, profile.output_bytes);
  lower(worker.processes, profile.processes);
  lower(worker.disk_bytes, profile.disk_bytes);
  return worker;
}

std::optional<Reached> Account::observe(Limit limit, std::uint64_t value) {
  bool& reached = reached_[static_cast<std::size_t>(limit)];
  if (reached || value <= limits_.of(limit)) return std::nullopt;
  reached = true;
  const Action action = action_at(limit);
  if (action == Action::stopped && !stopped_by_) stopped_by_ = limit;
  return Reached{limit, limits_.of(limit), value, action};
}

std::optional<Reached> Account::add_output(std::uint64_t bytes) {
  output_bytes_ += bytes;
  return observe(Limit::output_bytes, output_bytes_);
}

}  // namespace dossier::worker::limits
