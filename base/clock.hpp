// Time as a port. Nothing pure reads a clock; what needs time takes it as an argument or holds this.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/check.hpp"

namespace dossier {

// Thread-safe. wall_us: microseconds since the epoch, UTC, may jump. boot_us: positive, never goes back, and counts
// suspend (CLOCK_BOOTTIME), for leases and deadlines.
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

// For tests and the simulation: moves only when told.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t wall_us = 1'800'000'000'000'000) : wall_us_(wall_us) {}
  std::int64_t wall_us() const override { return wall_us_.load(); }
  std::int64_t boot_us() const override { return boot_us_.load(); }
  void advance_us(std::int64_t by_us) {
    CHECK(by_us >= 0);
    wall_us_.fetch_add(by_us);
    boot_us_.fetch_add(by_us);
  }
  void jump_wall_us(std::int64_t by_us) { wall_us_.fetch_add(by_us); }

 private:
  std::atomic<std::int64_t> wall_us_;
  std::atomic<std::int64_t> boot_us_{1'000'000};
};

}  // namespace dossier
