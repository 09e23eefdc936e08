// Repositories and working copies on disk: claimed, made or gone on with.
#include "worker/workdir/workdir.hpp"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "platform/crypto/crypto.hpp"
#include "worker/workdir/source.hpp"
#include "worker/workdir/submodules.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxCachedProjects = 200;
constexpr std::int64_t kBusyLookMs = 200;
// What agents leave for people and machines to judge their work by is reported on its own, and is no part of it.
constexpr const char* kExcluded = "/.dossier/session/\n";

std::string short_hash(std::string_view text) { return to_hex(crypto::view(crypto::sha256(text))).substr(0, 16); }

// "ses_0f12…" → "0f12…" cut to 8 characters.
std::string short_id(const std::string& id) {
  const std::size_t mark = id.find('_');
  return id.substr(mark == std::string::npos ? 0 : mark + 1, 8);
}

// Ids come from the server; a path must not leave the root whatever they say.
Status check_name(const std::string& name, const char* field) {
  if (!is_plain_name(name) || name.find('.') != std::string::npos || name.size() > 100) return make_error(Code::invalid_field, "is no id", field);
  return {};
}

}  // namespace

WorkdirStore::WorkdirStore(std::string root, std::optional<process::Account> account) : account_(std::move(account)), folder_(std::move(root)) {}

WorkdirStore::~WorkdirStore() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  if (cleaner_.joinable()) cleaner_.join();
}

std::shared_ptr<std::mutex> WorkdirStore::lock_of(const std::string& path) {
  const std::lock_guard lock(mutex_);
  auto& entry = locks_[path];
  if (!entry) entry = std::make_shared<std::mutex>();
  return entry;
}

// What lies below is as readable as git makes it; only this worker and its agents' account get that far.
Status WorkdirStore::make_gate(const std::string& path) const {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (!failed && account_ && ::chown(path.c_str(), static_cast<uid_t>(-1), account_->gid) != 0) failed.assign(errno, std::generic_category());
  if (!failed) fs::permissions(path, account_ ? fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec : fs::perms::owner_all, failed);
  if (failed) return make_error(Code::io, "can't make " + path + " for the agents' account: " + failed.message());
  return {};
}

Result<git::Repository> WorkdirStore::open_repository(const WorkdirRequest& request, const git::Remote& source, const std::string& path,
                                                      const git::ShouldStop& should_stop, std::string& default_branch) {
  if (fs::exists(path)) {
    TRY(auto repository, git::Repository::open(path));
    TRY_STATUS(repository.set_excluded(kExcluded));
    TRY(default_branch, repository.fetch(should_stop, source.credentials));
    return repository;
  }
  // Fetched under another name first: a repository under its final name has been fetched whole at least once.
  const std::string making = path.substr(0, path.size() - 4) + ".making";
  std::error_code failed;
  fs::remove_all(making, failed);
  {
    TRY(auto repository, git::Repository::create_mirror(making, source.url));
    TRY_STATUS(repository.set_excluded(kExcluded));
    TRY(default_branch, repository.fetch(should_stop, source.credentials));
  }
  fs::rename(making, path, failed);
  if (failed) return make_error(Code::io, "can't rename " + making + ": " + failed.message());
  return git::Repository::open(path);
}

// The issue's copy on this repository, if there is one, held for this request. A copy of its own otherwise.
Result<std::optional<CopyRecord>> WorkdirStore::claim(const WorkdirRequest& request, const std::string& repository,
                                                      const git::ShouldStop& should_stop) {
  const std::pair<std::uint64_t, std::uint32_t> fence{request.copy_generation, request.offer};
  std::int64_t left_ms = kBusyWaitMs;
  std::unique_lock lock(mutex_);
  for (;;) {
    std::optional<CopyRecord> newest;
    if (!request.issue_id.empty())
      for (CopyRecord& record : folder_.of_issue(request.issue_id))
        if (record.repository == repository && (!newest || newest->fence() < record.fence())) newest = std::move(record);
    if (!newest) return newest;
    // The same offer again is a worker that was started again; whoever had it in this process is found busy below.
    if (fence < newest->fence())
      return make_error(Code::conflict, "stale: the working copy of this issue was used by a later session or offer (generation " +
                                            std::to_string(newest->generation) + ", offer " + std::to_string(newest->offer) + ")");
    if (newest->state == CopyRecord::State::broken) return std::optional<CopyRecord>();
    if (claimed_.insert(folder_.path(*newest)).second) return newest;
    if (should_stop()) return make_error(Code::shutting_down, "preparing the worktree was broken off");
    if (left_ms <= 0) return make_error(Code::working_copy_busy, "a run of this worker still has the working copy of this issue");
    changed_.wait_for(lock, std::chrono::milliseconds(kBusyLookMs));
    left_ms -= kBusyLookMs;
  }
}

