// Approvals of a session: what its agent wants to do and somebody decides. They are facts of the stream session/<id>.
//
//   asked ──► open ──resolve (a rule, a person, the agent that withdraws it, the session's end)──► resolved ──deliver──► forgotten
//                                                                                                       but for who decided
//
// Resolved exactly once; the agent is told only afterwards. Everything here is pure; a repeated command yields no second
// event. Bounded: what a session keeps of approvals has a number and a size, and what would go beyond it is declined at
// once, so that the agent has its answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"

namespace dossier::events {

inline constexpr int kMaxOpenApprovals = 32;                   // of a session
inline constexpr int kMaxKeptApprovals = 64;                   // open ones and those that the agent does not know the end of
inline constexpr int kMaxRememberedApprovals = 256;            // resolved ones of which is known by whom
inline constexpr std::size_t kMaxApprovalBytes = 256 * 1024;   // of one request, all its fields
inline constexpr std::size_t kMaxKeptApprovalBytes = 1 << 20;  // of all that is kept
inline constexpr std::size_t kMaxProviderRequestBytes = 200;
inline constexpr std::string_view kPolicy = "policy";  // ApprovalResolved::by, where no person decided
inline constexpr std::string_view kSystem = "system";

using SessionEvents = std::vector<v1::SessionEvent>;

// command, file_change, permissions, user_input, tool.
bool is_approval_kind(std::string_view kind);
// accept, accept_for_session, decline, cancel.
bool is_approval_decision(std::string_view decision);
// SHA-256 over kind, command, cwd and patch, each as 4-byte big-endian length ‖ bytes as stored; 32 bytes.
std::string action_sha256(const v1::ApprovalRequested& request);

// Folds the approvals' share of a session's facts. False: not one of theirs.
bool evolve_approvals(v1::SessionState& state, const v1::SessionEvent& event);

// ApprovalRequested, and behind it ApprovalResolved where `by_policy` says how it ends, and where nobody can be asked: the
// bounds leave no room, or it is a question for a secret, which no event may hold. Nothing
// where the same request of this offer is kept already. invalid_field: kind, provider_request. terminal_state.
Result<SessionEvents> ask_approval(const v1::SessionState& state, const v1::ApprovalRequested& request,
                                   const std::optional<v1::ApprovalResolved>& by_policy);
// Nothing where the same one decided the same before. approval_resolved: it was decided otherwise, or by another (named).
// not_found: never asked for here. invalid_field: decision, answer.
Result<std::optional<v1::SessionEvent>> resolve_approval(const v1::SessionState& state, const v1::ApprovalResolved& resolved);
// The id of the kept approval which the agent calls so under this offer; empty: none is kept.
std::string approval_called(const v1::SessionState& state, std::uint32_t offer, std::string_view provider_request);
// Nothing where the agent is known to know. An open one that the agent withdrew is cancelled by the system first. conflict: still
// open, and not withdrawn. not_found. invalid_field: how.
Result<SessionEvents> deliver_approval(const v1::SessionState& state, const v1::ApprovalDelivered& delivered);
// The session ends: what is open is cancelled by the system.
SessionEvents cancel_open_approvals(const v1::SessionState& state);

}  // namespace dossier::events
