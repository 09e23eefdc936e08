// The states of a question; see pending_approvals.hpp.
#include "worker/pending_approvals.hpp"

#include <algorithm>
#include <utility>

#include "events/approval.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

void set_text(v1::Text* text, const std::string& value, std::size_t most) {
  if (!value.empty()) text->set_plain(clean_text(value, most));
}

TellAgent tell(const std::string& agent_request, const v1::ApprovalResolved& resolved) {
  TellAgent tell;
  tell.command.kind = AgentCommand::Kind::resolve;
  tell.command.request = agent_request;
  tell.command.decision = resolved.decision();
  tell.command.reason = resolved.reason().plain();
  tell.command.answer = resolved.answer().plain();
  return tell;
}

bool is_accepted(const v1::ApprovalResolved& resolved) { return resolved.decision() == "accept" || resolved.decision() == "accept_for_session"; }

// Whether the request says everything about the action: then the same words are the same action. What a tool or a set of
// permissions would do stands in its detail, which the hash does not cover; of what was cut, the rest is unknown.
bool says_all(const v1::ApprovalRequested& request) {
  constexpr std::size_t kMark = 4;  // what marks a cut
  const bool is_plain = request.kind() == "command" || request.kind() == "file_change";
  const bool is_something = !request.command().plain().empty() || !request.patch().plain().empty();
  return is_plain && is_something && request.command().plain().size() + kMark < PendingApprovals::kMaxCommand &&
         request.patch().plain().size() + kMark < PendingApprovals::kMaxPatch;
}

bool is_same_action(const v1::ApprovalRequested& one, const v1::ApprovalRequested& other) {
  return events::action_sha256(one) == events::action_sha256(other) &&
         std::equal(one.paths().begin(), one.paths().end(), other.paths().begin(), other.paths().end());
}

}  // namespace

PendingApprovals::PendingApprovals(std::uint32_t offer, const v1::SessionResume& left) : offer_(offer) {
  for (const auto& approval : left.approvals()) entries_.push_back({approval, {}, State::forgotten});
}

v1::ApprovalRequested PendingApprovals::request_of(const AgentApproval& approval, const std::string& item, std::uint32_t turn) const {
  v1::ApprovalRequested request;
  request.set_kind(approval.kind);
  set_text(request.mutable_command(), approval.command, kMaxCommand);
  set_text(request.mutable_patch(), approval.patch, kMaxPatch);
  set_text(request.mutable_reason(), approval.reason, kMaxReason);
  set_text(request.mutable_detail(), approval.detail, kMaxDetail);
  request.set_offer(offer_);
  request.set_turn(turn);
  // A process numbers its requests from the start, and the next one does so again: the question's own number tells them apart.
  request.set_provider_request(std::to_string(asked_ + 1) + "/" + clean_text(approval.request, kMaxName));
  request.set_provider_item(clean_text(item, kMaxName));
  request.set_cwd(clean_text(approval.cwd, kMaxPath));
  std::size_t bytes = 0;
  for (const std::string& path : approval.paths) {
    const std::string clean = clean_text(path, kMaxPath);
    bytes += clean.size();
    if (bytes > kMaxPaths) break;
    request.add_paths(clean);
  }
  request.set_action_sha256(events::action_sha256(request));
  return request;
}

ApprovalActions PendingApprovals::on_asked(const AgentApproval& approval, const std::string& item, std::uint32_t turn) {
  for (const Entry& entry : entries_)
    if (entry.state != State::forgotten && entry.agent_request == approval.request) return {};
  v1::ApprovalRequested request = request_of(approval, item, turn);
  const auto granted =
      std::find_if(granted_.begin(), granted_.end(), [&](const v1::PendingApproval& known) { return is_same_action(known.request(), request); });
  if (granted != granted_.end() && says_all(request)) {
    TellAgent accepted = tell(approval.request, granted->resolved());
    granted_.erase(granted);
    return {std::move(accepted)};
  }
  if (entries_.size() >= kMaxOpen) {
    v1::ApprovalResolved declined;
    declined.set_decision("decline");
    declined.mutable_reason()->set_plain("too many questions are open: " + std::to_string(kMaxOpen));
    return {tell(approval.request, declined)};
  }
  Entry entry;
  *entry.approval.mutable_request() = request;
  entry.agent_request = approval.request;
  entries_.push_back(std::move(entry));
  ++asked_;
  return {AskApproval{std::move(request)}};
}

