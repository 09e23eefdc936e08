// Removing what nobody needs any more.
#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/log.hpp"
#include "worker/workdir/workdir.hpp"

namespace dossier::worker {
namespace {

constexpr std::int64_t kFirstPauseUs = 1'000'000;
constexpr std::int64_t kLongestPauseUs = 3'600'000'000;

}  // namespace

std::int64_t cleaning_pause_us(std::uint32_t tries) { return tries >= 12 ? kLongestPauseUs : std::min(kFirstPauseUs << tries, kLongestPauseUs); }

void WorkdirStore::clean_until_stopped() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    clean_now_ = false;
    lock.unlock();
    const std::int64_t next_us = clean_up(clock_.wall_us());
    lock.lock();
    const auto pause = std::chrono::microseconds(std::clamp<std::int64_t>(next_us - clock_.wall_us(), 10'000, kLongestPauseUs));
    changed_.wait_for(lock, pause, [this] { return stop_ || clean_now_; });
  }
}

std::int64_t WorkdirStore::clean_up(std::int64_t now_us) {
  const std::lock_guard one_round(round_);
  const auto oldest_first = [](std::vector<CopyRecord> records) {
    std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.released_us < b.released_us; });
    return records;
  };
  std::vector<CopyRecord> removing = folder_.in_states({CopyRecord::State::removing});
  std::vector<CopyRecord> kept = oldest_first(folder_.in_states({CopyRecord::State::idle, CopyRecord::State::broken}));
  for (std::size_t i = 0; i + kMaxIdle < kept.size(); ++i) removing.push_back(std::move(kept[i]));
  if (folder_.count(CopyRecord::State::removed) > kMaxRemoved) {
    const std::vector<CopyRecord> removed = oldest_first(folder_.in_states({CopyRecord::State::removed}));
    for (std::size_t i = 0; i + kMaxRemoved < removed.size(); ++i) {
      if (!claim_to_clean(removed[i])) continue;
      folder_.forget(removed[i]);
      unclaim(folder_.path(removed[i]));
    }
  }
  std::int64_t next_us = now_us + kLongestPauseUs;
  for (CopyRecord& record : removing) {
    {
      const std::lock_guard lock(mutex_);
      if (stop_) return now_us;
    }
    if (record.not_before_us > now_us || !claim_to_clean(record)) {
      next_us = std::min(next_us, std::max(record.not_before_us, now_us + kFirstPauseUs));
      continue;
    }
    const Status cleaned = clean_one(record);
    if (!cleaned) {
      record.state = CopyRecord::State::removing;
      record.not_before_us = now_us + cleaning_pause_us(record.tries++);
      next_us = std::min(next_us, record.not_before_us);
      log::warn("worker", "can't remove an old worktree (try " + std::to_string(record.tries) + "): " + cleaned.error().message);
      // What can't be written, on a full disk for one, is not tried again and again without a pause either.
      if (!folder_.save(record)) folder_.remember(record);
    }
    unclaim(folder_.path(record));
  }
  return next_us;
}

// False: a run has it, or had it since it was looked at.
bool WorkdirStore::claim_to_clean(const CopyRecord& record) {
  const std::string path = folder_.path(record);
  {
    const std::lock_guard lock(mutex_);
    if (!claimed_.insert(path).second) return false;
  }
  const auto present = folder_.load(path);
  if (present && present->state == record.state && present->fence() == record.fence() && present->released_us == record.released_us) return true;
  unclaim(path);
  return false;
}

Status WorkdirStore::clean_one(CopyRecord& record) {
  // Said first: a copy that is half gone is never gone on with. Where nothing is left, nothing can be.
  record.state = CopyRecord::State::removing;
  Status said = folder_.save(record);
  std::error_code ignored;
  if (!said && std::filesystem::exists(std::filesystem::symlink_status(folder_.path(record), ignored))) return said;
  // It is claimed, so nobody else is in its folders, and sessions that begin meanwhile need not wait for a large one to be gone.
  TRY_STATUS(folder_.remove_worktree(record));
  TRY_STATUS(folder_.remove_files_beside(record));
  const auto repository_mutex = lock_of(folder_.repository(record));
  const std::lock_guard lock(*repository_mutex);
  auto repository = git::Repository::open(folder_.repository(record));
  if (repository) {
    TRY_STATUS(repository->forget_worktree(record.worktree));
    const auto tip = repository->resolve("refs/heads/" + record.branch);
    const auto upstream = repository->resolve("refs/remotes/origin/" + record.base_branch);
    const bool holds_work = tip && *tip != record.base_commit && !(upstream && repository->descends(*upstream, *tip));
    if (holds_work) {
      record.head = *tip;
      record.state = CopyRecord::State::removed;
      return folder_.save(record);
    }
    if (!record.branch.empty()) TRY_STATUS(repository->remove_branch(record.branch));
  }
  folder_.forget(record);
  return {};
}

void WorkdirStore::release(const Workdir& workdir) {
  auto record = present_record(workdir);
  if (record) {
    record->state = CopyRecord::State::idle;
    record->released_us = clock_.wall_us();
    const Status saved = folder_.save(*record);
    if (!saved) log::warn("worker", saved.error().message);
  }
  unclaim(workdir.path);
}

void WorkdirStore::unclaim(const std::string& path) {
  const std::lock_guard lock(mutex_);
  claimed_.erase(path);
  if (const auto copy_mutex = locks_.find(path); copy_mutex != locks_.end() && copy_mutex->second.use_count() == 1) locks_.erase(copy_mutex);
  clean_now_ = true;
  changed_.notify_all();
}

}  // namespace dossier::worker
