// The scheduler's queries. Tables without a schema are those of the live generation.
#include "producers/postgres_dispatch_store.hpp"

#include <algorithm>

#include "events/names.hpp"
#include "platform/json/json.hpp"
#include "producers/live_worker.hpp"

namespace dossier::producers {
namespace {

// One probe of the index tasks_open a pool.
constexpr std::string_view kQueued = R"sql(
SELECT t.id, t.workspace, t.pool, t.priority, t.affinity, t.queued_us, t.offer, COALESCE(t.session_id, '')
FROM unnest($1::text[]) AS p(pool)
CROSS JOIN LATERAL (
  SELECT id, workspace, pool, priority, affinity, queued_us, offer, session_id FROM tasks
  WHERE pool = p.pool AND status = 'queued' AND queued_us IS NOT NULL
  ORDER BY priority DESC, queued_us LIMIT $2) AS t
)sql";

// Bounded: as many as workers hold; each asks an index of what is being steered, which is nearly always empty.
constexpr std::string_view kActive = R"sql(
SELECT id, workspace, pool, status, offer, worker_id, cancel_requested, cancel_reason_json, COALESCE(session_id, ''),
       EXISTS (SELECT 1 FROM follow_ups AS f WHERE f.session_id = tasks.session_id AND f.workspace = tasks.workspace
               AND f.status = 'waiting' AND f.steer_requested),
       EXISTS (SELECT 1 FROM approvals AS a
               WHERE a.session_id = tasks.session_id AND a.workspace = tasks.workspace AND a.status = 'resolved' AND a.delivered_us IS NULL)
FROM tasks
WHERE status IN ('offered', 'claimed', 'running') AND queued_us IS NOT NULL
)sql";

// By the index approvals_undelivered.
constexpr std::string_view kUndelivered = R"sql(
SELECT t.id, a.offer, a.provider_request, a.resolved FROM tasks AS t
CROSS JOIN LATERAL (
  SELECT id, offer, provider_request, resolved, asked_us FROM approvals
  WHERE session_id = t.session_id AND workspace = t.workspace AND status = 'resolved' AND delivered_us IS NULL
    AND resolved IS NOT NULL AND asked_us IS NOT NULL
  ORDER BY asked_us DESC, id DESC LIMIT $2) AS a
WHERE t.id = ANY($1::text[]) ORDER BY t.id, a.asked_us, a.id
)sql";

// Of those that come next, where they are small: a queue that nobody can take from is looked at again and again.
constexpr std::string_view kDetailsOfNext = R"sql(
SELECT t.id, t.queued, i.number
FROM unnest($1::text[]) AS p(pool)
CROSS JOIN LATERAL (
  SELECT id, workspace, issue_id, queued FROM tasks
  WHERE pool = p.pool AND status = 'queued' AND queued_us IS NOT NULL
  ORDER BY priority DESC, queued_us LIMIT $2) AS t
LEFT JOIN issues AS i ON i.id = t.issue_id AND i.workspace = t.workspace
WHERE t.queued IS NOT NULL AND octet_length(t.queued) <= 16384
)sql";

constexpr std::string_view kDetails = R"sql(
SELECT t.id, t.queued, i.number FROM tasks AS t
LEFT JOIN issues AS i ON i.id = t.issue_id AND i.workspace = t.workspace
WHERE t.id = ANY($1::text[]) AND t.queued IS NOT NULL
)sql";

constexpr std::string_view kSessions = R"sql(
SELECT stream, state FROM streams WHERE stream = ANY($1::text[]) AND NOT needs_newer_code
)sql";

constexpr std::string_view kLiveWorkers = R"sql(
SELECT l.worker_id, l.workspace, l.owned, l.last_report_time_us, s.state
FROM dossier.liveness AS l
LEFT JOIN dossier.intake_positions AS p ON p.partition = l.report_partition
CROSS JOIN LATERAL (SELECT * FROM streams WHERE stream = 'worker/' || l.worker_id AND workspace = l.workspace LIMIT 1) AS s
WHERE l.last_report_time_us >= COALESCE(p.last_append_time_us, 0) - $1 AND NOT s.needs_newer_code
)sql";

Result<v1::TaskState::Status> status_from(std::string_view name) {
  if (name == "offered") return v1::TaskState::OFFERED;
  if (name == "claimed") return v1::TaskState::CLAIMED;
  if (name == "running") return v1::TaskState::RUNNING;
  return make_error(Code::corrupt, "a task has the status " + std::string(name));
}

std::string text_of_json(std::string_view text) {
  const auto value = json::parse(text);
  return value && value->string() != nullptr ? *value->string() : std::string();
}

std::vector<std::string> texts_of(const std::vector<TaskId>& ids) {
  std::vector<std::string> texts;
  texts.reserve(ids.size());
  for (const TaskId& id : ids) texts.push_back(id.str());
  return texts;
}

Error unreadable(std::string_view what) {
  return make_error(Code::corrupt, std::string(what) + " can't be read: rebuild the read models (dossier admin rebuild)");
}

std::vector<QueuedTask> queued_from(const postgres::ResultSet& rows) {
  std::vector<QueuedTask> tasks;
  tasks.reserve(static_cast<std::size_t>(rows.size()));
  for (const auto row : rows)
    tasks.push_back({TaskId(row.str(0)), WorkspaceId(row.str(1)), row.str(2), row.int32(3), row.str(4), row.int64(5),
                     static_cast<std::uint32_t>(row.int64(6)), SessionId(row.str(7))});
  return tasks;
}

