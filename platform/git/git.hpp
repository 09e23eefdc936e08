// Git repositories on libgit2: a bare repository that mirrors a remote's branches, worktrees on it, commits of whatever
// changed in one, and diffs. No git program is run, and none of a repository's hooks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace dossier::git {

struct ChangedFile {
  std::string path;      // as in the tree: bytes, not always UTF-8
  std::string change;    // added, modified, deleted, renamed, typechange
  std::string old_path;  // renamed only
  std::uint32_t insertions = 0;
  std::uint32_t deletions = 0;
  bool binary = false;
};

struct Person {
  std::string name;
  std::string email;
  std::int64_t when_us = 0;
};

struct Worktree {
  std::string name;
  std::string path;
  bool complete = false;  // false: its making was broken off
};

// Takes the next piece of a diff's text; false ends the writing (the diff's files are complete all the same).
using DiffSink = std::function<bool(std::string_view piece)>;
// Asked every now and then during a transfer: true breaks it off.
using ShouldStop = std::function<bool()>;

// The root of the repository that holds `path`: its working directory, or the repository itself where it is bare.
// not_found: `path` does not exist or is in no repository.
Result<std::string> find_root(const std::string& path);

// Of libgit2: "1.5.1".
std::string library_version();

// One thread an object; several objects may be open on one repository at a time. Errors: not_found, already_exists,
// forbidden (the remote asks for credentials), io with libgit2's words.
class Repository {
 public:
  static Result<Repository> open(const std::string& path);
  // A new bare repository with the remote "origin"; its branches will be under refs/remotes/origin/. Local branches are
  // ours, and no fetch touches them.
  static Result<Repository> create_mirror(const std::string& path, const std::string& url);
  ~Repository();
  Repository(Repository&&) noexcept;
  Repository& operator=(Repository&&) noexcept;

  // Brings the remote's branches here and removes those it no longer has. Returns its default branch ("main"), empty
  // where it has none. libgit2 1.5 has no time limit on a connection that says nothing.
  Result<std::string> fetch(const ShouldStop& should_stop);
  Status set_remote_url(const std::string& url);

  // A commit id in hex from a name ("refs/remotes/origin/main", "HEAD", an id). not_found.
  Result<std::string> resolve(const std::string& name) const;
  bool has_branch(const std::string& name) const;         // refs/heads/<name>
  bool has_remote_branch(const std::string& name) const;  // refs/remotes/origin/<name>
  // already_exists: the branch is there.
  Status create_branch(const std::string& name, const std::string& commit);

  // Checks `branch` out at `path`, which must not exist. Until it is done the worktree counts as not complete, so what
  // a crash leaves is found by worktrees().
  Status add_worktree(const std::string& name, const std::string& path, const std::string& branch);
  Result<std::vector<Worktree>> worktrees() const;
  // Directory and registration, whatever state they are in. Branch and commits stay.
  Status remove_worktree(const std::string& name, const std::string& path);

  // Commits what the directory `path` holds (untracked files too, ignored ones not) on top of the branch's tip, and moves
  // the branch. Reads nothing of the directory's own ".git", which whoever worked there may have changed. Returns the
  // branch's tip: the old one where nothing changed.
  Result<std::string> commit_directory(const std::string& path, const std::string& branch, const std::string& message, const Person& author);

  // not_found: the two have no common ancestor.
  Result<std::string> merge_base(const std::string& one, const std::string& two) const;
  // From commit to commit, renames found. `sink` gets the unified diff (git's format, 3 lines of context).
  Result<std::vector<ChangedFile>> diff(const std::string& from, const std::string& to, const DiffSink& sink) const;

 private:
  struct Handle;
  explicit Repository(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace dossier::git
