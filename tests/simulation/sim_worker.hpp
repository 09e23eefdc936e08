// One simulated `dossier worker`: the product's protocol over the broker in memory, with runs that take a drawn time and end
// in a drawn way. Killing it loses its runs; the same worker may start again with a new boot.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "platform/crypto/crypto.hpp"
#include "tests/simulation/sim_server.hpp"
#include "worker/protocol.hpp"

namespace dossier::simulation {

struct WorkerIdentity {
  WorkspaceId workspace;
  WorkerId id;
  crypto::KeyPair keys;
  std::uint32_t slots = 1;
};

class SimWorker {
 public:
  SimWorker(Surroundings world, WorkerIdentity identity, int boot, const bool& stormy);
  ~SimWorker();

  bool step();
  std::int64_t next_due_us() const;
  void freeze();
  void thaw();
  bool frozen() const { return frozen_; }
  void crash(bool deliver);
  // Agents that run now: their effects are real, so two of one task at once would be a fault.
  const std::map<worker::RunKey, std::int64_t>& agents() const { return agents_; }

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
  std::map<worker::RunKey, std::int64_t> agents_;
  std::uint64_t group_generation_ = 0;
  bool control_assigned_ = false;
  std::int64_t control_last_ = -1;  // offset of the last control record read
  bool frozen_ = false;
};

}  // namespace dossier::simulation
