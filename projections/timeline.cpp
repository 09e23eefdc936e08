// The timeline: every accepted event that names an issue, as the item which the API serves.
#include "events/codec.hpp"
#include "events/json.hpp"
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::timeline {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t { kIssueId, kWorkspace, kSeq, kIdx, kTimeUs, kType, kDoc };
const rows::Table& timeline_table() {
  static const rows::Table table{"timeline",
                                 {{"issue_id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"seq", Type::int8, Merge::key},
                                  {"idx", Type::int8, Merge::key},
                                  {"time_us", Type::int8, Merge::set},
                                  {"type", Type::text, Merge::set},
                                  {"doc", Type::text, Merge::set}},
                                 R"sql(
INSERT INTO timeline AS t (
  issue_id, workspace, seq, idx, time_us, type, doc)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::bigint[]), unnest($5::bigint[]), unnest($6::text[]),
  unnest($7::text[])
)sql",
                                 true};
  return table;
}

// {"seq":…,"time":…,"actor":…,"index":…,"stream":…,"version":…,"issue_id":…,"type":…,"data":{…}}
std::string item(const AcceptedEvent& e, std::string_view type) {
  std::string doc;
  doc.reserve(320 + e.event.payload().size());
  doc += "{\"seq\":";
  doc += std::to_string(e.seq);
  doc += ",\"time\":\"";
  doc += events::time_text(e.time_us);
  doc += "\",\"actor\":";
  events::append_actor_json(doc, e.commit.actor());
  doc += ",\"index\":";
  doc += std::to_string(e.index);
  doc += ",\"stream\":";
  events::append_json_string(doc, e.event.stream());
  doc += ",\"version\":";
  doc += std::to_string(e.version);
  doc += ",\"issue_id\":";
  events::append_json_string(doc, e.event.issue_id());
  doc += ",\"type\":\"";
  doc += type;
  doc += "\",\"data\":";
  events::append_data_json(doc, e.payload);
  return doc += '}';
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (e.event.issue_id().empty()) return;
  const std::string_view type = events::fact_name(e.payload);
  Patch(timeline_table())
      .text(kIssueId, e.event.issue_id())
      .text(kWorkspace, e.commit.workspace_id())
      .number(kSeq, e.seq)
      .number(kIdx, e.index)
      .number(kTimeUs, e.time_us)
      .text(kType, std::string(type))
      .text(kDoc, item(e, type))
      .into(out);
}
}  // namespace

Projection model() { return {"timeline", 1, {&timeline_table()}, &project}; }

}  // namespace dossier::projections::timeline
