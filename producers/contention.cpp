// Pauses, and whom they are for.
#include "producers/contention.hpp"

#include <algorithm>

namespace dossier::producers {
namespace {

// splitmix64: the jitter of a run is drawn from its seed, so a simulation repeats itself.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

}  // namespace

std::int64_t Contention::draw_below(std::int64_t bound) {
  const std::uint64_t draw = mix(seed_ + draws_.fetch_add(1, std::memory_order_relaxed));
  return static_cast<std::int64_t>(draw % static_cast<std::uint64_t>(std::max<std::int64_t>(bound, 1)));
}

// The other's poller pauses for nearly pause_us_, then it needs a round.
std::int64_t Contention::give_way_us(const std::string& hot_key, bool others_lose, std::int64_t now_us) {
  if (hot_key.empty()) return 0;
  bool contended = others_lose;
  if (!contended) {
    const std::lock_guard lock(mutex_);
    const auto it = until_us_.find(hot_key);
    contended = it != until_us_.end() && it->second > now_us;
  }
  const std::int64_t round_us = std::min(round_us_.load(std::memory_order_relaxed), kLongestRoundUs);
  return contended ? pause_us_ + round_us + draw_below(pause_us_) : 0;
}

std::int64_t Contention::pause_us(const std::string& hot_key, int round, std::int64_t now_us) {
  if (hot_key.empty()) {  // 0.5 to 1.5 of the base, doubled every round: writers that met once do not meet again
    const std::int64_t base = pause_us_ << round;
    return base / 2 + draw_below(base);
  }
  // Soon: the winner gives way, and other losers are few, one a process.
  {
    const std::lock_guard lock(mutex_);
    if (until_us_.size() >= kMaxStreams) std::erase_if(until_us_, [now_us](const auto& each) { return each.second <= now_us; });
    if (until_us_.size() < kMaxStreams) until_us_[hot_key] = now_us + lasts_us_;
  }
  return draw_below(pause_us_ * (round + 1) / 4);
}

void Contention::round_took(std::int64_t us) {
  const std::int64_t before = round_us_.load(std::memory_order_relaxed);  // two at once: one of them is forgotten
  round_us_.store(before + (us - before) / 8, std::memory_order_relaxed);
}

}  // namespace dossier::producers
