// Lets an agent's events through to the log until its output is at the limit; what it says then goes into a file. Facts of
// the session (turns, approvals, tokens) always pass.
#pragma once

#include <functional>
#include <string>

#include "worker/agents/agent.hpp"
#include "worker/limits/limits.hpp"
#include "worker/limits/output_file.hpp"

namespace dossier::worker {

// One a run, behind the EventMasker: the file is to hold masked texts too. One owner thread.
class OutputGate {
 public:
  // Both must outlive it.
  OutputGate(limits::Account& account, limits::OutputFile& file) : account_(account), file_(file) {}

  struct Sinks {
    std::function<void(AgentEvent event)> pass;
    std::function<void(const limits::Reached& reached)> reached;  // once
  };
  void take(AgentEvent event, const Sinks& sinks);

 private:
  limits::Account& account_;
  limits::OutputFile& file_;
};

}  // namespace dossier::worker
