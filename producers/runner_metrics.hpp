// What a command runner counts, for /metrics.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/histogram.hpp"
#include "producers/command.hpp"

namespace dossier::producers {

// Counters of one runner; each only grows, but in_flight.
struct RunnerMetrics {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> repeated{0};   // answered with an earlier result
  std::atomic<std::uint64_t> unchanged{0};  // empty decisions
  std::atomic<std::uint64_t> refused{0};    // by decide
  std::atomic<std::uint64_t> conflicts{0};  // void verdicts that led to another round
  std::atomic<std::uint64_t> contended{0};  // gave up
  std::atomic<std::uint64_t> undecided{0};
  std::atomic<std::uint64_t> unacknowledged{0};
  std::atomic<std::uint64_t> failed{0};  // every other error
  std::atomic<std::int64_t> in_flight{0};
  Histogram latency_us;  // of accepted commands, from run() to the verdict

  // A command ended so, `took_us` after its start.
  void count(const Result<Committed>& result, std::int64_t took_us);
};

}  // namespace dossier::producers
