// Intake's reading side: owning partitions, records in, heartbeats. The lanes of reports are in intake_lanes.cpp, leases,
// presence and positions in intake_upkeep.cpp.
#include "producers/intake.hpp"

#include <algorithm>
#include <set>

#include "base/check.hpp"
#include "base/log.hpp"
#include "base/mutation.hpp"
#include "producers/commands/worker.hpp"

namespace dossier::producers {
namespace {

constexpr std::int64_t kReportWatermarksMs = 5'000;
constexpr std::size_t kMaxKnownBoots = 50'000;

}  // namespace

Intake::Intake(Ports ports, events::Topics topics, std::int32_t partitions, std::function<void()> on_liveness)
    : Intake(ports, std::move(topics), partitions, std::move(on_liveness), Options{}) {}

Intake::Intake(Ports ports, events::Topics topics, std::int32_t partitions, std::function<void()> on_liveness, Options options)
    : ports_(ports),
      topics_(std::move(topics)),
      partition_count_(partitions),
      on_liveness_(std::move(on_liveness)),
      options_(options),
      directory_(ports.states, ports.clock) {
  CHECK(partitions > 0);
}

Intake::~Intake() = default;

Status Intake::own(const std::vector<std::int32_t>& numbers) {
  const std::set<std::int32_t> wanted(numbers.begin(), numbers.end());
  std::erase_if(partitions_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  std::erase_if(live_, [&](const auto& entry) { return !wanted.contains(entry.second.report_partition); });
  std::erase_if(batch_, [&](const topic::Record& record) { return !partitions_.contains(record.partition); });
  const bool grows = std::any_of(wanted.begin(), wanted.end(), [&](std::int32_t number) { return !partitions_.contains(number); });
  if (grows) {
    TRY(const auto active, ports_.dispatch.active());
    TRY(const auto live, ports_.store.liveness_all());
    for (const std::int32_t number : wanted)
      if (!partitions_.contains(number)) TRY_STATUS(start_partition(number, active, live));
  }
  return assign();
}

Status Intake::start_partition(std::int32_t number, const std::vector<ActiveTask>& active, const std::vector<LivenessRow>& live) {
  Partition partition;
  partition.epoch = next_epoch_++;
  TRY(partition.saved, ports_.store.position(number));
  TRY(const topic::Watermarks marks, ports_.reader.watermarks(topics_.reports(), number, kReportWatermarksMs));
  partition.next_read = std::max(partition.saved.next_offset, marks.begin);
  partition.cut = partition.next_read > partition.saved.next_offset;
  if (partition.cut) {
    metrics_.gaps.fetch_add(1);
    log::warn("producers", "reports of partition " + std::to_string(number) + " from offset " + std::to_string(partition.saved.next_offset) + " to " +
                               std::to_string(marks.begin - 1) + " were deleted before they were read");
  }
  if (partition.next_read > marks.end) {  // the topic was made anew; commands answer what they know already as they did first
    metrics_.gaps.fetch_add(1);
    log::error("producers", "reports partition " + std::to_string(number) + " ends at " + std::to_string(marks.end) + ", before the saved position " +
                                std::to_string(partition.saved.next_offset) + ": reading it from its start");
    partition.next_read = marks.begin;
  }
  partition.catch_up_to = marks.end;
  partition.caught_up = partition.next_read >= marks.end;
  partition.heard_us = ports_.clock.boot_us();
  partition.leases.advance(partition.saved.last_append_time_us);
  for (const ActiveTask& task : active)
    if (events::is_leased(task.status) && events::partition_of(task.workspace.str(), partition_count_) == number)
      partition.leases.hold(task.id, task.offer, task.workspace, task.worker);
  for (const LivenessRow& row : live)
    if (row.report_partition == number) live_[row.worker] = row;
  partitions_.emplace(number, std::move(partition));
  return {};
}

Status Intake::assign() {
  std::vector<topic::Position> positions;
  for (const auto& [number, partition] : partitions_) {
    std::int64_t from = partition.next_read;
    for (const topic::Record& record : batch_)
      if (record.partition == number) from = std::max(from, record.offset + 1);
    positions.push_back({topics_.reports(), number, from});
  }
  return ports_.reader.assign(positions);
}

bool Intake::full() {
  const std::lock_guard lock(mutex_);
  return pending_ >= options_.max_pending;
}

Status Intake::step(std::int64_t wait_ms) {
  collect();
  Status read_status = full() ? Status() : read(wait_ms);
  collect();
  // What is due is due, also when nothing can be read just now.
  TRY_STATUS(check_fences());
  TRY_STATUS(reconcile_leases());
  expire_leases();
  lose_silent_workers();
  tick();
  ports_.control.retry();
  TRY_STATUS(save_liveness());
  if (ports_.clock.boot_us() - saved_at_us_ >= options_.save_every_us || owes_answers()) TRY_STATUS(save());
  return read_status;
}

// Workers wait to hear that their reports are accepted: under load until the next save, else there is one for them.
bool Intake::owes_answers() {
  if (accepted_unsaved_.empty()) return false;
  const std::lock_guard lock(mutex_);
  return pending_ == 0;
}

Status Intake::read(std::int64_t wait_ms) {
  if (batch_.empty()) {
    TRY(topic::Polled polled, ports_.reader.poll({.max_records = options_.max_records, .max_bytes = 8u << 20, .wait_ms = wait_ms, .linger_us = 0}));
    batch_ = std::move(polled.records);
    const bool more = batch_.size() >= options_.max_records;
    metrics_.lag_us.store(more ? std::max<std::int64_t>(ports_.clock.wall_us() - batch_.back().append_time_us, 0) : 0);
  }
  if (batch_.empty()) return {};
  std::vector<Form> forms;
  forms.reserve(batch_.size());
  for (const topic::Record& record : batch_) forms.push_back(read_report(record.value));
  TRY_STATUS(prepare(forms));
  for (std::size_t i = 0; i < batch_.size(); ++i) take(batch_[i], forms[i]);
  batch_.clear();
  return {};
}

// Reads all that taking the batch needs; may be repeated.
Status Intake::prepare(const std::vector<Form>& forms) {
  std::vector<WorkerDirectory::Key> keys;
  for (const Form& form : forms)
    if (form && !form->is_tick) keys.emplace_back(WorkspaceId(form->report.workspace_id()), WorkerId(form->report.worker_id()));
  TRY_STATUS(directory_.refresh(keys));
  if (accepted_.size() > kMaxKnownBoots) std::erase_if(accepted_, [&](const auto& entry) { return !accepted_unsaved_.contains(entry.first); });
  for (const Form& form : forms) {
    if (!form || form->is_tick || form->report.has_heartbeat()) continue;
    const v1::Report& report = form->report;
    if (accepted_.contains(boot_of(report)) && !accepted_doubted_.contains(boot_of(report))) continue;
    if (directory_.find(WorkspaceId(report.workspace_id()), WorkerId(report.worker_id())) == nullptr) continue;
    TRY(const std::uint64_t stored, ports_.store.accepted_through(WorkerId(report.worker_id()), report.boot_id()));
    std::uint64_t& accepted = accepted_[boot_of(report)];
    accepted = std::max(accepted, stored);
    accepted_doubted_.erase(boot_of(report));
  }
  return {};
}

void Intake::take(const topic::Record& record, const Form& form) {
  const auto it = partitions_.find(record.partition);
  if (it == partitions_.end() || record.offset < it->second.next_read) return;
  Partition& partition = it->second;
  if (record.offset > partition.next_read) {
    metrics_.gaps.fetch_add(1);
    log::warn("producers", "reports partition " + std::to_string(record.partition) + " has no records from offset " +
                               std::to_string(partition.next_read) + " to " + std::to_string(record.offset - 1));
  }
  partition.next_read = record.offset + 1;
  partition.heard_us = ports_.clock.boot_us();
  partition.leases.advance(mutation::on(mutation::Name::lease_by_wall_clock) ? ports_.clock.wall_us() : record.append_time_us);
  if (partition.caught_up && partition.fresh_term) {
    partition.leases.restart();
    partition.fresh_term = false;
  }
  if (partition.next_read >= partition.catch_up_to) partition.caught_up = true;
  // Decided, unless it turns out to be a report that needs a command.
  partition.entries.push_back({record.offset, crypto::sha256(record.value), record.append_time_us, true});

  if (!form) {
    metrics_.invalid.fetch_add(1);
    log::debug("producers", "a record of reports was dropped: " + form.error().message);
    return;
  }
  if (form->is_tick) return;
  const KnownWorker* worker = directory_.find(WorkspaceId(form->report.workspace_id()), WorkerId(form->report.worker_id()));
  if (!believe(record, *form, worker)) return;
  if (form->report.has_heartbeat()) return take_heartbeat(partition, record, *form, *worker);
  take_report(partition, record, *form, *worker);
}

bool Intake::believe(const topic::Record& record, const CheckedForm& form, const KnownWorker* worker) {
  const v1::Report& report = form.report;
  std::string doubt;
  if (worker == nullptr)
    doubt = "no such worker";
  else if (events::partition_of(report.workspace_id(), partition_count_) != record.partition)
    doubt = "in the wrong partition";
  else if (const Status verified = verify_report(form, worker->state.public_key()); !verified)
    doubt = verified.error().message;
  if (!doubt.empty()) {
    metrics_.invalid.fetch_add(1);
    log::warn("producers", "a report of " + report.worker_id() + " was dropped: " + doubt);
    return false;
  }
  if (worker->revoked) {
    ports_.control.revoked(worker->state.pool(), WorkspaceId(report.workspace_id()), WorkerId(report.worker_id()), "the worker token was revoked");
    return false;
  }
  return true;
}

void Intake::saw_worker(const topic::Record& record, const v1::Report& report) {
  const WorkerId id(report.worker_id());
  const auto [it, is_new] = live_.try_emplace(id);
  LivenessRow& row = it->second;
  row.worker = id;
  row.workspace = WorkspaceId(report.workspace_id());
  row.boot_id = report.boot_id();
  row.last_report_time_us = std::max(row.last_report_time_us, record.append_time_us);
  row.report_partition = record.partition;
  live_changed_.insert(id);
  room_changed_ = room_changed_ || is_new;
}

void Intake::take_heartbeat(Partition& partition, const topic::Record& record, const CheckedForm& form, const KnownWorker& worker) {
  const v1::Report& report = form.report;
  const v1::Heartbeat& heartbeat = report.heartbeat();
  metrics_.heartbeats.fetch_add(1);
  const WorkspaceId workspace(report.workspace_id());
  const WorkerId id(report.worker_id());
  if (heartbeat.control_offset() > 0 && heartbeat.control_offset() < ports_.control.must_have_read(worker.state.pool())) {
    log::warn("producers", "worker " + id.str() + " does not read its control topic: its heartbeat counts as silence");
    // Where the topic lost its tail, the offset of one more message says so.
    ports_.control.accepted_through(worker.state.pool(), workspace, id, report.boot_id(), 0);
    return;
  }
  saw_worker(record, report);
  v1::Heartbeat& known = live_[id].heartbeat;
  const auto room = [](const v1::Heartbeat& of) {
    return std::tuple(of.free_slots(), of.draining(), std::vector<std::int32_t>(of.partitions().begin(), of.partitions().end()));
  };
  room_changed_ = room_changed_ || room(known) != room(heartbeat);
  known = heartbeat;
  for (const v1::Fence& fence : heartbeat.running())
    if (!partition.leases.renew(TaskId(fence.task_id()), fence.offer(), id) && fence_checks_.size() < options_.max_fence_checks &&
        is_id(fence.task_id(), TaskId::prefix()))
      fence_checks_.push_back({workspace, id, worker.state.pool(), fence, record.partition});
  const bool told = worker.state.boot_id() == report.boot_id() &&
                    (worker.state.status() == v1::WorkerState::ONLINE || worker.state.status() == v1::WorkerState::DRAINING);
  if (!told) mark_online(report);
}

}  // namespace dossier::producers
