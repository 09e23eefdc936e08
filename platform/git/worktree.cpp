// Worktrees: made under git's own lock flag, so that a half-made one is recognised; removed whatever is left of them.
#include <filesystem>
#include <system_error>

#include "platform/git/handles.hpp"

namespace dossier::git {
namespace {

namespace fs = std::filesystem;

fs::path registration(git_repository* repository, const std::string& name) {
  return fs::path(git_repository_commondir(repository)) / "worktrees" / name;
}

}  // namespace

Status Repository::add_worktree(const std::string& name, const std::string& path, const std::string& branch) {
  git_repository* repository = handle_->repository.get();
  std::error_code ignored;
  fs::create_directories(fs::path(path).parent_path(), ignored);
  ReferenceHandle reference;
  TRY_GIT("can't find the branch " + branch, git_branch_lookup(out(reference), repository, branch.c_str(), GIT_BRANCH_LOCAL));
  git_worktree_add_options options = GIT_WORKTREE_ADD_OPTIONS_INIT;
  options.lock = 1;
  options.ref = reference.get();
  options.checkout_options.checkout_strategy = GIT_CHECKOUT_FORCE;
  WorktreeHandle worktree;
  TRY_GIT("can't make the worktree " + path, git_worktree_add(out(worktree), repository, name.c_str(), path.c_str(), &options));
  TRY_GIT("can't finish the worktree " + path, git_worktree_unlock(worktree.get()));
  return {};
}

Result<std::vector<Worktree>> Repository::worktrees() const {
  git_repository* repository = handle_->repository.get();
  std::vector<Worktree> found;
  // The folder is read instead of git_worktree_list, which leaves out registrations that lack a file.
  std::error_code failed;
  for (fs::directory_iterator at(registration(repository, ""), failed), end; !failed && at != end; at.increment(failed)) {
    Worktree item;
    item.name = at->path().filename().string();
    WorktreeHandle worktree;
    if (git_worktree_lookup(out(worktree), repository, item.name.c_str()) == 0) {
      item.path = git_worktree_path(worktree.get());
      item.complete = git_worktree_validate(worktree.get()) == 0 && git_worktree_is_locked(nullptr, worktree.get()) == 0;
    }
    found.push_back(std::move(item));
  }
  return found;
}

Status Repository::remove_worktree(const std::string& name, const std::string& path) {
  std::error_code failed;
  fs::remove_all(path, failed);
  if (failed) return make_error(Code::io, "can't remove " + path + ": " + failed.message());
  fs::remove_all(registration(handle_->repository.get(), name), failed);
  if (failed) return make_error(Code::io, "can't remove the registration of the worktree " + name + ": " + failed.message());
  return {};
}

}  // namespace dossier::git
