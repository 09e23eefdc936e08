// The clock of one simulated machine: the run's time, and a wall clock of its own that somebody may set.
#pragma once

#include "base/clock.hpp"

namespace dossier::simulation {

class SimClock final : public Clock {
 public:
  explicit SimClock(const ManualClock& time) : time_(&time) {}
  std::int64_t wall_us() const override { return time_->wall_us() + ahead_us_; }
  std::int64_t boot_us() const override { return time_->boot_us(); }
  void set_ahead_us(std::int64_t by) { ahead_us_ = by; }

 private:
  const ManualClock* time_;
  std::int64_t ahead_us_ = 0;
};

}  // namespace dossier::simulation
