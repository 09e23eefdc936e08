// One simulated `dossier worker`: the product's protocol over the broker in memory, with simulated runs. Killing it loses its
// runs; the same worker may start again with a new boot.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "platform/crypto/crypto.hpp"
#include "tests/simulation/founding.hpp"
#include "tests/simulation/sim_run.hpp"
#include "tests/simulation/sim_server.hpp"
#include "worker/protocol.hpp"

namespace dossier::simulation {

class SimWorker {
 public:
  SimWorker(Surroundings world, WorkerIdentity identity, int boot, const Mood& mood, AgentWatch& watch);
  ~SimWorker();

  void step();
  std::int64_t due_us() const;
  // Its control topic or its pool's tasks have new records.
  void wake() { read_due_us_ = 0; }
  void freeze();
  // With its next result written and not sent, unless thaw() comes first: a result that may arrive long after its lease.
  void freeze_with_next_result() { freezes_with_result_ = true; }
  void thaw();
  bool frozen() const { return frozen_; }
  void crash(bool deliver);

 private:
  worker::Now now() const { return {world_.clock.boot_us(), world_.clock.wall_us()}; }
  void read_control();
  Status step_control();
  void read_offers();
  void act();
  void send(const worker::SendReport& report);
  void advance_runs();

  Surroundings world_;
  WorkerIdentity identity_;
  std::string boot_;
  const Mood& mood_;
  AgentWatch& watch_;
  std::unique_ptr<memory::MemoryWriter> writer_;
  std::unique_ptr<topic::Reader> control_;
  std::unique_ptr<memory::MemoryGroupReader> offers_;
  std::unique_ptr<worker::Protocol> protocol_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // acknowledgements after the end find nobody
  std::map<worker::RunKey, SimRun> runs_;
  std::uint64_t group_generation_ = 0;
  std::int64_t control_next_ = -1;  // -1: not assigned
  std::int64_t control_check_us_ = 0;
  std::int64_t read_due_us_ = 0;
  bool frozen_ = false;
  bool freezes_with_result_ = false;
};

}  // namespace dossier::simulation
