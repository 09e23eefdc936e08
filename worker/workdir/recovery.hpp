// Finding out whether a working copy is what its record says, and mending what is not. Nothing that an agent wrote is removed.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "platform/git/git.hpp"
#include "worker/workdir/copy_record.hpp"

namespace dossier::worker {

// Something that was found and mended. `state`: worktree_missing, branch_mismatch, head_mismatch, or probe_failed (a fresh copy was made).
struct Recovery {
  std::string state;
  std::string detail;  // a sentence for people
};

struct Recovered {
  std::vector<Recovery> found;
  bool made_again = false;  // its files are fresh from the branch: they belong to this process's account
};

// The record's head moves to the branch's tip. Any error: the copy can't be used (probe_failed).
Result<Recovered> recover_copy(git::Repository& repository, const CopyFolder& folder, CopyRecord& record);

// Commits that the agent made in its worktree on another branch, or on none, go onto ours where they follow it; a branch which it removed comes back.
// The tip.
Result<std::string> settle_branch(git::Repository& repository, const CopyFolder& folder, const CopyRecord& record);

}  // namespace dossier::worker
