// The in-memory reader of explicit partitions.
#include <chrono>

#include "platform/memory/broker_state.hpp"

namespace dossier::memory {
namespace {

using SteadyClock = std::chrono::steady_clock;

Error unreachable() { return make_error(Code::log_unavailable, "the broker can't be reached"); }

class MemoryReader final : public topic::Reader {
 public:
  MemoryReader(std::shared_ptr<BrokerState> state, std::string name)
      : state_(std::move(state)), name_(std::move(name)), crashes_seen_(state_->crashes) {}

  Status assign(const std::vector<topic::Position>& positions) override {
    for (const auto& position : positions)
      if (position.offset < 0) return make_error(Code::log_mismatch, "there is no offset " + std::to_string(position.offset));
    cursors_.clear();
    for (const auto& position : positions) cursors_.push_back({{position.topic, position.partition}, position.offset, -1});
    return {};
  }

  Result<topic::Polled> poll(const topic::PollLimits& limits) override {
    topic::Polled polled;
    std::size_t bytes = 0;
    std::unique_lock lock(state_->mutex);
    const PollPlan plan = state_->faults.plan_poll(name_);
    if (std::exchange(crashes_seen_, state_->crashes) != state_->crashes || plan.fail) return unreachable();
    auto deadline = SteadyClock::now() + std::chrono::milliseconds(limits.wait_ms);
    for (;;) {
      const bool first = polled.records.empty();
      if (state_->reachable && !plan.withhold) TRY_STATUS(collect_locked(limits, plan.max_records, polled, bytes));
      if (!state_->threaded()) break;
      if (!polled.records.empty() || !polled.at_end.empty()) {
        if (polled.records.empty() || limits.linger_us == 0) break;
        if (first) deadline = SteadyClock::now() + std::chrono::microseconds(limits.linger_us);
      }
      if (polled.records.size() >= limits.max_records || bytes >= limits.max_bytes) break;
      if (state_->changed.wait_until(lock, deadline) == std::cv_status::timeout) break;
    }
    if (!state_->reachable && polled.records.empty() && polled.at_end.empty()) return unreachable();
    return polled;
  }

  Result<topic::Watermarks> watermarks(std::string_view topic, std::int32_t partition, std::int64_t) override {
    const std::lock_guard lock(state_->mutex);
    if (!state_->reachable) return unreachable();
    const Log* log = state_->log_locked(topic, partition);
    if (log == nullptr) return make_error(Code::not_found, "there is no " + std::string(topic) + "/" + std::to_string(partition));
    if (!log->has_leader) return make_error(Code::log_unavailable, "the partition has no leader");
    return topic::Watermarks{log->begin, log->end()};
  }

  Result<std::int32_t> partition_count(std::string_view topic, std::int64_t) override {
    const std::lock_guard lock(state_->mutex);
    if (!state_->reachable) return unreachable();
    const auto found = state_->topics.find(topic);
    if (found == state_->topics.end()) return make_error(Code::not_found, "there is no topic " + std::string(topic));
    return static_cast<std::int32_t>(found->second.partitions.size());
  }

 private:
  struct Cursor {
    PartitionKey key;
    std::int64_t position;
    std::int64_t end_told;  // the end that was last reported as reached
  };

  // Partitions take turns to be first. A wrong position is told only when no record is lost by it.
  Status collect_locked(const topic::PollLimits& limits, std::size_t most, topic::Polled& polled, std::size_t& bytes) {
    for (std::size_t i = 0; i < cursors_.size(); ++i) {
      Cursor& cursor = cursors_[(turn_ + i) % cursors_.size()];
      const Status read = state_->read_locked(cursor.key, cursor.position, limits, most, polled, bytes);
      if (!read && polled.records.empty()) return read;
      if (!read) continue;
      const Log* log = state_->log_locked(cursor.key.first, cursor.key.second);
      if (!log->has_leader || cursor.position != log->end() || cursor.end_told == cursor.position) continue;
      cursor.end_told = cursor.position;
      polled.at_end.emplace_back(cursor.key);
    }
    ++turn_;
    return {};
  }

  const std::shared_ptr<BrokerState> state_;
  const std::string name_;
  std::uint64_t crashes_seen_;
  std::vector<Cursor> cursors_;
  std::size_t turn_ = 0;
};

}  // namespace

std::unique_ptr<topic::Reader> MemoryBroker::make_reader(std::string name) { return std::make_unique<MemoryReader>(state_, std::move(name)); }

}  // namespace dossier::memory
