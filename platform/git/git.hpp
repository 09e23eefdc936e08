// Git repositories on libgit2: a bare repository that mirrors a remote's branches, worktrees on it, trees and commits of
// whatever changed in one, and diffs. No git program is run, and none of a repository's hooks.
#pragma once

#include <cstddef>
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

struct Changes {
  std::vector<ChangedFile> files;
  std::size_t omitted = 0;  // changed files that had no room in `files`
};

// Commits that one side has and the other has not.
struct Distance {
  std::size_t ahead = 0;
  std::size_t behind = 0;
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

// What is there of a worktree, found without believing anything that lies in its directory.
struct WorktreeState {
  bool directory = false;   // it exists, and is no link
  bool registered = false;  // the repository knows it, and directory and registration name each other
  bool half_made = false;   // add_worktree did not come to its end: no agent has been there
  std::string branch;       // that it is on; empty: on none, or it can't be read
  std::string head;         // commit; empty: it can't be resolved
};

// What a tree holds that libgit2 passes over.
struct Content {
  std::string lfs_example;              // path of a file which is a Git LFS pointer; empty: there is none
  std::vector<std::string> submodules;  // paths, at most kMaxSubmodules of submodule_count
  std::size_t submodule_count = 0;
};
inline constexpr std::size_t kMaxSubmodules = 100;

struct SnapshotLimits {
  std::uint64_t file_bytes = 1ull << 30;  // a larger file is left out
  std::size_t files = 500'000;            // changed at once; beyond: payload_too_large
};
inline constexpr std::size_t kMaxLeftOut = 100;

struct Snapshot {
  std::string tree;
  std::vector<std::string> left_out;  // "path: why", at most kMaxLeftOut of left_out_count
  std::size_t left_out_count = 0;
};

// For one remote, from the caller; they are never written anywhere, and never in an error.
struct Credentials {
  std::string username;        // empty: the address's own, else "git"
  std::string password;        // or a token
  std::string ssh_key;         // a private key as OpenSSH or PEM text
  std::string ssh_passphrase;  // of the key
  std::string ssh_host_key;    // "SHA256:…" as ssh-keygen -l prints it; empty: the account's known_hosts decide
};

// An address as it may be stored and shown, and the credentials that somebody had put into it.
struct Remote {
  std::string url;
  Credentials credentials;
  bool local = false;  // a path on this machine
};
// invalid_field ("source"): none of https, http, ssh, git, file, user@host:path, or an absolute path.
Result<Remote> parse_remote(const std::string& address);

// Takes the next piece of a diff's text; false ends the writing (the diff's files are complete all the same).
using DiffSink = std::function<bool(std::string_view piece)>;
// Asked every now and then during a transfer: true breaks it off.
using ShouldStop = std::function<bool()>;

// The root of the repository that holds `path`: its working directory, or the repository itself where it is bare, without links.
// not_found: `path` does not exist or is in no repository. forbidden: on its way from the root to there `path` goes
// through a link that leads out of it, or the root's ".git" is such a link.
Result<std::string> find_root(const std::string& path);
// invalid_field ("source"), by name, where the repository at `root` can't be mirrored: a partial or shallow clone, another object format.
Status check_source(const std::string& root);

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
  // where it has none. libgit2 1.5 has no time limit on a connection that says nothing. `credentials` are offered once a
  // method, and to no other host that the remote redirects to.
  Result<std::string> fetch(const ShouldStop& should_stop, const Credentials& credentials = {});
  Result<std::string> remote_url() const;
  Status set_remote_url(const std::string& url);
  // Patterns which no work tree of this repository shows as untracked, one a line; replaces those set before.
  Status set_excluded(const std::string& patterns);

  // A commit id in hex from a name ("refs/remotes/origin/main", "HEAD", an id). not_found.
  Result<std::string> resolve(const std::string& name) const;
  bool has_branch(const std::string& name) const;         // refs/heads/<name>
  bool has_remote_branch(const std::string& name) const;  // refs/remotes/origin/<name>
  // already_exists: the branch is there.
  Status create_branch(const std::string& name, const std::string& commit);
  // Whatever it pointed to; made where it is missing.
  Status set_branch(const std::string& name, const std::string& commit);
  Status set_reference(const std::string& full_name, const std::string& commit);
  // What is not there counts as removed.
  Status remove_branch(const std::string& name);
  // All of refs/heads/ and refs/remotes/origin/, by their short names, without repeats.
  Result<std::vector<std::string>> branch_names() const;

  // Checks `branch` out at `path`, which must not exist. Until it is done the worktree counts as not complete, so what
  // a crash leaves is found by worktrees().
  Status add_worktree(const std::string& name, const std::string& path, const std::string& branch);
  Result<std::vector<Worktree>> worktrees() const;
  // Removes the registration, whatever state it is in. The directory, the branch and its commits stay.
  Status forget_worktree(const std::string& name);

  WorktreeState probe_worktree(const std::string& name, const std::string& path) const;
  // Puts the worktree on `branch` with the index of its tip, and mends its registration. Its files stay as they are.
  Status attach_worktree(const std::string& name, const std::string& path, const std::string& branch);

  // What the directory `path` holds, as a tree: untracked files too; ignored ones (which `parent` does not have) and
  // repositories inside it not. Reads nothing of the directory's own ".git" or index, and follows no link. `index_file` is
  // ours alone: it lives from one snapshot to the next, so that only what changed is read; it must lie where nobody else
  // writes, and one caller at a time may use it. Where it is missing or damaged all is read. `parent`: a commit.
  Result<Snapshot> snapshot(const std::string& path, const std::string& index_file, const std::string& parent,
                            const SnapshotLimits& limits = {}) const;
  // Begins the private index of a worktree that was checked out just now at `parent`, and in which nobody worked yet: the first snapshot then
  // need not read everything.
  Status begin_index(const std::string& worktree, const std::string& index_file, const std::string& parent) const;
  // Commits `tree` on top of the branch's tip and moves the branch. Returns its tip: the old one where the tree is the same.
  Result<std::string> commit_tree(const std::string& tree, const std::string& branch, const std::string& message, const Person& author);
  Result<std::string> tree_of(const std::string& commit) const;
  Result<Content> content(const std::string& commit) const;

  // not_found: the two have no common ancestor.
  Result<std::string> merge_base(const std::string& one, const std::string& two) const;
  // ahead: commits of `from` that `to` lacks.
  Result<Distance> distance(const std::string& from, const std::string& to) const;
  bool descends(const std::string& commit, const std::string& ancestor) const;  // equal ones too
  // From commit or tree to commit or tree, renames found. `sink` gets the unified diff (git's format, 3 lines of context).
  Result<std::vector<ChangedFile>> diff(const std::string& from, const std::string& to, const DiffSink& sink) const;
  Result<Changes> changed_files(const std::string& from, const std::string& to, std::size_t most) const;

 private:
  struct Handle;
  explicit Repository(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace dossier::git
