// Workspaces.
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::workspaces {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t { kId, kKind, kSlug, kNameJson, kOwnerId, kCreatedUs, kSeq };
const rows::Table& workspaces_table() {
  static const rows::Table table{"workspaces",
                                 {{"id", Type::text, Merge::key},
                                  {"kind", Type::text, Merge::keep},
                                  {"slug", Type::text, Merge::keep},
                                  {"name_json", Type::text, Merge::set},
                                  {"owner_id", Type::text, Merge::keep},
                                  {"created_us", Type::int8, Merge::keep},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO workspaces AS t (
  id, kind, slug, name_json, owner_id, created_us, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::bigint[]),
  unnest($7::bigint[])
ON CONFLICT (id) DO UPDATE SET
  kind = COALESCE(t.kind, excluded.kind),
  slug = COALESCE(t.slug, excluded.slug),
  name_json = COALESCE(excluded.name_json, t.name_json),
  owner_id = COALESCE(t.owner_id, excluded.owner_id),
  created_us = COALESCE(t.created_us, excluded.created_us),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}

Patch touched(const AcceptedEvent& e) {
  Patch patch(workspaces_table());
  patch.text(kId, e.commit.workspace_id()).number(kSeq, e.seq);
  return patch;
}

std::string kind_name(v1::WorkspaceCreated::Kind kind) { return kind == v1::WorkspaceCreated::PERSONAL ? "personal" : "team"; }

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (!e.payload.has_workspace()) return;
  const v1::WorkspaceEvent& event = e.payload.workspace();
  switch (event.fact_case()) {
    case v1::WorkspaceEvent::kWorkspaceCreated:
      return touched(e)
          .text(kKind, kind_name(event.workspace_created().kind()))
          .text(kSlug, event.workspace_created().slug())
          .text(kNameJson, json_of(event.workspace_created().name()))
          .text(kOwnerId, event.workspace_created().owner_id())
          .number(kCreatedUs, e.time_us)
          .into(out);
    case v1::WorkspaceEvent::kWorkspaceRenamed: return touched(e).text(kNameJson, json_of(event.workspace_renamed().name())).into(out);
    case v1::WorkspaceEvent::kWorkerTokenIssued:
    case v1::WorkspaceEvent::kWorkerTokenRevoked:
    case v1::WorkspaceEvent::kAgentProfileDefined:
    case v1::WorkspaceEvent::kApprovalPolicySet:
    case v1::WorkspaceEvent::FACT_NOT_SET: return;
  }
}
}  // namespace

Projection model() { return {"workspaces", 1, {&workspaces_table()}, &project, aggregates(v1::EventPayload::kWorkspace)}; }

}  // namespace dossier::projections::workspaces
