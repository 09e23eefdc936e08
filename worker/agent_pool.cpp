// Which agents stay warm, and for how long.
#include "worker/agent_pool.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.hpp"

namespace dossier::worker {
namespace {

std::uint64_t folder_of(const std::string& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 ? static_cast<std::uint64_t>(found.st_ino) : 0;
}

bool is_same_place(const AgentPlace& one, const AgentPlace& other) {
  return one.provider == other.provider && one.worktree == other.worktree && one.home == other.home;
}

}  // namespace

AgentPool::AgentPool(const Clock& clock, Limits limits, Make make) : clock_(clock), limits_(limits), make_(std::move(make)) {
  CHECK(limits_.max_agents > 0);
}

AgentPool::~AgentPool() { close(); }

AgentPool::Lease::Lease(Lease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)), place_(std::move(other.place_)), agent_(std::move(other.agent_)) {}

AgentPool::Lease::~Lease() {
  if (pool_ != nullptr) pool_->end(std::move(agent_), true);
}

void AgentPool::Lease::put_back(const std::string& provider_session) {
  if (pool_ == nullptr) return;
  place_.provider_session = provider_session;
  std::exchange(pool_, nullptr)->keep_or_end(place_, std::move(agent_));
}

AgentPool::Lease AgentPool::take(const AgentPlace& place) {
  Lease lease;
  lease.place_ = place;
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto known = std::find_if(idle_.begin(), idle_.end(), [&](const Idle& idle) {
      return idle.place.home == place.home || (!place.provider_session.empty() && idle.place.provider_session == place.provider_session);
    });
    const bool fits = known != idle_.end() && known->place.provider_session == place.provider_session && is_same_place(known->place, place) &&
                      known->folder == folder_of(place.worktree);
    const bool is_full = idle_.size() + in_use_ + ending_ >= limits_.max_agents;
    if (fits) {
      lease.agent_ = std::move(known->agent);
      idle_.erase(known);
      break;
    }
    if (known == idle_.end() && !is_full) break;
    const auto ended = known != idle_.end() ? known : idle_.begin();
    if (ended == idle_.end()) {
      room_.wait(lock);
      continue;
    }
    std::unique_ptr<Agent> agent = std::move(ended->agent);
    idle_.erase(ended);
    ++ending_;
    lock.unlock();
    end(std::move(agent), false);
    lock.lock();
  }
  ++in_use_;
  lease.pool_ = this;
  lock.unlock();
  if (!lease.agent_) lease.agent_ = make_(place.provider);
  return lease;
}

void AgentPool::keep_or_end(const AgentPlace& place, std::unique_ptr<Agent> agent) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_ && agent != nullptr && !place.provider_session.empty() && agent->is_warm()) {
      --in_use_;
      idle_.push_back({place, std::move(agent), clock_.boot_us(), folder_of(place.worktree)});
      room_.notify_all();
      return;
    }
  }
  end(std::move(agent), true);
}

// Counted until its process is gone.
void AgentPool::end(std::unique_ptr<Agent> agent, bool was_in_use) {
  agent.reset();
  {
    const std::lock_guard lock(mutex_);
    --(was_in_use ? in_use_ : ending_);
  }
  room_.notify_all();
}

void AgentPool::end_idle() {
  std::vector<std::unique_ptr<Agent>> over;
  {
    const std::lock_guard lock(mutex_);
    while (!idle_.empty() && (closed_ || clock_.boot_us() - idle_.front().since_us >= limits_.idle_us)) {
      over.push_back(std::move(idle_.front().agent));
      idle_.pop_front();
      ++ending_;
    }
  }
  for (auto& agent : over) end(std::move(agent), false);
}

void AgentPool::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  end_idle();
}

std::size_t AgentPool::idle() const {
  const std::lock_guard lock(mutex_);
  return idle_.size();
}

std::size_t AgentPool::in_use() const {
  const std::lock_guard lock(mutex_);
  return in_use_;
}

}  // namespace dossier::worker
