// Provider `codex`: the program `codex app-server` on pipes, one turn (codex_session.hpp). Each session has a CODEX_HOME of
// its own, so sessions see nothing of each other; the sign-in of the machine's account is lent to it.
//
// Of the daemon's environment it reads: DOSSIER_CODEX (the program; "codex"), DOSSIER_CODEX_CONFIG (lines `name=value`, each
// given to Codex by -c), DOSSIER_CODEX_SANDBOX (workspace-write, the default; danger-full-access where the worker is a
// container of its own; read-only).
#pragma once

#include "worker/agents/agent.hpp"

namespace dossier::worker {

class CodexAgent final : public Agent {
 public:
  AgentResult run(const AgentRequest& request, AgentHost& host) override;
};

// argv up to and with the transport; `command` replaces the program where it is not empty.
std::vector<std::string> codex_argv(const std::vector<std::string>& command);

}  // namespace dossier::worker
