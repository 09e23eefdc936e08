// Names of branches: what an agent proposed or what we make of the issue, past the names that are taken. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace dossier::worker {

inline constexpr std::size_t kMaxBranchBytes = 200;
inline constexpr int kMaxBranchTries = 100;
// Where an agent leaves its proposal, below the worktree: {"branch": "fix/parser"}.
inline constexpr std::string_view kBranchProposal = ".dossier/session/branch-name.json";
inline constexpr std::size_t kMaxProposalBytes = 4'096;

// "Fix the *parser*!" → "fix-the-parser": lower-case ASCII, at most 40 characters, "issue" where nothing is left.
std::string branch_slug(std::string_view title);
// "dossier/7-fix-the-parser".
std::string default_branch_name(std::uint64_t issue_number, std::string_view issue_title);

// The name in a proposal. malformed_json, missing_field, invalid_field, unknown_field ("branch").
Result<std::string> parse_branch_proposal(std::string_view json);

// `wanted`, or with a suffix (-<session>, then -2, -3, …) where it is taken: by an equal name, by one that differs only in
// case or in "/" against "-" (folders and other systems make one name of those), or by one that has it as a folder. invalid_field: git takes no
// such name, or it is too long. already_exists: a branch is in the way that no suffix gets around ("a" of "a/b").
Result<std::string> choose_branch(const std::string& wanted, const std::vector<std::string>& taken, std::string_view session);

}  // namespace dossier::worker
