// An agent's events as activity: what a person reads becomes log lines, what a program reads keeps its structure.
#pragma once

#include "worker/activity.hpp"
#include "worker/agents/agent.hpp"

namespace dossier::worker {

void record_event(ActivityStream& activity, const AgentEvent& event);

}  // namespace dossier::worker
