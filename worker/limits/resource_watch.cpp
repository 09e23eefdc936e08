// The process table by family, the folders by fts.
#include "worker/limits/resource_watch.hpp"

#include <fts.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "platform/process/family.hpp"

namespace dossier::worker::limits {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kPauseFactor = 20;  // so that looks take a twentieth of the time at most

std::uint64_t usage(const std::string& folder, const std::atomic<bool>* stopping) {
  std::string path = folder;
  char* const roots[] = {path.data(), nullptr};
  FTS* const tree = ::fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr);
  if (tree == nullptr) return 0;
  std::uint64_t bytes = 0, files = 0;
  while (const FTSENT* entry = ::fts_read(tree)) {
    if (++files > kMaxFiles || (stopping != nullptr && stopping->load())) break;
    if (entry->fts_info != FTS_F && entry->fts_info != FTS_D && entry->fts_info != FTS_SL) continue;
    const struct stat& info = *entry->fts_statp;
    // A file with several names is shared among them.
    bytes += static_cast<std::uint64_t>(info.st_blocks) * 512 / (entry->fts_info == FTS_D ? 1 : std::max<std::uint64_t>(1, info.st_nlink));
  }
  ::fts_close(tree);
  return bytes;
}

}  // namespace

std::uint64_t disk_usage(const std::string& folder) { return usage(folder, nullptr); }

ResourceWatch::ResourceWatch(WatchOptions options, std::function<void()> on_look)
    : options_(std::move(options)), on_look_(std::move(on_look)), thread_([this] { run(); }) {}

ResourceWatch::~ResourceWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_.store(true);
  }
  wake_.notify_all();
  thread_.join();
}

void ResourceWatch::run() {
  auto disk_due = SteadyClock::now(), processes_due = disk_due + milliseconds(options_.processes_ms);
  std::unique_lock lock(mutex_);
  while (!stopping_.load()) {
    if (wake_.wait_until(lock, std::min(processes_due, disk_due), [&] { return stopping_.load(); })) return;
    lock.unlock();
    const auto now = SteadyClock::now();
    if (now >= processes_due) {
      processes_.store(process::family_size(options_.family));
      processes_due =
          SteadyClock::now() + std::max<SteadyClock::duration>(milliseconds(options_.processes_ms), kPauseFactor * (SteadyClock::now() - now));
    }
    const auto disk_began = SteadyClock::now();
    if (disk_began >= disk_due) {
      std::uint64_t bytes = 0;
      for (const auto& folder : options_.folders) bytes += usage(folder, &stopping_);
      if (!stopping_.load()) disk_bytes_.store(bytes);
      disk_due =
          SteadyClock::now() + std::max<SteadyClock::duration>(milliseconds(options_.disk_ms), kPauseFactor * (SteadyClock::now() - disk_began));
    }
    on_look_();
    lock.lock();
  }
}

}  // namespace dossier::worker::limits
