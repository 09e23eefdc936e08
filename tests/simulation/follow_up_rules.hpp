// What a session may do with follow-ups, written down a second time and apart from events/follow_up: the simulation holds
// every accepted fact of the log against it, and what agents are told against what the log delivered.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "dossier/v1/payload.pb.h"

namespace dossier::simulation {

class FollowUpRules {
 public:
  // The next fact of a session's stream; empty, or which rule it breaks.
  //  - each goes to one turn, in the order in which they were queued, unless it was steered or taken back
  //  - with a turn's end all that waits goes to the next turn
  //  - a session that ends well leaves none behind
  std::string fact(const std::string& stream, const v1::SessionEvent& fact);
  // The commit that it was part of is over; empty, or which rule it breaks.
  std::string end_of_commit();
  // What this turn was to be told, in order.
  std::vector<std::string> told(const std::string& session_id, std::uint32_t turn) const;
  // Somebody said it to this session.
  bool was_queued(const std::string& session_id, const std::string& follow_up_id) const;
  std::uint64_t delivered() const { return delivered_; }

 private:
  struct Session {
    std::set<std::string> queued;  // ever
    std::vector<std::string> waiting;
    std::map<std::uint32_t, std::vector<std::string>> turns;  // turn → what was delivered to it
    std::uint32_t ended_turn = 0;
    bool ended = false;
  };
  std::string deliver(Session& session, const v1::FollowUpDelivered& fact);

  std::map<std::string, Session> sessions_;  // by stream
  std::vector<std::string> turn_ended_now_;  // streams
  std::uint64_t delivered_ = 0;
};

}  // namespace dossier::simulation
