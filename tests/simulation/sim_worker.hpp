// One simulated `dossier worker`: the product's protocol over the broker in memory, with runs whose turns take a drawn time
// and which end in a drawn way. After a turn it waits for what the server says of the next one, but not for ever; some runs
// are of a worker that knows of no second turn, and end at once. Killing it loses its runs; the same worker may start again with a new boot.
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
  using OnStart = std::function<void(const std::string& boot, const worker::RunKey&)>;
  // Called when a turn after the first is told what it is about.
  using OnTurn = std::function<void(const std::string& session_id, const v1::NextTurn&)>;
  SimWorker(Surroundings world, WorkerIdentity identity, int boot, const bool& stormy, OnStart on_start, OnTurn on_turn);
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
  enum class Stage : std::uint8_t { prepare, start, turn, answer, end };
  struct Plan {
    std::int64_t due_us = 0;
    Stage stage = Stage::prepare;
    bool stopping = false;
    std::string session_id;
    std::uint32_t turn = 1;
    bool knows_turns = true;
  };

  worker::Now now() const { return {world_.clock.boot_us(), world_.clock.wall_us()}; }
  void read_control();
  Status step_control();
  void hear(const v1::ControlMessage& message);
  void read_offers();
  void act();
  void send(const worker::SendReport& report);
  bool advance_runs();
  void begin_turn(const worker::RunKey& run, Plan& plan);
  void end_run(const worker::RunKey& run, bool stopped);

  Surroundings world_;
  WorkerIdentity identity_;
  std::string boot_;
  const bool& stormy_;
  std::unique_ptr<memory::MemoryWriter> writer_;
  std::unique_ptr<topic::Reader> control_;
  std::unique_ptr<memory::MemoryGroupReader> offers_;
  std::unique_ptr<worker::Protocol> protocol_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // acknowledgements after the end find nobody
  std::map<worker::RunKey, Plan> plans_;
  OnStart on_start_;
  OnTurn on_turn_;
  std::uint64_t group_generation_ = 0;
  std::int64_t control_next_ = -1;  // -1: not assigned
  std::int64_t control_check_us_ = 0;
  std::int64_t read_due_us_ = 0;
  bool frozen_ = false;
};

}  // namespace dossier::simulation
