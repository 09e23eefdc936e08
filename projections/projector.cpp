// One step: orders, attach, read, apply.
#include "projections/projector.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace dossier::projections {

Projector::Projector(ProjectorOptions options, topic::Reader& reader, ProjectionStore& store, const std::vector<Projection>& models,
                     const Clock& clock, events::AppliedListener* listener)
    : options_(std::move(options)), reader_(reader), store_(store), models_(models), clock_(clock), listener_(listener) {}

void Projector::assign(std::vector<std::int32_t> partitions) {
  const std::lock_guard lock(mutex_);
  wanted_ = {partitions.begin(), partitions.end()};
  has_orders_ = true;
}

void Projector::resume(std::int32_t partition) {
  const std::lock_guard lock(mutex_);
  resumed_.insert(partition);
  has_orders_ = true;
}

ProjectorStats Projector::stats() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

Projector::Step Projector::step(std::int64_t wait_ms) {
  take_orders();
  bool progressed = attach_due();
  if (reassign_) progressed = assign_reader() || progressed;
  const auto waits = [](const auto& each) { return each.second->waiting() > 0; };
  if (std::none_of(partitions_.begin(), partitions_.end(), waits) && !reading_.empty()) {
    std::int64_t wait = progressed ? 0 : wait_ms;
    if (const std::int64_t due = next_due(); due > 0) wait = std::min(wait, std::max<std::int64_t>(0, (due - clock_.boot_us()) / 1'000));
    poll(wait);
  }
  const bool applied = apply_waiting();
  progressed = applied || progressed;
  if (!applied) look_at_idle_positions();
  publish_stats();
  if (!reading_.empty()) return {progressed, 0};
  const std::int64_t due = next_due();  // nothing to read: the caller waits, and no longer than it would have in poll
  const std::int64_t at_most = clock_.boot_us() + wait_ms * 1'000;
  return {progressed, due == 0 ? at_most : std::min(due, at_most)};
}

void Projector::take_orders() {
  std::set<std::int32_t> wanted;
  std::set<std::int32_t> resumed;
  {
    const std::lock_guard lock(mutex_);
    if (!has_orders_) return;
    has_orders_ = false;
    wanted = wanted_;
    resumed.swap(resumed_);
  }
  for (auto it = partitions_.begin(); it != partitions_.end();) {
    if (wanted.contains(it->first)) {
      ++it;
      continue;
    }
    reassign_ = true;
    if (listener_ != nullptr) listener_->detached(it->first);
    it = partitions_.erase(it);
  }
  for (const std::int32_t partition : wanted)
    if (!partitions_.contains(partition))
      partitions_.emplace(partition, std::make_unique<Partition>(partition, options_.memory,
                                                                 Partition::Surroundings{store_, models_, options_.log, clock_, listener_, totals_}));
  for (const std::int32_t partition : resumed)
    if (const auto it = partitions_.find(partition); it != partitions_.end()) it->second->resume();
}

// Attaches what is detached and due. Stops at the first that fails, so that a store or broker which is away costs one
// timeout a step and not one a partition.
bool Projector::attach_due() {
  bool attached = false;
  for (auto& [number, partition] : partitions_) {
    if (partition->state() != PartitionState::detached || partition->due_us() > clock_.boot_us()) continue;
    if (partition->attach(reader_)) {
      attached = true;
      reassign_ = true;
    } else if (partition->state() == PartitionState::detached) {
      break;
    }
  }
  return attached;
}

// Points the reader at every attached partition. False: it could not be, and they are detached.
bool Projector::assign_reader() {
  reassign_ = false;
  reading_.clear();
  std::vector<topic::Position> positions;
  for (const auto& [number, partition] : partitions_)
    if (partition->state() == PartitionState::attached) positions.push_back({options_.log.topic, number, partition->next_read()});
  if (const auto assigned = reader_.assign(positions); !assigned) {
    ++totals_.log_errors;
    for (auto& [number, partition] : partitions_) partition->detach(assigned.error());
    return false;
  }
  for (const topic::Position& position : positions) reading_.insert(position.partition);
  return !positions.empty();
}

void Projector::poll(std::int64_t wait_ms) {
  topic::PollLimits limits;
  limits.max_records = options_.poll_records;
  limits.max_bytes = options_.poll_bytes;
  limits.wait_ms = wait_ms;
  limits.linger_us = backlog_ ? options_.linger_us : 0;
  auto polled = reader_.poll(limits);
  if (!polled) {
    // After a break each partition's last record is read again: the log that comes back may not be the one that went.
    ++totals_.log_errors;
    for (auto& [number, partition] : partitions_)
      if (partition->state() == PartitionState::attached) partition->detach(polled.error());
    reading_.clear();
    return;
  }
  backlog_ = polled->records.size() >= options_.poll_records / 8;
  for (topic::Record& record : polled->records)
    if (const auto it = partitions_.find(record.partition); it != partitions_.end()) it->second->take(std::move(record));
  for (const auto& [topic, number] : polled->at_end)
    if (const auto it = partitions_.find(number); it != partitions_.end()) it->second->at_end();
  look_at_log_ends();
}

// Only for the lag that is shown, so only while behind, seldom, and never waiting long.
void Projector::look_at_log_ends() {
  if (!backlog_ || clock_.boot_us() < log_ends_due_us_) return;
  log_ends_due_us_ = clock_.boot_us() + options_.log_end_every_us;
  for (auto& [number, partition] : partitions_) {
    if (partition->state() != PartitionState::attached) continue;
    const auto extent = reader_.watermarks(options_.log.topic, number, 100);
    if (!extent) return;
    partition->set_log_end(extent->end);
  }
}

void Projector::look_at_idle_positions() {
  if (clock_.boot_us() < positions_due_us_) return;
  positions_due_us_ = clock_.boot_us() + options_.check_every_us;
  for (auto& [number, partition] : partitions_) {
    partition->check_stored_position();
    if (partition->state() != PartitionState::attached && reading_.contains(number)) reassign_ = true;
  }
}

bool Projector::apply_waiting() {
  bool applied = false;
  for (auto& [number, partition] : partitions_) {
    if (partition->waiting() > 0) {
      partition->apply();
      applied = true;
    }
    if (partition->state() != PartitionState::attached && reading_.contains(number)) reassign_ = true;
  }
  return applied;
}

std::int64_t Projector::next_due() const {
  std::int64_t due = 0;
  for (const auto& [number, partition] : partitions_)
    if (partition->state() == PartitionState::detached) due = due == 0 ? partition->due_us() : std::min(due, partition->due_us());
  return due;
}

void Projector::publish_stats() {
  ProjectorStats stats = totals_;
  stats.partitions.reserve(partitions_.size());
  for (const auto& [number, partition] : partitions_) stats.partitions.push_back(partition->stats());
  const std::lock_guard lock(mutex_);
  published_ = std::move(stats);
}

}  // namespace dossier::projections
