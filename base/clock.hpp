// Time as a port. Nothing pure reads a clock; what needs time takes it as an argument or holds this.
#pragma once

#include <cstdint>

namespace dossier {

// Thread-safe. wall_us: microseconds since the epoch, UTC, may jump. boot_us: never goes back, and counts suspend
// (CLOCK_BOOTTIME), for leases and deadlines.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t wall_us() const = 0;
  virtual std::int64_t boot_us() const = 0;
};

class SystemClock final : public Clock {
 public:
  std::int64_t wall_us() const override;
  std::int64_t boot_us() const override;
};

// For tests and the simulation: moves only when told. Not thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t wall_us = 1'800'000'000'000'000) : wall_us_(wall_us) {}
  std::int64_t wall_us() const override { return wall_us_; }
  std::int64_t boot_us() const override { return boot_us_; }
  void advance_us(std::int64_t by) { wall_us_ += by; boot_us_ += by; }
  void jump_wall_us(std::int64_t by) { wall_us_ += by; }

 private:
  std::int64_t wall_us_;
  std::int64_t boot_us_ = 1'000'000;
};

}  // namespace dossier
