// Secrets of projects: which there are, since when and by whom. Their sealed values lie in dossier.project_secrets.
#include "events/project.hpp"
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::project_secrets {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t { kSecretId, kWorkspace, kProjectId, kKind, kName, kSetBy, kSetUs, kRemoved, kSeq };
const rows::Table& project_secrets_table() {
  static const rows::Table table{"project_secrets",
                                 {{"secret_id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"project_id", Type::text, Merge::keep},
                                  {"kind", Type::text, Merge::keep},
                                  {"name", Type::text, Merge::keep},
                                  {"set_by", Type::text, Merge::keep},
                                  {"set_us", Type::int8, Merge::keep},
                                  {"removed", Type::bool_, Merge::set},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO project_secrets AS t (secret_id, workspace, project_id, kind, name, set_by, set_us, removed, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
  unnest($7::bigint[]), unnest($8::boolean[]), unnest($9::bigint[])
ON CONFLICT (secret_id, workspace) DO UPDATE SET
  project_id = COALESCE(t.project_id, excluded.project_id),
  kind = COALESCE(t.kind, excluded.kind),
  name = COALESCE(t.name, excluded.name),
  set_by = COALESCE(t.set_by, excluded.set_by),
  set_us = COALESCE(t.set_us, excluded.set_us),
  removed = COALESCE(excluded.removed, t.removed),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}

Patch touched(const AcceptedEvent& e, const std::string& secret_id) {
  Patch patch(project_secrets_table());
  patch.text(kSecretId, secret_id).text(kWorkspace, e.commit.workspace_id()).number(kSeq, e.seq);
  return patch;
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (!e.payload.has_project()) return;
  const v1::ProjectEvent& event = e.payload.project();
  if (event.has_project_secret_set()) {
    const v1::ProjectSecretSet& fact = event.project_secret_set();
    touched(e, fact.secret_id())
        .text(kProjectId, id_in(e.event.stream(), "project/"))
        .text(kKind, std::string(events::project_secret_kind(fact.kind())))
        .text(kName, fact.name())
        .text(kSetBy, e.commit.actor().id())
        .number(kSetUs, e.time_us)
        .flag(kRemoved, false)
        .into(out);
  } else if (event.has_project_secret_removed()) {
    touched(e, event.project_secret_removed().secret_id()).flag(kRemoved, true).into(out);
  }
}
}  // namespace

Projection model() { return {"project_secrets", 1, {&project_secrets_table()}, &project, aggregates(v1::EventPayload::kProject)}; }

}  // namespace dossier::projections::project_secrets
