// The projector's port to its store: positions, the journal, folded streams and read models, written in one transaction
// that starts by moving the position. Implementations: projections/postgres_store.cpp, projections/memory_store.cpp; one
// contract suite runs on both. One owner thread per object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "events/applied.hpp"
#include "events/ledger.hpp"
#include "platform/rows/rows.hpp"

namespace dossier::projections {

// Where a generation of read models stands in one partition. `head.next_offset` and `head.last_hash` are the guard.
using Position = events::PartitionHead;

struct StreamKey {
  std::string workspace;
  std::string stream;
};
using StreamRow = events::FoldedState;
struct JournalRow {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  events::Verdict verdict = events::Verdict::void_malformed;
  std::string workspace;  // empty for control and malformed records
  std::uint64_t seq = 0;
  std::int64_t time_us = 0;  // commit time (accepted)
  std::string commit_id;
  crypto::Hash chain{};
  std::int64_t append_time_us = 0;
  std::string value;  // the record's bytes as stored
};
struct ParkedRow {
  std::string read_model;
  std::string workspace;
  std::string stream;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int32_t event_index = 0;
  std::string error;
  std::string value;  // v1::ParkedEvent: the event and all that a read model is told about it
};
// A stream whose rows in one read model wait.
struct ParkedStream {
  std::string read_model;
  std::string workspace;
  std::string stream;
};
// Parked rows which are done with (retried or discarded): those of the stream up to and with this place.
struct Unparked {
  ParkedStream stream;
  std::int64_t through_offset = 0;
  std::int32_t through_index = 0;
};

// What judging a batch needs that the projector does not hold in memory.
struct FetchRequest {
  std::vector<std::string> workspaces;                          // heads
  std::vector<StreamKey> streams;                               // versions and states
  std::vector<std::pair<std::string, std::string>> commit_ids;  // (workspace, id)
};
struct Fetched {
  std::vector<std::pair<std::string, events::WorkspaceHead>> heads;  // absent = seq 0
  std::vector<StreamRow> streams;                                    // absent = version 0
  struct Accepted {
    std::string workspace;
    std::string commit_id;
    std::uint64_t seq;
  };
  std::vector<Accepted> accepted;  // by the workspace's last 2^20
};

// The rows of one read model in a batch. Kept apart so that a data error can be pinned on the model that has it.
struct ModelRows {
  std::string_view read_model;
  rows::Batch rows;
};

struct ProjectionBatch {
  Position before;  // the guard: next_offset and last_hash as last known
  Position after;
  std::vector<JournalRow> journal;
  std::vector<std::pair<std::string, events::WorkspaceHead>> heads;
  std::vector<StreamRow> streams;
  std::vector<ModelRows> models;
  std::vector<Unparked> unparked;  // deleted before `parked` is written
  std::vector<ParkedRow> parked;
};

// A constraint or data error of one read model's rows, told apart from errors of the database.
struct DataError {
  std::string read_model;
  std::string message;
};
struct Applied {
  std::optional<DataError> data_error;  // set: nothing was written; the runner isolates and parks
  bool is_live = true;                  // the generation was live when this was written: readers see it
};

class ProjectionStore {
 public:
  virtual ~ProjectionStore() = default;
  // nullopt: this partition was never projected in this generation.
  virtual Result<std::optional<Position>> position(std::int32_t partition) = 0;
  // Makes the position row of a partition that was never projected. already_exists if there is one.
  virtual Status create_position(const Position& position) = 0;
  virtual Result<Fetched> fetch(const FetchRequest& request) = 0;
  // One transaction: the position moves from `before` to `after` (position_moved: someone else moved it), then all rows.
  // A journal row that exists already (another generation wrote it) is compared and never rewritten; corrupt: it differs
  // in its bytes, verdict, seq or chain, and nothing was written.
  // database_unavailable: outcome unknown; re-read the position before going on.
  virtual Result<Applied> apply(const ProjectionBatch& batch) = 0;
  // Streams of a partition with parked rows.
  virtual Result<std::vector<ParkedStream>> parked_streams(std::int32_t partition) = 0;
  // The first parked rows of a stream, at most `limit`, in log order.
  virtual Result<std::vector<ParkedRow>> parked_rows(std::int32_t partition, const ParkedStream& stream, std::size_t limit) = 0;
  // A journal row by offset, for the check of the record before the position. nullopt: not there.
  virtual Result<std::optional<JournalRow>> journal_at(std::int32_t partition, std::int64_t offset) = 0;
};

}  // namespace dossier::projections
