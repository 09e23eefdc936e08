// What one task may use, and what it has used. Pure: observations in, a LimitReached out, once for each limit of a turn's
// run; who observes is in resource_watch.hpp and output_file.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dossier::worker::limits {

enum class Limit : std::uint8_t { wall_time, output_bytes, processes, disk };
inline constexpr std::size_t kLimitCount = 4;
std::string_view to_string(Limit limit) noexcept;  // as LimitReached.limit

struct TaskLimits {
  std::uint64_t wall_time_ms = 3'600'000;              // of a turn, without the time that approvals were open
  std::uint64_t output_bytes = 64u << 20;              // of what the agent says; the rest is kept as a blob
  std::uint64_t processes = 1'000;                     // alive at a time
  std::uint64_t disk_bytes = std::uint64_t{20} << 30;  // of worktree and home together, on disk

  std::uint64_t of(Limit limit) const;
};
// The worker's limits, lowered to those of an agent's profile; 0 there: the worker's. A profile never raises one.
TaskLimits lowered(TaskLimits worker, const TaskLimits& profile);

// What happens at a limit, as LimitReached.action.
enum class Action : std::uint8_t { stopped, kept_as_blob };
std::string_view to_string(Action action) noexcept;
Action action_at(Limit limit) noexcept;

struct Reached {
  Limit limit = Limit::wall_time;
  std::uint64_t allowed = 0;   // ms, bytes or processes
  std::uint64_t observed = 0;  // the first value above it
  Action action = Action::stopped;
};

// One sentence for people: "1204 processes run, 1000 are allowed".
std::string describe(const Reached& reached);

class Account {
 public:
  explicit Account(const TaskLimits& limits) : limits_(limits) {}

  // What was seen just now, in the limit's unit. A value: the limit was reached by it, and had not been before.
  std::optional<Reached> observe(Limit limit, std::uint64_t value);
  // Some more output.
  std::optional<Reached> add_output(std::uint64_t bytes);

  bool is_reached(Limit limit) const { return reached_[static_cast<std::size_t>(limit)]; }
  // A limit that ends the run was reached; the first of them.
  std::optional<Limit> stopped_by() const { return stopped_by_; }
  std::uint64_t output_bytes() const { return output_bytes_; }
  const TaskLimits& limits() const { return limits_; }

 private:
  TaskLimits limits_;
  std::uint64_t output_bytes_ = 0;
  std::array<bool, kLimitCount> reached_{};
  std::optional<Limit> stopped_by_;
};

}  // namespace dossier::worker::limits
