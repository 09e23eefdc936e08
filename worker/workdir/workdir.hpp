// Where agents work: one cached repository for each source, and in it a working copy (worktree and branch) for each issue.
//
//   <root>/repos/<key>.git                        mirrors the source; <key> = hash of its address
//   <root>/workdirs/<project>/<session>-o<offer>  the worktree, named by the session and offer that made it; beside it
//     <…>.index      private index: which files a snapshot need not read again
//     <…>.copy.json  what is known of the copy (copy_record.hpp)
//     <…>.submodules what its submodules looked like, <…>.submodules.making while they are checked out (submodules.hpp)
//
// A later session of the same issue, or a later offer of the same session, goes on in the copy that is there. (generation,
// offer) orders them: one that came before the last is refused, so a frozen run that wakes up never overwrites what came after it. What
// a crash leaves is mended when it is met (prepare) or at start (repair); what nobody needs any more is removed by a thread
// of the store, again and again with growing pauses, also across restarts: records say what is still to be done.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "dossier/v1/payload.pb.h"
#include "platform/git/git.hpp"
#include "platform/process/process.hpp"
#include "worker/workdir/branches.hpp"
#include "worker/workdir/copy_record.hpp"
#include "worker/workdir/recovery.hpp"

namespace dossier::worker {

struct WorkdirRequest {
  std::string project_id;
  std::string session_id;
  std::uint32_t offer = 0;
  std::uint64_t issue_number = 0;
  std::string issue_title;
  v1::ProjectSource source;
  std::string default_branch;  // empty: the source's own
  std::string issue_id;        // empty: a copy of its own, made from nothing
  std::uint64_t copy_generation = 0;
  git::Credentials credentials;  // for the source
};

struct Workdir {
  std::string repository;  // path of the cached repository
  std::string worktree;    // its name
  std::string path;
  std::string branch;
  std::string base_branch;
  std::string base_commit;
  std::uint64_t generation = 0;
  std::uint32_t offer = 0;
  bool continued = false;           // an earlier session or offer worked here
  std::vector<Recovery> recovered;  // what was wrong with the copy, and was mended
};

// The worktree as a tree, and what changed since another one.
struct TreeChange {
  std::string tree;
  std::string parent_tree;
  std::vector<git::ChangedFile> files;
  std::size_t files_omitted = 0;
  std::vector<std::string> left_out;  // "path: why": what the tree could not take
};
inline constexpr std::size_t kMaxChangedFiles = 1'000;  // listed of one TreeChange

// What an agent did, as a commit on the branch and its diff against the default branch.
struct Captured {
  std::string base_commit;  // of the diff: where the branch left the default branch
  std::string commit;       // equal to base_commit: nothing changed
  std::vector<git::ChangedFile> files;
  std::string branch;      // now: the agent may have proposed another name
  std::string tree;        // of the commit
  std::string merge_base;  // with the default branch as the mirror has it now; empty: they have none
  std::size_t ahead = 0;
  std::size_t behind = 0;
  std::uint64_t generation = 0;
  std::vector<std::string> left_out;
  std::string proposal_refused;  // why the agent's branch-name.json was not followed; empty: it was, or there is none
};

// Thread-safe; calls on one repository wait for each other.
class WorkdirStore {
 public:
  static constexpr std::size_t kMaxIdle = 16;        // finished worktrees which are kept for a look, and for the next session
  static constexpr std::size_t kMaxRemoved = 1'000;  // records of removed ones, whose branches hold work
  static constexpr std::int64_t kBusyWaitMs = 15'000;

  // `account`: who shall own the worktrees (the agents' account), where that is another one.
  WorkdirStore(std::string root, std::optional<process::Account> account);
  ~WorkdirStore();

  // Makes the folders, closed to all but this process's account and the agents', removes half-made repositories and worktrees, and
  // starts the cleaning. Once, before the first prepare.
  Status repair();
  // Errors keep their cause's code: not_found (no such repository or branch), forbidden (credentials; a path that leads out of its
  // repository), invalid_field (an address, repository or submodule that can't be used), conflict (stale: a later session or offer had the copy),
  // working_copy_busy (a run here still has it, after kBusyWaitMs), io, shutting_down (should_stop said so).
  Result<Workdir> prepare(const WorkdirRequest& request, const git::ShouldStop& should_stop);
  // The worktree now, untracked files included, and the changes since `parent_tree` (empty: since the branch's tip). Holds up no other copy.
  // conflict: stale.
  Result<TreeChange> snapshot(const Workdir& workdir, const std::string& parent_tree);
  // Commits everything that changed, as `author`, gives the branch the name that the agent proposed, and writes the diff against the
  // default branch into `sink`. conflict: stale; nothing was touched.
  Result<Captured> capture(const Workdir& workdir, const std::string& message, const git::Person& author, const git::DiffSink& sink);
  // The run is over: the worktree becomes one of the idle ones, and the oldest of those beyond kMaxIdle goes, by and by.
  void release(const Workdir& workdir);

  // Projects with a worktree or a cached repository here, for affinity.
  std::vector<std::string> cached_projects() const;

  // One round of the cleaning, as its thread does it, after the one that goes on: when the next is due (wall clock).
  std::int64_t clean_up(std::int64_t now_us);

 private:
  std::shared_ptr<std::mutex> lock_of(const std::string& path);
  Result<git::Repository> open_repository(const WorkdirRequest& request, const git::Remote& source, const std::string& path,
                                          const git::ShouldStop& should_stop, std::string& default_branch);
  Result<std::optional<CopyRecord>> claim(const WorkdirRequest& request, const std::string& repository, const git::ShouldStop& should_stop);
  Result<Workdir> make(git::Repository& repository, const WorkdirRequest& request, const git::Remote& source, CopyRecord& record,
                       const git::ShouldStop& should_stop);
  Result<Recovered> recover(git::Repository& repository, CopyRecord& record) const;
  Result<Workdir> go_on(git::Repository& repository, const WorkdirRequest& request, const git::Remote& source, CopyRecord& record,
                        const Recovered& recovered, const git::ShouldStop& should_stop);
  Status add_submodules(const CopyRecord& record, const git::Content& content, const git::Remote& source, const git::ShouldStop& should_stop) const;
  Result<Workdir> make_or_go_on(const WorkdirRequest& request, const git::Remote& source, CopyRecord& record, bool found,
                                const git::ShouldStop& should_stop);
  Workdir workdir_of(const CopyRecord& record) const;
  Result<CopyRecord> present_record(const Workdir& workdir) const;
  void follow_proposal(git::Repository& repository, CopyRecord& record, Captured& captured);
  void unclaim(const std::string& path);
  Status repair_repository(const std::string& path);
  Status discard(git::Repository& repository, const CopyRecord& record) const;
  bool claim_to_clean(const CopyRecord& record);
  Status clean_one(CopyRecord& record);
  void clean_until_stopped();
  Status make_gate(const std::string& path) const;
  Status give_to_account(const std::string& path) const;

  const std::optional<process::Account> account_;
  const CopyFolder folder_;
  const SystemClock clock_;
  std::mutex round_;  // of the cleaning, taken before all others
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<std::mutex>> locks_;  // by path, of repositories and of the copies that somebody has
  std::set<std::string> claimed_;                             // worktrees that a run or the cleaning has
  bool stop_ = false;
  bool clean_now_ = false;
  std::thread cleaner_;
};

// How long a removal that failed so often waits: a second, doubled each time, an hour at most.
std::int64_t cleaning_pause_us(std::uint32_t tries);

}  // namespace dossier::worker
