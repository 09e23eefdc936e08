// A tree as a commit on a branch.
#include "platform/git/handles.hpp"

namespace dossier::git {

Result<std::string> Repository::commit_tree(const std::string& tree, const std::string& branch, const std::string& message, const Person& author) {
  git_repository* repository = handle_->repository.get();
  const std::string name = "refs/heads/" + branch;
  TRY(const std::string tip, resolve(name));
  TRY(const CommitHandle parent, find_commit(repository, tip));
  TRY(const git_oid tree_id, parse_oid(tree));
  if (git_oid_equal(&tree_id, git_commit_tree_id(parent.get())) != 0) return tip;
  TreeHandle content;
  TRY_GIT("can't read the new tree", git_tree_lookup(out(content), repository, &tree_id));
  SignatureHandle person;
  TRY_GIT("can't sign as " + author.name, git_signature_new(out(person), author.name.c_str(), author.email.c_str(), author.when_us / 1'000'000, 0));
  const git_commit* parents[] = {parent.get()};
  git_oid id;
  TRY_GIT("can't commit on " + branch,
          git_commit_create(&id, repository, name.c_str(), person.get(), person.get(), "UTF-8", message.c_str(), content.get(), 1, parents));
  return hex(id);
}

}  // namespace dossier::git
