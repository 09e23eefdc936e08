// A projector over a script and stores in memory, stepped by hand; and a read model that can be made to fail.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "projections/memory_store.hpp"
#include "projections/projector.hpp"
#include "tests/support/event_script.hpp"

namespace dossier::test {

// Remembers what was reported, and holds it to be without gap or repeat.
class RecordingListener final : public events::AppliedListener {
 public:
  std::vector<events::AppliedRecord> records;
  std::vector<std::string> halts;
  std::size_t batches = 0;
  std::int64_t lag_us = 0;  // as whoever asks for the partition's state would see it now

  void applied(const events::AppliedBatch& batch) override {
    ++batches;
    lag_us = batch.lag_us;
    for (const auto& record : batch.records) records.push_back(record);
    EXPECT_EQ(batch.next_offset, batch.records.back().offset + 1);
  }
  void attached(std::int32_t, std::int64_t, std::uint64_t) override {}
  void caught_up(std::int32_t, std::int64_t, std::uint64_t) override { lag_us = 0; }
  void halted(std::int32_t, const std::string& reason) override { halts.push_back(reason); }
  void resumed(std::int32_t) override {}
};

// A store between the projector and the real one: may refuse a batch's rows, or run something just before a batch.
class MeddlingStore final : public projections::ProjectionStore {
 public:
  explicit MeddlingStore(projections::ProjectionStore& inner) : inner_(inner) {}
  std::function<std::optional<projections::DataError>(const projections::ProjectionBatch&)> refuse;
  std::function<void()> before_apply;
  std::size_t applies = 0;
  std::size_t fetches = 0;

  Result<std::optional<projections::Position>> position(std::int32_t partition) override { return inner_.position(partition); }
  Status create_position(const projections::Position& position) override { return inner_.create_position(position); }
  Result<projections::Fetched> fetch(const projections::FetchRequest& request) override {
    ++fetches;
    return inner_.fetch(request);
  }
  Result<projections::Applied> apply(const projections::ProjectionBatch& batch) override {
    ++applies;
    if (before_apply) before_apply();
    if (refuse)
      if (auto error = refuse(batch)) return projections::Applied{std::move(error)};
    return inner_.apply(batch);
  }
  Result<std::vector<projections::ParkedStream>> parked_streams(std::int32_t partition) override { return inner_.parked_streams(partition); }
  Result<std::vector<projections::ParkedRow>> parked_rows(std::int32_t partition, const projections::ParkedStream& stream,
                                                          std::size_t limit) override {
    return inner_.parked_rows(partition, stream, limit);
  }
  Result<std::optional<projections::JournalRow>> journal_at(std::int32_t partition, std::int64_t offset) override {
    return inner_.journal_at(partition, offset);
  }

 private:
  projections::ProjectionStore& inner_;
};

// A read model that counts comments by issue and throws on streams named in `poisoned`.
inline std::set<std::string> poisoned;
inline const rows::Table& tally_table() {
  static const rows::Table table{"tally", {{"stream", rows::Type::text, rows::Merge::key}, {"events", rows::Type::int8, rows::Merge::add}}, ""};
  return table;
}
inline projections::Projection tally_model() {
  return {"tally", 1, {&tally_table()}, [](const projections::AcceptedEvent& event, rows::Batch& out) {
            out.put(tally_table(), {event.event.stream(), std::int64_t{1}});
            if (poisoned.contains(event.event.stream())) throw std::runtime_error("cannot take " + event.event.stream());
          }};
}

struct ProjectorRig {
  explicit ProjectorRig(std::vector<EventScript*> scripts, std::shared_ptr<memory::MemoryDatabase> shared = nullptr,
                        projections::ProjectorOptions given = {})
      : database(shared ? std::move(shared) : std::make_shared<memory::MemoryDatabase>()),
        options(std::move(given)),
        inner(database),
        store(inner),
        reader(scripts) {
    options.log = {EventScript::kTopic, EventScript::kLogId, EventScript::kPartitions};
    models = projections::registry();
    models.push_back(tally_model());
    for (const EventScript* script : scripts) owned.push_back(script->partition());
  }

  // Makes the projector where there is none yet, and steps it until it has nothing to do.
  void run(int most_steps = 1'000) {
    start();
    for (int idle = 0; idle < 3; --most_steps) {
      ASSERT_GT(most_steps, 0) << "the projector did not come to rest";
      const auto step = projector->step(0);
      if (detached()) clock.advance_us(projections::kFirstPauseUs);
      idle = step.progressed || detached() ? 0 : idle + 1;
    }
  }
  void start() {
    if (projector) return;
    projector = std::make_unique<projections::Projector>(options, reader, store, models, clock, &listener);
    projector->assign(owned);
  }
  // The process dies; a new one takes over.
  void restart() { projector.reset(); }

  bool detached() const {
    for (const auto& partition : projector->stats().partitions)
      if (partition.state == projections::PartitionState::detached) return true;
    return false;
  }
  projections::PartitionStats partition(std::size_t n = 0) const { return projector->stats().partitions.at(n); }
  projections::ProjectorStats stats() const { return projector->stats(); }
  bool halted(std::size_t n = 0) const { return partition(n).state == projections::PartitionState::halted; }
  std::size_t rows(const rows::Table& table) const { return inner.table(table)->size(); }
  // Of the tally; 0: no row.
  std::int64_t tally(const std::string& stream) const {
    for (const auto& row : *inner.table(tally_table()))
      if (std::get<std::string>(row[0]) == stream) return std::get<std::int64_t>(row[1]);
    return 0;
  }
  // Every row of every read model, in one order.
  std::vector<std::vector<rows::Row>> contents() const {
    std::vector<std::vector<rows::Row>> out;
    for (const auto& model : models)
      for (const auto* table : model.tables) out.push_back(*inner.table(*table));
    return out;
  }

  std::shared_ptr<memory::MemoryDatabase> database;
  projections::ProjectorOptions options;
  projections::MemoryStore inner;
  MeddlingStore store;
  ScriptReader reader;
  std::vector<projections::Projection> models;
  std::vector<std::int32_t> owned;
  ManualClock clock;
  RecordingListener listener;
  std::unique_ptr<projections::Projector> projector;
};

}  // namespace dossier::test
