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

}  // namespace dossier::producers
