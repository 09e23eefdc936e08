// A partition of the events topic as a test writes it: Genesis first, then commits of given events, as the bytes that the
// log would hold; and a reader over it that can fail, lose its tail, or change a record.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "events/codec.hpp"
#include "events/names.hpp"
#include "platform/topic/topic.hpp"

namespace dossier::test {

inline std::string hex_id(std::string_view prefix, std::uint64_t n) {
  const std::string digits = std::to_string(n);
  return std::string(prefix) + "_" + std::string(32 - digits.size(), '0') + digits;
}

// The n-th workspace (from 0) that lives in this partition.
inline std::string workspace_in(std::int32_t partition, std::int32_t partitions, int n = 0) {
  for (std::uint64_t i = 1;; ++i) {
    std::string id = hex_id("ws", i);
    if (events::partition_of(id, partitions) == partition && n-- == 0) return id;
  }
}

// An event of a stream; `fill` sets the payload.
template <class Fill>
v1::Event make_fact(std::string stream, std::string_view issue_id, Fill fill) {
  v1::EventPayload payload;
  fill(payload);
  return events::make_event(std::move(stream), issue_id, payload);
}

class EventScript {
 public:
  static constexpr std::int32_t kPartitions = 12;
  static inline const std::string kTopic = "test.events";
  static inline const std::string kLogId = std::string(32, 'a');

  explicit EventScript(std::int32_t partition = 3, std::string log_id = kLogId) : partition_(partition) {
    append(events::encode(events::make_genesis(log_id, kPartitions, partition, 1)));
  }

  std::int32_t partition() const { return partition_; }
  std::string workspace(int n = 0) const { return workspace_in(partition_, kPartitions, n); }
  std::int64_t end() const { return static_cast<std::int64_t>(records_.size()); }
  std::vector<topic::Record>& records() { return records_; }
  const std::vector<topic::Record>& records() const { return records_; }

  // Appends bytes; their offset.
  std::int64_t append(std::string value) {
    topic::Record record;
    record.topic = kTopic;
    record.partition = partition_;
    record.offset = end();
    record.append_time_us = 1'000'000 + record.offset * 1'000;
    record.value = std::move(value);
    records_.push_back(std::move(record));
    return records_.back().offset;
  }
  // Appends a commit of these events; its offset. Commit ids count up unless one is given.
  std::int64_t commit(std::vector<v1::Event> events, std::vector<std::pair<std::string, std::uint64_t>> expects = {}, std::string commit_id = {},
                      std::string workspace_id = {}) {
    v1::Commit commit;
    commit.set_commit_id(commit_id.empty() ? hex_id("cmm", ++commits_) : std::move(commit_id));
    commit.set_workspace_id(workspace_id.empty() ? workspace() : std::move(workspace_id));
    commit.set_history(1);
    commit.set_recorded_at_us(2'000'000 + end() * 1'000);
    commit.mutable_actor()->set_kind(v1::Actor::USER);
    commit.mutable_actor()->set_id(hex_id("usr", 7));
    for (auto& event : events) *commit.add_events() = std::move(event);
    for (const auto& [stream, version] : expects) {
      commit.add_expects()->set_stream(stream);
      commit.mutable_expects()->rbegin()->set_version(version);
    }
    return append(events::encode(events::make_record(std::move(commit))));
  }

 private:
  std::int32_t partition_;
  std::uint64_t commits_ = 0;
  std::vector<topic::Record> records_;
};

// Reads scripts as a broker would serve them. One thread.
class ScriptReader final : public topic::Reader {
 public:
  explicit ScriptReader(std::vector<EventScript*> scripts) : scripts_(std::move(scripts)) {}

  std::optional<Error> next_poll_error;        // once
  std::optional<Error> next_watermarks_error;  // once
  bool withhold_end = false;                   // as a broker that says so only with the answer after the last records
  std::int32_t partitions = EventScript::kPartitions;
  std::vector<topic::Position> assigned;
  int assignments = 0;

  Status assign(const std::vector<topic::Position>& positions) override {
    assigned = positions;
    ++assignments;
    return {};
  }
  Result<topic::Polled> poll(const topic::PollLimits& limits) override {
    if (next_poll_error) return *std::exchange(next_poll_error, std::nullopt);
    topic::Polled polled;
    for (topic::Position& position : assigned) {
      const EventScript* script = find(position.partition);
      for (const topic::Record& record : script->records()) {
        if (record.offset < position.offset || polled.records.size() >= limits.max_records) continue;
        polled.records.push_back(record);
        position.offset = record.offset + 1;
      }
      if (!withhold_end && position.offset >= script->records().back().offset + 1) polled.at_end.emplace_back(position.topic, position.partition);
    }
    return polled;
  }
  Result<topic::Watermarks> watermarks(std::string_view, std::int32_t partition, std::int64_t) override {
    if (next_watermarks_error) return *std::exchange(next_watermarks_error, std::nullopt);
    const auto& records = find(partition)->records();
    return topic::Watermarks{records.front().offset, records.back().offset + 1};
  }
  Result<std::int32_t> partition_count(std::string_view, std::int64_t) override { return partitions; }

 private:
  const EventScript* find(std::int32_t partition) const {
    return *std::find_if(scripts_.begin(), scripts_.end(), [&](const EventScript* s) { return s->partition() == partition; });
  }
  std::vector<EventScript*> scripts_;
};

}  // namespace dossier::test
