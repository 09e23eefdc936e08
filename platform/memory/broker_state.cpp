// How queued records move: one at a time, in order of time, each into its log and then its outcome to its writer.
#include "platform/memory/broker_state.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace dossier::memory {

using topic::Appended;
using topic::Outcome;

Log* BrokerState::log_locked(std::string_view topic, std::int32_t partition) {
  const auto found = topics.find(topic);
  if (found == topics.end() || partition < 0 || partition >= static_cast<std::int32_t>(found->second.partitions.size())) return nullptr;
  return &found->second.partitions[static_cast<std::size_t>(partition)];
}

void BrokerState::enqueue_locked(std::int64_t due_us, std::shared_ptr<Flight> flight) {
  queue.emplace(std::pair{due_us, ++queued}, std::move(flight));
  changed.notify_all();
}

BrokerState::Ready BrokerState::ready_locked(const Flight& flight, std::int64_t now_us) const {
  if (flight.writer->frozen) return Ready::no;
  if (flight.outcome || flight.arrived) return Ready::yes;
  const auto& log = topics.find(flight.record.topic)->second.partitions[static_cast<std::size_t>(flight.record.partition)];
  if (reachable && log.has_leader) return Ready::yes;
  return now_us >= flight.expires_us ? Ready::expired : Ready::no;
}

std::optional<std::int64_t> BrokerState::next_due_locked() const {
  std::optional<std::int64_t> earliest;
  for (const auto& [when, flight] : queue) {
    if (earliest && when.first >= *earliest) break;
    if (flight->writer->frozen) continue;
    const bool waits = ready_locked(*flight, std::numeric_limits<std::int64_t>::min()) == Ready::no;
    const std::int64_t due = waits ? std::max(when.first, flight->expires_us) : when.first;
    if (due == kNever) continue;
    if (!earliest || due < *earliest) earliest = due;
  }
  return earliest;
}

std::int64_t BrokerState::store_locked(Log& log, const TopicState& topic, const topic::Outgoing& record) {
  const std::int64_t offset = log.end();
  log.records.push_back(
      topic::Record{record.topic, record.partition, offset, clock.wall_us() / 1000 * 1000, record.key, record.value, record.headers});
  if (topic.synced) log.synced_end = log.end();
  faults.stored(log.records.back());
  changed.notify_all();
  return offset;
}

void BrokerState::arrive_locked(const std::shared_ptr<Flight>& flight) {
  flight->arrived = true;
  auto& topic = topics.find(flight->record.topic)->second;
  Log& log = topic.partitions[static_cast<std::size_t>(flight->record.partition)];
  const Appended unknown{Outcome::unknown, -1, Code::unacknowledged, "no answer came"};
  switch (flight->plan.fate) {
    case Fate::stored: flight->outcome = Appended{Outcome::acknowledged, store_locked(log, topic, flight->record), Code::internal, {}}; return;
    case Fate::duplicated:
      flight->outcome = Appended{Outcome::acknowledged, store_locked(log, topic, flight->record), Code::internal, {}};
      store_locked(log, topic, flight->record);
      return;
    case Fate::ack_lost:
      store_locked(log, topic, flight->record);
      flight->outcome = unknown;
      return;
    case Fate::lost: flight->outcome = unknown; return;
    case Fate::refused: flight->outcome = Appended{Outcome::refused, -1, flight->plan.code, "refused by the broker"}; return;
    case Fate::late: store_locked(log, topic, flight->record); return;  // its outcome travels on its own
  }
}

bool BrokerState::step(std::unique_lock<std::mutex>& lock) {
  const std::int64_t now_us = clock.boot_us();
  for (auto it = queue.begin(); it != queue.end() && it->first.first <= now_us; ++it) {
    const Ready ready = ready_locked(*it->second, now_us);
    if (ready == Ready::no) continue;
    const std::shared_ptr<Flight> flight = it->second;
    queue.erase(it);
    if (ready == Ready::expired) {
      flight->arrived = true;
      flight->outcome = Appended{Outcome::refused, -1, Code::log_unavailable, "the partition had no leader in time"};
    }
    if (!flight->arrived && !flight->outcome) {
      arrive_locked(flight);
      // The outcome is a step of its own even without a delay: whatever else may happen can happen between the two.
      if (flight->outcome) enqueue_locked(now_us + flight->plan.ack_delay_us, flight);
      return true;
    }
    if (!flight->outcome) return true;  // a settled record of a late append: nobody waits for it any more
    if (flight->done == nullptr) return true;
    const Appended outcome = *flight->outcome;
    const auto done = std::exchange(flight->done, nullptr);
    lock.unlock();
    done(outcome);
    lock.lock();
    // Counted only now: flush() promises that every `done` has returned.
    --flight->writer->records;
    flight->writer->bytes -= flight->bytes;
    changed.notify_all();
    return true;
  }
  return false;
}

Status BrokerState::read_locked(const PartitionKey& key, std::int64_t& position, const topic::PollLimits& limits, std::size_t most,
                                topic::Polled& polled, std::size_t& bytes) {
  const Log* log = log_locked(key.first, key.second);
  if (log == nullptr) return make_error(Code::not_found, "there is no " + key.first + "/" + std::to_string(key.second));
  if (!log->has_leader) return {};
  if (position < log->begin || position > log->end())
    return make_error(Code::log_mismatch, key.first + "/" + std::to_string(key.second) + " has no offset " + std::to_string(position));
  while (position < log->end() && polled.records.size() < std::min(limits.max_records, most) && bytes < limits.max_bytes) {
    const auto& record = log->records[static_cast<std::size_t>(position - log->begin)];
    bytes += record.key.size() + record.value.size();
    polled.records.push_back(record);
    ++position;
  }
  return {};
}

}  // namespace dossier::memory
