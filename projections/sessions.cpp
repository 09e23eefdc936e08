// Sessions of agents: how each went, what it cost, and the source it captured.
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::sessions {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t {
  kId,
  kWorkspace,
  kIssueId,
  kAgentId,
  kAgentName,
  kTriggerCommentId,
  kCopyGeneration,
  kTaskId,
  kStatus,
  kOutcome,
  kWorkerId,
  kProviderSession,
  kOffer,
  kTurns,
  kTokensIn,
  kTokensOut,
  kCostMicrousd,
  kRequestedUs,
  kStartedUs,
  kEndedUs,
  kSourceOffer,
  kBaseCommit,
  kCommit,
  kBranch,
  kFilesJson,
  kDiffJson,
  kDiffBlobJson,
  kSeq,
  kContinuesSessionId
};
const rows::Table& sessions_table() {
  static const rows::Table table{"sessions",
                                 {{"id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"issue_id", Type::text, Merge::keep},
                                  {"agent_id", Type::text, Merge::keep},
                                  {"agent_name", Type::text, Merge::keep},
                                  {"trigger_comment_id", Type::text, Merge::keep},
                                  {"copy_generation", Type::int8, Merge::keep},
                                  {"task_id", Type::text, Merge::set},
                                  {"status", Type::text, Merge::set},
                                  {"outcome", Type::text, Merge::set},
                                  {"worker_id", Type::text, Merge::set},
                                  {"provider_session", Type::text, Merge::set},
                                  {"offer", Type::int8, Merge::set},
                                  {"turns", Type::int8, Merge::greatest},
                                  {"tokens_in", Type::int8, Merge::add},
                                  {"tokens_out", Type::int8, Merge::add},
                                  {"cost_microusd", Type::int8, Merge::add},
                                  {"requested_us", Type::int8, Merge::keep},
                                  {"started_us", Type::int8, Merge::set},
                                  {"ended_us", Type::int8, Merge::set},
                                  {"source_offer", Type::int8, Merge::set},
                                  {"base_commit", Type::text, Merge::set},
                                  {"commit", Type::text, Merge::set},
                                  {"branch", Type::text, Merge::set},
                                  {"files_json", Type::text, Merge::set},
                                  {"diff_json", Type::text, Merge::set},
                                  {"diff_blob_json", Type::text, Merge::set},
                                  {"seq", Type::int8, Merge::greatest},
                                  {"continues_session_id", Type::text, Merge::keep}},
                                 R"sql(
INSERT INTO sessions AS t (
  id, workspace, issue_id, agent_id, agent_name, trigger_comment_id, copy_generation, task_id, status, outcome,
  worker_id, provider_session, offer, turns, tokens_in, tokens_out, cost_microusd, requested_us, started_us, ended_us,
  source_offer, base_commit, commit, branch, files_json, diff_json, diff_blob_json, seq,
  continues_session_id)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
  unnest($7::bigint[]), unnest($8::text[]), unnest($9::text[]), unnest($10::text[]), unnest($11::text[]), unnest($12::text[]),
  unnest($13::bigint[]), unnest($14::bigint[]), unnest($15::bigint[]), unnest($16::bigint[]), unnest($17::bigint[]), unnest($18::bigint[]),
  unnest($19::bigint[]), unnest($20::bigint[]), unnest($21::bigint[]), unnest($22::text[]), unnest($23::text[]), unnest($24::text[]),
  unnest($25::text[]), unnest($26::text[]), unnest($27::text[]), unnest($28::bigint[]), unnest($29::text[])
ON CONFLICT (id, workspace) DO UPDATE SET
  issue_id = COALESCE(t.issue_id, excluded.issue_id),
  agent_id = COALESCE(t.agent_id, excluded.agent_id),
  agent_name = COALESCE(t.agent_name, excluded.agent_name),
  trigger_comment_id = COALESCE(t.trigger_comment_id, excluded.trigger_comment_id),
  copy_generation = COALESCE(t.copy_generation, excluded.copy_generation),
  task_id = COALESCE(excluded.task_id, t.task_id),
  status = COALESCE(excluded.status, t.status),
  outcome = COALESCE(excluded.outcome, t.outcome),
  worker_id = COALESCE(excluded.worker_id, t.worker_id),
  provider_session = COALESCE(excluded.provider_session, t.provider_session),
  offer = COALESCE(excluded.offer, t.offer),
  turns = GREATEST(t.turns, excluded.turns),
  tokens_in = COALESCE(t.tokens_in + excluded.tokens_in, t.tokens_in, excluded.tokens_in),
  tokens_out = COALESCE(t.tokens_out + excluded.tokens_out, t.tokens_out, excluded.tokens_out),
  cost_microusd = COALESCE(t.cost_microusd + excluded.cost_microusd, t.cost_microusd, excluded.cost_microusd),
  requested_us = COALESCE(t.requested_us, excluded.requested_us),
  started_us = COALESCE(excluded.started_us, t.started_us),
  ended_us = COALESCE(excluded.ended_us, t.ended_us),
  source_offer = COALESCE(excluded.source_offer, t.source_offer),
  base_commit = COALESCE(excluded.base_commit, t.base_commit),
  commit = COALESCE(excluded.commit, t.commit),
  branch = COALESCE(excluded.branch, t.branch),
  files_json = COALESCE(excluded.files_json, t.files_json),
  diff_json = COALESCE(excluded.diff_json, t.diff_json),
  diff_blob_json = COALESCE(excluded.diff_blob_json, t.diff_blob_json),
  seq = GREATEST(t.seq, excluded.seq),
  continues_session_id = COALESCE(t.continues_session_id, excluded.continues_session_id)
)sql"};
  return table;
}

Patch touched(const AcceptedEvent& e, std::string id) {
  Patch patch(sessions_table());
  patch.text(kId, std::move(id)).text(kWorkspace, e.commit.workspace_id()).number(kSeq, e.seq);
  return patch;
}

void requested(const AcceptedEvent& e, std::string id, const v1::SessionRequested& fact, rows::Batch& out) {
  touched(e, std::move(id))
      .text(kIssueId, fact.issue_id())
      .text(kAgentId, fact.agent_id())
      .text(kAgentName, fact.agent_name())
      .text(kTriggerCommentId, fact.trigger_comment_id())
      .number(kCopyGeneration, fact.copy_generation())
      .text(kContinuesSessionId, fact.continues_session_id())
      .text(kStatus, "requested")
      .number(kTurns, 0)
      .number(kTokensIn, 0)
      .number(kTokensOut, 0)
      .number(kCostMicrousd, 0)
      .number(kRequestedUs, e.time_us)
      .into(out);
}

void on_session(const AcceptedEvent& e, const v1::SessionEvent& event, rows::Batch& out) {
  std::string id = id_in(e.event.stream(), "session/");
  if (id.empty()) return;
  switch (event.fact_case()) {
    case v1::SessionEvent::kSessionRequested: return requested(e, std::move(id), event.session_requested(), out);
    case v1::SessionEvent::kSessionStarted:
      return touched(e, std::move(id))
          .text(kStatus, "started")
          .text(kWorkerId, event.session_started().worker_id())
          .text(kProviderSession, event.session_started().provider_session())
          .number(kOffer, event.session_started().offer())
          .number(kStartedUs, e.time_us)
          .into(out);
    case v1::SessionEvent::kTurnStarted: return touched(e, std::move(id)).number(kTurns, event.turn_started().turn()).into(out);
    case v1::SessionEvent::kTurnCompleted:
      return touched(e, std::move(id))
          .number(kTurns, event.turn_completed().turn())
          .number(kTokensIn, event.turn_completed().tokens_in())
          .number(kTokensOut, event.turn_completed().tokens_out())
          .number(kCostMicrousd, event.turn_completed().cost_microusd())
          .into(out);
    case v1::SessionEvent::kSessionEnded:
      return touched(e, std::move(id)).text(kStatus, "ended").text(kOutcome, event.session_ended().outcome()).number(kEndedUs, e.time_us).into(out);
    case v1::SessionEvent::kApprovalRequested:
    case v1::SessionEvent::kApprovalResolved:
    case v1::SessionEvent::kApprovalDelivered:
    case v1::SessionEvent::kFollowUpQueued:  // rows of their own (follow_ups.cpp); the session's document has them
    case v1::SessionEvent::kFollowUpEdited:
    case v1::SessionEvent::kFollowUpRemoved:
    case v1::SessionEvent::kFollowUpSteerRequested:
    case v1::SessionEvent::kFollowUpDelivered:
    case v1::SessionEvent::kLimitReached:
    case v1::SessionEvent::FACT_NOT_SET: return;
  }
}

std::string files_json(const v1::SourceCaptured& fact) {
  std::string out = "[";
  for (const auto& file : fact.files()) {
    if (out.size() > 1) out += ',';
    events::append_json(out, file);
  }
  return out += ']';
}

void captured(const AcceptedEvent& e, const v1::SourceCaptured& fact, rows::Batch& out) {
  std::string blob = "null";
  if (fact.has_diff_blob()) {
    blob.clear();
    events::append_json(blob, fact.diff_blob());
  }
  touched(e, fact.session_id())
      .number(kSourceOffer, fact.offer())
      .text(kBaseCommit, fact.base_commit())
      .text(kCommit, fact.commit())
      .text(kBranch, fact.branch())
      .text(kFilesJson, files_json(fact))
      .text(kDiffJson, fact.has_diff() ? json_of(fact.diff()) : "null")
      .text(kDiffBlobJson, std::move(blob))
      .into(out);
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (e.payload.has_session()) return on_session(e, e.payload.session(), out);
  if (e.payload.has_issue() && e.payload.issue().has_source_captured() && !e.payload.issue().source_captured().session_id().empty())
    return captured(e, e.payload.issue().source_captured(), out);
  if (e.payload.has_task() && e.payload.task().has_task_queued() && !e.payload.task().task_queued().session_id().empty())
    touched(e, e.payload.task().task_queued().session_id()).text(kTaskId, id_in(e.event.stream(), "task/")).into(out);
}
}  // namespace

Projection model() {
  return {"sessions", 2, {&sessions_table()}, &project, aggregates(v1::EventPayload::kSession, v1::EventPayload::kIssue, v1::EventPayload::kTask)};
}

}  // namespace dossier::projections::sessions
