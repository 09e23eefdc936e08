// One run of a simulated worker: an agent that has turns, asks to be allowed things, is told, takes what is steered into its
// turn, withdraws, dies and is started again, all drawn from the seed. Between it and the protocol stand the product's own
// PendingApprovals, wired as worker/run_agent and run_host do it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/agent_watch.hpp"
#include "tests/simulation/plan.hpp"
#include "tests/simulation/sim_server.hpp"
#include "worker/pending_approvals.hpp"
#include "worker/protocol.hpp"

namespace dossier::simulation {

class SimRun {
 public:
  // Of the worker that has the run; outlives it.
  struct Ports {
    const Surroundings& world;
    worker::Protocol& protocol;
    AgentWatch& watch;
    const Mood& mood;
  };
  SimRun(Ports ports, const std::string& boot, const worker::PrepareWorkdir& prepare);
  SimRun(const SimRun&) = delete;  // what it is about to do refers to it
  SimRun& operator=(const SimRun&) = delete;

  std::int64_t due_us() const;
  // Does the next thing that is due. False: the run is over, and the protocol knows.
  bool step();
  void granted();
  void stop();
  void hear(worker::RunMail mail);

 private:
  // worktree ─► grant ─► what was left open is decided ─► turn ─► what follows ─► turn … ─► end
  enum class Stage : std::uint8_t { prepare, decisions, turn, answer, end };
  struct Question {
    std::string command;
    bool told = false;
  };

  worker::Now now() const { return {ports_.world.clock.boot_us(), ports_.world.clock.wall_us()}; }
  bool reads_mail() const;
  void after(std::int64_t least_us, std::int64_t most_us, std::function<void()> doing);
  void soon(std::function<void()> doing) { after(500, 50'000, std::move(doing)); }
  void read_mail();
  void go_on_if_decided();
  void begin_turn();
  void ask();
  std::string draw_command();
  void withdraw(const std::string& name);
  void act(worker::ApprovalActions actions);
  void be_answered(const worker::AgentCommand& answer);
  void take_steer(const std::string& follow_up_id);
  void want_end();
  void end_turn();
  void die();
  enum class Ending : std::uint8_t { done, failed, lost, stopped };
  void finish();
  void end_run(Ending ending);

  const Ports ports_;
  AgentWatch::Agent agent_;
  const worker::RunKey key_;
  const bool knows_turns_;
  std::vector<v1::TurnInput> first_inputs_;
  worker::PendingApprovals approvals_;
  Stage stage_ = Stage::prepare;
  std::uint32_t turn_ = 1;
  std::multimap<std::int64_t, std::function<void()>> doings_;  // of the present process, by when
  std::deque<worker::RunMail> mailbox_;
  std::int64_t mail_due_us_ = std::numeric_limits<std::int64_t>::max();
  std::map<std::string, Question> questions_;  // by the process's own name, which the next one gives again
  std::vector<std::string> quoted_;            // commands of which it read that they are allowed
  int names_ = 0;
  int restarts_ = 0;
  bool wants_end_ = false;
  bool over_ = false;
};

}  // namespace dossier::simulation
