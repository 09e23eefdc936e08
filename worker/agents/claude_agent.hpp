// Provider `claude`: the program `claude -p` in stream-json on pipes (claude_session.hpp), one process for all turns of a
// session, kept after a run while nothing is open. Each session has a CLAUDE_CONFIG_DIR of its own, so sessions see nothing of
// each other; the sign-in of the machine's account is lent to it. A session that is gone on with by another process is
// resumed from its transcript in that folder, wherever its worktree was then.
//
// Of the daemon's environment it reads: DOSSIER_CLAUDE (the program; "claude") and DOSSIER_CLAUDE_SETTINGS (its settings, as
// JSON or a file's path, given to it by --settings: rules for permissions, its sandbox).
#pragma once

#include <memory>
#include <optional>

#include "worker/agents/agent.hpp"
#include "worker/agents/child.hpp"
#include "worker/agents/claude_session.hpp"

namespace dossier::worker {

class ClaudeAgent final : public Agent {
 public:
  AgentResult run(const AgentRequest& request, AgentHost& host) override;
  bool is_warm() const override;

 private:
  // Goes on with request.provider_session where its transcript is there, unless is_fresh.
  Status start(const AgentRequest& request, std::vector<AgentInput> inputs, bool is_fresh);
  // Until the run is over. nullopt: the process ended between turns.
  std::optional<AgentResult> drive(const AgentRequest& request, AgentHost& host);
  bool may_go_on(const AgentRequest& request) const;

  std::vector<std::string> argv_;  // of the process, without its session
  std::unique_ptr<claude::Session> session_;
  std::unique_ptr<Child> child_;
};

// argv without the session; `request.command` replaces the program where it is not empty.
std::vector<std::string> claude_argv(const AgentRequest& request);
// What the program is told by its environment besides: its own folder, and that it reports, updates and begins nothing by itself.
process::Environment claude_environment(const std::string& home);

// The sign-in of the worker's account, lent to its agents; it need not be there.
std::string claude_sign_in_file();

}  // namespace dossier::worker
