// How large a run's world is and how rough its weather, drawn from its seed: most worlds are small, so that many of them fit
// into a second; some are large; and each is calm in one respect and wild in another.
#pragma once

#include <cstdint>

#include "tests/simulation/random.hpp"

namespace dossier::simulation {

struct Plan {
  int partitions = 1;
  int workspaces = 1;
  int servers = 1;
  int workers_each = 1;  // per workspace
  int people = 1;
  int requests = 5;
  int followers = 0;        // of event streams
  bool loses_tail = false;  // the broker's disk does not keep all that it acknowledged: a crash of its machine loses a tail of the events too
  bool restless = false;    // people keep on talking to sessions, whose agents ask a lot and die often
  std::int64_t storm_us = 10'000'000;
  std::int64_t calm_us = 300'000'000;  // by then everything has come to rest, or it is a fault

  // Every sixth seed is a restless world: they take twice the time, and some faults are rare elsewhere.
  static constexpr std::uint64_t kRestlessEvery = 6;
  static Plan draw(Random& random, std::uint64_t seed);
};

// What lasts while a run's clock goes on: components look at it when they draw what comes next.
struct Mood {
  bool stormy = false;
  bool restless = false;
};

struct Weather {
  double lost_ack = 0;
  double lost = 0;
  double late = 0;
  double refused = 0;
  double duplicated = 0;
  double slow = 0;
  double withheld_poll = 0;
  double failed_poll = 0;
  double database = 0;
  double slow_database = 0;
  double slow_step = 0;          // a component that is due gets its turn late
  std::int64_t disaster_us = 0;  // mean time between crashes, freezes, jumps of clocks; 0: none

  static Weather draw(Random& random, const Plan& plan);
};

}  // namespace dossier::simulation
