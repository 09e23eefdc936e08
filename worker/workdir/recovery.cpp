// Probing and mending working copies.
#include "worker/workdir/recovery.hpp"

namespace dossier::worker {

Result<std::string> settle_branch(git::Repository& repository, const CopyFolder& folder, const CopyRecord& record) {
  auto tip = repository.resolve("refs/heads/" + record.branch);
  if (!tip) {
    TRY_STATUS(repository.set_branch(record.branch, record.head));
    tip = record.head;
  }
  const auto state = repository.probe_worktree(record.worktree, folder.path(record));
  if (state.registered && state.branch != record.branch && !state.head.empty() && state.head != *tip && repository.descends(state.head, *tip)) {
    TRY_STATUS(repository.set_branch(record.branch, state.head));
    return state.head;
  }
  return *std::move(tip);
}

Result<Recovered> recover_copy(git::Repository& repository, const CopyFolder& folder, CopyRecord& record) {
  Recovered recovered;
  const std::string path = folder.path(record);
  if (!repository.resolve(record.head)) return make_error(Code::not_found, "the commit " + record.head + " of its branch is gone");
  const auto tip = repository.resolve("refs/heads/" + record.branch);
  bool attach = false;
  if (!tip || !repository.descends(*tip, record.head)) {
    // What the branch says now is kept under a name of its own; the work that was captured comes first.
    if (tip) TRY_STATUS(repository.set_reference("refs/dossier/kept/" + record.worktree + "/" + *tip, *tip));
    TRY_STATUS(repository.set_branch(record.branch, record.head));
    recovered.found.push_back({"head_mismatch", "the branch " + record.branch + (tip ? " was at " + *tip : std::string(" was gone")) +
                                                    ", which does not follow the captured " + record.head + "; it is back there"});
    attach = true;
  }
  const auto state = repository.probe_worktree(record.worktree, path);
  if (!state.directory || state.half_made) {
    if (state.half_made)
      recovered.found.push_back({"worktree_missing", "making the worktree had been broken off; it was made again from the branch " + record.branch});
    else if (record.state != CopyRecord::State::removed)
      recovered.found.push_back({"worktree_missing", "the worktree was gone; it was made again from the branch " + record.branch});
    TRY_STATUS(folder.remove_worktree(record));
    TRY_STATUS(repository.forget_worktree(record.worktree));
    TRY_STATUS(repository.add_worktree(record.worktree, path, record.branch));
    recovered.made_again = true;
  } else if (!state.registered) {
    recovered.found.push_back({"worktree_missing", "the repository did not know the worktree any more; its files are kept"});
    attach = true;
  } else if (state.branch != record.branch) {
    recovered.found.push_back({"branch_mismatch", "the worktree was on " + (state.branch.empty() ? "no branch" : state.branch) + " and is back on " +
                                                      record.branch + "; its files are kept"});
    TRY([[maybe_unused]] const std::string settled, settle_branch(repository, folder, record));
    attach = true;
  }
  if (attach && !recovered.made_again) TRY_STATUS(repository.attach_worktree(record.worktree, path, record.branch));
  TRY(record.head, repository.resolve("refs/heads/" + record.branch));
  return recovered;
}

}  // namespace dossier::worker
