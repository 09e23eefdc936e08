// A run's one source of chance: xoshiro256**, so that a seed goes the same way with every compiler and library, and costs
// next to nothing.
#pragma once

#include <array>
#include <cstdint>

namespace dossier::simulation {

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (auto& word : state_) {  // splitmix64
      seed += 0x9e3779b97f4a7c15ull;
      std::uint64_t x = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9ull;
      x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
      word = x ^ (x >> 31);
    }
  }
  std::uint64_t next() {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

 private:
  static std::uint64_t rotate(std::uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }
  std::array<std::uint64_t, 4> state_;
};

// Both ends may be drawn.
inline std::int64_t between(Random& random, std::int64_t least, std::int64_t most) {
  const auto span = static_cast<std::uint64_t>(most - least) + 1;
  return least + static_cast<std::int64_t>(random.next() % span);
}
inline double fraction(Random& random) { return static_cast<double>(random.next() >> 11) * 0x1.0p-53; }
inline bool chance(Random& random, double probability) { return probability > 0 && fraction(random) < probability; }

}  // namespace dossier::simulation
