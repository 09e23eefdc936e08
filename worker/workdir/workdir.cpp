// Repositories, worktrees and branches on disk.
#include "worker/workdir/workdir.hpp"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <system_error>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "platform/crypto/crypto.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHomeSuffix = ".home";
constexpr std::size_t kMaxSlug = 40;
constexpr std::size_t kMaxCachedProjects = 200;

Result<std::string> source_url(const v1::ProjectSource& source) {
  switch (source.source_case()) {
    case v1::ProjectSource::kGitUrl: return source.git_url();
    case v1::ProjectSource::kLocalPath: return git::find_root(source.local_path());
    case v1::ProjectSource::SOURCE_NOT_SET: break;
  }
  return make_error(Code::invalid_field, "the project has no source; give it a git URL or a local path", "source");
}

std::string short_hash(std::string_view text) { return to_hex(crypto::view(crypto::sha256(text))).substr(0, 16); }

// "ses_0f12…" → "0f12…" cut to 8 characters.
std::string short_id(const std::string& id) {
  const std::size_t mark = id.find('_');
  return id.substr(mark == std::string::npos ? 0 : mark + 1, 8);
}

// Ids come from the server; a path must not leave the root whatever they say.
Status check_name(const std::string& name, const char* field) {
  const bool fine = !name.empty() && name.size() <= 100 &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; });
  if (!fine) return make_error(Code::invalid_field, "is no id", field);
  return {};
}

}  // namespace

std::string branch_slug(std::string_view title) {
  std::string slug;
  for (const unsigned char c : title) {
    if (slug.size() == kMaxSlug) break;
    if (c < 0x80 && std::isalnum(c) != 0)
      slug += static_cast<char>(std::tolower(c));
    else if (!slug.empty() && slug.back() != '-')
      slug += '-';
  }
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  return slug.empty() ? "issue" : slug;
}

WorkdirStore::WorkdirStore(std::string root, std::optional<process::Account> account) : root_(std::move(root)), account_(std::move(account)) {}

std::shared_ptr<std::mutex> WorkdirStore::repository_lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  auto& entry = locks_[path];
  if (!entry) entry = std::make_shared<std::mutex>();
  return entry;
}

