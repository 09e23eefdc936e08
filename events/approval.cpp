// Approvals: evolve and decide.
#include "events/approval.hpp"

#include <algorithm>
#include <array>

#include "base/mutation.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::events {

using State = v1::SessionState;

namespace {

constexpr std::array<std::string_view, 5> kKinds = {"command", "file_change", "permissions", "user_input", "tool"};
constexpr std::array<std::string_view, 4> kDecisions = {"accept", "accept_for_session", "decline", "cancel"};

void append_sized(std::string& out, std::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((size >> shift) & 0xff);
  out += bytes;
}

std::string_view stored(const v1::Text& text) {
  return text.form_case() == v1::Text::kSealed ? std::string_view(text.sealed().ciphertext()) : std::string_view(text.plain());
}

template <class Approvals>
auto find_approval(Approvals& approvals, std::string_view id) {
  return std::find_if(approvals.begin(), approvals.end(), [&](const v1::ApprovalState& each) { return each.request().request_id() == id; });
}

const v1::ResolvedApproval* remembered(const State& state, std::string_view id) {
  for (const auto& known : state.resolved_approvals())
    if (known.request_id() == id) return &known;
  return nullptr;
}

std::size_t kept_bytes(const State& state) {
  std::size_t bytes = 0;
  for (const auto& approval : state.approvals()) bytes += approval.ByteSizeLong();
  return bytes;
}

int open_approvals(const State& state) {
  return static_cast<int>(std::count_if(state.approvals().begin(), state.approvals().end(), [](const auto& each) { return !each.has_resolved(); }));
}

// Decisions that no worker ever confirms would pile up: the oldest go first, and are told to nobody any more.
void make_room(State& state) {
  auto& approvals = *state.mutable_approvals();
  while (approvals.size() > kMaxKeptApprovals || kept_bytes(state) > kMaxKeptApprovalBytes) {
    const auto decided = std::find_if(approvals.begin(), approvals.end(), [](const auto& each) { return each.has_resolved(); });
    if (decided == approvals.end()) return;
    approvals.erase(decided);
  }
}

void keep(State& state, const v1::ApprovalRequested& request) {
  v1::ApprovalRequested& kept = *state.add_approvals()->mutable_request();
  kept = request;
  if (kept.ByteSizeLong() > kMaxApprovalBytes) {  // declined for its size; the log has it
    kept.clear_command();
    kept.clear_patch();
    kept.clear_detail();
    kept.clear_paths();
    kept.clear_reason();
  }
  make_room(state);
}

void settle(State& state, const v1::ApprovalResolved& resolved) {
  const auto it = find_approval(*state.mutable_approvals(), resolved.request_id());
  if (it != state.mutable_approvals()->end()) *it->mutable_resolved() = resolved;
  v1::ResolvedApproval& known = *state.add_resolved_approvals();
  known.set_request_id(resolved.request_id());
  known.set_decision(resolved.decision());
  known.set_by(resolved.by());
  if (state.resolved_approvals_size() > kMaxRememberedApprovals) state.mutable_resolved_approvals()->DeleteSubrange(0, 1);
}

v1::SessionEvent resolved_event(std::string_view id, std::string_view decision, std::string_view by, std::string_view reason) {
  v1::SessionEvent event;
  v1::ApprovalResolved& resolved = *event.mutable_approval_resolved();
  resolved.set_request_id(std::string(id));
  resolved.set_decision(std::string(decision));
  resolved.set_by(std::string(by));
  resolved.mutable_reason()->set_plain(std::string(reason));
  return event;
}

// A question whose answer is a secret ("isSecret":true), which an event must never hold.
bool asks_for_secret(const v1::ApprovalRequested& request) {
  static constexpr std::string_view kMark = "\"isSecret\"";
  const std::string_view detail = request.detail().plain();
  for (std::size_t at = detail.find(kMark); at != std::string_view::npos; at = detail.find(kMark, at + 1)) {
    std::size_t value = detail.find_first_not_of(" \t\r\n:", at + kMark.size());
    if (value != std::string_view::npos && detail.substr(value, 4) == "true") return true;
  }
  return false;
}

// Why nobody can be asked; empty: somebody can.
std::string unaskable(const State& state, const v1::ApprovalRequested& request) {
  if (request.kind() == "user_input" && asks_for_secret(request)) return "it asks for a secret, and what people answer is kept in the log";
  if (open_approvals(state) >= kMaxOpenApprovals) return std::to_string(kMaxOpenApprovals) + " approvals of this session are open";
  if (request.ByteSizeLong() > kMaxApprovalBytes) return "the request has more than " + std::to_string(kMaxApprovalBytes) + " bytes";
  if (kept_bytes(state) + request.ByteSizeLong() > kMaxKeptApprovalBytes) return "the open approvals of this session are too large together";
  return {};
}

bool accepts(std::string_view decision) { return decision == "accept" || decision == "accept_for_session"; }

}  // namespace

bool is_approval_kind(std::string_view kind) { return std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end(); }

bool is_approval_decision(std::string_view decision) { return std::find(kDecisions.begin(), kDecisions.end(), decision) != kDecisions.end(); }

std::string action_sha256(const v1::ApprovalRequested& request) {
  std::string bytes;
  append_sized(bytes, request.kind());
  append_sized(bytes, stored(request.command()));
  append_sized(bytes, request.cwd());
  append_sized(bytes, stored(request.patch()));
  return std::string(crypto::view(crypto::sha256(bytes)));
}

