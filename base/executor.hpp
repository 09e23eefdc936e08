// Where work runs next: the seam which lets the write path hold no thread while it waits, and lets a simulation run
// every component of the system in one thread in an order drawn from a seed.
#pragma once

#include <cstdint>
#include <functional>

namespace dossier {

// Thread-safe. A posted job runs exactly once, later, never inside post(). post() answers false when the executor's
// bounded queue is full or it is stopping; the job was not taken then. post_after() is for retries and deadlines: its
// timers are bounded by the jobs in flight, so it always takes the job, except while stopping (false).
class Executor {
 public:
  virtual ~Executor() = default;
  [[nodiscard]] virtual bool post(std::function<void()> job) = 0;
  // The calling thread is running one of this executor's jobs: what would be posted to go on at once may go on here.
  virtual bool is_running_here() const { return false; }
  [[nodiscard]] virtual bool post_after(std::int64_t delay_us, std::function<void()> job) = 0;
};

}  // namespace dossier