Status WorkdirStore::repair() {
  std::error_code failed;
  for (const char* folder : {"repos", "workdirs"}) TRY_STATUS(make_gate(root_ + "/" + folder));
  for (const auto& entry : fs::directory_iterator(fs::path(root_) / "repos", failed)) {
    const std::string path = entry.path().string();
    if (entry.path().extension() != ".git") {  // a mirror whose first fetch was broken off
      fs::remove_all(entry.path(), failed);
      continue;
    }
    auto repository = git::Repository::open(path);
    if (!repository) {
      log::warn("worker", "removes a damaged cached repository: " + repository.error().message);
      fs::remove_all(entry.path(), failed);
      continue;
    }
    TRY(const auto worktrees, repository->worktrees());
    for (const auto& worktree : worktrees) {
      if (worktree.complete) {
        const std::lock_guard lock(mutex_);
        Workdir idle;
        idle.repository = path;
        idle.worktree = worktree.name;
        idle.path = worktree.path;
        idle_.push_back(std::move(idle));
        continue;
      }
      log::info("worker", "removes a half-made worktree: " + worktree.name);
      TRY_STATUS(remove(*repository, worktree.name, worktree.path.empty() ? path + "/none" : worktree.path));
    }
  }
  return {};
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

Result<git::Repository> WorkdirStore::open_repository(const std::string& url, const std::string& path, const git::ShouldStop& should_stop,
                                                      std::string& default_branch) {
  if (fs::exists(path)) {
    TRY(auto repository, git::Repository::open(path));
    TRY(default_branch, repository.fetch(should_stop));
    return repository;
  }
  // Fetched under another name first: a repository under its final name has been fetched whole at least once.
  const std::string making = path.substr(0, path.size() - 4) + ".making";
  std::error_code failed;
  fs::remove_all(making, failed);
  {
    TRY(auto repository, git::Repository::create_mirror(making, url));
    TRY(default_branch, repository.fetch(should_stop));
  }
  fs::rename(making, path, failed);
  if (failed) return make_error(Code::io, "can't rename " + making + ": " + failed.message());
  return git::Repository::open(path);
}

Result<std::string> WorkdirStore::make_branch(git::Repository& repository, const WorkdirRequest& request, const std::string& base) {
  const std::string stem = "dossier/" + std::to_string(request.issue_number) + "-" + branch_slug(request.issue_title);
  const std::string offer = "-o" + std::to_string(request.offer);
  for (int n = 0; n < kMaxBranchTries; ++n) {
    // First without, then with the session's id, then with a counter (the same offer, prepared again after a crash).
    std::string name = stem;
    if (n >= 1) name += "-" + short_id(request.session_id);
    if (n >= 2) name += "-" + std::to_string(n);
    name += offer;
    if (repository.has_branch(name) || repository.has_remote_branch(name)) continue;
    auto made = repository.create_branch(name, base);
    if (made) return name;
    if (made.error().code != Code::already_exists) return std::move(made).error();
  }
  return make_error(Code::already_exists, "there are too many branches named like " + stem + offer + "; remove old ones");
}

Result<Workdir> WorkdirStore::prepare(const WorkdirRequest& request, const git::ShouldStop& should_stop) {
  TRY_STATUS(check_name(request.session_id, "session_id"));
  if (!request.project_id.empty()) TRY_STATUS(check_name(request.project_id, "project_id"));
  TRY(const std::string url, source_url(request.source));
  Workdir workdir;
  workdir.repository = root_ + "/repos/" + short_hash(url) + ".git";
  workdir.worktree = request.session_id + "-o" + std::to_string(request.offer);
  workdir.path = root_ + "/workdirs/" + (request.project_id.empty() ? "none" : request.project_id) + "/" + workdir.worktree;
  workdir.home = workdir.path + std::string(kHomeSuffix);

  const auto repository_mutex = repository_lock(workdir.repository);
  const std::lock_guard lock(*repository_mutex);
  std::string default_branch;
  TRY(auto repository, open_repository(url, workdir.repository, should_stop, default_branch));
  workdir.base_branch = request.default_branch.empty() ? default_branch : request.default_branch;
  if (workdir.base_branch.empty())
    return make_error(Code::not_found, url + " has no default branch and the project names none; commit something there first");
  auto base = repository.resolve("refs/remotes/origin/" + workdir.base_branch);
  if (!base)
    return make_error(Code::not_found, url + " has no branch \"" + workdir.base_branch + "\"; set the project's default_branch to one it has");
  workdir.base_commit = *std::move(base);
  if (should_stop()) return make_error(Code::shutting_down, "preparing the worktree was broken off");
  // The same session and offer were prepared before (we crashed since): nobody works there now.
  TRY_STATUS(remove(repository, workdir.worktree, workdir.path));
  {
    const std::lock_guard idle_lock(mutex_);
    std::erase_if(idle_, [&](const Workdir& idle) { return idle.path == workdir.path; });
  }
  TRY(workdir.branch, make_branch(repository, request, workdir.base_commit));
  TRY_STATUS(make_gate(fs::path(workdir.path).parent_path().string()));
  auto added = repository.add_worktree(workdir.worktree, workdir.path, workdir.branch);
  if (added) added = give_to_account(workdir.path);
  if (added) added = make_home(workdir.home);
  if (!added) {
    (void)remove(repository, workdir.worktree, workdir.path);
    return std::move(added).error();
  }
  return workdir;
}

Status WorkdirStore::make_home(const std::string& path) const {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (!failed) fs::permissions(path, fs::perms::owner_all, failed);
  if (failed) return make_error(Code::io, "can't make " + path + ": " + failed.message());
  return give_to_account(path);
}

Status WorkdirStore::remove(git::Repository& repository, const std::string& worktree, const std::string& path) {
  std::error_code failed;
  fs::remove_all(path + std::string(kHomeSuffix), failed);
  if (failed) return make_error(Code::io, "can't remove " + path + std::string(kHomeSuffix) + ": " + failed.message());
  return repository.remove_worktree(worktree, path);
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

Result<Captured> WorkdirStore::capture(const Workdir& workdir, const std::string& message, const git::Person& author, const git::DiffSink& sink) {
  const auto repository_mutex = repository_lock(workdir.repository);
  const std::lock_guard lock(*repository_mutex);
  TRY(auto repository, git::Repository::open(workdir.repository));
  Captured captured;
  TRY(captured.commit, repository.commit_directory(workdir.path, workdir.branch, message, author));
  // The default branch as it was when the work began: what others pushed since is no part of this work.
  TRY(captured.base_commit, repository.merge_base(workdir.base_commit, captured.commit));
  TRY(captured.files, repository.diff(captured.base_commit, captured.commit, sink));
  return captured;
}

void WorkdirStore::release(const Workdir& workdir) {
  std::vector<Workdir> surplus;
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(workdir);
    while (idle_.size() > kMaxIdle) {
      surplus.push_back(std::move(idle_.front()));
      idle_.pop_front();
    }
  }
  for (const Workdir& old : surplus) {
    const auto repository_mutex = repository_lock(old.repository);
    const std::lock_guard lock(*repository_mutex);
    auto repository = git::Repository::open(old.repository);
    const Status removed = repository ? remove(*repository, old.worktree, old.path) : Status(repository.error());
    if (!removed) log::warn("worker", "can't remove an old worktree: " + removed.error().message);
  }
}

std::vector<std::string> WorkdirStore::cached_projects() const {
  std::vector<std::string> projects;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(fs::path(root_) / "workdirs", failed)) {
    if (projects.size() == kMaxCachedProjects) break;
    const std::string name = entry.path().filename().string();
    if (name.compare(0, 4, "prj_") == 0) projects.push_back(name);
  }
  std::sort(projects.begin(), projects.end());
  return projects;
}

}  // namespace dossier::worker
