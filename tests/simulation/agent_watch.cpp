// The checks.
#include "tests/simulation/agent_watch.hpp"

namespace dossier::simulation {
namespace {

std::string run_of(const AgentWatch::Agent& agent) { return agent.boot + "/" + agent.run.task_id + "/" + std::to_string(agent.run.offer); }
std::string process_of(const AgentWatch::Agent& agent) { return run_of(agent) + "/" + std::to_string(agent.process); }

}  // namespace

void AgentWatch::fail(const Agent& agent, const std::string& what) {
  if (judges_) fail_("the agent of " + agent.session_id + " under " + run_of(agent) + " " + what);
}

void AgentWatch::started(const Agent& agent) {
  if (!model_.tasks().claimed(agent.run.task_id, agent.run.offer, agent.boot)) fail(agent, "runs without an accepted claim of this boot");
}

void AgentWatch::prompted(const Agent& agent, const std::vector<v1::TurnInput>& inputs, const std::vector<v1::PendingApproval>& quotes) {
  // A later process of the run begins with what the broken turn was told.
  if (agent.process == 1)
    for (const auto& input : inputs) hears(agent, input.follow_up_id());
  for (const auto& quote : quotes) {
    const std::string& id = quote.request().request_id();
    if (!model_.approvals().decided(agent.session_id, quote.request(), quote.resolved().decision()))
      fail(agent, "reads that " + id + " was decided, and the log does not say so");
    if (!told_.insert(process_of(agent) + " " + id).second) fail(agent, "reads twice that " + id + " was decided");
  }
}

void AgentWatch::turn(const Agent& agent, const worker::BeginTurn& turn) {
  std::vector<std::string> inputs;
  for (const auto& input : turn.inputs) {
    inputs.push_back(input.follow_up_id());
    hears(agent, input.follow_up_id());
  }
  if (inputs.empty() || inputs != model_.follow_ups().told(agent.session_id, turn.turn))
    fail(agent, "is told other follow-ups in turn " + std::to_string(turn.turn) + " than the log delivered to it");
}

void AgentWatch::steered(const Agent& agent, const std::string& follow_up_id) {
  if (!model_.follow_ups().was_queued(agent.session_id, follow_up_id)) fail(agent, "is told " + follow_up_id + ", which nobody said");
  hears(agent, follow_up_id);
}

void AgentWatch::hears(const Agent& agent, const std::string& follow_up_id) {
  if (follow_up_id.empty()) return;  // the task's own prompt
  if (!heard_.insert(run_of(agent) + " " + follow_up_id).second) fail(agent, "is told " + follow_up_id + " twice");
}

void AgentWatch::answered(const Agent& agent, const std::string& command, const worker::AgentCommand& answer) {
  if (!told_.insert(process_of(agent) + " question " + answer.request).second) fail(agent, "is answered twice: " + command);
  if (!model_.approvals().decided(agent.session_id, command, answer.decision))
    fail(agent, "is told " + answer.decision + " to " + command + ", and the log does not say so (" + answer.reason + ")");
}

}  // namespace dossier::simulation
