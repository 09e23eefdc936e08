// A latency histogram with fixed, roughly logarithmic buckets in microseconds; counts are atomic and only grow.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace dossier {

// Thread-safe.
class Histogram {
 public:
  // Upper bounds (inclusive) of all buckets but the last, which has none.
  static constexpr std::array<std::int64_t, 20> kBounds = {100,     250,     500,       1'000,     2'000,     3'000,     4'000,
                                                           6'000,   8'000,   12'000,    16'000,    25'000,    50'000,    100'000,
                                                           250'000, 500'000, 1'000'000, 2'000'000, 5'000'000, 10'000'000};
  void observe(std::int64_t us) noexcept {
    std::size_t i = 0;
    while (i < kBounds.size() && us > kBounds[i]) ++i;
    counts_[i].fetch_add(1, std::memory_order_relaxed);
    sum_us_.fetch_add(us, std::memory_order_relaxed);
  }
  // Of bucket i alone (not cumulative), i in [0, kBounds.size()].
  std::uint64_t count(std::size_t i) const noexcept { return counts_[i].load(std::memory_order_relaxed); }
  std::uint64_t total() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& count : counts_) sum += count.load(std::memory_order_relaxed);
    return sum;
  }
  std::int64_t sum_us() const noexcept { return sum_us_.load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> counts_{};
  std::atomic<std::int64_t> sum_us_{0};
};

}  // namespace dossier
