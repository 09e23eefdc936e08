// One simulated `dossier worker`: the product's protocol over the broker in memory, with runs that take a drawn time and end
// in a drawn way. Killing it loses its runs; the same worker may start again with a new boot.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "platform/crypto/crypto.hpp"
#include "tests/simulation/founding.hpp"
#include "tests/simulation/sim_server.hpp"
#include "worker/protocol.hpp"

namespace dossier::simulation {

class SimWorker {
 public:
  // Called when an agent starts: its effects are real, so its claim must be in the log.
  using OnStart = std::function<void(const WorkerIdentity&, const worker::RunKey&)>;
  SimWorker(Surroundings world, WorkerIdentity identity, int boot, const bool& stormy, OnStart on_start);
  ~SimWorker();

  void step();
  std::int64_t due_us() const;
  // Its control topic or its pool's tasks have new records.
  void wake() { read_due_us_ = 0; }
  void freeze();
  void thaw();
  bool frozen() const { return frozen_; }
  void crash(bool deliver);

 private:
  // What a run does next, at a moment drawn when the step before it was done.
  enum class Stage : std::uint8_t { prepare, start, turn, end };
  struct Plan {
    std::int64_t due_us = 0;
    Stage stage = Stage::prepare;
    bool stopping = false;
  };

  worker::Now now() const { return {world_.clock.boot_us(), world_.clock.wall_us()}; }
  void read_control();
  Status step_control();
  void read_offers();
  void act();
  void send(const worker::SendReport& report);
  bool advance_runs();
  void end_run(const worker::RunKey& run, bool stopped);

  Surroundings world_;
  WorkerIdentity identity_;
  const bool& stormy_;
  std::unique_ptr<memory::MemoryWriter> writer_;
  std::unique_ptr<topic::Reader> control_;
  std::unique_ptr<memory::MemoryGroupReader> offers_;
  std::unique_ptr<worker::Protocol> protocol_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // acknowledgements after the end find nobody
  std::map<worker::RunKey, Plan> plans_;
  OnStart on_start_;
  std::uint64_t group_generation_ = 0;
  std::int64_t control_next_ = -1;  // -1: not assigned
  std::int64_t control_check_us_ = 0;
  std::int64_t read_due_us_ = 0;
  bool frozen_ = false;
};

}  // namespace dossier::simulation
