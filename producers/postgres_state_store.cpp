// What decide reads, by primary keys. Tables without a schema are those of the live generation.
#include "producers/postgres_state_store.hpp"

#include <algorithm>
#include <map>

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

void place_heads(const postgres::ResultSet& heads, std::span<const StatesWanted> wanted, std::vector<StatesRead>& out) {
  for (const auto row : heads)
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i].head_of && wanted[i].head_of->str() == row.str(0)) out[i].head = Head{row.uint64(1), row.int64(2)};
}

}  // namespace

Result<std::vector<StatesRead>> PostgresStateStore::read(std::span<const StatesWanted> wanted) {
  using postgres::Array;
  using rows::Type;
  std::vector<StatesRead> out(wanted.size());
  std::vector<StreamState*> places;  // by the question's number
  Array numbers(Type::int8), workspaces(Type::text), streams(Type::text);
  Array askers(Type::int8), commit_workspaces(Type::text), commits(Type::text);
  bool asks_for_commits = false;
  std::vector<std::string> heads;  // nearly always one: the workspace of tokens
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    out[i].states.resize(wanted[i].streams.size());
    if (wanted[i].head_of && storable(wanted[i].head_of->str()) && std::find(heads.begin(), heads.end(), wanted[i].head_of->str()) == heads.end())
      heads.push_back(wanted[i].head_of->str());
    if (!storable(wanted[i].workspace.str())) continue;
    for (std::size_t k = 0; k < wanted[i].streams.size(); ++k) {
      if (!storable(wanted[i].streams[k])) continue;
      numbers.int8(static_cast<std::int64_t>(places.size()));
      workspaces.text(wanted[i].workspace.str());
      streams.text(wanted[i].streams[k]);
      places.push_back(&out[i].states[k]);
    }
    if (!wanted[i].commit || !storable(wanted[i].commit->str())) continue;
    asks_for_commits = true;
    askers.int8(static_cast<std::int64_t>(i));
    commit_workspaces.text(wanted[i].workspace.str());
    commits.text(wanted[i].commit->str());
  }
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kStatesOfMany;
  statements[0].params.array(std::move(numbers)).array(std::move(workspaces)).array(std::move(streams));
  if (asks_for_commits) {
    auto& accepted = statements.emplace_back();
    accepted.sql = kAcceptedCommitOfMany;
    accepted.params.array(std::move(askers)).array(std::move(commit_workspaces)).array(std::move(commits)).int8(events::kDuplicateWindow);
  }
  if (!heads.empty()) {
    auto& statement = statements.emplace_back();
    statement.sql = kHeads;
    statement.params.texts(heads);
  }
  TRY(const auto sets, pool_.read_all(statements));
  for (const auto row : sets[0]) *places[static_cast<std::size_t>(row.int64(0))] = StreamState{row.uint64(1), row.str(2), row.boolean(3)};
  if (!heads.empty()) place_heads(sets.back(), wanted, out);
  if (!asks_for_commits) return out;
  for (const auto row : sets[1]) {
    TRY(auto commit, accepted_from(row.int32(1), row.int64(2), row.uint64(3), row.int64(4), row.bytes(5)));
    out[static_cast<std::size_t>(row.int64(0))].accepted = std::move(commit);
  }
  return out;
}

Result<std::unique_ptr<Snapshot>> PostgresStateStore::snapshot() {
  TRY(auto read, pool_.read());
  return std::unique_ptr<Snapshot>(std::make_unique<PostgresSnapshot>(std::move(read)));
}

}  // namespace dossier::producers
