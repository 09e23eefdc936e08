// Drawing faults.
#include "tests/simulation/faults.hpp"

namespace dossier::simulation {

Weather Weather::draw(Random& random) {
  const auto some = [&](double most) { return chance(random, 0.5) ? std::uniform_real_distribution<double>(0, most)(random) : 0; };
  Weather weather;
  weather.lost_ack = some(0.10);
  weather.lost = some(0.05);
  weather.late = some(0.05);
  weather.refused = some(0.05);
  weather.duplicated = some(0.10);
  weather.slow = some(0.20);
  weather.withheld_poll = some(0.30);
  weather.failed_poll = some(0.05);
  weather.database = some(0.05);
  weather.crash = some(0.02);
  return weather;
}

memory::AppendPlan SimFaults::plan_append(std::string_view, const topic::Outgoing&) {
  memory::AppendPlan plan;
  plan.append_delay_us = between(random_, 100, 3'000);
  plan.ack_delay_us = between(random_, 100, 3'000);
  if (!stormy_) return plan;
  if (chance(random_, weather_.slow)) plan.append_delay_us = between(random_, 10'000, 3'000'000);
  if (chance(random_, weather_.slow)) plan.ack_delay_us = between(random_, 10'000, 6'000'000);
  const double draw = std::uniform_real_distribution<double>(0, 1)(random_);
  double edge = weather_.lost_ack;
  if (draw < edge) plan.fate = memory::Fate::ack_lost;
  else if (draw < (edge += weather_.lost)) plan.fate = memory::Fate::lost;
  else if (draw < (edge += weather_.late)) plan.fate = memory::Fate::late;
  else if (draw < (edge += weather_.refused)) plan.fate = memory::Fate::refused;
  else if (draw < (edge += weather_.duplicated)) plan.fate = memory::Fate::duplicated;
  return plan;
}

memory::PollPlan SimFaults::plan_poll(std::string_view) {
  memory::PollPlan plan;
  if (!stormy_) return plan;
  plan.withhold = chance(random_, weather_.withheld_poll);
  plan.fail = chance(random_, weather_.failed_poll);
  if (chance(random_, 0.2)) plan.max_records = static_cast<std::size_t>(between(random_, 1, 5));
  return plan;
}

memory::DatabaseFault SimFaults::plan_database(std::string_view) {
  if (!stormy_ || !chance(random_, weather_.database)) return memory::DatabaseFault::none;
  switch (between(random_, 0, 3)) {
    case 0: return memory::DatabaseFault::unavailable;
    case 1: return memory::DatabaseFault::serialization_failure;
    case 2: return memory::DatabaseFault::unknown_committed;
    default: return memory::DatabaseFault::unknown_lost;
  }
}

}  // namespace dossier::simulation
