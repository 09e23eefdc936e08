// What goes wrong in a run, drawn from its seed; and that nothing does once the storm is over.
#pragma once

#include "platform/memory/memory_database.hpp"
#include "platform/memory/memory_topic.hpp"
#include "tests/simulation/sim_executor.hpp"

namespace dossier::simulation {

// How rough a run is. Drawn once, so that some seeds are calm in one respect and wild in another.
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
  double crash = 0;  // of anything, each time the clock moves

  static Weather draw(Random& random);
};

class SimFaults final : public memory::FaultPolicy {
 public:
  explicit SimFaults(Random& random) : random_(random), weather_(Weather::draw(random)) {}
  memory::AppendPlan plan_append(std::string_view writer, const topic::Outgoing& record) override;
  memory::PollPlan plan_poll(std::string_view reader) override;
  memory::DatabaseFault plan_database(std::string_view operation);

  const Weather& weather() const { return weather_; }
  void storm() { stormy_ = true; }
  void calm() { stormy_ = false; }
  bool stormy() const { return stormy_; }

 private:
  Random& random_;
  Weather weather_;
  bool stormy_ = true;
};

}  // namespace dossier::simulation