Result<Workdir> WorkdirStore::prepare(const WorkdirRequest& request, const git::ShouldStop& should_stop) {
  TRY_STATUS(check_name(request.session_id, "session_id"));
  if (!request.project_id.empty()) TRY_STATUS(check_name(request.project_id, "project_id"));
  TRY(const git::Remote source, resolve_source(request.source, request.credentials));
  const std::string repository = short_hash(source.url) + ".git";
  TRY(auto found, claim(request, repository, should_stop));
  CopyRecord record;
  if (found) {
    record = *found;
    if (const Status reachable = folder_.check_project(record.project); !reachable) {
      unclaim(folder_.path(record));
      return reachable.error();
    }
  } else {
    record.repository = repository;
    record.project = request.project_id.empty() ? "none" : request.project_id;
    const std::string name = request.session_id + "-o" + std::to_string(request.offer);
    record.worktree = name;
    TRY_STATUS(folder_.check_project(record.project));
    const std::lock_guard lock(mutex_);
    // One that could not be mended keeps its name, for a look.
    for (int n = 2; n < kMaxBranchTries && !request.issue_id.empty() && folder_.load(folder_.path(record)); ++n)
      record.worktree = name + "-" + std::to_string(n);
    if (!claimed_.insert(folder_.path(record)).second)
      return make_error(Code::working_copy_busy, "a run of this worker still has the worktree " + record.worktree);
  }
  const std::string path = folder_.path(record);
  auto prepared = make_or_go_on(request, source, record, found.has_value(), should_stop);
  // Where a copy could not be mended, what was prepared is another one.
  if (!prepared || prepared->path != path) unclaim(path);
  return prepared;
}

Result<Workdir> WorkdirStore::make_or_go_on(const WorkdirRequest& request, const git::Remote& source, CopyRecord& record, bool found,
                                            const git::ShouldStop& should_stop) {
  const std::string place = folder_.repository(record);
  const auto repository_mutex = lock_of(place);
  const std::lock_guard lock(*repository_mutex);
  std::string default_branch;
  TRY(auto repository, open_repository(request, source, place, should_stop, default_branch));
  const std::string base_branch = request.default_branch.empty() ? default_branch : request.default_branch;
  if (base_branch.empty())
    return make_error(Code::not_found, source.url + " has no default branch and the project names none; commit something there first");
  const auto base = repository.resolve("refs/remotes/origin/" + base_branch);
  if (!base)
    return make_error(Code::not_found, source.url + " has no branch \"" + base_branch + "\"; set the project's default_branch to one it has");
  if (should_stop()) return make_error(Code::shutting_down, "preparing the worktree was broken off");
  record.base_branch = base_branch;
  if (found) {
    const auto recovered = recover(repository, record);
    Error why;
    if (recovered) {
      auto continued = go_on(repository, request, source, record, *recovered, should_stop);
      // A submodule that can't be reached now may be there the next time, and the copy is as good as it was.
      if (continued || continued.error().code != Code::invalid_field) return continued;
      why = continued.error();
    } else {
      why = recovered.error();
    }
    // Kept for a look; the session gets a copy of its own, and a sentence about why.
    const Recovery broken{"probe_failed", "the working copy " + record.worktree + " can't be used: " + why.message};
    log::warn("worker", broken.detail);
    record.state = CopyRecord::State::broken;
    record.released_us = clock_.wall_us();
    (void)folder_.save(record);
    CopyRecord fresh;
    fresh.repository = record.repository;
    fresh.project = record.project;
    fresh.base_branch = base_branch;
    fresh.base_commit = *base;
    {
      const std::lock_guard claims(mutex_);
      for (int n = 1; n < kMaxBranchTries; ++n) {
        fresh.worktree = request.session_id + "-o" + std::to_string(request.offer) + (n == 1 ? "" : "-" + std::to_string(n));
        if (!folder_.load(folder_.path(fresh)) && claimed_.insert(folder_.path(fresh)).second) break;
        fresh.worktree.clear();
      }
    }
    if (fresh.worktree.empty()) return make_error(Code::already_exists, "there are too many broken working copies of this session; remove them");
    auto made = make(repository, request, source, fresh, should_stop);
    if (!made) {
      unclaim(folder_.path(fresh));
      return made;
    }
    made->recovered.push_back(broken);
    return made;
  }
  record.base_commit = *base;
  return make(repository, request, source, record, should_stop);
}

