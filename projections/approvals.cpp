// Approvals: a row each, ready to be listed and served, and how many each session has.
#include "base/encoding.hpp"
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::approvals {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t {
  kId,
  kWorkspace,
  kSessionId,
  kIssueId,
  kKind,
  kCommandJson,
  kPatchJson,
  kDetailJson,
  kAskReasonJson,
  kCwd,
  kPathsJson,
  kActionSha256,
  kOffer,
  kTurn,
  kProviderRequest,
  kProviderItem,
  kAskedUs,
  kStatus,
  kDecision,
  kDecidedBy,
  kRule,
  kReasonJson,
  kAnswerJson,
  kResolved,
  kResolvedUs,
  kDeliveredHow,
  kDeliveredOffer,
  kDeliveredUs,
  kSeq
};
const rows::Table& approvals_table() {
  static const rows::Table table{"approvals",
                                 {{"id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"session_id", Type::text, Merge::keep},
                                  {"issue_id", Type::text, Merge::keep},
                                  {"kind", Type::text, Merge::keep},
                                  {"command_json", Type::text, Merge::keep},
                                  {"patch_json", Type::text, Merge::keep},
                                  {"detail_json", Type::text, Merge::keep},
                                  {"ask_reason_json", Type::text, Merge::keep},
                                  {"cwd", Type::text, Merge::keep},
                                  {"paths_json", Type::text, Merge::keep},
                                  {"action_sha256", Type::text, Merge::keep},
                                  {"offer", Type::int8, Merge::keep},
                                  {"turn", Type::int8, Merge::keep},
                                  {"provider_request", Type::text, Merge::keep},
                                  {"provider_item", Type::text, Merge::keep},
                                  {"asked_us", Type::int8, Merge::keep},
                                  {"status", Type::text, Merge::set},
                                  {"decision", Type::text, Merge::keep},
                                  {"decided_by", Type::text, Merge::keep},
                                  {"rule", Type::text, Merge::keep},
                                  {"reason_json", Type::text, Merge::keep},
                                  {"answer_json", Type::text, Merge::keep},
                                  {"resolved", Type::bytea, Merge::keep},
                                  {"resolved_us", Type::int8, Merge::keep},
                                  {"delivered_how", Type::text, Merge::keep},
                                  {"delivered_offer", Type::int8, Merge::keep},
                                  {"delivered_us", Type::int8, Merge::keep},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO approvals AS t (
  id, workspace, session_id, issue_id, kind, command_json, patch_json, detail_json, ask_reason_json, cwd, paths_json,
  action_sha256, offer, turn, provider_request, provider_item, asked_us, status, decision, decided_by, rule, reason_json,
  answer_json, resolved, resolved_us, delivered_how, delivered_offer, delivered_us, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
  unnest($7::text[]), unnest($8::text[]), unnest($9::text[]), unnest($10::text[]), unnest($11::text[]), unnest($12::text[]),
  unnest($13::bigint[]), unnest($14::bigint[]), unnest($15::text[]), unnest($16::text[]), unnest($17::bigint[]), unnest($18::text[]),
  unnest($19::text[]), unnest($20::text[]), unnest($21::text[]), unnest($22::text[]), unnest($23::text[]), unnest($24::bytea[]),
  unnest($25::bigint[]), unnest($26::text[]), unnest($27::bigint[]), unnest($28::bigint[]), unnest($29::bigint[])
ON CONFLICT (id, workspace) DO UPDATE SET
  session_id = COALESCE(t.session_id, excluded.session_id),
  issue_id = COALESCE(t.issue_id, excluded.issue_id),
  kind = COALESCE(t.kind, excluded.kind),
  command_json = COALESCE(t.command_json, excluded.command_json),
  patch_json = COALESCE(t.patch_json, excluded.patch_json),
  detail_json = COALESCE(t.detail_json, excluded.detail_json),
  ask_reason_json = COALESCE(t.ask_reason_json, excluded.ask_reason_json),
  cwd = COALESCE(t.cwd, excluded.cwd),
  paths_json = COALESCE(t.paths_json, excluded.paths_json),
  action_sha256 = COALESCE(t.action_sha256, excluded.action_sha256),
  offer = COALESCE(t.offer, excluded.offer),
  turn = COALESCE(t.turn, excluded.turn),
  provider_request = COALESCE(t.provider_request, excluded.provider_request),
  provider_item = COALESCE(t.provider_item, excluded.provider_item),
  asked_us = COALESCE(t.asked_us, excluded.asked_us),
  status = COALESCE(excluded.status, t.status),
  decision = COALESCE(t.decision, excluded.decision),
  decided_by = COALESCE(t.decided_by, excluded.decided_by),
  rule = COALESCE(t.rule, excluded.rule),
  reason_json = COALESCE(t.reason_json, excluded.reason_json),
  answer_json = COALESCE(t.answer_json, excluded.answer_json),
  resolved = COALESCE(t.resolved, excluded.resolved),
  resolved_us = COALESCE(t.resolved_us, excluded.resolved_us),
  delivered_how = COALESCE(t.delivered_how, excluded.delivered_how),
  delivered_offer = COALESCE(t.delivered_offer, excluded.delivered_offer),
  delivered_us = COALESCE(t.delivered_us, excluded.delivered_us),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}

enum CountColumn : std::size_t { kCountedSession, kCountedWorkspace, kAsked, kOpen, kCountSeq };
const rows::Table& counts_table() {
  static const rows::Table table{"approval_counts",
                                 {{"session_id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"asked", Type::int8, Merge::add},
                                  {"open", Type::int8, Merge::add},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO approval_counts AS t (session_id, workspace, asked, open, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::bigint[]), unnest($5::bigint[])
ON CONFLICT (session_id, workspace) DO UPDATE SET
  asked = COALESCE(t.asked + excluded.asked, t.asked, excluded.asked),
  open = COALESCE(t.open + excluded.open, t.open, excluded.open),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}

Patch touched(const AcceptedEvent& e, const std::string& id) {
  Patch patch(approvals_table());
  patch.text(kId, id).text(kWorkspace, e.commit.workspace_id()).number(kSeq, e.seq);
  return patch;
}

void count(const AcceptedEvent& e, const std::string& session, std::int64_t asked, std::int64_t open, rows::Batch& out) {
  Patch patch(counts_table());
  patch.text(kCountedSession, session)
      .text(kCountedWorkspace, e.commit.workspace_id())
      .number(kAsked, asked)
      .number(kOpen, open)
      .number(kCountSeq, e.seq)
      .into(out);
}

std::string optional_json(bool is_there, const v1::Text& text) { return is_there ? json_of(text) : "null"; }

void requested(const AcceptedEvent& e, const std::string& session, const v1::ApprovalRequested& fact, rows::Batch& out) {
  touched(e, fact.request_id())
      .text(kSessionId, session)
      .text(kIssueId, e.event.issue_id())
      .text(kKind, fact.kind())
      .text(kCommandJson, optional_json(fact.has_command(), fact.command()))
      .text(kPatchJson, optional_json(fact.has_patch(), fact.patch()))
      .text(kDetailJson, optional_json(fact.has_detail(), fact.detail()))
      .text(kAskReasonJson, optional_json(fact.has_reason(), fact.reason()))
      .text(kCwd, fact.cwd())
      .text(kPathsJson, json_array_of(fact.paths()))
      .text(kActionSha256, to_hex(fact.action_sha256()))
      .number(kOffer, fact.offer())
      .number(kTurn, fact.turn())
      .text(kProviderRequest, fact.provider_request())
      .text(kProviderItem, fact.provider_item())
      .text(kStatus, "open")
      .number(kAskedUs, e.time_us)
      .into(out);
  count(e, session, 1, 1, out);
}

void resolved(const AcceptedEvent& e, const std::string& session, const v1::ApprovalResolved& fact, rows::Batch& out) {
  touched(e, fact.request_id())
      .text(kStatus, "resolved")
      .text(kDecision, fact.decision())
      .text(kDecidedBy, fact.by())
      .text(kRule, fact.rule())
      .text(kReasonJson, optional_json(fact.has_reason(), fact.reason()))
      .text(kAnswerJson, optional_json(fact.has_answer(), fact.answer()))
      .text(kResolved, fact.SerializeAsString())
      .number(kResolvedUs, e.time_us)
      .into(out);
  count(e, session, 0, -1, out);
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (!e.payload.has_session()) return;
  const std::string session = id_in(e.event.stream(), "session/");
  if (session.empty()) return;
  const v1::SessionEvent& event = e.payload.session();
  if (event.has_approval_requested()) return requested(e, session, event.approval_requested(), out);
  if (event.has_approval_resolved()) return resolved(e, session, event.approval_resolved(), out);
  if (event.has_approval_delivered())
    touched(e, event.approval_delivered().request_id())
        .text(kDeliveredHow, event.approval_delivered().how())
        .number(kDeliveredOffer, event.approval_delivered().offer())
        .number(kDeliveredUs, e.time_us)
        .into(out);
}
}  // namespace

Projection model() { return {"approvals", 1, {&approvals_table(), &counts_table()}, &project, aggregates(v1::EventPayload::kSession)}; }

}  // namespace dossier::projections::approvals
