// Provider `command`: any program. The request comes as one JSON object on its standard input and in DOSSIER_* variables;
// its output becomes log lines, its exit status the outcome (0: completed), its last lines of output the result. What it
// changes in the worktree is captured by the worker afterwards.
#pragma once

#include "worker/agents/agent.hpp"

namespace dossier::worker {

class CommandAgent final : public Agent {
 public:
  AgentResult run(const AgentRequest& request, AgentHost& host) override;
};

// {"workspace_id":…,"issue":{…},"session_id":…,"prompt":…,…} and a newline.
std::string command_request_json(const AgentRequest& request);

}  // namespace dossier::worker
