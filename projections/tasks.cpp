// Tasks: the same states as the aggregate (events/task.cpp), with what the scheduler matches and the API lists.
#include "events/task.hpp"
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::tasks {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t {
  kId,
  kWorkspace,
  kIssueId,
  kSessionId,
  kKind,
  kPool,
  kPriority,
  kAffinity,
  kMaxAttempts,
  kQueued,
  kStatus,
  kOffer,
  kWorkerId,
  kDeadlineUs,
  kAttempts,
  kCancelRequested,
  kCancelReasonJson,
  kErrorCode,
  kErrorJson,
  kResultJson,
  kCommit,
  kBranch,
  kQueuedUs,
  kClaimedUs,
  kEndedUs,
  kSeq
};
const rows::Table& tasks_table() {
  static const rows::Table table{"tasks",
                                 {{"id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"issue_id", Type::text, Merge::keep},
                                  {"session_id", Type::text, Merge::keep},
                                  {"kind", Type::text, Merge::keep},
                                  {"pool", Type::text, Merge::keep},
                                  {"priority", Type::int8, Merge::keep},
                                  {"affinity", Type::text, Merge::keep},
                                  {"max_attempts", Type::int8, Merge::keep},
                                  {"queued", Type::bytea, Merge::keep},
                                  {"status", Type::text, Merge::set},
                                  {"offer", Type::int8, Merge::set},
                                  {"worker_id", Type::text, Merge::set},
                                  {"deadline_us", Type::int8, Merge::set},
                                  {"attempts", Type::int8, Merge::set},
                                  {"cancel_requested", Type::bool_, Merge::set},
                                  {"cancel_reason_json", Type::text, Merge::set},
                                  {"error_code", Type::text, Merge::set},
                                  {"error_json", Type::text, Merge::set},
                                  {"result_json", Type::text, Merge::set},
                                  {"commit", Type::text, Merge::set},
                                  {"branch", Type::text, Merge::set},
                                  {"queued_us", Type::int8, Merge::keep},
                                  {"claimed_us", Type::int8, Merge::set},
                                  {"ended_us", Type::int8, Merge::set},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO tasks AS t (
  id, workspace, issue_id, session_id, kind, pool, priority, affinity, max_attempts, queued, status, offer, worker_id,
  deadline_us, attempts, cancel_requested, cancel_reason_json, error_code, error_json, result_json, commit, branch,
  queued_us, claimed_us, ended_us, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
  unnest($7::bigint[]), unnest($8::text[]), unnest($9::bigint[]), unnest($10::bytea[]), unnest($11::text[]), unnest($12::bigint[]),
  unnest($13::text[]), unnest($14::bigint[]), unnest($15::bigint[]), unnest($16::boolean[]), unnest($17::text[]), unnest($18::text[]),
  unnest($19::text[]), unnest($20::text[]), unnest($21::text[]), unnest($22::text[]), unnest($23::bigint[]), unnest($24::bigint[]),
  unnest($25::bigint[]), unnest($26::bigint[])
ON CONFLICT (id, workspace) DO UPDATE SET
  issue_id = COALESCE(t.issue_id, excluded.issue_id),
  session_id = COALESCE(t.session_id, excluded.session_id),
  kind = COALESCE(t.kind, excluded.kind),
  pool = COALESCE(t.pool, excluded.pool),
  priority = COALESCE(t.priority, excluded.priority),
  affinity = COALESCE(t.affinity, excluded.affinity),
  max_attempts = COALESCE(t.max_attempts, excluded.max_attempts),
  queued = COALESCE(t.queued, excluded.queued),
  status = COALESCE(excluded.status, t.status),
  offer = COALESCE(excluded.offer, t.offer),
  worker_id = COALESCE(excluded.worker_id, t.worker_id),
  deadline_us = COALESCE(excluded.deadline_us, t.deadline_us),
  attempts = COALESCE(excluded.attempts, t.attempts),
  cancel_requested = COALESCE(excluded.cancel_requested, t.cancel_requested),
  cancel_reason_json = COALESCE(excluded.cancel_reason_json, t.cancel_reason_json),
  error_code = COALESCE(excluded.error_code, t.error_code),
  error_json = COALESCE(excluded.error_json, t.error_json),
  result_json = COALESCE(excluded.result_json, t.result_json),
  commit = COALESCE(excluded.commit, t.commit),
  branch = COALESCE(excluded.branch, t.branch),
  queued_us = COALESCE(t.queued_us, excluded.queued_us),
  claimed_us = COALESCE(excluded.claimed_us, t.claimed_us),
  ended_us = COALESCE(excluded.ended_us, t.ended_us),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}

Patch touched(const AcceptedEvent& e, std::string id) {
  Patch patch(tasks_table());
  patch.text(kId, std::move(id)).text(kWorkspace, e.commit.workspace_id()).number(kSeq, e.seq);
  return patch;
}

void queued(const AcceptedEvent& e, std::string id, const v1::TaskQueued& fact, rows::Batch& out) {
  touched(e, std::move(id))
      .text(kIssueId, e.event.issue_id())
      .text(kSessionId, fact.session_id())
      .text(kKind, fact.kind())
      .text(kPool, fact.pool())
      .number(kPriority, fact.priority())
      .text(kAffinity, fact.affinity())
      .number(kMaxAttempts, fact.max_attempts() == 0 ? events::kMaxAttempts : fact.max_attempts())
      .text(kQueued, fact.SerializeAsString())
      .text(kStatus, "queued")
      .number(kOffer, 0)
      .text(kWorkerId, {})
      .number(kAttempts, 0)
      .flag(kCancelRequested, false)
      .number(kQueuedUs, e.time_us)
      .into(out);
}

Patch ended(const AcceptedEvent& e, std::string id, std::string status) {
  Patch patch = touched(e, std::move(id));
  patch.text(kStatus, std::move(status)).number(kEndedUs, e.time_us);
  return patch;
}

void failed(const AcceptedEvent& e, std::string id, const v1::TaskFailed& fact, rows::Batch& out) {
  Patch patch = fact.retryable() ? touched(e, std::move(id)) : ended(e, std::move(id), "failed");
  if (fact.retryable()) patch.text(kStatus, "queued").text(kWorkerId, {});
  patch.text(kErrorCode, fact.code()).text(kErrorJson, json_of(fact.error()));
  patch.into(out);
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (!e.payload.has_task()) return;
  std::string id = id_in(e.event.stream(), "task/");
  if (id.empty()) return;
  const v1::TaskEvent& event = e.payload.task();
  switch (event.fact_case()) {
    case v1::TaskEvent::kTaskQueued: return queued(e, std::move(id), event.task_queued(), out);
    case v1::TaskEvent::kTaskOffered:
      return touched(e, std::move(id))
          .text(kStatus, "offered")
          .number(kOffer, event.task_offered().offer())
          .text(kWorkerId, event.task_offered().worker_id())
          .number(kDeadlineUs, event.task_offered().deadline_us())
          .into(out);
    case v1::TaskEvent::kTaskOfferLapsed:
    case v1::TaskEvent::kTaskLeaseExpired: return touched(e, std::move(id)).text(kStatus, "queued").text(kWorkerId, {}).into(out);
    case v1::TaskEvent::kTaskClaimed:
      return touched(e, std::move(id))
          .text(kStatus, "claimed")
          .text(kWorkerId, event.task_claimed().worker_id())
          .number(kAttempts, event.task_claimed().attempt())
          .number(kClaimedUs, e.time_us)
          .into(out);
    case v1::TaskEvent::kTaskStarted: return touched(e, std::move(id)).text(kStatus, "running").into(out);
    case v1::TaskEvent::kTaskCompleted:
      return ended(e, std::move(id), "completed")
          .text(kResultJson, json_of(event.task_completed().result()))
          .text(kCommit, event.task_completed().commit())
          .text(kBranch, event.task_completed().branch())
          .into(out);
    case v1::TaskEvent::kTaskFailed: return failed(e, std::move(id), event.task_failed(), out);
    case v1::TaskEvent::kTaskCancelRequested:
      return touched(e, std::move(id))
          .flag(kCancelRequested, true)
          .text(kCancelReasonJson, json_of(event.task_cancel_requested().reason()))
          .into(out);
    case v1::TaskEvent::kTaskCancelled: return ended(e, std::move(id), "cancelled").into(out);
    case v1::TaskEvent::kLateResultRecorded:  // evidence: changes nothing
    case v1::TaskEvent::FACT_NOT_SET: return;
  }
}
}  // namespace

Projection model() { return {"tasks", 1, {&tasks_table()}, &project, aggregates(v1::EventPayload::kTask)}; }

}  // namespace dossier::projections::tasks
