// Reads for commands that want states at the same time: while one read is on its way, further askers wait, and the next
// read asks for all of them. What group commit is to writes; it makes a busy server's reads cheap, and a lone one's no
// slower.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/executor.hpp"
#include "producers/recent_states.hpp"
#include "producers/state_store.hpp"

namespace dossier::producers {

// Thread-safe. As many askers as commands in flight, which the command runner bounds.
class SharedReads : public std::enable_shared_from_this<SharedReads> {
 public:
  static constexpr int kMostAtOnce = 2;              // reads on their way, a thread and a connection each
  static constexpr std::size_t kMostTogether = 128;  // askers in one read

  // Called once with this asker's part, on the calling thread or one of the executor.
  using Done = std::function<void(Result<StatesRead>)>;

  // What is read is remembered in `recent`, where there is one.
  SharedReads(StateStore& store, Executor& executor, RecentStates* recent = nullptr) : store_(store), executor_(executor), recent_(recent) {}
  void read(StatesWanted wanted, Done done);
  // Forgets who waits, without a call: when the executor dropped its jobs, which is what a process that dies does.
  void abandon();

 private:
  struct Asker {
    StatesWanted wanted;
    Done done;
  };
  void serve();
  std::vector<Asker> take();
  void answer(std::vector<Asker> askers);

  StateStore& store_;
  Executor& executor_;
  RecentStates* const recent_;
  std::mutex mutex_;
  std::vector<Asker> waiting_;
  int on_their_way_ = 0;
};

// A snapshot of what was read for one command. What it lacks it notes, so that the next round reads that too: a decision
// says what it needs by asking.
class SharedSnapshot final : public Snapshot {
 public:
  // Of streams[i] the state is states[i]; both must outlive it.
  SharedSnapshot(const WorkspaceId& workspace, const std::vector<std::string>& streams, const std::vector<StreamState>& states)
      : workspace_(workspace), streams_(streams), states_(states) {}

  Status load(const WorkspaceId& workspace, const std::vector<std::string>& streams) override;
  Result<StreamState> stream(const WorkspaceId& workspace, const std::string& stream) override;
  Result<std::optional<WorkspaceId>> workspace_of(const std::string& stream) override;
  Result<std::uint64_t> seq(const WorkspaceId& workspace) override;
  Result<std::optional<AcceptedCommit>> accepted(const WorkspaceId& workspace, const CommitId& id) override;
  Result<std::int64_t> applied_to(std::int32_t partition) override;
  Result<std::vector<LiveWorker>> live_workers(const WorkspaceId& workspace, std::int64_t within_us) override;

  // Streams that were asked for and not read. With one or more, or where needs_its_own(), the decision means nothing.
  const std::vector<std::string>& missing() const { return missing_; }
  // It asked what only a snapshot of its own can answer.
  bool needs_its_own() const { return needs_its_own_; }

 private:
  const StreamState* find(const std::string& stream) const;
  Error own();

  const WorkspaceId& workspace_;
  const std::vector<std::string>& streams_;
  const std::vector<StreamState>& states_;
  std::vector<std::string> missing_;
  bool needs_its_own_ = false;
};

}  // namespace dossier::producers
