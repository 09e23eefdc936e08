// When a partition's next batch goes, where the log syncs before it acknowledges (group commit).
//
// One batch is on its way at a time. Writers whose verdicts come together come back together, a moment after the
// acknowledgement; whoever waits at that moment could go at once, and would make two groups of them that wait for each
// other's sync. So the next batch is held for those who are expected back: at most for half of what a sync takes, and not
// where holding does not pay. A few writers wait for nobody.
//
// Pure; not thread-safe. Times are of one steady clock, in microseconds, and positive.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace dossier::kafka {

class BatchPace {
 public:
  static constexpr std::int64_t kLongestHoldUs = 2'000;
  static constexpr std::uint32_t kMostPasses = 64;
  static constexpr std::size_t kFewest = 5;  // writers for whom a hold is worth its timer

  // Nothing is on its way, and `waiting` records are there: until when they are held. 0: they go now.
  std::int64_t hold_until_us(std::size_t waiting, std::int64_t now_us) {
    if (waiting >= round_ || round_ < kFewest) return 0;
    if (passes_ > 0) {
      --passes_;
      return 0;
    }
    held_since_us_ = now_us;
    held_with_ = waiting;
    return now_us + std::min(sync_us_ / 2, kLongestHoldUs);
  }
  // So many go when the first of them goes without a look at the time.
  std::size_t round() const { return round_; }

  // They go.
  void sent(std::size_t records, std::int64_t now_us) {
    if (held_since_us_ != 0) {
      // Twice as many came in that time as the last batch was worth in it; else as many holds are passed over, twice as many each time.
      const auto gained = static_cast<std::int64_t>(records - held_with_), before = static_cast<std::int64_t>(sent_);
      const bool paid = gained * sync_us_ >= 2 * (now_us - held_since_us_) * before;
      in_vain_ = paid ? 0 : std::clamp(2 * in_vain_, 1u, kMostPasses);
      passes_ = in_vain_;
      held_since_us_ = 0;
    }
    sent_ = records;
    sent_us_ = now_us;
  }

  // The last of them has its outcome; `waiting` have come meanwhile.
  void answered(std::size_t waiting, std::int64_t now_us) {
    round_ = sent_ + waiting;
    sync_us_ = now_us - sent_us_;
  }

 private:
  std::size_t sent_ = 0;
  std::size_t round_ = 1;  // how many writers there seem to be
  std::int64_t sent_us_ = 0, sync_us_ = 0;
  std::int64_t held_since_us_ = 0;  // 0: not held
  std::size_t held_with_ = 0;
  std::uint32_t in_vain_ = 0, passes_ = 0;
};

}  // namespace dossier::kafka
