// A workspace: its agent profiles, worker tokens and approval policies. Stream workspace/<id>; members have a stream of their own.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"

namespace dossier::events {

inline constexpr int kMaxAgents = 200;
inline constexpr int kMaxWorkerTokens = 1'000;
inline constexpr std::size_t kMaxPoliciesBytes = 256 * 1024;  // of all approval policies in force

// A profile with the name of an earlier one replaces it under the earlier one's agent id. Nothing if nothing changes.
Result<std::optional<v1::WorkspaceEvent>> define_agent(const v1::WorkspaceState& state, v1::AgentProfileDefined profile);
// The first enabled agent among the names, in order; nullptr: none.
const v1::AgentProfileDefined* first_enabled_agent(const v1::WorkspaceState& state, std::string_view name);
// Any agent of this name, enabled or not; nullptr: none.
const v1::AgentProfileDefined* find_agent(const v1::WorkspaceState& state, std::string_view name);

Result<std::optional<v1::WorkspaceEvent>> issue_worker_token(const v1::WorkspaceState& state, const v1::WorkerTokenIssued& token);
// not_found: no such token. Nothing if it was revoked before.
Result<std::optional<v1::WorkspaceEvent>> revoke_worker_token(const v1::WorkspaceState& state, std::string_view secret_id);
bool worker_token_is_live(const v1::WorkspaceState& state, std::string_view secret_id);

// Without a policy: the project goes by the workspace's again. Nothing if it is in force already. invalid_field: the policy.
Result<std::optional<v1::WorkspaceEvent>> set_approval_policy(const v1::WorkspaceState& state, const v1::ApprovalPolicySet& set);

// The role of a member; ROLE_UNSPECIFIED: not a member.
v1::Role role_of(const v1::MembersState& state, std::string_view user_id);
// Non-members get not_found (nobody learns that it exists), members below the role forbidden.
Status require_role(const v1::MembersState& state, std::string_view user_id, v1::Role least);

}  // namespace dossier::events
