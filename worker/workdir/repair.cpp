// At start: what a crash left half made goes, and what is whole is known again.
#include <filesystem>
#include <set>
#include <system_error>

#include "base/log.hpp"
#include "platform/git/beneath.hpp"
#include "worker/workdir/workdir.hpp"

namespace dossier::worker {
namespace {
namespace fs = std::filesystem;
}

Status WorkdirStore::repair() {
  for (const std::string& folder : {folder_.repositories(), folder_.workdirs()}) TRY_STATUS(make_gate(folder));
  // Whoever had a copy is gone with the process that this one follows.
  for (CopyRecord& record : folder_.all()) {
    if (folder_.is_half_made(record)) {  // made again when its issue goes on
      TRY_STATUS(folder_.remove_worktree(record));
      TRY_STATUS(folder_.remove_scratch(record));
    }
    if (record.state != CopyRecord::State::active) continue;
    record.state = CopyRecord::State::idle;
    record.released_us = clock_.wall_us();
    TRY_STATUS(folder_.save(record));
  }
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder_.repositories(), failed)) TRY_STATUS(repair_repository(entry.path().string()));
  const std::lock_guard lock(mutex_);
  if (!cleaner_.joinable()) cleaner_ = std::thread([this] { clean_until_stopped(); });
  return {};
}

Status WorkdirStore::repair_repository(const std::string& path) {
  TRY(const git::Folder repositories, git::Folder::open(folder_.repositories()));
  const std::string name = fs::path(path).filename().string();
  if (fs::path(path).extension() != ".git") return repositories.remove_all(name);  // a mirror whose first fetch was broken off
  auto repository = git::Repository::open(path);
  if (!repository) {
    log::warn("worker", "removes a damaged cached repository: " + repository.error().message);
    return repositories.remove_all(name);
  }
  std::set<std::string> known;
  for (const CopyRecord& record : folder_.all())
    if (record.repository == name) known.insert(record.worktree);
  TRY(const auto worktrees, repository->worktrees());
  for (const auto& worktree : worktrees) {
    if (known.count(worktree.name) != 0) continue;  // its next session, or the cleaning, mends what is wrong with it
    CopyRecord record;
    record.repository = name;
    record.worktree = worktree.name;
    record.project = fs::path(worktree.path).parent_path().filename().string();
    const bool ours =
        is_plain_name(record.project) && is_plain_name(record.worktree) && fs::path(worktree.path).lexically_normal() == folder_.path(record);
    const Status reachable = ours ? folder_.check_project(record.project) : Status();
    if (!reachable) {
      log::warn("worker", "leaves the worktree " + worktree.name + " alone: " + reachable.error().message);
      continue;
    }
    if (worktree.complete && ours && !folder_.is_half_made(record)) {  // made by a version that kept no records
      const auto state = repository->probe_worktree(worktree.name, worktree.path);
      record.branch = state.branch;
      record.head = state.head;
      record.state = CopyRecord::State::idle;
      record.released_us = clock_.wall_us();
      TRY_STATUS(folder_.save(record));
      continue;
    }
    log::info("worker", "removes a half-made worktree: " + worktree.name);
    TRY_STATUS(repository->forget_worktree(worktree.name));
    if (!ours) continue;
    TRY_STATUS(folder_.remove_worktree(record));
    TRY_STATUS(folder_.remove_files_beside(record));
  }
  return {};
}

}  // namespace dossier::worker
