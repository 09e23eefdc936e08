// Workspaces and members: evolve and decide.
#include "events/workspace.hpp"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>

#include "events/approval_policy.hpp"
#include "events/fold.hpp"

namespace dossier::events {

bool evolve(v1::WorkspaceState& state, const v1::WorkspaceEvent& event) {
  switch (event.fact_case()) {
    case v1::WorkspaceEvent::kWorkspaceCreated:
      state.set_workspace_id(event.workspace_created().workspace_id());
      state.set_kind(event.workspace_created().kind());
      state.set_slug(event.workspace_created().slug());
      state.set_owner_id(event.workspace_created().owner_id());
      return true;
    case v1::WorkspaceEvent::kWorkspaceRenamed: return true;
    case v1::WorkspaceEvent::kApprovalPolicySet: {
      const v1::ApprovalPolicySet& set = event.approval_policy_set();
      auto& policies = *state.mutable_policies();
      const auto it = std::find_if(policies.begin(), policies.end(), [&](const auto& each) { return each.project_id() == set.project_id(); });
      if (it != policies.end()) policies.erase(it);
      if (!set.has_policy()) return true;
      v1::ApprovalPolicySet& kept = *policies.Add();
      kept.set_project_id(set.project_id());
      *kept.mutable_policy() = set.policy();
      return true;
    }
    case v1::WorkspaceEvent::kWorkerTokenIssued: state.add_worker_tokens()->set_secret_id(event.worker_token_issued().secret_id()); return true;
    case v1::WorkspaceEvent::kWorkerTokenRevoked:
      for (auto& token : *state.mutable_worker_tokens())
        if (token.secret_id() == event.worker_token_revoked().secret_id()) token.set_revoked(true);
      return true;
    case v1::WorkspaceEvent::kAgentProfileDefined: {
      for (auto& agent : *state.mutable_agents()) {
        if (agent.name() != event.agent_profile_defined().name()) continue;
        agent = event.agent_profile_defined();
        return true;
      }
      *state.add_agents() = event.agent_profile_defined();
      return true;
    }
    case v1::WorkspaceEvent::FACT_NOT_SET: return false;
  }
  return false;
}

bool evolve(v1::MembersState& state, const v1::MembersEvent& event) {
  auto& members = *state.mutable_members();
  const auto find = [&](const std::string& user) {
    return std::find_if(members.begin(), members.end(), [&](const v1::MemberAdded& m) { return m.user_id() == user; });
  };
  switch (event.fact_case()) {
    case v1::MembersEvent::kMemberAdded: {
      const auto it = find(event.member_added().user_id());
      if (it == members.end())
        *state.add_members() = event.member_added();
      else
        *it = event.member_added();
      return true;
    }
    case v1::MembersEvent::kMemberRoleChanged:
      if (const auto it = find(event.member_role_changed().user_id()); it != members.end()) it->set_role(event.member_role_changed().role());
      return true;
    case v1::MembersEvent::kMemberRemoved:
      if (const auto it = find(event.member_removed().user_id()); it != members.end()) members.erase(it);
      return true;
    case v1::MembersEvent::FACT_NOT_SET: return false;
  }
  return false;
}

const v1::AgentProfileDefined* find_agent(const v1::WorkspaceState& state, std::string_view name) {
  for (const auto& agent : state.agents())
    if (agent.name() == name) return &agent;
  return nullptr;
}

const v1::AgentProfileDefined* first_enabled_agent(const v1::WorkspaceState& state, std::string_view name) {
  const auto* agent = find_agent(state, name);
  return agent != nullptr && agent->enabled() ? agent : nullptr;
}

Result<std::optional<v1::WorkspaceEvent>> define_agent(const v1::WorkspaceState& state, v1::AgentProfileDefined profile) {
  const auto* before = find_agent(state, profile.name());
  if (before == nullptr && state.agents_size() >= kMaxAgents)
    return make_error(Code::conflict, "a workspace has at most " + std::to_string(kMaxAgents) + " agent profiles", "name");
  if (before != nullptr) {
    profile.set_agent_id(before->agent_id());
    if (google::protobuf::util::MessageDifferencer::Equals(*before, profile)) return std::optional<v1::WorkspaceEvent>{};
  }
  v1::WorkspaceEvent event;
  *event.mutable_agent_profile_defined() = std::move(profile);
  return std::optional(std::move(event));
}

Result<std::optional<v1::WorkspaceEvent>> issue_worker_token(const v1::WorkspaceState& state, const v1::WorkerTokenIssued& token) {
  for (const auto& known : state.worker_tokens())
    if (known.secret_id() == token.secret_id()) return std::optional<v1::WorkspaceEvent>{};
  if (state.worker_tokens_size() >= kMaxWorkerTokens)
    return make_error(Code::conflict, "a workspace has at most " + std::to_string(kMaxWorkerTokens) + " worker tokens");
  v1::WorkspaceEvent event;
  *event.mutable_worker_token_issued() = token;
  return std::optional(std::move(event));
}

Result<std::optional<v1::WorkspaceEvent>> revoke_worker_token(const v1::WorkspaceState& state, std::string_view secret_id) {
  for (const auto& token : state.worker_tokens()) {
    if (token.secret_id() != secret_id) continue;
    if (token.revoked()) return std::optional<v1::WorkspaceEvent>{};
    v1::WorkspaceEvent event;
    event.mutable_worker_token_revoked()->set_secret_id(std::string(secret_id));
    return std::optional(std::move(event));
  }
  return make_error(Code::not_found, "no such worker token");
}

bool worker_token_is_live(const v1::WorkspaceState& state, std::string_view secret_id) {
  for (const auto& token : state.worker_tokens())
    if (token.secret_id() == secret_id) return !token.revoked();
  return false;
}

Result<std::optional<v1::WorkspaceEvent>> set_approval_policy(const v1::WorkspaceState& state, const v1::ApprovalPolicySet& set) {
  if (set.has_policy()) TRY_STATUS(check_policy(set.policy()));
  if (!set.has_policy() && set.project_id().empty())
    return make_error(Code::missing_field, "a workspace has nothing to inherit a policy from", "mode");
  std::size_t bytes = set.ByteSizeLong();
  bool is_known = false;
  for (const auto& known : state.policies()) {
    if (known.project_id() != set.project_id()) {
      bytes += known.ByteSizeLong();
      continue;
    }
    is_known = true;
    if (set.has_policy() && google::protobuf::util::MessageDifferencer::Equals(known.policy(), set.policy()))
      return std::optional<v1::WorkspaceEvent>{};
  }
  if (!set.has_policy() && !is_known) return std::optional<v1::WorkspaceEvent>{};
  if (set.has_policy() && bytes > kMaxPoliciesBytes)
    return make_error(Code::conflict,
                      "the policies of a workspace and its projects have at most " + std::to_string(kMaxPoliciesBytes) + " bytes together", "rules");
  v1::WorkspaceEvent event;
  *event.mutable_approval_policy_set() = set;
  return std::optional(std::move(event));
}

v1::Role role_of(const v1::MembersState& state, std::string_view user_id) {
  for (const auto& member : state.members())
    if (member.user_id() == user_id) return member.role();
  return v1::ROLE_UNSPECIFIED;
}

Status require_role(const v1::MembersState& state, std::string_view user_id, v1::Role least) {
  const v1::Role role = role_of(state, user_id);
  if (role == v1::ROLE_UNSPECIFIED) return make_error(Code::not_found, "no such workspace, or it is not visible to you");
  if (role < least) return make_error(Code::forbidden, "your role in this workspace does not allow this");
  return {};
}

}  // namespace dossier::events