Result<Workdir> WorkdirStore::make(git::Repository& repository, const WorkdirRequest& request, const git::Remote& source, CopyRecord& record,
                                   const git::ShouldStop& should_stop) {
  TRY(const git::Content content, check_content(repository, record.base_commit));
  // The same session and offer were prepared before (we crashed since): nobody works there now.
  TRY_STATUS(discard(repository, record));
  TRY(const auto taken, repository.branch_names());
  auto branch = choose_branch(default_branch_name(request.issue_number, request.issue_title), taken, short_id(request.session_id));
  // The source has a branch "dossier".
  if (!branch) branch = choose_branch("dossier-" + std::to_string(request.issue_number), taken, short_id(request.session_id));
  TRY(record.branch, std::move(branch));
  record.issue_id = request.issue_id;
  record.session_id = request.session_id;
  record.generation = request.copy_generation;
  record.offer = request.offer;
  record.head = record.base_commit;
  TRY_STATUS(repository.create_branch(record.branch, record.base_commit));
  TRY_STATUS(make_gate(fs::path(folder_.path(record)).parent_path().string()));
  auto added = repository.add_worktree(record.worktree, folder_.path(record), record.branch);
  if (added) added = add_submodules(record, content, source, should_stop);
  if (added) added = give_to_account(folder_.path(record));
  if (added) added = folder_.write_look(record, look_of_submodules(folder_.path(record), content.submodules));
  // Files that were given away have other times than the index says.
  if (added && !account_) added = repository.begin_index(record.worktree, folder_.index(record), record.head);
  if (added) added = folder_.save(record);
  if (!added) {
    (void)discard(repository, record);
    (void)repository.remove_branch(record.branch);
    return std::move(added).error();
  }
  return workdir_of(record);
}

// Half of a worktree's submodules is never gone on with: after an error the worktree is gone, too.
Status WorkdirStore::add_submodules(const CopyRecord& record, const git::Content& content, const git::Remote& source,
                                    const git::ShouldStop& should_stop) const {
  const SubmodulePlace place{folder_.repository(record), record.worktree, folder_.path(record), folder_.scratch(record)};
  Status checked_out = check_out_submodules(place, content, source, should_stop);
  if (!checked_out) TRY_STATUS(folder_.remove_worktree(record));
  TRY_STATUS(folder_.remove_scratch(record));
  return checked_out;
}

Result<Recovered> WorkdirStore::recover(git::Repository& repository, CopyRecord& record) const {
  if (record.state == CopyRecord::State::removing) {  // half gone: what is left of it goes first
    TRY_STATUS(folder_.remove_worktree(record));
    record.state = CopyRecord::State::removed;
  }
  return recover_copy(repository, folder_, record);
}

Result<Workdir> WorkdirStore::go_on(git::Repository& repository, const WorkdirRequest& request, const git::Remote& source, CopyRecord& record,
                                    const Recovered& recovered, const git::ShouldStop& should_stop) {
  if (recovered.made_again) {  // from the branch, with the submodules that it names now
    TRY(const git::Content content, repository.content(record.head));
    TRY_STATUS(add_submodules(record, content, source, should_stop));
    TRY_STATUS(give_to_account(folder_.path(record)));
    TRY_STATUS(folder_.write_look(record, look_of_submodules(folder_.path(record), content.submodules)));
  }
  record.session_id = request.session_id;
  record.generation = request.copy_generation;
  record.offer = request.offer;
  record.state = CopyRecord::State::active;
  record.tries = 0;
  record.not_before_us = 0;
  TRY_STATUS(folder_.save(record));
  for (const Recovery& recovery : recovered.found) log::warn("worker", record.worktree + ": " + recovery.state + ": " + recovery.detail);
  Workdir workdir = workdir_of(record);
  workdir.continued = true;
  workdir.recovered = recovered.found;
  return workdir;
}

Workdir WorkdirStore::workdir_of(const CopyRecord& record) const {
  Workdir workdir;
  workdir.repository = folder_.repository(record);
  workdir.worktree = record.worktree;
  workdir.path = folder_.path(record);
  workdir.branch = record.branch;
  workdir.base_branch = record.base_branch;
  workdir.base_commit = record.base_commit;
  workdir.generation = record.generation;
  workdir.offer = record.offer;
  return workdir;
}

Status WorkdirStore::discard(git::Repository& repository, const CopyRecord& record) const {
  TRY_STATUS(folder_.remove_worktree(record));
  TRY_STATUS(folder_.remove_files_beside(record));
  folder_.forget(record);
  return repository.forget_worktree(record.worktree);
}

Status WorkdirStore::give_to_account(const std::string& path) const {
  if (!account_) return {};
  const auto give = [&](const std::string& item) { return ::lchown(item.c_str(), account_->uid, account_->gid) == 0; };
  std::error_code failed;
  bool given = give(path);
  for (fs::recursive_directory_iterator at(path, failed), end; given && !failed && at != end; at.increment(failed)) given = give(at->path().string());
  if (!given || failed) return make_error(Code::io, "can't give " + path + " to the account " + account_->name);
  return {};
}

std::vector<std::string> WorkdirStore::cached_projects() const {
  std::vector<std::string> projects;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder_.workdirs(), failed)) {
    if (projects.size() == kMaxCachedProjects) break;
    const std::string name = entry.path().filename().string();
    if (name.compare(0, 4, "prj_") == 0) projects.push_back(name);
  }
  std::sort(projects.begin(), projects.end());
  return projects;
}

}  // namespace dossier::worker
