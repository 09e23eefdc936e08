// The rules.
#include "tests/simulation/approval_rules.hpp"

#include <algorithm>

namespace dossier::simulation {

std::string ApprovalRules::ask(const std::string& stream, const v1::ApprovalRequested& fact) {
  if (fact.request_id().empty()) return " asks for an approval without an id";
  if (!approvals_.emplace(fact.request_id(), Approval{stream, fact.command().plain(), {}, false}).second)
    return " asks under an id that was given before";
  if (!names_.emplace(stream, fact.offer(), fact.provider_request()).second) return " asks twice by one name under one offer";
  by_command_[{stream, fact.command().plain()}].push_back(fact.request_id());
  open_of_[stream].insert(fact.request_id());
  ++open_;
  return {};
}

std::string ApprovalRules::resolve(const std::string& stream, const v1::ApprovalResolved& fact) {
  const auto found = approvals_.find(fact.request_id());
  if (found == approvals_.end() || found->second.session != stream) return " decided an approval that nobody had asked for";
  if (!found->second.decision.empty()) return " decided an approval twice";
  if (fact.decision().empty() || fact.by().empty()) return " decided an approval, and does not say how or by whom";
  found->second.decision = fact.decision();
  open_of_[stream].erase(fact.request_id());
  --open_;
  return {};
}

std::string ApprovalRules::deliver(const std::string& stream, const v1::ApprovalDelivered& fact) {
  const auto found = approvals_.find(fact.request_id());
  if (found == approvals_.end() || found->second.session != stream) return " told an approval that nobody had asked for";
  if (found->second.decision.empty()) return " told an approval that nobody had decided";
  if (std::exchange(found->second.known, true)) return " told an approval twice";
  return {};
}

std::string ApprovalRules::fact(const std::string& stream, const v1::SessionEvent& fact) {
  switch (fact.fact_case()) {
    case v1::SessionEvent::kApprovalRequested: return ask(stream, fact.approval_requested());
    case v1::SessionEvent::kApprovalResolved: return resolve(stream, fact.approval_resolved());
    case v1::SessionEvent::kApprovalDelivered: return deliver(stream, fact.approval_delivered());
    case v1::SessionEvent::kSessionEnded: {
      const auto open = open_of_.find(stream);
      return open == open_of_.end() || open->second.empty() ? "" : " ended, and left an approval open";
    }
    case v1::SessionEvent::kSessionRequested:
    case v1::SessionEvent::kSessionStarted:
    case v1::SessionEvent::kTurnStarted:
    case v1::SessionEvent::kTurnCompleted:
    case v1::SessionEvent::kFollowUpQueued:
    case v1::SessionEvent::kFollowUpEdited:
    case v1::SessionEvent::kFollowUpRemoved:
    case v1::SessionEvent::kFollowUpSteerRequested:
    case v1::SessionEvent::kFollowUpDelivered:
    case v1::SessionEvent::kLimitReached:
    case v1::SessionEvent::FACT_NOT_SET: break;
  }
  return {};
}

bool ApprovalRules::decided(const std::string& session_id, const std::string& command, std::string_view decision) const {
  const auto asked = by_command_.find({"session/" + session_id, command});
  return asked != by_command_.end() &&
         std::any_of(asked->second.begin(), asked->second.end(), [&](const std::string& id) { return approvals_.at(id).decision == decision; });
}

bool ApprovalRules::decided(const std::string& session_id, const v1::ApprovalRequested& request, std::string_view decision) const {
  const auto found = approvals_.find(request.request_id());
  return found != approvals_.end() && found->second.session == "session/" + session_id && found->second.command == request.command().plain() &&
         found->second.decision == decision && !decision.empty();
}

bool ApprovalRules::is_open(const std::string& approval_id) const {
  const auto found = approvals_.find(approval_id);
  return found != approvals_.end() && found->second.decision.empty();
}

}  // namespace dossier::simulation
