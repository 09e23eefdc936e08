// A snapshot is a view of the memory database; a crash ends it.
#include "producers/memory_state_store.hpp"

#include "platform/memory/ledger_tables.hpp"
#include "producers/accepted_commit.hpp"
#include "producers/live_worker.hpp"

namespace dossier::producers {

namespace {

using memory::flag;
using memory::Key;
using memory::number;
using memory::text;

class MemorySnapshot final : public Snapshot {
 public:
  explicit MemorySnapshot(memory::MemoryDatabase::View view) : view_(std::move(view)), generation_(memory::live_generation(view_)) {}

  Status load(const WorkspaceId&, const std::vector<std::string>&) override { return alive(); }

  Result<StreamState> stream(const WorkspaceId& workspace, const std::string& stream) override {
    TRY_STATUS(alive());
    const auto row = view_.find(own("streams"), Key().text(stream).text(workspace.str()));
    if (!row) return StreamState{};
    return StreamState{static_cast<std::uint64_t>(number(*row, 2)), text(*row, 3), flag(*row, 4)};
  }

  Result<std::optional<WorkspaceId>> workspace_of(const std::string& stream) override {
    TRY_STATUS(alive());
    std::optional<WorkspaceId> out;
    view_.scan(own("streams"), Key().text(stream), [&](const rows::Row& row) {
      out = WorkspaceId(text(row, 0));
      return false;
    });
    return out;
  }

  Result<std::uint64_t> seq(const WorkspaceId& workspace) override {
    TRY_STATUS(alive());
    const auto row = view_.find(own("heads"), Key().text(workspace.str()));
    return row ? static_cast<std::uint64_t>(number(*row, 1)) : std::uint64_t{0};
  }

  Result<std::int64_t> applied_to(std::int32_t partition) override {
    TRY_STATUS(alive());
    const auto row = view_.find(own("positions"), Key().int8(partition));
    return row ? number(*row, 0) : std::int64_t{0};
  }

  Result<std::optional<AcceptedCommit>> accepted(const WorkspaceId& workspace, const CommitId& id) override {
    TRY(const auto head, seq(workspace));
    std::optional<rows::Row> newest;
    view_.scan(memory::kJournalCommits, Key().text(workspace.str()).text(id.str()), [&](const rows::Row& row) {
      const auto seq = static_cast<std::uint64_t>(number(row, 0));
      if (seq <= head && seq + events::kDuplicateWindow > head) newest = row;
      return true;
    });
    if (!newest) return std::optional<AcceptedCommit>();
    const auto record = view_.find(memory::kJournal, Key().int8(number(*newest, 1)).int8(number(*newest, 2)));
    CHECK(record.has_value());
    TRY(auto commit, accepted_from(static_cast<std::int32_t>(number(*newest, 1)), number(*newest, 2), static_cast<std::uint64_t>(number(*newest, 0)),
                                   number(*record, 3), text(*record, 7)));
    return std::optional<AcceptedCommit>(std::move(commit));
  }

  Result<std::vector<LiveWorker>> live_workers(const WorkspaceId& workspace, std::int64_t within_us) override {
    TRY_STATUS(alive());
    std::vector<rows::Row> rows;
    view_.scan(memory::kLiveness, Key().text(workspace.str()), [&](const rows::Row& row) {
      rows.push_back(row);
      return true;
    });
    std::erase_if(rows, [&](const rows::Row& row) { return number(row, 3) < memory::reports_read_until_us(view_, number(row, 4)) - within_us; });
    std::vector<LiveWorker> out;
    for (const auto& row : rows) {
      const auto state = view_.find(own("streams"), Key().text("worker/" + text(row, 1)).text(workspace.str()));
      if (!state || flag(*state, 4)) continue;
      TRY(auto worker, live_worker_from(WorkerId(text(row, 1)), workspace, text(*state, 3), text(row, 5), number(row, 3)));
      if (worker) out.push_back(*std::move(worker));
    }
    return out;
  }

  std::int64_t generation() const { return generation_; }

 private:
  std::string own(std::string_view table) const { return memory::in_generation(generation_, table); }
  Status alive() const {
    if (view_.alive()) return {};
    return make_error(Code::database_unavailable, "the database crashed under this snapshot");
  }
  memory::MemoryDatabase::View view_;
  std::int64_t generation_;
};

}  // namespace

Result<std::vector<StatesRead>> MemoryStateStore::read(std::span<const StatesWanted> wanted) {
  TRY(auto view, database_->view("snapshot"));
  MemorySnapshot snapshot(std::move(view));
  std::vector<StatesRead> out(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    for (const auto& stream : wanted[i].streams) {
      TRY(auto state, snapshot.stream(wanted[i].workspace, stream));
      out[i].states.push_back(std::move(state));
    }
    if (wanted[i].head_of) {
      TRY(out[i].head.seq, snapshot.seq(*wanted[i].head_of));
      out[i].head.generation = snapshot.generation();
    }
    for (const std::int32_t partition : wanted[i].positions_of) {
      TRY(out[i].positions.emplace_back(), snapshot.applied_to(partition));
    }
    if (!wanted[i].commit) continue;
    TRY(out[i].accepted, snapshot.accepted(wanted[i].workspace, *wanted[i].commit));
  }
  return out;
}

Result<std::unique_ptr<Snapshot>> MemoryStateStore::snapshot() {
  TRY(auto view, database_->view("snapshot"));
  return std::unique_ptr<Snapshot>(std::make_unique<MemorySnapshot>(std::move(view)));
}

}  // namespace dossier::producers
