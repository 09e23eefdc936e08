// What simulated agents are told, held against the log in the moment in which they are told: by then it must be an accepted
// fact, and theirs.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "dossier/v1/worker.pb.h"
#include "tests/simulation/log_model.hpp"
#include "worker/agents/agent.hpp"
#include "worker/run.hpp"

namespace dossier::simulation {

class AgentWatch {
 public:
  // Of one run of one boot; `process`: which of its agent's processes, from 1.
  struct Agent {
    std::string boot;
    worker::RunKey run;
    std::string session_id;
    int process = 0;
  };
  using Fail = std::function<void(const std::string&)>;
  AgentWatch(const LogModel& model, Fail fail) : model_(model), fail_(std::move(fail)) {}
  // The log lost what agents were rightly told.
  void stop_judging() { judges_ = false; }

  // Its effects are real from now on, so its boot's claim must be in the log.
  void started(const Agent& agent);
  // A process of it begins, with this to read.
  void prompted(const Agent& agent, const std::vector<v1::TurnInput>& inputs, const std::vector<v1::PendingApproval>& quotes);
  void turn(const Agent& agent, const worker::BeginTurn& turn);
  void steered(const Agent& agent, const std::string& follow_up_id);
  // The answer to what it had asked in these words.
  void answered(const Agent& agent, const std::string& command, const worker::AgentCommand& answer);

 private:
  void hears(const Agent& agent, const std::string& follow_up_id);
  void fail(const Agent& agent, const std::string& what);

  const LogModel& model_;
  const Fail fail_;
  bool judges_ = true;
  std::set<std::string> heard_;  // run and follow-up
  std::set<std::string> told_;   // process and question, or approval that was quoted
};

}  // namespace dossier::simulation
