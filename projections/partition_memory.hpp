// What a projector remembers of one partition between batches: the ledger's book (heads, versions, accepted ids) and the
// folded state of streams used lately. Everything in it is also in the store, so it may be dropped at any time; it is
// dropped whenever somebody else may have moved the partition. One owner thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "events/fold.hpp"
#include "events/ledger.hpp"
#include "projections/seen_names.hpp"
#include "projections/store.hpp"

namespace dossier::projections {

struct MemoryLimits {
  std::size_t streams = 8'000;
  std::size_t state_bytes = 4u << 20;
  std::size_t workspaces = 4'000;     // remembered without a stream of theirs
  std::size_t name_bytes = 2u << 20;  // of the names that were ever there
};

class PartitionMemory {
 public:
  explicit PartitionMemory(MemoryLimits limits) : limits_(limits), seen_(limits.name_bytes) {}

  // Forgets everything. `log_start`: the partition is at offset 0, so what is unknown does not exist.
  void reset(bool log_start);

  // Adds to `request` what judging this needs and memory lacks; each stream and workspace once.
  void want(const events::Needs& needs, FetchRequest& request);
  // Takes the answer to that request.
  void learn(const FetchRequest& request, Fetched fetched);

  events::Book& book() { return book_; }

  // Folds an accepted event; payload nullptr: this code can't read it. The stream must have been wanted in this batch.
  void evolve(const std::string& workspace, const std::string& stream, const v1::EventPayload* payload, const events::FoldContext& context);
  // Notes an accepted commit's id.
  void note_commit(const std::string& workspace, const std::string& commit_id);

  // The streams and heads that moved since the last call, as rows.
  std::vector<StreamRow> take_streams();
  std::vector<std::pair<std::string, events::WorkspaceHead>> take_heads();
  // After a batch is applied: forgets ids (the store has them) and evicts down to the limits.
  void settle();

  std::size_t streams() const { return stream_count_; }
  std::size_t state_bytes() const { return state_bytes_; }

 private:
  struct Stream {
    std::uint64_t version = 0;
    std::string state;
    bool needs_newer_code = false;
    std::uint64_t last_used = 0;
    std::optional<events::FoldedStream> open;  // while a batch folds into it
  };
  struct Workspace {
    bool complete = false;  // everything it ever held is in seen_
    bool moved = false;
    std::uint64_t last_used = 0;
    std::unordered_map<std::string, Stream> streams;
  };
  struct Touched {
    const std::string* workspace;
    const std::string* name;
    Stream* stream;
  };
  void note_name(const Workspace& workspace, const std::string& id, std::string_view name);
  void evict();

  const MemoryLimits limits_;
  events::Book book_;
  std::unordered_map<std::string, Workspace> workspaces_;
  SeenNames seen_;
  bool all_known_ = false;  // a workspace that is not here does not exist
  std::uint64_t batch_ = 1;
  std::size_t stream_count_ = 0;
  std::size_t state_bytes_ = 0;
  std::vector<Touched> touched_;   // streams that this batch folds into
  std::vector<std::string> used_;  // workspaces that this batch looked at
};

}  // namespace dossier::projections
