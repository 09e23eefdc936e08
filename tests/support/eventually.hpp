// Waiting for a condition with a deadline: the only place of the tests that sleeps.
#pragma once

#include <chrono>
#include <cstdint>
#include <thread>

namespace dossier::test {

inline constexpr std::chrono::milliseconds kPollInterval{10};

// True as soon as condition() is; false after deadline_ms. What a test waits for takes milliseconds as a rule: the
// deadline is what a busy machine may need, and a generous one costs nothing.
template <class Condition>
bool eventually(std::int64_t deadline_ms, Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(deadline_ms);
  for (;;) {
    if (condition()) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(kPollInterval);
  }
}

// True if condition() stays true for all of duration_ms: for what must not happen.
template <class Condition>
bool always_during(std::int64_t duration_ms, Condition condition) {
  return !eventually(duration_ms, [&] { return !condition(); });
}

}  // namespace dossier::test
