// Provider `codex`: the program `codex app-server` on pipes (codex_session.hpp). Each session has a CODEX_HOME of its own, so
// sessions see nothing of each other; the sign-in of the machine's account is lent to it.
//
// One process serves the turns of a run, and of the next run too if nothing is open when this one finishes (is_warm). Where
// it ended between turns, or had to (an interrupted command goes on as long as its process lives), the next turn starts
// another one, which goes on with the thread.
//
// Of the daemon's environment it reads: DOSSIER_CODEX (the program; "codex"), DOSSIER_CODEX_CONFIG (lines `name=value`, each
// given to Codex by -c), DOSSIER_CODEX_SANDBOX (workspace-write, the default; danger-full-access where the worker is a
// container of its own; read-only).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "worker/agents/agent.hpp"
#include "worker/agents/child.hpp"

namespace dossier::worker {

namespace codex {
class Session;
}

class CodexAgent final : public Agent {
 public:
  CodexAgent();
  ~CodexAgent() override;
  AgentResult run(const AgentRequest& request, AgentHost& host) override;
  bool is_warm() const override;

 private:
  Status start(const AgentRequest& request, const std::string& thread);
  void drop();
  ChildEnd run_process(const AgentRequest& request, AgentHost& host);
  AgentResult end_of_run(const ChildEnd& end, const AgentRequest& request, AgentHost& host);

  std::unique_ptr<codex::Session> session_;  // with child_
  std::unique_ptr<Child> child_;             // its process; null where there is none
  AgentRequest started_;                     // what child_ was made for
};

// argv up to and with the transport; `command` replaces the program where it is not empty.
std::vector<std::string> codex_argv(const std::vector<std::string>& command);

}  // namespace dossier::worker