bool evolve_approvals(State& state, const v1::SessionEvent& event) {
  if (event.has_approval_requested()) {
    keep(state, event.approval_requested());
  } else if (event.has_approval_resolved()) {
    settle(state, event.approval_resolved());
  } else if (event.has_approval_delivered()) {
    const auto it = find_approval(*state.mutable_approvals(), event.approval_delivered().request_id());
    if (it != state.mutable_approvals()->end()) state.mutable_approvals()->erase(it);
  } else if (event.has_session_ended()) {
    state.clear_approvals();  // nobody is left to be told
  } else {
    return false;
  }
  return true;
}

Result<SessionEvents> ask_approval(const State& state, const v1::ApprovalRequested& request, const std::optional<v1::ApprovalResolved>& by_policy) {
  if (state.session_id().empty()) return make_error(Code::not_found, "no such session");
  if (state.status() == State::ENDED) return make_error(Code::terminal_state, "the session has ended");
  if (!is_approval_kind(request.kind()))
    return make_error(Code::invalid_field, "must be command, file_change, permissions, user_input or tool", "approval_asked.kind");
  if (request.provider_request().empty() || request.provider_request().size() > kMaxProviderRequestBytes)
    return make_error(Code::invalid_field, "must have 1 to " + std::to_string(kMaxProviderRequestBytes) + " bytes",
                      "approval_asked.provider_request");
  if (!approval_called(state, request.offer(), request.provider_request()).empty()) return SessionEvents{};

  SessionEvents events(1);
  *events[0].mutable_approval_requested() = request;
  if (const std::string why = unaskable(state, request); !why.empty()) {
    events.push_back(resolved_event(request.request_id(), "decline", kSystem, why));
  } else if (by_policy.has_value()) {
    v1::ApprovalResolved& resolved = *events.emplace_back().mutable_approval_resolved();
    resolved = *by_policy;
    resolved.set_request_id(request.request_id());
    resolved.set_by(std::string(kPolicy));
  }
  return events;
}

Result<std::optional<v1::SessionEvent>> resolve_approval(const State& state, const v1::ApprovalResolved& resolved) {
  if (!is_approval_decision(resolved.decision()))
    return make_error(Code::invalid_field, "must be accept, accept_for_session, decline or cancel", "decision");
  const bool decides_again = mutation::on(mutation::Name::resolve_twice);
  if (const auto* before = remembered(state, resolved.request_id()); before != nullptr && !decides_again) {
    if (before->by() == resolved.by() && before->decision() == resolved.decision()) return std::optional<v1::SessionEvent>{};
    return make_error(Code::approval_resolved, "it was decided before: " + before->decision() + " by " + before->by());
  }
  const auto it = find_approval(state.approvals(), resolved.request_id());
  if (it == state.approvals().end())
    return make_error(Code::not_found, "no such approval is open in this session: it was decided long ago, or never asked for");
  const bool has_answer = !stored(resolved.answer()).empty();
  const bool asks_people = it->request().kind() == "user_input";
  if (has_answer && !(asks_people && accepts(resolved.decision())))
    return make_error(Code::invalid_field, "goes with accept of a user_input only", "answer");
  if (!has_answer && asks_people && accepts(resolved.decision()))
    return make_error(Code::missing_field, "must answer the questions: an object, question → list of answers", "answer");
  v1::SessionEvent event;
  *event.mutable_approval_resolved() = resolved;
  return std::optional(std::move(event));
}

std::string approval_called(const State& state, std::uint32_t offer, std::string_view provider_request) {
  for (const auto& kept : state.approvals())
    if (kept.request().offer() == offer && kept.request().provider_request() == provider_request) return kept.request().request_id();
  return {};
}

Result<SessionEvents> deliver_approval(const State& state, const v1::ApprovalDelivered& delivered) {
  const bool withdrawn = delivered.how() == "withdrawn";
  if (!withdrawn && delivered.how() != "answered" && delivered.how() != "quoted")
    return make_error(Code::invalid_field, "must be answered, quoted or withdrawn", "approval_answered.how");
  const auto it = find_approval(state.approvals(), delivered.request_id());
  if (it == state.approvals().end()) {
    if (remembered(state, delivered.request_id()) != nullptr) return SessionEvents{};
    return make_error(Code::not_found, "no such approval in this session", "approval_answered.request_id");
  }
  SessionEvents events;
  if (!it->has_resolved() && withdrawn) {
    events.push_back(resolved_event(delivered.request_id(), "cancel", kSystem, "the agent withdrew it"));
  } else if (!it->has_resolved()) {
    return make_error(Code::conflict, "this approval is open: nobody decided what the agent is said to know", "approval_answered.request_id");
  }
  *events.emplace_back().mutable_approval_delivered() = delivered;
  return events;
}

SessionEvents cancel_open_approvals(const State& state) {
  SessionEvents events;
  if (mutation::on(mutation::Name::leave_approvals_open)) return events;
  for (const auto& approval : state.approvals())
    if (!approval.has_resolved()) events.push_back(resolved_event(approval.request().request_id(), "cancel", kSystem, "the session ended"));
  return events;
}

}  // namespace dossier::events
