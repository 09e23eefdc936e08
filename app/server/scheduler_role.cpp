// The scheduler's threads.
#include "app/server/scheduler_role.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace dossier::app {

SchedulerRole::SchedulerRole(Core& core)
    : core_(core),
      scheduler_(core.dispatch, core.runner, core.control, core.clock, [this] { wake(); }),
      workspaces_(core.background, core.runner, core.clock),
      secrets_(core.background),
      secret_sweeper_(secrets_, core.runner, core.clock),
      loop_("scheduler", [this] { return step(); }),
      sweeper_loop_("sweeper", [this] { return sweep(); }) {}

void SchedulerRole::start() {
  loop_.start();
  sweeper_loop_.start();
}

void SchedulerRole::stop() {
  loop_.stop();
  sweeper_loop_.stop();
}

void SchedulerRole::wake() {
  is_wanted_.store(true);
  loop_.wake();
}

void SchedulerRole::wake_soon() {
  std::int64_t none = 0;
  if (soon_us_.compare_exchange_strong(none, core_.clock.boot_us() + kSoonUs)) loop_.wake();
}

Result<std::int64_t> SchedulerRole::step() {
  const std::int64_t now = core_.clock.boot_us();
  const std::int64_t soon = soon_us_.load();
  const std::int64_t due = soon == 0 ? due_us_ : std::min(due_us_, soon);
  if (!is_wanted_.exchange(false) && now < due) return due - now;
  const std::int64_t since = now - looked_us_;
  if (since < kMinGapUs) {
    // Woken again already: what woke it is seen a moment later. Loop's wait would end at once, so the gap is slept out here.
    std::this_thread::sleep_for(std::chrono::microseconds(kMinGapUs - since));
  }
  looked_us_ = core_.clock.boot_us();
  due_us_ = 0;  // after an error at once
  // What comes from here on may be missing in the look.
  is_wanted_.store(false);
  soon_us_.store(0);
  TRY(const std::int64_t next_us, scheduler_.step());
  due_us_ = looked_us_ + next_us;
  return next_us;
}

Result<std::int64_t> SchedulerRole::sweep() {
  TRY([[maybe_unused]] const int finished, workspaces_.sweep());
  if (core_.clock.boot_us() >= secrets_due_us_) {
    TRY(const auto swept, secret_sweeper_.step());
    secrets_due_us_ = core_.clock.boot_us() + (swept.more ? producers::SecretSweeper::kGoOnUs : producers::SecretSweeper::kEveryUs);
  }
  return producers::WorkspaceSweeper::kEveryUs;
}

void SchedulerRole::add_metrics(MetricsRegistry& metrics) {
  metrics.add([this](MetricsText& out) {
    const producers::SchedulerMetrics& of = scheduler_.metrics();
    out.counter("dossier_offers_total", "Offers made.", of.offered.load());
    out.counter("dossier_offers_repeated_total", "Offers sent again by the control topic.", of.repeated.load());
    out.counter("dossier_offers_lapsed_total", "Offers that reached their deadline.", of.lapsed.load());
    out.counter("dossier_approval_decisions_sent_total", "Decided approvals passed on to workers, repeats too.", of.decisions_sent.load());
    out.counter("dossier_cancels_sent_total", "Cancel requests passed on to workers.", of.cancels_sent.load());
    out.counter("dossier_steers_sent_total", "Follow-ups passed on to workers to go into the present turn.", of.steers_sent.load());
    out.gauge("dossier_tasks_queued", "Tasks seen waiting in pools that have workers.", static_cast<double>(of.queued.load()));
  });
}

}  // namespace dossier::app
