// Looks at what a run uses of the machine, every now and then, on a thread of its own: a look at the process table or at a
// large worktree takes longer than the run's thread may be away from the agent's pipes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dossier::worker::limits {

struct WatchOptions {
  std::string family;                 // mark of the run's processes; see platform/process/process.hpp
  std::vector<std::string> folders;   // worktree and home
  std::int64_t processes_ms = 1'000;  // between two looks at the process table
  std::int64_t disk_ms = 5'000;       // between two looks at the folders, or 20 times as long as a look takes, if that is more
};

// Bytes that the files below `folder` take on disk; no link is followed, no other file system entered. What can't be read
// (it vanished meanwhile) is passed over; after kMaxFiles files it stops counting.
std::uint64_t disk_usage(const std::string& folder);
inline constexpr std::uint64_t kMaxFiles = 5'000'000;

class ResourceWatch {
 public:
  // `on_look` is called on the watch's thread after each look, and must return soon (Wakeup::notify does).
  ResourceWatch(WatchOptions options, std::function<void()> on_look);
  ~ResourceWatch();  // ends the thread; waits for a look to end
  ResourceWatch(const ResourceWatch&) = delete;
  ResourceWatch& operator=(const ResourceWatch&) = delete;

  // Of the latest look, from any thread. 0 before the first.
  std::uint64_t processes() const noexcept { return processes_.load(); }
  std::uint64_t disk_bytes() const noexcept { return disk_bytes_.load(); }

 private:
  void run();

  const WatchOptions options_;
  const std::function<void()> on_look_;
  std::atomic<std::uint64_t> processes_{0};
  std::atomic<std::uint64_t> disk_bytes_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace dossier::worker::limits
