// What decide reads, by primary keys. Tables without a schema are those of the live generation.
#include "producers/postgres_state_store.hpp"

#include <map>
#include <set>

#include "base/encoding.hpp"
#include "producers/accepted_commit.hpp"
#include "producers/live_worker.hpp"

namespace dossier::producers {

namespace {

using postgres::Params;

// Each key is looked up by itself (LATERAL … LIMIT 1), whatever the planner believed of the tables when they were empty.
constexpr std::string_view kStreams =
    "SELECT s.stream, s.version, s.state, s.needs_newer_code FROM unnest($2::text[]) AS k(stream) "
    "CROSS JOIN LATERAL (SELECT * FROM streams WHERE stream = k.stream AND workspace = $1 LIMIT 1) AS s";
constexpr std::string_view kWorkspaceOf = "SELECT workspace FROM streams WHERE stream = $1 ORDER BY workspace LIMIT 1";
constexpr std::string_view kAppliedTo = "SELECT next_offset FROM positions WHERE partition = $1";
constexpr std::string_view kSeq = "SELECT seq FROM heads WHERE workspace = $1";
// The journal may be ahead of the live generation, while another one is built: its heads say what is known here.
// (seq + 0: by the id's index, not by a walk through the workspace's sequence.)
constexpr std::string_view kAcceptedCommit =
    "SELECT j.partition, j.\"offset\", j.seq, j.time_us, j.value FROM (SELECT seq FROM heads WHERE workspace = $1 LIMIT 1) AS "
    "h "
    "CROSS JOIN LATERAL (SELECT * FROM dossier.journal WHERE commit_id = $2 AND workspace = $1 AND verdict = 1 "
    "AND seq + 0 <= h.seq AND seq + 0 > h.seq - $3 ORDER BY seq + 0 DESC LIMIT 1) AS j";
constexpr std::string_view kLiveWorkersOf =
    "SELECT l.worker_id, s.state, l.owned, l.last_report_time_us FROM dossier.liveness AS l "
    "LEFT JOIN dossier.intake_positions AS p ON p.partition = l.report_partition "
    "CROSS JOIN LATERAL (SELECT * FROM streams WHERE stream = 'worker/' || l.worker_id AND workspace = l.workspace LIMIT 1) AS s "
    "WHERE l.workspace = $1 AND l.last_report_time_us >= COALESCE(p.last_append_time_us, 0) - $2 AND NOT s.needs_newer_code ORDER BY l.worker_id";

// The same for several askers: $1 numbers each question, so that every answer finds who asked.
constexpr std::string_view kStatesOfMany =
    "SELECT k.n, s.version, s.state, s.needs_newer_code FROM unnest($1::bigint[], $2::text[], $3::text[]) AS k(n, workspace, "
    "stream) "
    "CROSS JOIN LATERAL (SELECT * FROM streams WHERE stream = k.stream AND workspace = k.workspace LIMIT 1) AS s";
constexpr std::string_view kAcceptedCommitOfMany =
    "SELECT k.n, j.partition, j.\"offset\", j.seq, j.time_us, j.value FROM unnest($1::bigint[], $2::text[], $3::text[]) AS "
    "k(n, workspace, commit_id) "
    "CROSS JOIN LATERAL (SELECT seq FROM heads WHERE workspace = k.workspace LIMIT 1) AS h "
    "CROSS JOIN LATERAL (SELECT * FROM dossier.journal WHERE commit_id = k.commit_id AND workspace = k.workspace AND verdict = "
    "1 "
    "AND seq + 0 <= h.seq AND seq + 0 > h.seq - $4 ORDER BY seq + 0 DESC LIMIT 1) AS j";

constexpr std::string_view kHeads =
    "SELECT h.workspace, h.seq, (SELECT number FROM dossier.generations WHERE state = 'live') FROM unnest($1::text[]) AS k(workspace) "
    "CROSS JOIN LATERAL (SELECT * FROM heads WHERE workspace = k.workspace LIMIT 1) AS h";

constexpr std::string_view kAppliedUpTo = "SELECT partition, next_offset FROM positions WHERE partition = ANY($1::bigint[])";

// PostgreSQL's text holds no NUL: what can't be stored can't be there.
bool storable(std::string_view text) { return text.find('\0') == std::string_view::npos && is_utf8(text); }

class PostgresSnapshot final : public Snapshot {
 public:
  explicit PostgresSnapshot(postgres::ReadTransaction read) : read_(std::move(read)) {}

