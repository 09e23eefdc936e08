// What a run's agent waits to be allowed, and what became of it. Without I/O: what happened goes in, what to do comes out.
//
//   asked ──decided──► told ──the agent knows──► gone (reported: answered)
//     │                  │
//     └──the agent is lost, or an earlier offer left it──► forgotten ──decided──► quoted in a new turn ──► gone (reported: quoted)
//
// An agent that died with a question open has forgotten it, and its successor knows nothing of the decision: a new turn
// says what was decided, word for word. What was accepted that way and is asked for again is answered at once, once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dossier/v1/worker.pb.h"
#include "worker/agents/agent.hpp"

namespace dossier::worker {

// Report that the agent asks.
struct AskApproval {
  v1::ApprovalRequested request;
};
// Tell the agent.
struct TellAgent {
  AgentCommand command;
};
// Report that the agent knows.
struct ApprovalKnown {
  std::string request_id;
  std::string how;  // answered, quoted
};
// The agent waits no more, and nobody has decided: no need to wait either.
struct ApprovalWithdrawn {
  std::string provider_request;
};
using ApprovalAction = std::variant<AskApproval, TellAgent, ApprovalKnown, ApprovalWithdrawn>;
using ApprovalActions = std::vector<ApprovalAction>;

// Not thread-safe.
class PendingApprovals {
 public:
  static constexpr std::size_t kMaxOpen = 32;   // more are declined at once
  static constexpr std::size_t kMaxKept = 256;  // accepted actions that were not asked for again yet; withdrawn questions
  // Of one question, so that all of it fits into one report. What is longer is cut, and never answered by itself.
  static constexpr std::size_t kMaxCommand = 64 * 1024;
  static constexpr std::size_t kMaxPatch = 96 * 1024;
  static constexpr std::size_t kMaxDetail = 32 * 1024;
  static constexpr std::size_t kMaxReason = 8 * 1024;
  static constexpr std::size_t kMaxPaths = 32 * 1024;  // all of them
  static constexpr std::size_t kMaxName = 160;
  static constexpr std::size_t kMaxPath = 4'096;

  // `left`: what an earlier offer of the session left behind.
  PendingApprovals(std::uint32_t offer, const v1::SessionResume& left);

  // The agent asks. A question that it has open already changes nothing.
  ApprovalActions on_asked(const AgentApproval& approval, const std::string& item, std::uint32_t turn);
  // Somebody decided. provider_request: the name under which this offer reported it; empty for an earlier offer's.
  ApprovalActions on_decided(const std::string& provider_request, const v1::ApprovalResolved& resolved);
  // The agent says that a question is settled: by what it was told, or by itself.
  ApprovalActions on_settled(const std::string& agent_request);
  // The turn is over, and the agent lives: it waits for nothing.
  ApprovalActions on_turn_over();
  // Its process is gone. What it asked next comes from another one, which may use the same names again.
  void on_agent_lost();

  // The agent (or the next one) has still to learn how something ended.
  bool has_unsettled() const { return !entries_.empty(); }
  // Something that is forgotten waits for somebody to decide.
  bool has_undecided() const;

  // Forgotten and decided: to be quoted in the turn that begins next.
  std::vector<v1::PendingApproval> quotes() const;
  // That turn began.
  ApprovalActions on_quoted();

 private:
  enum class State : std::uint8_t { asked, told, forgotten };
  struct Entry {
    v1::PendingApproval approval;
    std::string agent_request;
    State state = State::asked;
  };
  v1::ApprovalRequested request_of(const AgentApproval& approval, const std::string& item, std::uint32_t turn) const;
  std::deque<Entry>::iterator find_decided(const std::string& provider_request, const std::string& request_id);

  const std::uint32_t offer_;
  std::uint64_t asked_ = 0;  // questions that were reported
  std::deque<Entry> entries_;
  std::deque<v1::PendingApproval> granted_;  // quoted as accepted, and not asked for again yet
};

}  // namespace dossier::worker
