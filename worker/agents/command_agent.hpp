// Provider `command`: any program. The request comes as one JSON object on its standard input and in DOSSIER_* variables;
// its output becomes log lines, its exit status the outcome (0: completed), its last lines of output the result. What it
// changes in the worktree is captured by the worker afterwards. Each turn runs it anew, in the same worktree, with that
// turn's inputs as the prompt; what it wants to remember it keeps in its own files. It can't be steered, and asks nothing.
#pragma once

#include "worker/agents/agent.hpp"

namespace dossier::worker {

class CommandAgent final : public Agent {
 public:
  AgentResult run(const AgentRequest& request, AgentHost& host) override;
};

// {"workspace_id":…,"issue":{…},"session_id":…,"turn":…,"prompt":…,…} and a newline; the turn is request.first_turn.
std::string command_request_json(const AgentRequest& request);
// The inputs of a turn as one prompt, an empty line between them.
std::string joined_inputs(const std::vector<AgentInput>& inputs);

}  // namespace dossier::worker
