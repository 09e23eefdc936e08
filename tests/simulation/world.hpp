// A whole system in one thread from one seed: a broker, a database, two servers, workers, people, and a storm that kills,
// freezes and loses, and then ends. After the storm everything must come to rest, and the checkers look.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/faults.hpp"
#include "tests/simulation/sim_clients.hpp"
#include "tests/simulation/sim_server.hpp"
#include "tests/simulation/sim_worker.hpp"

namespace dossier::simulation {

struct Plan {
  int partitions = 3;
  int workspaces = 2;
  int servers = 2;
  int workers_each = 2;  // per workspace
  int people = 4;
  int requests = 30;
  std::int64_t storm_us = 60'000'000;
  std::int64_t calm_us = 300'000'000;  // by then everything has come to rest, or it is a fault
};

class World {
 public:
  explicit World(std::uint64_t seed, Plan plan = {});
  ~World();

  // Empty: all went well. Otherwise what did not hold, and the last things that happened.
  std::string run();
  std::int64_t turns() const { return turns_; }

 private:
  struct WorkerSlot {
    WorkerIdentity identity;
    int boots = 0;
    std::unique_ptr<SimWorker> worker;
  };

  void set_up();
  void make_workspace(int number);
  // Runs a command to its good end in calm weather.
  void must(const WorkspaceId& workspace, const std::string& actor, const std::string& key, producers::Decide decide);
  bool turn();
  void advance_clock();
  void chaos();
  void share_partitions();
  void start_server(std::size_t at);
  void kill_server(std::size_t at);
  void start_worker(WorkerSlot& slot);
  void end_storm();
  bool at_rest();
  std::vector<std::string> open_tasks();
  void note(std::string what);
  std::string report(const std::string& what) const;

  const std::uint64_t seed_;
  const Plan plan_;
  Random random_;
  ManualClock clock_;
  SimFaults faults_;
  memory::MemoryBroker broker_;
  std::shared_ptr<memory::MemoryDatabase> database_ = std::make_shared<memory::MemoryDatabase>();
  events::Topics topics_;
  producers::LogIdentity log_;
  bool stormy_ = false;
  std::vector<std::unique_ptr<SimServer>> servers_;
  std::vector<std::int64_t> server_due_us_;  // a dead or frozen one is back by then
  std::vector<WorkerSlot> workers_;
  std::vector<SimClients::Place> places_;
  std::unique_ptr<SimClients> clients_;
  std::int64_t turns_ = 0;
  int idle_turns_ = 0;
  std::vector<std::string> notes_;
};

}  // namespace dossier::simulation
