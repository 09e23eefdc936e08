// A whole system in one thread from one seed: a broker, a database, servers, workers, people, followers of events, and a
// storm that kills, freezes and loses, and then ends. Checkers look at every step; after the storm everything must come to
// rest, and they look at the whole.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/agent_watch.hpp"
#include "tests/simulation/checks.hpp"
#include "tests/simulation/faults.hpp"
#include "tests/simulation/founding.hpp"
#include "tests/simulation/log_model.hpp"
#include "tests/simulation/sim_clients.hpp"
#include "tests/simulation/sim_clock.hpp"
#include "tests/simulation/sim_follower.hpp"
#include "tests/simulation/sim_server.hpp"
#include "tests/simulation/sim_worker.hpp"

namespace dossier::simulation {

class World {
 public:
  explicit World(std::uint64_t seed);
  ~World();

  // Empty: all went well. Otherwise what did not hold, and the last things that happened.
  std::string run();
  std::int64_t turns() const { return turns_; }

 private:
  struct ServerSlot {
    SimClock clock;
    std::unique_ptr<SimServer> server;
    std::int64_t back_us = 0;  // a dead or frozen one comes back then; 0: it is there
  };
  struct WorkerSlot {
    SimClock clock;
    WorkerIdentity identity;
    int boots = 0;
    std::int64_t back_us = 0;  // a dead or frozen one comes back then; 0: it is there
    std::unique_ptr<SimWorker> worker;
  };
  enum class Actor : std::uint8_t { broker, server, worker, people, follower, disaster, returning };
  struct Turn {
    Actor actor;
    std::size_t at = 0;
    SimServer::Part part = SimServer::Part::jobs;
  };

  void set_up();
  void found_workspaces();
  void listen();
  // One actor that is due has its turn; where none is, time goes on to the next.
  void turn();
  void consider(std::int64_t due_us, Turn turn);
  void give(const Turn& turn);
  void step_server(std::size_t at, SimServer::Part part);
  void step_people();
  void step_follower(std::size_t at);
  void on_stored(const topic::Record& record);
  void look_at_positions();
  bool has_forgotten() const;
  std::int64_t wake_us();
  SimServer* some_server();

  // disasters.cpp
  void disaster();
  void bring_back();
  void kill_server(std::size_t at, const std::string& how);
  void start_server(std::size_t at);
  void share_partitions();
  void start_worker(WorkerSlot& slot);
  void move_clock();
  void crash_broker();
  void end_storm();

  bool at_rest();
  std::string why_restless();
  std::vector<std::string> open_tasks();
  std::set<std::string> halted_workspaces();
  std::string check_halted();
  Evidence evidence();
  void fail(const std::string& fault);
  void note(std::string what);
  std::string report(const std::string& what) const;

  const std::uint64_t seed_;
  Random random_;
  const Plan plan_;
  ManualClock time_;
  SimClock broker_clock_{time_};
  SimFaults faults_;
  events::Topics topics_;
  memory::MemoryBroker broker_;
  std::shared_ptr<memory::MemoryDatabase> database_ = std::make_shared<memory::MemoryDatabase>();
  producers::LogIdentity log_;
  LogModel model_;
  AgentWatch watch_{model_, [this](const std::string& fault) { fail(fault); }};
  Mood mood_;
  SimErrands errands_{time_, random_, model_, mood_.stormy};
  bool lost_a_tail_ = false;
  std::vector<ServerSlot> servers_;
  std::vector<WorkerSlot> workers_;
  std::vector<SimFollower> followers_;
  std::unique_ptr<SimClients> clients_;
  std::vector<std::int64_t> applied_;   // highest position ever seen, by partition
  std::vector<std::int64_t> position_;  // last position seen
  std::uint64_t database_crashes_ = 0;
  std::uint64_t crashes_at_look_ = 0;
  std::int64_t disaster_us_ = 0;
  std::int64_t broker_back_us_ = 0;
  std::set<std::int32_t> contradicted_;
  std::int64_t turns_ = 0;
  std::vector<Turn> ready_;
  std::int64_t next_us_ = 0;
  std::string fault_;
  std::vector<std::string> notes_;
};

}  // namespace dossier::simulation
