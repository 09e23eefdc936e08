// Activity: check, keep, tell.
#include "producers/activity_intake.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.hpp"
#include "events/task.hpp"
#include "producers/report_check.hpp"

namespace dossier::producers {
namespace {

constexpr std::int64_t kActivityWatermarksMs = 5'000;

Error invalid(std::string message) { return make_error(Code::invalid_field, std::move(message)); }

}  // namespace

ActivityIntake::ActivityIntake(topic::Reader& reader, StateStore& states, ActivityStore& store, const Clock& clock, events::Topics topics,
                               UpToDate up_to_date, ActivityListener* listener)
    : ActivityIntake(reader, states, store, clock, std::move(topics), std::move(up_to_date), listener, Options{}) {}

ActivityIntake::ActivityIntake(topic::Reader& reader, StateStore& states, ActivityStore& store, const Clock& clock, events::Topics topics,
                               UpToDate up_to_date, ActivityListener* listener, Options options)
    : reader_(reader),
      states_(states),
      store_(store),
      clock_(clock),
      topics_(std::move(topics)),
      up_to_date_(std::move(up_to_date)),
      listener_(listener),
      options_(options),
      directory_(states, clock) {}

std::string ActivityIntake::offer_key(const v1::ActivityRecord& record) {
  return record.task_id() + '/' + std::to_string(record.offer()) + '/' + record.worker_id() + '/' + record.session_id() + '/' + record.workspace_id();
}

Status ActivityIntake::own(const std::vector<std::int32_t>& numbers) {
  const std::set<std::int32_t> wanted(numbers.begin(), numbers.end());
  std::erase_if(partitions_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  batch_.clear();  // read again
  std::vector<topic::Position> positions;
  for (const std::int32_t number : wanted) {
    if (!partitions_.contains(number)) {
      Partition partition;
      TRY(partition.saved, store_.position(number));
      TRY(const topic::Watermarks marks, reader_.watermarks(topics_.activity(), number, kActivityWatermarksMs));
      partition.next_read = std::max(partition.saved.next_offset, marks.begin);
      if (partition.next_read > partition.saved.next_offset || partition.next_read > marks.end) {
        metrics_.gaps.fetch_add(1);
        log::warn("producers", "activity of partition " + std::to_string(number) + " from offset " + std::to_string(partition.saved.next_offset) +
                                   " is not in the log any more: reading from " + std::to_string(marks.begin));
        partition.next_read = std::min(partition.next_read, marks.end) < partition.next_read ? marks.begin : partition.next_read;
      }
      partitions_.emplace(number, partition);
    } else {
      partitions_[number].next_read = std::max(partitions_[number].next_read, partitions_[number].saved.next_offset);
    }
    positions.push_back({topics_.activity(), number, partitions_[number].next_read});
  }
  return reader_.assign(positions);
}

Status ActivityIntake::step(std::int64_t wait_ms) {
  TRY_STATUS(read(wait_ms));
  std::map<std::int32_t, std::vector<std::size_t>> by_partition;
  for (std::size_t i = 0; i < batch_.size(); ++i) by_partition[batch_[i].partition].push_back(i);
  for (auto& [number, records] : by_partition) {
    const auto it = partitions_.find(number);
    if (it == partitions_.end()) continue;
    const Status written = write(number, it->second, std::move(records));
    if (!written && written.error().code == Code::position_moved) {
      log::warn("producers", "activity partition " + std::to_string(number) + " is read by another process now");
      partitions_.erase(it);
    }
    if (!written) return written;  // the batch stays; what is written of it is skipped by its offset
  }
  batch_.clear();
  return {};
}

Status ActivityIntake::read(std::int64_t wait_ms) {
  if (!batch_.empty()) return {};
  TRY(topic::Polled polled, reader_.poll({.max_records = options_.max_records, .max_bytes = options_.max_bytes, .wait_ms = wait_ms, .linger_us = 0}));
  batch_ = std::move(polled.records);
  const bool more = batch_.size() >= options_.max_records;
  metrics_.lag_us.store(more ? std::max<std::int64_t>(clock_.wall_us() - batch_.back().append_time_us, 0) : 0);
  return {};
}

Result<ActivityIntake::Checked> ActivityIntake::check_form(const topic::Record& record) const {
  Checked checked;
  if (!checked.outer.ParseFromString(record.value) || !checked.record.ParseFromString(checked.outer.body())) return invalid("no activity record");
  const v1::ActivityRecord& body = checked.record;
  if (!WorkspaceIdTag::valid(body.workspace_id()) || !is_id(body.worker_id(), WorkerId::prefix()) || !is_id(body.task_id(), TaskId::prefix()) ||
      !is_id(body.session_id(), SessionId::prefix()))
    return invalid("names no workspace, worker, task or session");
  if (body.first_sequence() == 0 || body.events_size() == 0 || static_cast<std::size_t>(body.events_size()) > options_.max_events ||
      body.first_sequence() > (1ull << 60))
    return invalid("has no sequence or too many events");
  return checked;
}

// Which of these offers were ever accepted for their workers, from the folded tasks; one snapshot.
Status ActivityIntake::learn_offers(const std::vector<const v1::ActivityRecord*>& records) {
  if (offers_.size() > options_.max_known_offers) offers_.clear();
  std::map<std::string, std::vector<const v1::ActivityRecord*>> unknown;  // by workspace
  for (const v1::ActivityRecord* record : records)
    if (!offers_.contains(offer_key(*record))) unknown[record->workspace_id()].push_back(record);
  if (unknown.empty()) return {};
  TRY(const auto snapshot, states_.snapshot());
  for (const auto& [workspace_text, of_workspace] : unknown) {
    const WorkspaceId workspace(workspace_text);
    std::set<std::string> streams;
    for (const v1::ActivityRecord* record : of_workspace) streams.insert(events::task_stream(TaskId(record->task_id())));
    TRY_STATUS(snapshot->load(workspace, {streams.begin(), streams.end()}));
    bool asked = false;
    for (const v1::ActivityRecord* record : of_workspace) {
      TRY(const StreamState row, snapshot->stream(workspace, events::task_stream(TaskId(record->task_id()))));
      v1::TaskState task;
      if (row.needs_newer_code || !task.ParseFromString(row.state))
        return make_error(Code::upgrade_required, "task " + record->task_id() + " holds facts of a newer version of dossier: upgrade this server");
      if (events::was_claimed(task, record->offer(), record->worker_id()) && task.session_id() == record->session_id())
        offers_.try_emplace(offer_key(*record));
      else if (!std::exchange(asked, true) && !up_to_date_(workspace))
        return make_error(Code::projection_behind, "claims of workspace " + workspace_text + " are not all known yet");
    }
  }
  return {};
}

void ActivityIntake::follow_chain(const v1::ActivityRecord& record, const crypto::Hash& hash) {
  KnownOffer& offer = offers_.at(offer_key(record));
  const std::uint64_t last = record.first_sequence() + static_cast<std::uint64_t>(record.events_size()) - 1;
  if (offer.known_chain && last <= offer.last_sequence) return;  // a repeat
  const bool starts = record.first_sequence() == 1;
  const bool follows = starts ? record.previous_sha256().empty()
                              : record.first_sequence() == offer.last_sequence + 1 && record.previous_sha256() == crypto::view(offer.last_hash);
  if (!follows && (offer.known_chain || starts)) {
    metrics_.gaps.fetch_add(1);
    log::warn("producers", "activity of session " + record.session_id() + ", offer " + std::to_string(record.offer()) + ", does not follow at line " +
                               std::to_string(record.first_sequence()) + ": lines before it are missing or were changed");
  }
  offer = {true, last, hash};
}

Status ActivityIntake::write(std::int32_t number, Partition& partition, std::vector<std::size_t> records) {
  std::vector<std::pair<const topic::Record*, Checked>> believed;
  std::vector<WorkerDirectory::Key> workers;
  IntakePosition after = partition.saved;
  after.partition = number;
  std::int64_t expected = partition.next_read;
  for (const std::size_t i : records) {
    const topic::Record& record = batch_[i];
    if (record.offset < partition.next_read) continue;
    if (record.offset != expected) {
      metrics_.gaps.fetch_add(1);
      log::warn("producers", "activity partition " + std::to_string(number) + " has no records from offset " + std::to_string(expected) + " to " +
                                 std::to_string(record.offset - 1));
    }
    expected = record.offset + 1;
    after.next_offset = record.offset + 1;
    after.last_hash = crypto::sha256(record.value);
    after.last_append_time_us = std::max(after.last_append_time_us, record.append_time_us);
    auto checked = check_form(record);
    if (!checked) {
      metrics_.invalid.fetch_add(1);
      continue;
    }
    workers.emplace_back(WorkspaceId(checked->record.workspace_id()), WorkerId(checked->record.worker_id()));
    believed.emplace_back(&record, *std::move(checked));
  }
  if (after == partition.saved) return {};
  TRY_STATUS(directory_.refresh(workers));
  std::set<WorkspaceId> asked;
  for (const auto& [workspace, worker] : workers)
    if (directory_.find(workspace, worker) == nullptr && asked.insert(workspace).second && !up_to_date_(workspace))
      return make_error(Code::projection_behind, "worker " + worker.str() + " is not known yet");
  std::vector<const v1::ActivityRecord*> bodies;
  std::erase_if(believed, [&](const auto& entry) {
    const auto& [record, checked] = entry;
    const KnownWorker* worker = directory_.find(WorkspaceId(checked.record.workspace_id()), WorkerId(checked.record.worker_id()));
    const bool good = worker != nullptr &&
                      crypto::verify(worker->state.public_key(), signed_bytes(kActivityDomain, checked.outer.body()), checked.outer.signature());
    if (!good) {
      metrics_.invalid.fetch_add(1);
      log::warn("producers", "activity of " + checked.record.worker_id() + " was dropped: its signature does not verify");
    }
    return !good;
  });
  bodies.reserve(believed.size());
  for (const auto& [record, checked] : believed) bodies.push_back(&checked.record);
  TRY_STATUS(learn_offers(bodies));

  std::vector<ActivityBlock> blocks;
  blocks.reserve(believed.size());
  std::uint64_t lines = 0;
  for (auto& [record, checked] : believed) {
    const v1::ActivityRecord& body = checked.record;
    if (!offers_.contains(offer_key(body))) {
      metrics_.invalid.fetch_add(1);
      log::warn("producers", "activity of " + body.worker_id() + " was dropped: it never held offer " + std::to_string(body.offer()) + " of task " +
                                 body.task_id());
      continue;
    }
    ActivityBlock block;
    block.session_id = body.session_id();
    block.offer = body.offer();
    block.first_sequence = body.first_sequence();
    block.lines = static_cast<std::uint64_t>(body.events_size());
    block.last_sequence = block.first_sequence + block.lines - 1;
    block.workspace = WorkspaceId(body.workspace_id());
    block.partition = number;
    block.offset = record->offset;
    block.appended_us = record->append_time_us;
    block.sha256 = crypto::sha256(record->value);
    lines += block.lines;
    block.body = std::move(*checked.outer.mutable_body());
    blocks.push_back(std::move(block));
  }
  IntakePosition before = partition.saved;
  before.partition = number;
  TRY_STATUS(store_.append(before, after, blocks));
  partition.saved = after;
  partition.next_read = after.next_offset;
  metrics_.records.fetch_add(blocks.size());
  metrics_.lines.fetch_add(lines);

  std::map<std::pair<std::string, std::uint32_t>, std::uint64_t> heads;
  for (const auto& [record, checked] : believed)
    if (offers_.contains(offer_key(checked.record))) follow_chain(checked.record, crypto::sha256(record->value));
  if (listener_ == nullptr) return {};
  for (const ActivityBlock& block : blocks) {
    std::uint64_t& head = heads[{block.session_id, block.offer}];
    head = std::max(head, block.last_sequence);
  }
  for (const auto& [key, last] : heads) listener_->appended(key.first, key.second, last);
  return {};
}

}  // namespace dossier::producers
