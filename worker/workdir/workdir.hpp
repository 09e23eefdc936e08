// Where agents work: one cached repository for each source, and in it a worktree and a branch for each session and offer.
//
//   <root>/repos/<key>.git                        mirrors the source; <key> = hash of its address
//   <root>/workdirs/<project>/<session>-o<offer>  the worktree, and <…>.home beside it for the agent's own state; both are
//                                                 removed when more than kMaxIdle finished ones lie around
//
// The offer's number is in every name, so a frozen worker that wakes up never touches what came after it. What a crash
// leaves half made is removed when it is met (prepare) or at start (repair).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "platform/git/git.hpp"
#include "platform/process/process.hpp"

namespace dossier::worker {

struct WorkdirRequest {
  std::string project_id;
  std::string session_id;
  std::uint32_t offer = 0;
  std::uint64_t issue_number = 0;
  std::string issue_title;
  v1::ProjectSource source;
  std::string default_branch;  // empty: the source's own
};

struct Workdir {
  std::string repository;  // path of the cached repository
  std::string worktree;    // its name
  std::string path;
  std::string home;  // beside it: for what the agent keeps of the session
  std::string branch;
  std::string base_branch;
  std::string base_commit;
};

// What an agent did, as a commit on the branch and its diff against the default branch.
struct Captured {
  std::string base_commit;  // merge base with the default branch
  std::string commit;
  std::vector<git::ChangedFile> files;
};

// "Fix the *parser*!" → "fix-the-parser": lower-case ASCII, at most 40 characters, "issue" where nothing is left.
std::string branch_slug(std::string_view title);

// Thread-safe; calls on one repository wait for each other.
class WorkdirStore {
 public:
  static constexpr std::size_t kMaxIdle = 16;  // finished worktrees which are kept for a look
  static constexpr int kMaxBranchTries = 100;

  // `account`: who shall own the worktrees (the agents' account), where that is another one.
  WorkdirStore(std::string root, std::optional<process::Account> account);

  // Makes the folders, closed to all but this process's account and the agents', and removes half-made repositories and worktrees. Once, before the
  // first prepare.
  Status repair();
  // Errors keep their cause's code: not_found (no such repository or branch), forbidden (credentials), io, shutting_down
  // (should_stop said so).
  Result<Workdir> prepare(const WorkdirRequest& request, const git::ShouldStop& should_stop);
  // Commits everything that changed, as `author`, and writes the diff against the default branch into `sink`.
  Result<Captured> capture(const Workdir& workdir, const std::string& message, const git::Person& author, const git::DiffSink& sink);
  // The run is over: the worktree becomes one of the idle ones, and the oldest of those beyond kMaxIdle goes.
  void release(const Workdir& workdir);

  // Projects with a worktree or a cached repository here, for affinity.
  std::vector<std::string> cached_projects() const;

 private:
  std::shared_ptr<std::mutex> repository_lock(const std::string& path);
  Result<git::Repository> open_repository(const std::string& url, const std::string& path, const git::ShouldStop& should_stop,
                                          std::string& default_branch);
  Result<std::string> make_branch(git::Repository& repository, const WorkdirRequest& request, const std::string& base);
  Status make_gate(const std::string& path) const;
  Status make_home(const std::string& path) const;
  static Status remove(git::Repository& repository, const std::string& worktree, const std::string& path);
  Status give_to_account(const std::string& path) const;

  const std::string root_;
  const std::optional<process::Account> account_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<std::mutex>> locks_;  // by repository path; as many as repositories on disk
  std::deque<Workdir> idle_;
};

}  // namespace dossier::worker
