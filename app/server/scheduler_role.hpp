// The role scheduler: matches tasks to workers as soon as something changes, finishes workspaces that others began, and
// removes secrets that nothing came to name.
#pragma once

#include <atomic>

#include "app/server/core.hpp"
#include "app/server/loop.hpp"
#include "producers/postgres_secrets.hpp"
#include "producers/scheduler.hpp"
#include "producers/secret_sweeper.hpp"
#include "producers/workspace_sweeper.hpp"

namespace dossier::app {

class SchedulerRole {
 public:
  // However often it is woken, it looks at most once in this time; the first wake-up after a quiet time is served at once.
  static constexpr std::int64_t kMinGapUs = 2'000;
  static constexpr std::int64_t kSoonUs = 20'000;

  explicit SchedulerRole(Core& core);

  void start();
  void stop();
  // Thread-safe.
  void wake();
  void wake_soon();  // within kSoonUs, with what else comes until then: a look takes from others what they need to answer
  void add_metrics(MetricsRegistry& metrics);

 private:
  Result<std::int64_t> step();
  Result<std::int64_t> sweep();

  Core& core_;
  producers::Scheduler scheduler_;
  producers::WorkspaceSweeper workspaces_;
  producers::PostgresSecrets secrets_;
  producers::SecretSweeper secret_sweeper_;
  std::int64_t secrets_due_us_ = 0;
  std::int64_t looked_us_ = 0;
  std::int64_t due_us_ = 0;               // what the last look said
  std::atomic<std::int64_t> soon_us_{0};  // 0: nobody asked for one
  std::atomic<bool> is_wanted_{false};
  Loop loop_;
  Loop sweeper_loop_;
};

}  // namespace dossier::app
