// The role scheduler: matches tasks to workers as soon as something changes, and finishes workspaces that others began.
#pragma once

#include "app/server/core.hpp"
#include "app/server/loop.hpp"
#include "producers/scheduler.hpp"
#include "producers/workspace_sweeper.hpp"

namespace dossier::app {

class SchedulerRole {
 public:
  // However often it is woken, it looks at most once in this time; the first wake-up after a quiet time is served at once.
  static constexpr std::int64_t kMinGapUs = 2'000;

  explicit SchedulerRole(Core& core);

  void start();
  void stop();
  void wake() { loop_.wake(); }  // thread-safe
  void add_metrics(MetricsRegistry& metrics);

 private:
  Result<std::int64_t> step();

  Core& core_;
  producers::Scheduler scheduler_;
  producers::WorkspaceSweeper sweeper_;
  std::int64_t looked_us_ = 0;
  Loop loop_;
  Loop sweeper_loop_;
};

}  // namespace dossier::app
