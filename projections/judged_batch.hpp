// Records of one partition, judged and folded: the half of a batch's work that no read model has a part in.
#pragma once

#include <google/protobuf/arena.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "events/ledger.hpp"
#include "platform/topic/topic.hpp"
#include "projections/partition_memory.hpp"
#include "projections/store.hpp"

namespace dossier::projections {

struct JudgedRecord {
  const topic::Record* record = nullptr;
  events::Envelope envelope;
  events::Judgement judgement;
};

// An event of an accepted commit.
struct JudgedEvent {
  std::size_t record = 0;  // index in JudgedBatch::records
  std::int32_t index = 0;  // in its commit
  std::uint64_t version = 0;
  const v1::EventPayload* payload = nullptr;  // nullptr: of newer code
};

// Points into the records it was made of: those must outlive it.
struct JudgedBatch {
  Position before;
  Position after;
  std::vector<JudgedRecord> records;
  std::vector<JudgedEvent> events;
  std::size_t unknown_events = 0;
  bool acts_on_parking = false;  // a single record with a ParkedRetried or ParkedDiscarded
  std::optional<Error> stopped;  // why judging stopped behind the last of `records`
  std::unique_ptr<google::protobuf::Arena> arena;

  const v1::Commit& commit(const JudgedEvent& event) const { return records[event.record].envelope.record.commit(); }
};

inline constexpr std::size_t kMaxBatchNames = 20'000;  // streams that one batch may look up

// Judges a prefix of `records` (which follow `before` without gaps): as many as the bounds allow, at least one. A record
// that acts on parked rows is a batch of its own. Moves `memory` along; after an error it must be reset.
Result<JudgedBatch> judge_batch(const Position& before, std::span<const topic::Record> records, PartitionMemory& memory, ProjectionStore& store);

std::vector<JournalRow> journal_rows(const JudgedBatch& batch);

}  // namespace dossier::projections
