// The write path's port to folded state: what decide reads, all of one moment. Implementations:
// producers/postgres_state_store.cpp and producers/memory_state_store.cpp; one contract suite runs on both.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "dossier/v1/commit.pb.h"
#include "dossier/v1/payload.pb.h"
#include "events/ledger.hpp"

namespace dossier::producers {

struct StreamState {
  std::uint64_t version = 0;  // 0: does not exist
  std::string state;
  bool needs_newer_code = false;
};

// A worker as a scheduler sees it: what it registered and what its last heartbeat said.
struct LiveWorker {
  WorkerId id;
  WorkspaceId workspace;
  std::string pool;
  std::vector<v1::Capability> capabilities;
  std::string mode;
  bool draining = false;
  std::uint32_t slots = 0;
  std::uint32_t free_slots = 0;
  std::vector<std::int32_t> partitions;  // of dossier.tasks.<pool> that it owns
  std::int64_t last_report_time_us = 0;  // broker time of its last report
  std::vector<std::string> cached_projects;
};

// A commit that the ledger accepted.
struct AcceptedCommit {
  CommitId id;
  WorkspaceId workspace;
  std::uint64_t seq = 0;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t time_us = 0;
  v1::Commit commit;
  std::vector<std::uint64_t> versions;  // one an event, where the source knows them; else empty
};

// One moment of the store. One thread; drop it soon, it may hold a database connection.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  // Loads several streams in one round trip; stream() then answers from memory.
  virtual Status load(const WorkspaceId& workspace, const std::vector<std::string>& streams) = 0;
  virtual Result<StreamState> stream(const WorkspaceId& workspace, const std::string& stream) = 0;
  // The workspace that has the stream of this name; nullopt: none has.
  virtual Result<std::optional<WorkspaceId>> workspace_of(const std::string& stream) = 0;
  // The workspace's present seq (0: no accepted commit yet): what an answer that changes nothing speaks of.
  virtual Result<std::uint64_t> seq(const WorkspaceId& workspace) = 0;
  // The offset up to which the partition is applied here. A database that crashed may have forgotten some of it.
  virtual Result<std::int64_t> applied_to(std::int32_t partition) = 0;
  // The accepted commit with this id among the workspace's last 2^20.
  virtual Result<std::optional<AcceptedCommit>> accepted(const WorkspaceId& workspace, const CommitId& id) = 0;
  // Workers of the workspace's pool whose last report is at most `within_us` older than what intake read last of their
  // partition. Both are broker time: no clock of ours, which may be wrong, says who is alive.
  virtual Result<std::vector<LiveWorker>> live_workers(const WorkspaceId& workspace, std::int64_t within_us) = 0;
};

// How far a workspace is, and in which generation of read models that is said.
struct Head {
  std::uint64_t seq = 0;  // 0: no accepted commit yet
  std::int64_t generation = 0;
  bool operator==(const Head&) const = default;
};

// What one command asks of a read that it shares with others.
struct StatesWanted {
  WorkspaceId workspace;
  std::vector<std::string> streams;
  std::optional<CommitId> commit;               // was it accepted?
  std::optional<WorkspaceId> head_of = {};      // how far is this one?
  std::vector<std::int32_t> positions_of = {};  // up to where are these partitions applied?
};
struct StatesRead {
  std::vector<StreamState> states;  // one a stream, in the order asked
  std::optional<AcceptedCommit> accepted;
  Head head;                            // where it was asked for
  std::vector<std::int64_t> positions;  // one a partition, in the order asked; 0: never applied
};

class StateStore {
 public:
  virtual ~StateStore() = default;  // thread-safe
  // Answers for several askers, in their order, all of one moment and in one round trip. Errors as of snapshot().
  virtual Result<std::vector<StatesRead>> read(std::span<const StatesWanted> wanted) = 0;
  // overloaded: the pool is exhausted; database_unavailable.
  virtual Result<std::unique_ptr<Snapshot>> snapshot() = 0;
};

}  // namespace dossier::producers
