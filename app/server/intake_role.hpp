// The role intake: reports and activity of workers, a thread each.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "app/server/core.hpp"
#include "app/server/loop.hpp"
#include "app/server/mailbox.hpp"
#include "producers/activity_intake.hpp"
#include "producers/intake.hpp"

namespace dossier::app {

class IntakeRole : private producers::ActivityListener {
 public:
  struct Hooks {
    std::function<void()> on_liveness;                               // a worker came, or has room
    std::function<void(const std::string& session_id)> on_activity;  // its lines are stored
  };
  static Result<std::unique_ptr<IntakeRole>> make(Core& core, Hooks hooks);
  ~IntakeRole() override;

  void start();
  void stop();  // the loops; then, with the runner stopped: save()
  Status save() { return reports_.save(); }
  // Thread-safe: what this process reads from now on.
  void assign(const std::vector<std::int32_t>& partitions);
  void add_metrics(MetricsRegistry& metrics);

 private:
  IntakeRole(Core& core, Hooks hooks, std::unique_ptr<topic::Reader> reports_reader, std::unique_ptr<topic::Reader> activity_reader);
  Result<std::int64_t> step_reports();
  Result<std::int64_t> step_activity();
  void appended(const std::string& session_id, std::uint32_t offer, std::uint64_t last_sequence) override;

  const Hooks hooks_;
  const std::unique_ptr<topic::Reader> reports_reader_;
  const std::unique_ptr<topic::Reader> activity_reader_;
  producers::PostgresIntakeStore intake_store_;
  producers::PostgresActivityStore activity_store_;
  producers::Intake reports_;
  producers::ActivityIntake activity_;
  std::vector<std::int32_t> assigned_;  // of the upkeep loop
  Mailbox<std::vector<std::int32_t>> reports_orders_;
  Mailbox<std::vector<std::int32_t>> activity_orders_;
  std::vector<std::int32_t> reports_owned_;   // of the reports' loop
  std::vector<std::int32_t> activity_owned_;  // of the activity's loop
  Loop reports_loop_;
  Loop activity_loop_;
};

}  // namespace dossier::app
