// The in-memory writer: bounds, order, and the faults of its process.
#include <chrono>

#include "platform/memory/broker_state.hpp"

namespace dossier::memory {
namespace {

using topic::Appended;
using topic::Outcome;

std::size_t size_of(const topic::Outgoing& record) {
  std::size_t bytes = record.key.size() + record.value.size();
  for (const auto& header : record.headers) bytes += header.name.size() + header.value.size();
  return bytes;
}

Appended refusal(Code code, std::string reason) { return {Outcome::refused, -1, code, std::move(reason)}; }

}  // namespace

AppendPlan FaultPolicy::plan_append(std::string_view, const topic::Outgoing&) { return {}; }
PollPlan FaultPolicy::plan_poll(std::string_view) { return {}; }
std::int64_t FaultPolicy::surviving_end(std::string_view, std::int32_t, std::int64_t synced_end, std::int64_t) { return synced_end; }
void FaultPolicy::stored(const topic::Record&) {}

MemoryWriter::MemoryWriter(std::shared_ptr<BrokerState> state, std::shared_ptr<WriterState> writer)
    : state_(std::move(state)), writer_(std::move(writer)) {}

MemoryWriter::~MemoryWriter() {
  std::vector<std::pair<topic::Writer::Done, Appended>> told;
  {
    const std::lock_guard lock(state_->mutex);
    writer_->frozen = false;
    for (auto& [when, flight] : state_->queue)
      if (flight->writer == writer_ && flight->done != nullptr) {
        auto outcome = flight->outcome.value_or(Appended{Outcome::unknown, -1, Code::unacknowledged, "its writer is gone"});
        told.emplace_back(std::exchange(flight->done, nullptr), std::move(outcome));
      }
  }
  for (const auto& [done, outcome] : told) done(outcome);
  // In threaded mode the broker's thread may be inside a `done` of this writer.
  std::unique_lock lock(state_->mutex);
  writer_->records -= told.size();
  if (state_->threaded()) state_->changed.wait(lock, [this] { return writer_->records == 0; });
}

void MemoryWriter::append(topic::Outgoing record, Done done) {
  const std::size_t bytes = size_of(record);
  const auto refused = [&]() -> std::optional<Appended> {
    const std::lock_guard lock(state_->mutex);
    if (bytes > writer_->bounds.max_record_bytes) return refusal(Code::payload_too_large, "the record is over the limit");
    if (writer_->failed) return refusal(Code::log_unavailable, "the writer met a fatal error and must be replaced");
    if (state_->stopping) return refusal(Code::log_unavailable, "the broker is gone");
    if (state_->log_locked(record.topic, record.partition) == nullptr)
      return refusal(Code::not_found, "there is no " + record.topic + "/" + std::to_string(record.partition));
    if (writer_->records >= writer_->bounds.max_records || writer_->bytes + bytes > writer_->bounds.max_bytes)
      return refusal(Code::overloaded, "too many records wait for the log");

    const AppendPlan plan = state_->faults.plan_append(writer_->name, record);
    const std::int64_t now_us = state_->clock.boot_us();
    auto& last_us = writer_->last_append_us[{record.topic, record.partition}];
    std::int64_t due_us = now_us + plan.append_delay_us;
    // Late is late: it waits for nobody, and nobody for it.
    if (plan.fate != Fate::late) due_us = last_us = std::max(due_us, last_us);
    ++writer_->records;
    writer_->bytes += bytes;
    auto flight = std::make_shared<Flight>();
    flight->writer = writer_;
    flight->record = std::move(record);
    flight->plan = plan;
    flight->bytes = bytes;
    flight->expires_us = now_us + state_->options.message_timeout_us;
    if (plan.fate == Fate::late) {
      auto answer = std::make_shared<Flight>(*flight);
      answer->arrived = true;
      answer->done = std::move(done);
      answer->outcome = Appended{Outcome::unknown, -1, Code::unacknowledged, "no answer came"};
      flight->expires_us = kNever;  // it is on the broker's side already
      state_->enqueue_locked(now_us + plan.ack_delay_us, std::move(answer));
      due_us = std::max(due_us, now_us + plan.ack_delay_us);
    } else {
      flight->done = std::move(done);
    }
    state_->enqueue_locked(due_us, std::move(flight));
    return std::nullopt;
  }();
  if (refused) done(*refused);
}

bool MemoryWriter::flush(std::int64_t timeout_ms) {
  std::unique_lock lock(state_->mutex);
  const auto idle = [this] { return writer_->records == 0; };
  if (state_->threaded()) return state_->changed.wait_for(lock, std::chrono::milliseconds(timeout_ms), idle);
  while (!idle() && state_->step(lock)) {
  }
  return idle();
}

bool MemoryWriter::healthy() const {
  const std::lock_guard lock(state_->mutex);
  return !writer_->failed;
}

void MemoryWriter::freeze() {
  const std::lock_guard lock(state_->mutex);
  writer_->frozen = true;
}

void MemoryWriter::thaw() {
  const std::lock_guard lock(state_->mutex);
  writer_->frozen = false;
  state_->changed.notify_all();
}

void MemoryWriter::crash(bool deliver) {
  const std::lock_guard lock(state_->mutex);
  writer_->failed = true;
  writer_->frozen = false;
  for (auto it = state_->queue.begin(); it != state_->queue.end();) {
    Flight& flight = *it->second;
    const bool ours = flight.writer == writer_;
    if (ours && flight.done != nullptr) {
      flight.done = nullptr;
      --writer_->records;
      writer_->bytes -= flight.bytes;
    }
    it = ours && (flight.arrived || !deliver) ? state_->queue.erase(it) : std::next(it);
  }
  state_->changed.notify_all();
}

void MemoryWriter::fail() {
  const std::lock_guard lock(state_->mutex);
  writer_->failed = true;
  state_->settle_locked([this](const Flight& flight) { return flight.writer == writer_; },
                        Appended{Outcome::unknown, -1, Code::log_unavailable, "the writer met a fatal error"});
}

}  // namespace dossier::memory
