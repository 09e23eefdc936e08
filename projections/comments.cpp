// Comments: what never changes as one JSON fragment, the body as JSON text.
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::comments {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t { kId, kWorkspace, kIssueId, kFirstSeq, kFirstIndex, kHeadJson, kBodyJson, kEdited, kRemoved, kSeq };
const rows::Table& comments_table() {
  static const rows::Table table{"comments",
                                 {{"id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"issue_id", Type::text, Merge::keep},
                                  {"first_seq", Type::int8, Merge::keep},
                                  {"first_index", Type::int8, Merge::keep},
                                  {"head_json", Type::text, Merge::keep},
                                  {"body_json", Type::text, Merge::set},
                                  {"edited", Type::bool_, Merge::set},
                                  {"removed", Type::bool_, Merge::set},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO comments AS t (
  id, workspace, issue_id, first_seq, first_index, head_json, body_json, edited, removed, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]), unnest($5::bigint[]), unnest($6::text[]),
  unnest($7::text[]), unnest($8::boolean[]), unnest($9::boolean[]), unnest($10::bigint[])
ON CONFLICT (id, workspace) DO UPDATE SET
  issue_id = COALESCE(t.issue_id, excluded.issue_id),
  first_seq = COALESCE(t.first_seq, excluded.first_seq),
  first_index = COALESCE(t.first_index, excluded.first_index),
  head_json = COALESCE(t.head_json, excluded.head_json),
  body_json = COALESCE(excluded.body_json, t.body_json),
  edited = COALESCE(excluded.edited, t.edited),
  removed = COALESCE(excluded.removed, t.removed),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}

std::string head(const AcceptedEvent& e, const std::string& id) {
  std::string out = "\"id\":";
  events::append_json_string(out, id);
  out += ",\"issue_id\":";
  events::append_json_string(out, e.event.issue_id());
  out += ",\"author_id\":";
  events::append_json_string(out, e.commit.actor().id());
  out += ",\"created_at\":\"";
  out += events::time_text(e.time_us);
  return out += '"';
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (!e.payload.has_comment()) return;
  std::string id = id_in(e.event.stream(), "comment/");
  if (id.empty()) return;
  const v1::CommentEvent& event = e.payload.comment();
  Patch patch(comments_table());
  patch.text(kWorkspace, e.commit.workspace_id()).number(kSeq, e.seq);
  switch (event.fact_case()) {
    case v1::CommentEvent::kCommentAdded:
      patch.text(kIssueId, e.event.issue_id())
          .number(kFirstSeq, e.seq)
          .number(kFirstIndex, e.index)
          .text(kHeadJson, head(e, id))
          .text(kBodyJson, json_of(event.comment_added().body()))
          .flag(kEdited, false)
          .flag(kRemoved, false);
      break;
    case v1::CommentEvent::kCommentEdited: patch.text(kBodyJson, json_of(event.comment_edited().body())).flag(kEdited, true); break;
    case v1::CommentEvent::kCommentRemoved: patch.text(kBodyJson, "null").flag(kRemoved, true); break;
    case v1::CommentEvent::FACT_NOT_SET: return;
  }
  patch.text(kId, std::move(id));
  patch.into(out);
}
}  // namespace

Projection model() { return {"comments", 1, {&comments_table()}, &project, aggregates(v1::EventPayload::kComment)}; }

}  // namespace dossier::projections::comments
