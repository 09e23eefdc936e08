// What goes wrong in a run, drawn from its seed; and that nothing does once the storm is over.
#pragma once

#include <functional>

#include "base/clock.hpp"
#include "platform/memory/memory_database.hpp"
#include "platform/memory/memory_topic.hpp"
#include "tests/simulation/plan.hpp"

namespace dossier::simulation {

// Thrown out of a call of the log or the store: the process that made it dies there. Nothing of the product catches it.
struct ProcessKilled {};

class SimFaults final : public memory::FaultPolicy {
 public:
  SimFaults(Random& random, ManualClock& clock, const Plan& plan) : random_(random), clock_(clock), weather_(Weather::draw(random, plan)) {}
  memory::AppendPlan plan_append(std::string_view writer, const topic::Outgoing& record) override;
  memory::PollPlan plan_poll(std::string_view reader) override;
  std::int64_t surviving_end(std::string_view topic, std::int32_t partition, std::int64_t synced_end, std::int64_t end) override;
  void stored(const topic::Record& record) override { on_stored_(record); }
  memory::DatabaseFault plan_database(std::string_view operation);

  void on_stored(std::function<void(const topic::Record&)> hook) { on_stored_ = std::move(hook); }

  const Weather& weather() const { return weather_; }
  void storm() { stormy_ = true; }
  void calm() { stormy_ = false; }
  bool stormy() const { return stormy_; }

  // The process `victim` dies inside its `calls`-th call of the log or the store from now.
  void kill_inside(int victim, std::int64_t calls) {
    victim_ = victim;
    calls_left_ = calls;
  }
  static constexpr int kNobody = -1;
  // Whose step runs now.
  void running(int process) { running_ = process; }

 private:
  void called();

  Random& random_;
  ManualClock& clock_;
  Weather weather_;
  std::function<void(const topic::Record&)> on_stored_ = [](const topic::Record&) {};
  bool stormy_ = false;
  int running_ = kNobody;
  int victim_ = kNobody;
  std::int64_t calls_left_ = 0;
};

}  // namespace dossier::simulation
