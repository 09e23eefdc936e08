// A folder of a session's own for an agent's state, with the sign-in of the machine's account lent to it.
#pragma once

#include <string>

#include "base/result.hpp"
#include "worker/agents/agent.hpp"

namespace dossier::worker {

// Makes `home` and lends the file `own` as `home`/`name`, where it is there: a link, so that renewed tokens are kept; a copy
// where the agent runs as another account, which then owns both. io: names the path.
Status make_agent_home(const AgentRequest& request, const std::string& home, const std::string& own, const std::string& name);

// A variable of the worker's environment, or `fallback` where it is unset or empty.
std::string variable_or(const char* name, const std::string& fallback);

}  // namespace dossier::worker
