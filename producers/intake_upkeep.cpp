// What intake does besides reading: fences that no lease explains, leases and workers whose term is over, ticks, liveness
// and positions.
#include <algorithm>

#include "base/log.hpp"
#include "events/names.hpp"
#include "events/task.hpp"
#include "producers/commands/task.hpp"
#include "producers/commands/worker.hpp"
#include "producers/intake.hpp"

namespace dossier::producers {

CommandContext Intake::system_context(const WorkspaceId& workspace, std::string_view route, const std::string& key) const {
  CommandContext context;
  context.workspace = workspace;
  context.commit_id = events::derive_commit_id(workspace, "intake", route, key);
  context.actor.set_kind(v1::Actor::SYSTEM);
  context.actor.set_id("intake");
  context.fingerprint = std::string(crypto::view(crypto::sha256(key)));
  context.seldom_repeated = true;
  return context;
}

// A worker says that it runs something of which no lease is known here: a claim that another process took in, or an agent
// that has to stop.
Status Intake::check_fences() {
  if (fence_checks_.empty()) return {};
  TRY(const auto snapshot, ports_.states.snapshot());
  for (const FenceCheck& check : fence_checks_) {
    const TaskId id(check.fence.task_id());
    const std::uint32_t offer = check.fence.offer();
    TRY(const StreamState row, snapshot->stream(check.workspace, events::task_stream(id)));
    v1::TaskState task;
    if (row.needs_newer_code || !task.ParseFromString(row.state)) continue;
    const bool its_offer = task.offer() == offer && task.worker_id() == check.worker.str();
    if (its_offer && task.status() == v1::TaskState::OFFERED) continue;  // its claim is on the way
    const auto it = partitions_.find(check.partition);
    if (its_offer && events::is_leased(task.status())) {
      if (it != partitions_.end()) it->second.leases.hold(id, offer, check.workspace, check.worker);
      continue;
    }
    metrics_.fenced.fetch_add(1);
    ports_.control.fenced(check.pool, check.workspace, check.worker, id, offer, task.offer(), "the task has moved on");
  }
  fence_checks_.clear();
  return {};
}

void Intake::run_own(const WorkspaceId& workspace, std::string_view route, const std::string& key, Decide decide, std::function<void()> settled) {
  const std::string name = std::string(route) + '/' + key;
  {
    const std::lock_guard lock(mutex_);
    const auto paused = not_before_us_.find(name);
    if (paused != not_before_us_.end()) {
      if (paused->second > ports_.clock.boot_us()) return;
      not_before_us_.erase(paused);
    }
    if (!in_flight_.insert(name).second) return;
  }
  Command command;
  command.context = system_context(workspace, route, key);
  command.decide = std::move(decide);
  ports_.runner.run(std::move(command), [this, name, settled = std::move(settled)](Result<Committed> result) {
    const bool again = !result && is_transient(result.error().code);
    if (!result) log::warn("producers", name + " was not decided: " + result.error().message);
    const std::lock_guard lock(mutex_);
    in_flight_.erase(name);
    if (again)
      not_before_us_[name] = ports_.clock.boot_us() + options_.max_retry_us;
    else
      settled();  // under mutex_
  });
}

// A claim may appear in the read models after this process looked at them and past the report that caused it: a database
// that crashed applies its last commits once more, while the position in the reports was durable. Without a lease here
// nobody would ever end it. One that is over already ends with an empty decision.
Status Intake::reconcile_leases() {
  if (ports_.clock.boot_us() - reconciled_at_us_ < options_.reconcile_us) return {};
  TRY(const std::vector<ActiveTask> active, ports_.dispatch.active());
  reconciled_at_us_ = ports_.clock.boot_us();
  for (const ActiveTask& task : active) {
    const auto it = partitions_.find(events::partition_of(task.workspace.str(), partition_count_));
    if (it == partitions_.end() || !events::is_leased(task.status) || it->second.leases.holds(task.id, task.offer, task.worker)) continue;
    it->second.leases.hold(task.id, task.offer, task.workspace, task.worker);
  }
  return {};
}

void Intake::expire_leases() {
  std::size_t leases = 0;
  for (const auto& [number, partition] : partitions_) {
    leases += partition.leases.size();
    if (!may_expire(partition)) continue;
    for (const Lease& lease : partition.leases.expired())
      run_own(lease.workspace, "expire", lease.task.str() + "/" + std::to_string(lease.offer), commands::expire_lease(lease.task, lease.offer),
              [this, lease] {
                ended_leases_.emplace_back(lease.task, lease.offer);
                metrics_.expired.fetch_add(1);
              });
  }
  metrics_.leases.store(static_cast<std::int64_t>(leases));
}

void Intake::lose_silent_workers() {
  for (const auto& [id, row] : live_) {
    const auto it = partitions_.find(row.report_partition);
    if (it == partitions_.end() || !may_expire(it->second) || !it->second.leases.is_over(row.last_report_time_us)) continue;
    const std::int64_t last_seen_us = row.last_report_time_us;
    run_own(row.workspace, "lost", id.str() + "/" + std::to_string(last_seen_us), commands::mark_worker_lost(id, last_seen_us),
            [this, id = id] { lost_.push_back(id); });
  }
}

void Intake::mark_online(const v1::Report& report) {
  const WorkspaceId workspace(report.workspace_id());
  const WorkerId worker(report.worker_id());
  // A worker may be lost and come back under the same boot: the time tells one coming back from the next.
  const std::string key = worker.str() + "/" + report.boot_id() + "/" + std::to_string(live_.at(worker).last_report_time_us / 1'000'000);
  run_own(workspace, "online", key, commands::mark_worker_online(worker, report.boot_id()), [] {});
  directory_.read_again(workspace, worker);
}

// A partition in which nobody speaks has no time of its own. Where something could expire, the server moves it.
void Intake::tick() {
  const std::int64_t now = ports_.clock.boot_us();
  std::set<std::int32_t> inhabited;
  for (const auto& [id, row] : live_) inhabited.insert(row.report_partition);
  for (auto& [number, partition] : partitions_) {
    if (partition.leases.empty() && !inhabited.contains(number)) continue;
    const std::int64_t every = partition.leases.empty() ? options_.presence_tick_us : options_.tick_us;
    if (now - std::max(partition.heard_us, partition.ticked_us) < every) continue;
    partition.ticked_us = now;
    metrics_.ticks.fetch_add(1);
    topic::Outgoing record;
    record.topic = topics_.reports();
    record.partition = number;
    record.value = make_tick();
    ports_.reports.append(std::move(record), [](const topic::Appended&) {});  // the next one is a second away
  }
}

Status Intake::save_liveness() {
  if (live_changed_.empty()) return {};
  std::vector<LivenessRow> rows;
  rows.reserve(live_changed_.size());
  for (const WorkerId& id : live_changed_)
    if (const auto it = live_.find(id); it != live_.end()) rows.push_back(it->second);
  TRY_STATUS(ports_.store.save_liveness(rows));
  live_changed_.clear();
  if (std::exchange(room_changed_, false) && on_liveness_) on_liveness_();
  return {};
}

Status Intake::save() {
  collect();
  saved_at_us_ = ports_.clock.boot_us();
  for (auto it = partitions_.begin(); it != partitions_.end();) {
    const Status saved = save_position(it->first, it->second);
    if (!saved && saved.error().code == Code::position_moved) {
      log::warn("producers", "reports partition " + std::to_string(it->first) + " is read by another process now");
      partitions_.erase(it);
      return saved;
    }
    if (!saved) return saved;
    ++it;
  }
  return {};
}

Status Intake::save_position(std::int32_t number, Partition& partition) {
  IntakePosition after = partition.saved;
  after.partition = number;
  std::size_t count = 0;
  for (const Entry& entry : partition.entries) {
    if (!entry.decided) break;
    after.next_offset = entry.offset + 1;
    after.last_hash = entry.hash;
    after.last_append_time_us = std::max(after.last_append_time_us, entry.append_time_us);
    ++count;
  }
  if (count == 0 && accepted_unsaved_.empty()) return {};
  std::vector<AcceptedThroughRow> accepted;
  accepted.reserve(accepted_unsaved_.size());
  for (const auto& [key, unsaved] : accepted_unsaved_) accepted.push_back(unsaved.row);
  IntakePosition before = partition.saved;
  before.partition = number;
  TRY_STATUS(ports_.store.save(before, after, {}, accepted));
  for (const auto& [key, unsaved] : accepted_unsaved_)
    ports_.control.accepted_through(unsaved.pool, unsaved.workspace, unsaved.row.worker, unsaved.row.boot_id, unsaved.row.sequence);
  accepted_unsaved_.clear();
  partition.saved = after;
  partition.entries.erase(partition.entries.begin(), partition.entries.begin() + static_cast<std::ptrdiff_t>(count));
  return {};
}

}  // namespace dossier::producers