  Status load(const WorkspaceId& workspace, const std::vector<std::string>& streams) override {
    auto& known = known_[workspace.str()];
    std::vector<std::string> wanted;
    for (const auto& stream : streams)
      if (!known.contains(stream) && storable(stream)) wanted.push_back(stream);
    if (wanted.empty() || !storable(workspace.str())) return {};
    TRY(const auto set, read_.query(kStreams, Params().text(workspace.str()).texts(wanted)));
    for (const auto& stream : wanted) known[stream] = StreamState{};
    for (const auto row : set) known[row.str(0)] = StreamState{row.uint64(1), row.str(2), row.boolean(3)};
    return {};
  }

  Result<StreamState> stream(const WorkspaceId& workspace, const std::string& stream) override {
    TRY_STATUS(load(workspace, {stream}));
    return known_[workspace.str()][stream];
  }

  Result<std::optional<WorkspaceId>> workspace_of(const std::string& stream) override {
    if (!storable(stream)) return std::optional<WorkspaceId>();
    TRY(const auto set, read_.query(kWorkspaceOf, Params().text(stream)));
    if (set.empty()) return std::optional<WorkspaceId>();
    return std::optional<WorkspaceId>(WorkspaceId(set.front().str(0)));
  }

  Result<std::uint64_t> seq(const WorkspaceId& workspace) override {
    TRY(const auto set, read_.query(kSeq, Params().text(workspace.str())));
    return set.empty() ? std::uint64_t{0} : set.front().uint64(0);
  }

  Result<std::int64_t> applied_to(std::int32_t partition) override {
    TRY(const auto set, read_.query(kAppliedTo, Params().int8(partition)));
    return set.empty() ? std::int64_t{0} : set.front().int64(0);
  }

  Result<std::optional<AcceptedCommit>> accepted(const WorkspaceId& workspace, const CommitId& id) override {
    if (!storable(id.str())) return std::optional<AcceptedCommit>();
    TRY(const auto set, read_.query(kAcceptedCommit, Params().text(workspace.str()).text(id.str()).int8(events::kDuplicateWindow)));
    if (set.empty()) return std::optional<AcceptedCommit>();
    const auto row = set.front();
    TRY(auto commit, accepted_from(row.int32(0), row.int64(1), row.uint64(2), row.int64(3), row.bytes(4)));
    return std::optional<AcceptedCommit>(std::move(commit));
  }

  Result<std::vector<LiveWorker>> live_workers(const WorkspaceId& workspace, std::int64_t within_us) override {
    TRY(const auto set, read_.query(kLiveWorkersOf, Params().text(workspace.str()).int8(within_us)));
    std::vector<LiveWorker> out;
    for (const auto row : set) {
      TRY(auto worker, live_worker_from(WorkerId(row.str(0)), workspace, row.bytes(1), row.bytes(2), row.int64(3)));
      if (worker) out.push_back(*std::move(worker));
    }
    return out;
  }

 private:
  postgres::ReadTransaction read_;
  std::map<std::string, std::map<std::string, StreamState>> known_;  // by workspace, by stream
};

// The questions of several askers as the statements of one round trip, and the way of each answer to who asked. A
// statement is there where somebody asks for what it reads.
class Questions {
 public:
  explicit Questions(std::span<const StatesWanted> wanted) : wanted_(wanted), out_(wanted.size()) {
    for (std::size_t i = 0; i < wanted.size(); ++i) add(i);
  }

  std::vector<postgres::Statement> statements() {
    std::vector<postgres::Statement> all(1);
    all[0].sql = kStatesOfMany;
    all[0].params.array(std::move(numbers_)).array(std::move(workspaces_)).array(std::move(streams_));
    if (asks_for_commits_) {
      commits_at_ = all.size();
      auto& accepted = all.emplace_back();
      accepted.sql = kAcceptedCommitOfMany;
      accepted.params.array(std::move(askers_)).array(std::move(commit_workspaces_)).array(std::move(commits_)).int8(events::kDuplicateWindow);
    }
    if (!heads_.empty()) {
      heads_at_ = all.size();
      auto& statement = all.emplace_back();
      statement.sql = kHeads;
      statement.params.texts(std::vector<std::string>(heads_.begin(), heads_.end()));
    }
    if (!positions_.empty()) {
      positions_at_ = all.size();
      Array partitions(Type::int8, positions_.size());
      for (const std::int32_t partition : positions_) partitions.int8(partition);
      auto& statement = all.emplace_back();
      statement.sql = kAppliedUpTo;
      statement.params.array(std::move(partitions));
    }
    return all;
  }

