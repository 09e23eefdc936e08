// One simulated `dossier serve` with all its roles: the product's own components over the broker and the database in memory.
// Killing it drops everything it had in memory; what it had sent may still arrive.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "platform/memory/memory_database.hpp"
#include "platform/memory/memory_topic.hpp"
#include "producers/applied_voice.hpp"
#include "producers/command_runner.hpp"
#include "producers/commit_log.hpp"
#include "producers/control_sender.hpp"
#include "producers/intake.hpp"
#include "producers/memory_dispatch_store.hpp"
#include "producers/memory_intake_store.hpp"
#include "producers/memory_state_store.hpp"
#include "producers/memory_verdict_source.hpp"
#include "producers/scheduler.hpp"
#include "producers/verdict_poller.hpp"
#include "projections/memory_store.hpp"
#include "projections/projector.hpp"
#include "tests/simulation/sim_executor.hpp"

namespace dossier::simulation {

// What a process sees of the world. The clock is its machine's.
struct Surroundings {
  const Clock& clock;
  Random& random;
  memory::MemoryBroker& broker;
  std::shared_ptr<memory::MemoryDatabase> database;
  events::Topics topics;
  producers::LogIdentity log;
};

class SimServer {
 public:
  // The threads of the process: each has its turn when it is due.
  enum class Part : std::uint8_t { jobs, projector, intake, scheduler, poller };
  static constexpr std::array kParts = {Part::jobs, Part::projector, Part::intake, Part::scheduler, Part::poller};

  SimServer(Surroundings world, std::string name);
  ~SimServer();

  // The partitions that this server projects and takes reports from.
  void own(const std::vector<std::int32_t>& partitions);
  const std::vector<std::int32_t>& owned() const { return owned_; }
  std::int64_t due_us(Part part) const;
  void step(Part part);
  // A topic has new records: whoever waits in a poll returns from it.
  void wake(Part part, std::int64_t at_us);

  // A stopped process (SIGSTOP): nothing of it moves until thaw().
  void freeze();
  void thaw();
  bool frozen() const { return frozen_; }
  // Before the destructor: whether what it had sent still arrives.
  void crash(bool deliver);

  producers::CommandRunner& runner() { return *runner_; }
  bool halted(std::int32_t partition) const;
  // Refuses commands for the partition, as one that has halted must.
  bool refuses(std::int32_t partition) const;

 private:
  void step_projector();
  void step_intake();
  std::int64_t& due(Part part) { return due_us_[static_cast<std::size_t>(part)]; }

  Surroundings world_;
  std::string name_;
  SimExecutor executor_;
  std::unique_ptr<memory::MemoryWriter> commits_;
  std::unique_ptr<memory::MemoryWriter> messages_;
  std::unique_ptr<topic::Reader> events_reader_;
  std::unique_ptr<topic::Reader> reports_reader_;
  producers::MemoryStateStore states_;
  producers::MemoryIntakeStore intake_store_;
  producers::MemoryDispatchStore dispatch_store_;
  producers::MemoryVerdictSource verdict_source_;
  projections::MemoryStore projection_store_;
  producers::VerdictBoard board_;
  producers::RecentStates recent_;
  producers::AppliedVoice voice_;
  producers::CommitLog commit_log_;
  std::unique_ptr<producers::CommandRunner> runner_;
  std::unique_ptr<producers::ControlSender> control_;
  std::unique_ptr<producers::Scheduler> scheduler_;
  std::unique_ptr<producers::Intake> intake_;
  std::unique_ptr<projections::Projector> projector_;
  std::unique_ptr<producers::VerdictPoller> poller_;
  std::vector<std::int32_t> owned_;
  bool intake_owns_ = false;
  bool frozen_ = false;
  std::array<std::int64_t, kParts.size()> due_us_{};
  std::int64_t poller_looked_us_ = 0;
};

}  // namespace dossier::simulation
