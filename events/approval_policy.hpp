// What a policy says of a request, before any person is asked. Pure.
//
// Rules are tried in order and the first that fits counts. Where it can't be said whether a rule fits (a command line with a
// substitution, a path through ".."), ALLOW does not fit, and DENY and ASK leave it to people: nothing is ever let through
// for not being understood, and no rule that could have stopped it is passed over.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "dossier/v1/state.pb.h"

namespace dossier::events {

inline constexpr int kMaxRules = 50;
inline constexpr std::size_t kMaxRuleNameBytes = 100;
inline constexpr int kMaxPrefixWords = 20;
inline constexpr std::size_t kMaxPrefixWordBytes = 200;
inline constexpr std::size_t kMaxGlobBytes = 250;
inline constexpr std::size_t kMaxPolicyBytes = 32 * 1024;
inline constexpr int kMaxJudgedPaths = 200;  // a request that names more is judged by people
inline constexpr std::size_t kMaxJudgedPathBytes = 1'024;

// In force for what has no policy: agents never ask.
const v1::ApprovalPolicy& default_policy();
// The project's own, else the workspace's, else the default. Lives as long as `state`.
const v1::ApprovalPolicy& policy_in_force(const v1::WorkspaceState& state, std::string_view project_id);

// Its form and bounds; the error names the field ("rules[3].path").
Status check_policy(const v1::ApprovalPolicy& policy);

// Whether a verdict may depend on the project being trusted.
bool asks_for_trust(const v1::ApprovalPolicy& policy);

// The end that the policy gives the request: accept or decline, with the rule's name (empty: the mode is NEVER, so that
// nobody is there to be asked). nullopt: people are asked.
std::optional<v1::ApprovalResolved> decide_by_policy(const v1::ApprovalPolicy& policy, const v1::ApprovalRequested& request, bool project_trusted);

// Of the whole path: * and ? stop at '/', ** as a part of its own stands for any number of parts. Nothing else is special.
bool glob_matches(std::string_view glob, std::string_view path);

}  // namespace dossier::events