Result<std::vector<ActiveTask>> active_from(const postgres::ResultSet& rows) {
  std::vector<ActiveTask> tasks;
  tasks.reserve(static_cast<std::size_t>(rows.size()));
  for (const auto row : rows) {
    ActiveTask task;
    task.id = TaskId(row.str(0));
    task.workspace = WorkspaceId(row.str(1));
    task.pool = row.str(2);
    TRY(task.status, status_from(row.text(3)));
    task.offer = static_cast<std::uint32_t>(row.int64(4));
    task.worker = WorkerId(row.str(5));
    task.cancel_requested = !row.is_null(6) && row.boolean(6);
    if (task.cancel_requested) task.cancel_reason = text_of_json(row.text(7));
    task.session = SessionId(row.str(8));
    task.steers = row.boolean(9);
    task.decisions_wait = row.boolean(10);
    tasks.push_back(std::move(task));
  }
  return tasks;
}

Result<std::vector<TaskDetails>> details_from(const postgres::ResultSet& rows) {
  std::vector<TaskDetails> details;
  details.reserve(static_cast<std::size_t>(rows.size()));
  for (const auto row : rows) {
    TaskDetails one;
    one.id = TaskId(row.str(0));
    const std::string_view bytes = row.bytes(1);
    if (!one.queued.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return unreadable("task " + one.id.str());
    one.issue_number = static_cast<std::uint64_t>(row.optional_int64(2).value_or(0));
    details.push_back(std::move(one));
  }
  return details;
}

Result<std::vector<LiveWorker>> workers_from(const postgres::ResultSet& rows) {
  std::vector<LiveWorker> workers;
  workers.reserve(static_cast<std::size_t>(rows.size()));
  for (const auto row : rows) {
    TRY(auto worker, live_worker_from(WorkerId(row.str(0)), WorkspaceId(row.str(1)), row.bytes(4), row.bytes(2), row.int64(3)));
    if (worker) workers.push_back(*std::move(worker));
  }
  return workers;
}

}  // namespace

Result<DispatchLook> PostgresDispatchStore::look(std::int64_t live_us, const std::vector<std::string>& pools, int per_pool) {
  std::vector<postgres::Statement> statements(2);
  statements[0].sql = kLiveWorkers;
  statements[0].params.int8(live_us);
  statements[1].sql = kActive;
  if (!pools.empty()) {
    postgres::Statement& queued = statements.emplace_back();
    queued.sql = kQueued;
    queued.params.texts(pools).int8(per_pool);
    postgres::Statement& details = statements.emplace_back();
    details.sql = kDetailsOfNext;
    details.params.texts(pools).int8(std::min(per_pool, kDetailed));
  }
  TRY(const auto sets, pool_.read_all(statements));
  DispatchLook look;
  TRY(look.workers, workers_from(sets[0]));
  TRY(look.active, active_from(sets[1]));
  if (pools.empty()) return look;
  look.queued = queued_from(sets[2]);
  // One that can't be read is told of when it is asked for, and keeps nothing else from being seen.
  if (auto details = details_from(sets[3])) look.details = *std::move(details);
  return look;
}

Result<std::vector<QueuedTask>> PostgresDispatchStore::queued(const std::vector<std::string>& pools, int per_pool) {
  TRY(const auto rows, pool_.read_one(kQueued, postgres::Params().texts(pools).int8(per_pool)));
  return queued_from(rows);
}

Result<std::vector<ActiveTask>> PostgresDispatchStore::active() {
  TRY(const auto rows, pool_.read_one(kActive));
  return active_from(rows);
}

Result<std::vector<UndeliveredDecision>> PostgresDispatchStore::undelivered_decisions(const std::vector<TaskId>& ids) {
  TRY(const auto rows, pool_.read_one(kUndelivered, postgres::Params().texts(texts_of(ids)).int8(kMaxDecisions)));
  std::vector<UndeliveredDecision> decisions;
  decisions.reserve(static_cast<std::size_t>(rows.size()));
  for (const auto row : rows) {
    UndeliveredDecision& one = decisions.emplace_back();
    one.task = TaskId(row.str(0));
    one.offer = static_cast<std::uint32_t>(row.int64(1));
    one.provider_request = row.str(2);
    const std::string_view bytes = row.bytes(3);
    if (!one.resolved.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return unreadable("an approval of task " + one.task.str());
  }
  return decisions;
}

Result<std::vector<TaskDetails>> PostgresDispatchStore::details(const std::vector<TaskId>& ids) {
  TRY(const auto rows, pool_.read_one(kDetails, postgres::Params().texts(texts_of(ids))));
  return details_from(rows);
}

Result<std::vector<SessionRow>> PostgresDispatchStore::sessions(const std::vector<SessionId>& ids) {
  if (ids.empty()) return std::vector<SessionRow>{};
  std::vector<std::string> streams;
  streams.reserve(ids.size());
  for (const SessionId& id : ids) streams.push_back(events::session_stream(id));
  TRY(const auto rows, pool_.read_one(kSessions, postgres::Params().texts(streams)));
  std::vector<SessionRow> sessions;
  sessions.reserve(static_cast<std::size_t>(rows.size()));
  for (const auto row : rows) {
    SessionRow& one = sessions.emplace_back();
    one.id = SessionId(std::string(row.text(0).substr(std::string_view("session/").size())));
    const std::string_view bytes = row.bytes(1);
    if (!one.state.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return unreadable("session " + one.id.str());
  }
  return sessions;
}

}  // namespace dossier::producers