// An earlier offer's question is known by the server's name for it; one of this offer by the agent's, as it was reported.
std::deque<PendingApprovals::Entry>::iterator PendingApprovals::find_decided(const std::string& provider_request, const std::string& request_id) {
  const auto by_id = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return !request_id.empty() && entry.approval.request().request_id() == request_id; });
  if (by_id != entries_.end()) return by_id;
  return std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.approval.request().request_id().empty() && entry.approval.request().provider_request() == provider_request;
  });
}

ApprovalActions PendingApprovals::on_decided(const std::string& provider_request, const v1::ApprovalResolved& resolved) {
  const auto entry = find_decided(provider_request, resolved.request_id());
  if (entry == entries_.end()) {
    // Withdrawn, or settled before: nobody waits for it, and the server need not say it again.
    if (resolved.request_id().empty()) return {};
    return {ApprovalKnown{resolved.request_id(), "answered"}};
  }
  if (entry->approval.has_resolved()) return {};
  *entry->approval.mutable_resolved() = resolved;
  entry->approval.mutable_request()->set_request_id(resolved.request_id());
  if (entry->state == State::forgotten) return {};
  entry->state = State::told;
  return {tell(entry->agent_request, resolved)};
}

ApprovalActions PendingApprovals::on_settled(const std::string& agent_request) {
  const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& each) { return each.state != State::forgotten && each.agent_request == agent_request; });
  if (entry == entries_.end()) return {};
  ApprovalActions actions;
  if (entry->state == State::asked) actions.push_back(ApprovalWithdrawn{entry->approval.request().provider_request()});
  // Without a name of the server's it was declined here, because the server refused the question.
  else if (!entry->approval.request().request_id().empty())
    actions.push_back(ApprovalKnown{entry->approval.request().request_id(), "answered"});
  entries_.erase(entry);
  return actions;
}

ApprovalActions PendingApprovals::on_turn_over() {
  std::vector<std::string> waiting;
  for (const Entry& entry : entries_)
    if (entry.state != State::forgotten) waiting.push_back(entry.agent_request);
  ApprovalActions actions;
  for (const std::string& agent_request : waiting)
    for (auto& action : on_settled(agent_request)) actions.push_back(std::move(action));
  return actions;
}

void PendingApprovals::on_agent_lost() {
  for (Entry& entry : entries_) {
    entry.state = State::forgotten;
    entry.agent_request.clear();
  }
}

bool PendingApprovals::has_undecided() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return entry.state == State::forgotten && !entry.approval.has_resolved(); });
}

std::vector<v1::PendingApproval> PendingApprovals::quotes() const {
  std::vector<v1::PendingApproval> quotes;
  for (const Entry& entry : entries_)
    if (entry.state == State::forgotten && entry.approval.has_resolved()) quotes.push_back(entry.approval);
  return quotes;
}

ApprovalActions PendingApprovals::on_quoted() {
  ApprovalActions actions;
  for (const auto& quote : quotes()) {
    if (!quote.request().request_id().empty()) actions.push_back(ApprovalKnown{quote.request().request_id(), "quoted"});
    if (!is_accepted(quote.resolved()) || !says_all(quote.request())) continue;
    granted_.push_back(quote);
    if (granted_.size() > kMaxKept) granted_.pop_front();
  }
  std::erase_if(entries_, [](const Entry& entry) { return entry.state == State::forgotten && entry.approval.has_resolved(); });
  return actions;
}

}  // namespace dossier::worker
