// The rules.
#include "tests/simulation/follow_up_rules.hpp"

#include <algorithm>

namespace dossier::simulation {
namespace {

constexpr std::size_t kMostWaiting = 20;

}  // namespace

std::string FollowUpRules::deliver(Session& session, const v1::FollowUpDelivered& fact) {
  const auto at = std::find(session.waiting.begin(), session.waiting.end(), fact.follow_up_id());
  if (at == session.waiting.end()) return " delivered a follow-up that does not wait";
  if (!fact.steered() && at != session.waiting.begin()) return " delivered a follow-up before an older one";
  if (!fact.steered() && fact.turn() <= session.ended_turn) return " delivered a follow-up to a turn that had ended";
  session.turns[fact.turn()].push_back(fact.follow_up_id());
  session.waiting.erase(at);
  ++delivered_;
  return {};
}

std::string FollowUpRules::fact(const std::string& stream, const v1::SessionEvent& fact) {
  Session& session = sessions_[stream];
  const auto waits = [&](const std::string& id) { return std::find(session.waiting.begin(), session.waiting.end(), id) != session.waiting.end(); };
  if (session.ended) return " went on after its end";
  switch (fact.fact_case()) {
    case v1::SessionEvent::kTurnCompleted:
      session.ended_turn = fact.turn_completed().turn();
      turn_ended_now_.push_back(stream);
      return {};
    case v1::SessionEvent::kSessionEnded:
      session.ended = true;
      if (fact.session_ended().outcome() == "completed" && !session.waiting.empty()) return " ended well, and left follow-ups behind";
      return {};
    case v1::SessionEvent::kFollowUpQueued:
      session.queued.insert(fact.follow_up_queued().follow_up_id());
      session.waiting.push_back(fact.follow_up_queued().follow_up_id());
      return session.waiting.size() > kMostWaiting ? " lets too many follow-ups wait" : "";
    case v1::SessionEvent::kFollowUpEdited: return waits(fact.follow_up_edited().follow_up_id()) ? "" : " changed a follow-up that does not wait";
    case v1::SessionEvent::kFollowUpRemoved:
      if (!waits(fact.follow_up_removed().follow_up_id())) return " took back a follow-up that does not wait";
      std::erase(session.waiting, fact.follow_up_removed().follow_up_id());
      return {};
    case v1::SessionEvent::kFollowUpSteerRequested:
      return waits(fact.follow_up_steer_requested().follow_up_id()) ? "" : " steers a follow-up that does not wait";
    case v1::SessionEvent::kFollowUpDelivered: return deliver(session, fact.follow_up_delivered());
    case v1::SessionEvent::kSessionRequested:
    case v1::SessionEvent::kSessionStarted:
    case v1::SessionEvent::kTurnStarted:
    case v1::SessionEvent::kApprovalRequested:
    case v1::SessionEvent::kApprovalResolved:
    case v1::SessionEvent::kApprovalDelivered:
    case v1::SessionEvent::kLimitReached:
    case v1::SessionEvent::FACT_NOT_SET: break;
  }
  return {};
}

std::string FollowUpRules::end_of_commit() {
  std::string broken;
  for (const std::string& stream : turn_ended_now_)
    if (!sessions_[stream].waiting.empty()) broken = stream + " ended a turn, and left follow-ups waiting";
  turn_ended_now_.clear();
  return broken;
}

bool FollowUpRules::was_queued(const std::string& session_id, const std::string& follow_up_id) const {
  const auto session = sessions_.find("session/" + session_id);
  return session != sessions_.end() && session->second.queued.contains(follow_up_id);
}

std::vector<std::string> FollowUpRules::told(const std::string& session_id, std::uint32_t turn) const {
  const auto session = sessions_.find("session/" + session_id);
  if (session == sessions_.end()) return {};
  const auto found = session->second.turns.find(turn);
  return found == session->second.turns.end() ? std::vector<std::string>() : found->second;
}

}  // namespace dossier::simulation
