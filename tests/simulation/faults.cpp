// Drawing faults.
#include "tests/simulation/faults.hpp"

#include <utility>

namespace dossier::simulation {

void SimFaults::called() {
  if (victim_ == kNobody || running_ != victim_ || calls_left_-- > 0) return;
  victim_ = kNobody;
  throw ProcessKilled();
}

memory::AppendPlan SimFaults::plan_append(std::string_view, const topic::Outgoing&) {
  called();
  memory::AppendPlan plan;
  plan.append_delay_us = between(random_, 100, 3'000);
  plan.ack_delay_us = between(random_, 100, 3'000);
  if (!stormy_) return plan;
  if (chance(random_, weather_.slow)) plan.append_delay_us = between(random_, 10'000, 3'000'000);
  if (chance(random_, weather_.slow)) plan.ack_delay_us = between(random_, 10'000, 6'000'000);
  const double draw = fraction(random_);
  double edge = 0;
  for (const auto& [share, fate] : {std::pair{weather_.lost_ack, memory::Fate::ack_lost}, std::pair{weather_.lost, memory::Fate::lost},
                                    std::pair{weather_.late, memory::Fate::late}, std::pair{weather_.refused, memory::Fate::refused},
                                    std::pair{weather_.duplicated, memory::Fate::duplicated}}) {
    edge += share;
    if (draw >= edge) continue;
    plan.fate = fate;
    break;
  }
  // As from a broker that stood still with the request in its hands: long after its sender has said it again.
  if (plan.fate == memory::Fate::late && chance(random_, 0.5)) plan.append_delay_us = between(random_, 1'000'000, 30'000'000);
  return plan;
}

memory::PollPlan SimFaults::plan_poll(std::string_view) {
  called();
  memory::PollPlan plan;
  if (!stormy_) return plan;
  plan.withhold = chance(random_, weather_.withheld_poll);
  plan.fail = chance(random_, weather_.failed_poll);
  if (chance(random_, 0.2)) plan.max_records = static_cast<std::size_t>(between(random_, 1, 5));
  return plan;
}

std::int64_t SimFaults::surviving_end(std::string_view, std::int32_t, std::int64_t synced_end, std::int64_t end) {
  return between(random_, synced_end, end);
}

memory::DatabaseFault SimFaults::plan_database(std::string_view) {
  called();
  if (!stormy_) return memory::DatabaseFault::none;
  if (chance(random_, weather_.slow_database)) clock_.advance_us(between(random_, 1'000, 1'500'000));
  if (!chance(random_, weather_.database)) return memory::DatabaseFault::none;
  switch (between(random_, 0, 3)) {
    case 0: return memory::DatabaseFault::unavailable;
    case 1: return memory::DatabaseFault::serialization_failure;
    case 2: return memory::DatabaseFault::unknown_committed;
    default: return memory::DatabaseFault::unknown_lost;
  }
}

}  // namespace dossier::simulation
