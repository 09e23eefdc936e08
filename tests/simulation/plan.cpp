// Drawing worlds and weather.
#include "tests/simulation/plan.hpp"

namespace dossier::simulation {

Plan Plan::draw(Random& random, std::uint64_t seed) {
  const auto some = [&](int least, int most) { return static_cast<int>(between(random, least, most)); };
  Plan plan;
  const double size = fraction(random);
  if (size < 0.75) {
    plan.partitions = some(1, 2);
    plan.servers = some(1, 2);
    plan.workers_each = some(1, 2);
    plan.people = some(1, 3);
    plan.requests = some(3, 8);
    plan.followers = some(0, 1);
    plan.storm_us = between(random, 3'000'000, 15'000'000);
  } else if (size < 0.97) {
    plan.partitions = some(1, 3);
    plan.workspaces = some(1, 2);
    plan.servers = some(1, 3);
    plan.workers_each = some(1, 2);
    plan.people = some(2, 4);
    plan.requests = some(6, 14);
    plan.followers = some(0, 2);
    plan.storm_us = between(random, 10'000'000, 40'000'000);
  } else {
    plan.partitions = 3;
    plan.workspaces = 2;
    plan.servers = some(2, 3);
    plan.workers_each = 2;
    plan.people = 4;
    plan.requests = 30;
    plan.followers = 2;
    plan.storm_us = 60'000'000;
  }
  plan.loses_tail = chance(random, 0.1);
  plan.restless = seed % kRestlessEvery == 0;
  if (plan.restless) plan.requests += 8;
  return plan;
}

Weather Weather::draw(Random& random, const Plan& plan) {
  const auto some = [&](double most) { return chance(random, 0.5) ? fraction(random) * most : 0; };
  Weather weather;
  weather.lost_ack = some(0.15);
  weather.lost = some(0.08);
  weather.late = some(0.08) + (plan.restless ? 0.1 : 0);
  weather.refused = some(0.05);
  weather.duplicated = some(0.15);
  weather.slow = some(0.20);
  weather.withheld_poll = some(0.30);
  weather.failed_poll = some(0.05);
  weather.database = some(0.10);
  weather.slow_database = some(0.02);
  weather.slow_step = some(0.05);
  weather.disaster_us = chance(random, 0.85) ? between(random, 300'000, 6'000'000) : 0;
  return weather;
}

}  // namespace dossier::simulation
