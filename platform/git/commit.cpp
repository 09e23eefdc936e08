// A directory's content as a commit, and the diff between two.
#include <git2/sys/repository.h>

#include "platform/git/handles.hpp"

namespace dossier::git {
namespace {

// A repository that was cloned inside the directory is named with a '/' at its end. It is left out: its content is not ours,
// and a link to a commit which nobody else has would help no one.
int skip_nested_repositories(const char* path, const char*, void*) {
  const std::string_view name(path);
  return !name.empty() && name.back() == '/' ? 1 : 0;
}

// The directory as a tree: an index of its own, filled from the parent's tree and then from the directory, so that the
// parent's submodules and everything unchanged keep their entries.
Result<git_oid> write_directory(git_repository* repository, const std::string& path, git_commit* parent) {
  TreeHandle tree;
  TRY_GIT("can't read the branch's tree", git_commit_tree(out(tree), parent));
  IndexHandle index;
  TRY_GIT("can't make an index", git_index_new(out(index)));
  TRY_GIT("can't fill the index", git_index_read_tree(index.get(), tree.get()));
  TRY_GIT("can't enter " + path, git_repository_set_workdir(repository, path.c_str(), 0));
  TRY_GIT("can't use the index", git_repository_set_index(repository, index.get()));
  TRY_GIT("can't take what changed in " + path, git_index_add_all(index.get(), nullptr, GIT_INDEX_ADD_DEFAULT, skip_nested_repositories, nullptr));
  git_oid id;
  TRY_GIT("can't write the tree of " + path, git_index_write_tree_to(&id, index.get(), repository));
  return id;
}

const char* change_name(git_delta_t status) {
  switch (status) {
    case GIT_DELTA_ADDED:
    case GIT_DELTA_COPIED:
    case GIT_DELTA_UNTRACKED: return "added";
    case GIT_DELTA_DELETED: return "deleted";
    case GIT_DELTA_RENAMED: return "renamed";
    case GIT_DELTA_TYPECHANGE: return "typechange";
    case GIT_DELTA_MODIFIED:
    case GIT_DELTA_UNMODIFIED:
    case GIT_DELTA_IGNORED:
    case GIT_DELTA_UNREADABLE:
    case GIT_DELTA_CONFLICTED: break;
  }
  return "modified";
}

int print_line(const git_diff_delta*, const git_diff_hunk*, const git_diff_line* line, void* payload) {
  const auto& sink = *static_cast<const DiffSink*>(payload);
  std::string piece;
  if (line->origin == GIT_DIFF_LINE_CONTEXT || line->origin == GIT_DIFF_LINE_ADDITION || line->origin == GIT_DIFF_LINE_DELETION)
    piece += line->origin;
  piece.append(line->content, line->content_len);
  return sink(piece) ? 0 : GIT_EUSER;
}

}  // namespace

Result<std::string> Repository::commit_directory(const std::string& path, const std::string& branch, const std::string& message,
                                                 const Person& author) {
  const std::string name = "refs/heads/" + branch;
  TRY(const std::string tip, resolve(name));
  // Another object on the same repository: the directory and index set here must not stay with this one.
  RepositoryHandle repository;
  TRY_GIT("can't open the repository", git_repository_open_bare(out(repository), git_repository_commondir(handle_->repository.get())));
  TRY(const CommitHandle parent, find_commit(repository.get(), tip));
  TRY(const git_oid tree_id, write_directory(repository.get(), path, parent.get()));
  if (git_oid_equal(&tree_id, git_commit_tree_id(parent.get())) != 0) return tip;
  TreeHandle tree;
  TRY_GIT("can't read the new tree", git_tree_lookup(out(tree), repository.get(), &tree_id));
  SignatureHandle person;
  TRY_GIT("can't sign as " + author.name, git_signature_new(out(person), author.name.c_str(), author.email.c_str(), author.when_us / 1'000'000, 0));
  const git_commit* parents[] = {parent.get()};
  git_oid id;
  TRY_GIT("can't commit on " + branch,
          git_commit_create(&id, repository.get(), name.c_str(), person.get(), person.get(), "UTF-8", message.c_str(), tree.get(), 1, parents));
  return hex(id);
}

Result<std::string> Repository::merge_base(const std::string& one, const std::string& two) const {
  TRY(const git_oid first, parse_oid(one));
  TRY(const git_oid second, parse_oid(two));
  git_oid base;
  TRY_GIT(one + " and " + two + " have no common ancestor", git_merge_base(&base, handle_->repository.get(), &first, &second));
  return hex(base);
}

Result<std::vector<ChangedFile>> Repository::diff(const std::string& from, const std::string& to, const DiffSink& sink) const {
  git_repository* repository = handle_->repository.get();
  TRY(const CommitHandle old_commit, find_commit(repository, from));
  TRY(const CommitHandle new_commit, find_commit(repository, to));
  TreeHandle old_tree, new_tree;
  TRY_GIT("can't read the tree of " + from, git_commit_tree(out(old_tree), old_commit.get()));
  TRY_GIT("can't read the tree of " + to, git_commit_tree(out(new_tree), new_commit.get()));
  git_diff_options options = GIT_DIFF_OPTIONS_INIT;
  options.flags = GIT_DIFF_INCLUDE_TYPECHANGE;
  DiffHandle diff;
  TRY_GIT("can't compare " + from + " and " + to, git_diff_tree_to_tree(out(diff), repository, old_tree.get(), new_tree.get(), &options));
  git_diff_find_options find = GIT_DIFF_FIND_OPTIONS_INIT;
  find.flags = GIT_DIFF_FIND_RENAMES;
  find.rename_limit = 1'000;
  TRY_GIT("can't find renames", git_diff_find_similar(diff.get(), &find));

  std::vector<ChangedFile> files;
  const std::size_t count = git_diff_num_deltas(diff.get());
  files.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    PatchHandle patch;
    TRY_GIT("can't read a patch", git_patch_from_diff(out(patch), diff.get(), i));
    const git_diff_delta* delta = git_diff_get_delta(diff.get(), i);
    ChangedFile file;
    file.change = change_name(delta->status);
    file.path = delta->status == GIT_DELTA_DELETED ? delta->old_file.path : delta->new_file.path;
    if (delta->status == GIT_DELTA_RENAMED) file.old_path = delta->old_file.path;
    if (patch != nullptr) {
      std::size_t insertions = 0, deletions = 0;
      TRY_GIT("can't count lines", git_patch_line_stats(nullptr, &insertions, &deletions, patch.get()));
      file.insertions = static_cast<std::uint32_t>(insertions);
      file.deletions = static_cast<std::uint32_t>(deletions);
      file.binary = (git_patch_get_delta(patch.get())->flags & GIT_DIFF_FLAG_BINARY) != 0;
    } else {
      file.binary = (delta->flags & GIT_DIFF_FLAG_BINARY) != 0;
    }
    files.push_back(std::move(file));
  }
  const int printed = git_diff_print(diff.get(), GIT_DIFF_FORMAT_PATCH, print_line, const_cast<DiffSink*>(&sink));
  if (printed < 0 && printed != GIT_EUSER) return git_error_of(printed, "can't write the diff");
  return files;
}

}  // namespace dossier::git
