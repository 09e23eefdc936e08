// What a session may do with approvals, written down a second time and apart from events/approval: the simulation holds every
// accepted fact of the log against it, and what agents are told against what the log decided.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "dossier/v1/payload.pb.h"

namespace dossier::simulation {

class ApprovalRules {
 public:
  // The next fact of a session's stream; empty, or which rule it breaks.
  //  - each was asked before anybody decided, and is decided once
  //  - an agent is said to know only what was decided, once
  //  - one agent gives a name once: under one offer no two questions have the same
  //  - a session that ends leaves none open
  std::string fact(const std::string& stream, const v1::SessionEvent& fact);
  // Whether something that an agent of this session wanted to do in these words was decided so.
  bool decided(const std::string& session_id, const std::string& command, std::string_view decision) const;
  // Whether this approval of the session was decided so, and asked for in these words.
  bool decided(const std::string& session_id, const v1::ApprovalRequested& request, std::string_view decision) const;
  bool is_open(const std::string& approval_id) const;
  std::uint64_t open() const { return open_; }

 private:
  struct Approval {
    std::string session;  // stream
    std::string command;
    std::string decision;  // empty: open
    bool known = false;    // to the agent
  };
  std::string ask(const std::string& stream, const v1::ApprovalRequested& fact);
  std::string resolve(const std::string& stream, const v1::ApprovalResolved& fact);
  std::string deliver(const std::string& stream, const v1::ApprovalDelivered& fact);

  std::map<std::string, Approval> approvals_;                                           // by id
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> by_command_;  // (stream, command) → ids
  std::map<std::string, std::set<std::string>> open_of_;                                // stream → ids
  std::set<std::tuple<std::string, std::uint32_t, std::string>> names_;                 // (stream, offer, provider_request)
  std::uint64_t open_ = 0;
};

}  // namespace dossier::simulation
