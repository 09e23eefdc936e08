// The broker's own functions: topics, faults of the machine, and the thread of threaded mode.
#include <algorithm>
#include <chrono>

#include "base/check.hpp"
#include "platform/memory/broker_state.hpp"

namespace dossier::memory {
namespace {

using topic::Appended;
using topic::Outcome;

constexpr auto kPumpIdle = std::chrono::milliseconds(100);  // the longest nap of an idle broker's thread

void pump(BrokerState& state) {
  std::unique_lock lock(state.mutex);
  while (!state.stopping) {
    if (state.step(lock)) continue;
    std::chrono::microseconds nap = kPumpIdle;
    // A record that waits for its leader is woken by `changed`, like everything that is queued meanwhile.
    if (const auto due = state.next_due_locked())
      nap = std::clamp(std::chrono::microseconds(*due - state.clock.boot_us()), std::chrono::microseconds(1), nap);
    state.changed.wait_for(lock, nap);
  }
}

}  // namespace

MemoryBroker::MemoryBroker(const Clock& clock, BrokerOptions options, FaultPolicy* faults)
    : state_(std::make_shared<BrokerState>(clock, options, faults)) {
  if (state_->threaded()) pump_ = std::thread([state = state_.get()] { pump(*state); });
}

MemoryBroker::~MemoryBroker() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->reachable = false;
    state_->changed.notify_all();
  }
  if (pump_.joinable()) pump_.join();
}

void MemoryBroker::create_topic(const std::string& name, std::int32_t partitions, bool synced) {
  CHECK(partitions > 0);
  const std::lock_guard lock(state_->mutex);
  state_->topics.try_emplace(name, TopicState{synced, std::vector<Log>(static_cast<std::size_t>(partitions))});
}

void MemoryBroker::grow_partitions(const std::string& name, std::int32_t partitions) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->topics.find(name);
  CHECK(found != state_->topics.end());
  auto& logs = found->second.partitions;
  if (logs.size() < static_cast<std::size_t>(partitions)) logs.resize(static_cast<std::size_t>(partitions));
  for (auto& [group_name, group] : state_->groups)
    if (group.topic == name) state_->begin_rebalance_locked(group);
  state_->changed.notify_all();
}

std::unique_ptr<MemoryWriter> MemoryBroker::make_writer(std::string name, const WriterBounds& bounds) {
  auto writer = std::make_shared<WriterState>();
  writer->name = std::move(name);
  writer->bounds = bounds;
  return std::unique_ptr<MemoryWriter>(new MemoryWriter(state_, std::move(writer)));
}

bool MemoryBroker::step() {
  CHECK(!state_->threaded());
  std::unique_lock lock(state_->mutex);
  return state_->step(lock);
}

std::optional<std::int64_t> MemoryBroker::next_due_us() const {
  const std::lock_guard lock(state_->mutex);
  return state_->next_due_locked();
}

void MemoryBroker::set_reachable(bool reachable) {
  const std::lock_guard lock(state_->mutex);
  state_->reachable = reachable;
  state_->changed.notify_all();
}

void MemoryBroker::set_leader(const std::string& topic, std::int32_t partition, bool present) {
  const std::lock_guard lock(state_->mutex);
  Log* log = state_->log_locked(topic, partition);
  CHECK(log != nullptr);
  log->has_leader = present;
  state_->changed.notify_all();
}

void MemoryBroker::crash() {
  const std::lock_guard lock(state_->mutex);
  state_->reachable = false;
  ++state_->crashes;
  state_->settle_locked([](const Flight& flight) { return !flight.writer->frozen; },
                        Appended{Outcome::unknown, -1, Code::log_unavailable, "the broker went away"});
  for (auto& [name, topic] : state_->topics)
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      Log& log = topic.partitions[i];
      const std::int64_t end = state_->faults.surviving_end(name, static_cast<std::int32_t>(i), log.synced_end, log.end());
      CHECK(end >= log.synced_end && end <= log.end());
      log.records.resize(static_cast<std::size_t>(end - log.begin));
      log.synced_end = end;
    }
}

void MemoryBroker::sync() {
  const std::lock_guard lock(state_->mutex);
  for (auto& [name, topic] : state_->topics)
    for (Log& log : topic.partitions) log.synced_end = log.end();
}

void MemoryBroker::truncate(const std::string& topic, std::int32_t partition, std::int64_t end) {
  const std::lock_guard lock(state_->mutex);
  Log* log = state_->log_locked(topic, partition);
  CHECK(log != nullptr && end >= log->begin && end <= log->end());
  log->records.resize(static_cast<std::size_t>(end - log->begin));
  log->synced_end = std::min(log->synced_end, end);
  state_->changed.notify_all();
}

void MemoryBroker::delete_before(const std::string& topic, std::int32_t partition, std::int64_t begin) {
  const std::lock_guard lock(state_->mutex);
  Log* log = state_->log_locked(topic, partition);
  CHECK(log != nullptr && begin >= log->begin && begin <= log->end());
  log->records.erase(log->records.begin(), log->records.begin() + (begin - log->begin));
  log->begin = begin;
  log->synced_end = std::max(log->synced_end, begin);
  state_->changed.notify_all();
}

void MemoryBroker::overwrite(const std::string& topic, std::int32_t partition, std::int64_t offset, std::string value) {
  const std::lock_guard lock(state_->mutex);
  Log* log = state_->log_locked(topic, partition);
  CHECK(log != nullptr && offset >= log->begin && offset < log->end());
  log->records[static_cast<std::size_t>(offset - log->begin)].value = std::move(value);
}

void MemoryBroker::rebalance(const std::string& group) {
  const std::lock_guard lock(state_->mutex);
  if (const auto found = state_->groups.find(group); found != state_->groups.end()) state_->begin_rebalance_locked(found->second);
}

std::vector<topic::Record> MemoryBroker::records(const std::string& topic, std::int32_t partition) const {
  const std::lock_guard lock(state_->mutex);
  const Log* log = state_->log_locked(topic, partition);
  return log == nullptr ? std::vector<topic::Record>{} : log->records;
}

}  // namespace dossier::memory