  Result<std::vector<StatesRead>> answers(const std::vector<postgres::ResultSet>& sets) && {
    for (const auto row : sets[0]) *places_[static_cast<std::size_t>(row.int64(0))] = StreamState{row.uint64(1), row.str(2), row.boolean(3)};
    if (commits_at_ != 0)
      for (const auto row : sets[commits_at_]) {
        TRY(auto commit, accepted_from(row.int32(1), row.int64(2), row.uint64(3), row.int64(4), row.bytes(5)));
        out_[static_cast<std::size_t>(row.int64(0))].accepted = std::move(commit);
      }
    if (heads_at_ != 0)
      for (const auto row : sets[heads_at_])
        for (std::size_t i = 0; i < wanted_.size(); ++i)
          if (wanted_[i].head_of && wanted_[i].head_of->str() == row.str(0)) out_[i].head = Head{row.uint64(1), row.int64(2)};
    if (positions_at_ != 0)
      for (const auto row : sets[positions_at_])
        for (std::size_t i = 0; i < wanted_.size(); ++i)
          for (std::size_t k = 0; k < wanted_[i].positions_of.size(); ++k)
            if (wanted_[i].positions_of[k] == row.int32(0)) out_[i].positions[k] = row.int64(1);
    return std::move(out_);
  }

 private:
  using Array = postgres::Array;
  using Type = rows::Type;

  void add(std::size_t asker) {
    const StatesWanted& wanted = wanted_[asker];
    StatesRead& out = out_[asker];
    out.states.resize(wanted.streams.size());
    out.positions.resize(wanted.positions_of.size());
    positions_.insert(wanted.positions_of.begin(), wanted.positions_of.end());
    if (wanted.head_of && storable(wanted.head_of->str())) heads_.insert(wanted.head_of->str());
    if (!storable(wanted.workspace.str())) return;
    for (std::size_t k = 0; k < wanted.streams.size(); ++k) {
      if (!storable(wanted.streams[k])) continue;
      numbers_.int8(static_cast<std::int64_t>(places_.size()));
      workspaces_.text(wanted.workspace.str());
      streams_.text(wanted.streams[k]);
      places_.push_back(&out.states[k]);
    }
    if (!wanted.commit || !storable(wanted.commit->str())) return;
    asks_for_commits_ = true;
    askers_.int8(static_cast<std::int64_t>(asker));
    commit_workspaces_.text(wanted.workspace.str());
    commits_.text(wanted.commit->str());
  }

  const std::span<const StatesWanted> wanted_;
  std::vector<StatesRead> out_;
  std::vector<StreamState*> places_;  // by the question's number
  Array numbers_{Type::int8}, workspaces_{Type::text}, streams_{Type::text};
  Array askers_{Type::int8}, commit_workspaces_{Type::text}, commits_{Type::text};
  bool asks_for_commits_ = false;
  std::set<std::string> heads_;  // nearly always one: the workspace of tokens
  std::set<std::int32_t> positions_;
  std::size_t commits_at_ = 0;  // which result it is; 0: nobody asked
  std::size_t heads_at_ = 0;
  std::size_t positions_at_ = 0;
};

}  // namespace

Result<std::vector<StatesRead>> PostgresStateStore::read(std::span<const StatesWanted> wanted) {
  Questions questions(wanted);
  TRY(const auto sets, pool_.read_all(questions.statements()));
  return std::move(questions).answers(sets);
}

Result<std::unique_ptr<Snapshot>> PostgresStateStore::snapshot() {
  TRY(auto read, pool_.read());
  return std::unique_ptr<Snapshot>(std::make_unique<PostgresSnapshot>(std::move(read)));
}

}  // namespace dossier::producers
