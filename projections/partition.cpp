// Attaching, checking, applying, giving up.
#include "projections/partition.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/mutation.hpp"
#include "projections/refusal_search.hpp"

namespace dossier::projections {
namespace {

// Errors that no pause mends.
bool needs_operator(Code code) {
  return code == Code::log_mismatch || code == Code::corrupt || code == Code::upgrade_required || code == Code::internal;
}

constexpr const char* kCompare =
    " The journal in Postgres holds every record that was applied, byte for byte: `dossier log repair` compares the two and mends the log, or says "
    "what to restore the topic from.";

events::DispatchNeed dispatch_need_of(const v1::EventPayload& payload) {
  using events::DispatchNeed;
  switch (payload.task().fact_case()) {
    case v1::TaskEvent::FACT_NOT_SET: break;
    case v1::TaskEvent::kTaskOffered:
    case v1::TaskEvent::kTaskClaimed:
    case v1::TaskEvent::kTaskStarted:
    case v1::TaskEvent::kLateResultRecorded: return DispatchNeed::soon;
    default: return DispatchNeed::now;
  }
  const bool is_awaited =
      payload.has_task() || payload.has_worker() || payload.session().has_approval_resolved() || payload.session().has_follow_up_steer_requested();
  return is_awaited ? DispatchNeed::now : DispatchNeed::none;
}

}  // namespace

Partition::Partition(std::int32_t partition, MemoryLimits limits, Surroundings surroundings)
    : partition_(partition), s_(surroundings), memory_(limits), batch_limit_(kMaxBatchRecords) {}

std::string Partition::at(std::int64_t offset) const {
  return s_.log.topic + " partition " + std::to_string(partition_) + " offset " + std::to_string(offset);
}

void Partition::halt(std::string reason) {
  state_ = PartitionState::halted;
  reason_ = std::move(reason);
  waiting_.clear();
  first_ = 0;
  memory_valid_ = false;
  log::error("projections", "partition " + std::to_string(partition_) + " halted: " + reason_);
  if (s_.listener != nullptr) s_.listener->halted(partition_, reason_);
}

void Partition::resume() {
  if (state_ != PartitionState::halted) return;
  state_ = PartitionState::detached;
  due_us_ = 0;
  pause_us_ = 0;
  if (s_.listener != nullptr) s_.listener->resumed(partition_);
}

void Partition::detach(const Error& error) {
  if (state_ == PartitionState::halted) return;
  if (pause_us_ == 0) log::warn("projections", "partition " + std::to_string(partition_) + " pauses: " + error.message);
  state_ = PartitionState::detached;
  reason_ = error.message;
  waiting_.clear();
  first_ = 0;
  pause_us_ = pause_us_ == 0 ? kFirstPauseUs : std::min(pause_us_ * 2, kLongestPauseUs);
  due_us_ = s_.clock.boot_us() + pause_us_;
  if (s_.listener != nullptr) s_.listener->detached(partition_);
}

void Partition::failed(const Error& error) {
  memory_valid_ = memory_valid_ && mutation::on(mutation::Name::keep_memory_after_failure);
  if (error.code == Code::position_moved)
    ++s_.totals.positions_moved;
  else
    ++s_.totals.store_errors;
  if (needs_operator(error.code))
    halt("partition " + std::to_string(partition_) + ": " + error.message + (error.code == Code::corrupt ? "." + std::string(kCompare) : ""));
  else
    detach(error);
}

// ---- attaching

bool Partition::attach(topic::Reader& reader) {
  if (state_ != PartitionState::detached) return state_ == PartitionState::attached;
  if (auto loaded = load_position(reader); !loaded) {
    failed(loaded.error());
    return false;
  }
  if (!check_identity(position_)) return false;
  const auto extent = reader.watermarks(s_.log.topic, partition_, kLogQuestionMs);
  if (!extent) {
    ++s_.totals.log_errors;
    detach(extent.error());
    return false;
  }
  if (!check_extent(*extent)) return false;
  log_end_ = extent->end;
  at_end_ = false;
  behind_since_us_ = s_.clock.boot_us();
  attached_end_ = extent->end;
  checking_ = position_.next_offset > 0;
  next_read_ = checking_ ? position_.next_offset - 1 : 0;
  state_ = PartitionState::attached;
  reason_.clear();
  if (s_.listener != nullptr) s_.listener->attached(partition_, position_.next_offset, position_.history);
  return true;
}

Status Partition::load_position(topic::Reader& reader) {
  if (s_.log.partitions > 0) {
    TRY(const auto count, reader.partition_count(s_.log.topic, kLogQuestionMs));
    if (count != s_.log.partitions)
      return make_error(Code::log_mismatch, s_.log.topic + " has " + std::to_string(count) + " partitions, and this database belongs to a log of " +
                                                std::to_string(s_.log.partitions) +
                                                ": point DOSSIER_KAFKA and DOSSIER_DATABASE_URL at one installation.");
  }
  TRY(auto stored, s_.store.position(partition_));
  if (!stored) {
    stored.emplace();
    stored->partition = partition_;
    TRY_STATUS(s_.store.create_position(*stored));
  }
  const bool kept = memory_valid_ && stored->next_offset == position_.next_offset && stored->last_hash == position_.last_hash;
  position_ = *std::move(stored);
  if (kept) return {};
  memory_.reset(position_.next_offset == 0);
  parking_ = {};
  TRY(const auto parked, s_.store.parked_streams(partition_));
  for (const ParkedStream& stream : parked) parking_.add(stream);
  memory_valid_ = true;
  return {};
}

bool Partition::check_identity(const Position& position) {
  if (position.log_id.empty()) return true;
  if (!s_.log.log_id.empty() && position.log_id != s_.log.log_id) {
    halt("partition " + std::to_string(partition_) + " is of log " + position.log_id + ", and this installation belongs to log " + s_.log.log_id +
         ": point DOSSIER_KAFKA and DOSSIER_DATABASE_URL at one installation.");
    return false;
  }
  if (s_.log.partitions > 0 && position.partitions != s_.log.partitions) {
    halt("the log was begun with " + std::to_string(position.partitions) + " partitions and now has " + std::to_string(s_.log.partitions) +
         ": the number is fixed for ever. Restore the topic as it was.");
    return false;
  }
  return true;
}

bool Partition::check_extent(const topic::Watermarks& extent) {
  if (extent.end < position_.next_offset) {
    halt(at(extent.end) + " is the end of the log, but it was applied up to " + std::to_string(position_.next_offset) + ": the log lost its tail." +
         kCompare);
    return false;
  }
  if (extent.begin > std::max<std::int64_t>(position_.next_offset - 1, 0)) {
    halt(at(extent.begin) + " is the start of the log, and it is applied up to " + std::to_string(position_.next_offset) +
         " only: records were deleted (retention must be unlimited)." + kCompare);
    return false;
  }
  return true;
}

// ---- reading

void Partition::check_first(const topic::Record& record) {
  checking_ = false;
  ++next_read_;
  if (crypto::sha256(record.value) != position_.last_hash && !mutation::on(mutation::Name::skip_last_hash))
    halt(at(record.offset) + " is not the record that was applied there: the log lost its tail and grew past it." + kCompare);
}

void Partition::take(topic::Record record) {
  if (state_ != PartitionState::attached || record.offset < next_read_) return;
  if (std::exchange(at_end_, false)) behind_since_us_ = s_.clock.boot_us();
  log_end_ = std::max(log_end_, record.offset + 1);
  if (record.offset > next_read_) {
    const std::int64_t expected = next_read_;
    while (waiting() > 0 && state_ == PartitionState::attached) apply();  // what came before the gap is sound
    if (state_ == PartitionState::attached)
      halt(at(record.offset) + " follows " + std::to_string(expected - 1) +
           ": records are missing (the topic must have no compaction and no transactions)." + kCompare);
    return;
  }
  if (checking_) return check_first(record);
  ++next_read_;
  waiting_.push_back(std::move(record));
}

void Partition::at_end() {
  at_end_ = true;
  if (waiting() > 0) return;
  pause_us_ = 0;
  if (std::exchange(lag_us_, 0) > 0 && s_.listener != nullptr) s_.listener->caught_up(partition_, position_.next_offset, position_.history);
}

// ---- applying

void Partition::apply() {
  if (state_ != PartitionState::attached || waiting() == 0) return;
  const std::size_t count = std::min(waiting(), batch_limit_);
  auto judged = judge_batch(position_, {waiting_.data() + first_, count}, memory_, s_.store);
  if (!judged) return failed(judged.error());
  if (!judged->records.empty()) {
    if (!check_identity(judged->after)) return;
    write(*judged);
    if (state_ != PartitionState::attached || position_.next_offset != judged->after.next_offset) return;
  }
  if (judged->stopped) halt(judged->stopped->message);
}

void Partition::write(JudgedBatch& batch) {
  ProjectionBatch rows;
  rows.before = batch.before;
  rows.after = batch.after;
  rows.journal = journal_rows(batch);
  rows.heads = memory_.take_heads();
  rows.streams = memory_.take_streams();
  RefusalSearch search;
  ComposeOptions options;
  for (;;) {
    auto composed = compose(batch, s_.models, parking_, options, s_.store);
    if (!composed) return failed(composed.error());
    if (const std::string reason = composed->parking.verdict(); !reason.empty())
      return halt("partition " + std::to_string(partition_) + ": " + reason +
                  ". That is a bug of a read model and not data: look at `dossier parked list` and " + "the last error (" +
                  (composed->first_error.empty() ? "an earlier one" : composed->first_error) +
                  "), install a version that mends it, then resume the partition.");
    rows.models = std::move(composed->models);
    rows.parked = std::move(composed->parked);
    rows.unparked = std::move(composed->unparked);
    if (mutation::on(mutation::Name::answer_before_applied) && s_.listener != nullptr) {
      events::AppliedBatch early = report({batch, rows, s_.clock.boot_us(), true});
      early.next_offset = batch.after.next_offset;
      s_.listener->applied(early);
    }
    if (s_.listener != nullptr) s_.listener->applying(partition_, rows.heads);
    const std::int64_t began_us = s_.clock.boot_us();
    auto applied = s_.store.apply(rows);
    s_.totals.apply_us_total += static_cast<std::uint64_t>(s_.clock.boot_us() - began_us);
    if (!applied) return failed(applied.error());
    if (!applied->data_error) {
      s_.totals.parked_rows += rows.parked.size();
      return finish({batch, rows, began_us, applied->is_live}, std::move(composed->parking));
    }
    ++s_.totals.data_errors;
    if (batch.records.size() > 1) {  // nothing was written: go on with half as much, down to the record that it is
      batch_limit_ = batch.records.size() / 2;
      memory_.reset(position_.next_offset == 0);
      return;
    }
    auto next = search.next(batch, *applied->data_error);
    if (!next)
      return halt(at(batch.before.next_offset) + " is refused by the tables of read model " + applied->data_error->read_model +
                  " whichever stream is parked (" + applied->data_error->message +
                  "): that is a bug. Install a version that mends it, then resume the partition.");
    log::warn("projections", "rows of read model " + applied->data_error->read_model + " refused at " + at(batch.before.next_offset) + ": " +
                                 applied->data_error->message);
    options = *std::move(next);
  }
}

void Partition::check_stored_position() {
  if (state_ != PartitionState::attached || waiting() > 0) return;
  const std::int64_t began_us = s_.clock.boot_us();
  const auto stored = s_.store.position(partition_);
  if (!stored) return failed(stored.error());
  if (!*stored || (*stored)->next_offset != position_.next_offset || (*stored)->last_hash != position_.last_hash)
    return failed(make_error(Code::position_moved, "the position of partition " + std::to_string(partition_) + " is not where it was left"));
  if (s_.listener != nullptr) s_.listener->confirmed(partition_, began_us);
}

void Partition::finish(const Written& written, Parking parking) {
  const JudgedBatch& batch = written.batch;
  const std::size_t count = batch.records.size();
  position_ = batch.after;
  parking_ = std::move(parking);
  memory_.settle();
  pause_us_ = 0;
  batch_limit_ = std::min(batch_limit_ * 2, kMaxBatchRecords);
  const bool last = waiting() == count;
  lag_us_ = last && at_end_ ? 0 : lag_of(*batch.records.back().record);
  ProjectorStats& totals = s_.totals;
  totals.applied_records += count;
  totals.applied_events += batch.events.size();
  totals.unknown_events += batch.unknown_events;
  totals.batches += 1;
  totals.last_batch_records = count;
  totals.largest_batch_records = std::max<std::uint64_t>(totals.largest_batch_records, count);
  for (const JudgedRecord& judged : batch.records)
    if (judged.judgement.verdict != events::Verdict::accepted && judged.judgement.verdict != events::Verdict::control) ++totals.void_records;
  if (s_.listener != nullptr) s_.listener->applied(report(written));
  first_ += count;
  if (last) {
    waiting_.clear();
    first_ = 0;
  }
}

// The age of the last record applied, by the wall clock. That may be hours off; but no record can be older than the moment
// since which there is something to apply. Only of what the log held when it was attached is that moment not known.
std::int64_t Partition::lag_of(const topic::Record& record) const {
  const std::int64_t age_us = s_.clock.wall_us() - record.append_time_us;
  const std::int64_t behind_us = position_.next_offset < attached_end_ ? age_us : s_.clock.boot_us() - behind_since_us_;
  return std::max<std::int64_t>(0, std::min(age_us, behind_us));
}

events::AppliedBatch Partition::report(const Written& written) const {
  const JudgedBatch& batch = written.batch;
  events::AppliedBatch out;
  out.partition = partition_;
  out.next_offset = position_.next_offset;
  out.history = position_.history;
  out.lag_us = lag_us_;
  out.began_us = written.began_us;
  out.streams = written.rows.streams;
  out.heads = written.rows.heads;
  out.is_live = written.is_live;
  out.records.reserve(batch.records.size());
  for (const JudgedRecord& judged : batch.records) {
    events::AppliedRecord& record = out.records.emplace_back();
    record.offset = judged.record->offset;
    record.verdict = judged.judgement.verdict;
    record.seq = judged.judgement.seq;
    record.time_us = judged.judgement.time_us;
    record.versions = judged.judgement.versions;
    if (record.verdict == events::Verdict::void_malformed || record.verdict == events::Verdict::control) continue;
    record.workspace = judged.envelope.record.commit().workspace_id();
    record.commit_id = judged.envelope.record.commit().commit_id();
  }
  for (const JudgedEvent& event : batch.events)
    if (event.payload != nullptr) out.dispatch = std::max(out.dispatch, dispatch_need_of(*event.payload));
  return out;
}

PartitionStats Partition::stats() const {
  const std::int64_t behind = at_end_ && waiting() == 0 ? 0 : std::max<std::int64_t>(0, log_end_ - position_.next_offset);
  return {partition_, state_, reason_, position_.next_offset, behind, lag_us_, parking_.streams(), position_.history};
}

}  // namespace dossier::projections
