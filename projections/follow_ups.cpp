// Follow-ups of sessions: what never changes as one JSON fragment, the body as JSON text, and what became of each.
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::follow_ups {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t {
  kId,
  kWorkspace,
  kSessionId,
  kIssueId,
  kFirstSeq,
  kFirstIndex,
  kHeadJson,
  kBodyJson,
  kStatus,
  kSteerRequested,
  kTurn,
  kSteered,
  kDeliveredUs,
  kSeq
};
const rows::Table& follow_ups_table() {
  static const rows::Table table{"follow_ups",
                                 {{"id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"session_id", Type::text, Merge::keep},
                                  {"issue_id", Type::text, Merge::keep},
                                  {"first_seq", Type::int8, Merge::keep},
                                  {"first_index", Type::int8, Merge::keep},
                                  {"head_json", Type::text, Merge::keep},
                                  {"body_json", Type::text, Merge::set},
                                  {"status", Type::text, Merge::set},
                                  {"steer_requested", Type::bool_, Merge::set},
                                  {"turn", Type::int8, Merge::set},
                                  {"steered", Type::bool_, Merge::set},
                                  {"delivered_us", Type::int8, Merge::set},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO follow_ups AS t (
  id, workspace, session_id, issue_id, first_seq, first_index, head_json, body_json, status, steer_requested, turn,
  steered, delivered_us, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::bigint[]), unnest($6::bigint[]),
  unnest($7::text[]), unnest($8::text[]), unnest($9::text[]), unnest($10::boolean[]), unnest($11::bigint[]), unnest($12::boolean[]),
  unnest($13::bigint[]), unnest($14::bigint[])
ON CONFLICT (id, workspace) DO UPDATE SET
  session_id = COALESCE(t.session_id, excluded.session_id),
  issue_id = COALESCE(t.issue_id, excluded.issue_id),
  first_seq = COALESCE(t.first_seq, excluded.first_seq),
  first_index = COALESCE(t.first_index, excluded.first_index),
  head_json = COALESCE(t.head_json, excluded.head_json),
  body_json = COALESCE(excluded.body_json, t.body_json),
  status = COALESCE(excluded.status, t.status),
  steer_requested = COALESCE(excluded.steer_requested, t.steer_requested),
  turn = COALESCE(excluded.turn, t.turn),
  steered = COALESCE(excluded.steered, t.steered),
  delivered_us = COALESCE(excluded.delivered_us, t.delivered_us),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}

Patch touched(const AcceptedEvent& e, const std::string& id) {
  Patch patch(follow_ups_table());
  patch.text(kId, id).text(kWorkspace, e.commit.workspace_id()).number(kSeq, e.seq);
  return patch;
}

std::string head(const AcceptedEvent& e, const std::string& session, const v1::FollowUpQueued& fact) {
  std::string out = "\"id\":";
  events::append_json_string(out, fact.follow_up_id());
  out += ",\"session_id\":";
  events::append_json_string(out, session);
  out += ",\"comment_id\":";
  if (fact.comment_id().empty())
    out += "null";
  else
    events::append_json_string(out, fact.comment_id());
  out += ",\"author_id\":";
  events::append_json_string(out, e.commit.actor().id());
  out += ",\"queued_at\":\"";
  out += events::time_text(e.time_us);
  return out += '"';
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (!e.payload.has_session()) return;
  const std::string session = id_in(e.event.stream(), "session/");
  if (session.empty()) return;
  const v1::SessionEvent& event = e.payload.session();
  if (event.has_follow_up_queued()) {
    const v1::FollowUpQueued& fact = event.follow_up_queued();
    touched(e, fact.follow_up_id())
        .text(kSessionId, session)
        .text(kIssueId, e.event.issue_id())
        .number(kFirstSeq, e.seq)
        .number(kFirstIndex, e.index)
        .text(kHeadJson, head(e, session, fact))
        .text(kBodyJson, json_of(fact.body()))
        .text(kStatus, "waiting")
        .flag(kSteerRequested, false)
        .flag(kSteered, false)
        .into(out);
  } else if (event.has_follow_up_edited()) {
    touched(e, event.follow_up_edited().follow_up_id()).text(kBodyJson, json_of(event.follow_up_edited().body())).into(out);
  } else if (event.has_follow_up_removed()) {
    touched(e, event.follow_up_removed().follow_up_id()).text(kStatus, "removed").into(out);
  } else if (event.has_follow_up_steer_requested()) {
    touched(e, event.follow_up_steer_requested().follow_up_id()).flag(kSteerRequested, true).into(out);
  } else if (event.has_follow_up_delivered()) {
    const v1::FollowUpDelivered& fact = event.follow_up_delivered();
    touched(e, fact.follow_up_id())
        .text(kStatus, "delivered")
        .number(kTurn, fact.turn())
        .flag(kSteered, fact.steered())
        .number(kDeliveredUs, e.time_us)
        .into(out);
  }
}
}  // namespace

Projection model() { return {"follow_ups", 1, {&follow_ups_table()}, &project, aggregates(v1::EventPayload::kSession)}; }

}  // namespace dossier::projections::follow_ups
