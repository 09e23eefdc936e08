// Projects: where their source is.
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::projects {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t { kId, kWorkspace, kNameJson, kGitUrl, kLocalPath, kDefaultBranch, kTrusted, kRemoved, kCreatedUs, kUpdatedUs, kSeq };
const rows::Table& projects_table() {
  static const rows::Table table{"projects",
                                 {{"id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"name_json", Type::text, Merge::set},
                                  {"git_url", Type::text, Merge::set},
                                  {"local_path", Type::text, Merge::set},
                                  {"default_branch", Type::text, Merge::set},
                                  {"trusted", Type::bool_, Merge::set},
                                  {"removed", Type::bool_, Merge::set},
                                  {"created_us", Type::int8, Merge::keep},
                                  {"updated_us", Type::int8, Merge::greatest},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO projects AS t (
  id, workspace, name_json, git_url, local_path, default_branch, trusted, removed, created_us, updated_us, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
  unnest($7::boolean[]), unnest($8::boolean[]), unnest($9::bigint[]), unnest($10::bigint[]), unnest($11::bigint[])
ON CONFLICT (id, workspace) DO UPDATE SET
  name_json = COALESCE(excluded.name_json, t.name_json),
  git_url = COALESCE(excluded.git_url, t.git_url),
  local_path = COALESCE(excluded.local_path, t.local_path),
  default_branch = COALESCE(excluded.default_branch, t.default_branch),
  trusted = COALESCE(excluded.trusted, t.trusted),
  removed = COALESCE(excluded.removed, t.removed),
  created_us = COALESCE(t.created_us, excluded.created_us),
  updated_us = GREATEST(t.updated_us, excluded.updated_us),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}

Patch touched(const AcceptedEvent& e, std::string id) {
  Patch patch(projects_table());
  patch.text(kId, std::move(id)).text(kWorkspace, e.commit.workspace_id()).number(kSeq, e.seq).number(kUpdatedUs, e.time_us);
  return patch;
}

// One of the two is '' always.
void set_source(Patch& patch, const v1::ProjectSource& source) { patch.text(kGitUrl, source.git_url()).text(kLocalPath, source.local_path()); }

void updated(const AcceptedEvent& e, std::string id, const v1::ProjectUpdated& fact, rows::Batch& out) {
  Patch patch = touched(e, std::move(id));
  if (fact.has_name()) patch.text(kNameJson, json_of(fact.name()));
  if (fact.has_source()) set_source(patch, fact.source());
  if (!fact.default_branch().empty()) patch.text(kDefaultBranch, fact.default_branch());
  patch.into(out);
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (!e.payload.has_project()) return;
  std::string id = id_in(e.event.stream(), "project/");
  if (id.empty()) return;
  const v1::ProjectEvent& event = e.payload.project();
  switch (event.fact_case()) {
    case v1::ProjectEvent::kProjectCreated: {
      Patch patch = touched(e, std::move(id));
      patch.text(kNameJson, json_of(event.project_created().name()))
          .text(kDefaultBranch, event.project_created().default_branch())
          .flag(kTrusted, false)
          .flag(kRemoved, false)
          .number(kCreatedUs, e.time_us);
      set_source(patch, event.project_created().source());
      return patch.into(out);
    }
    case v1::ProjectEvent::kProjectUpdated: return updated(e, std::move(id), event.project_updated(), out);
    case v1::ProjectEvent::kProjectTrusted: return touched(e, std::move(id)).flag(kTrusted, event.project_trusted().trusted()).into(out);
    case v1::ProjectEvent::kProjectRemoved: return touched(e, std::move(id)).flag(kRemoved, true).into(out);
    case v1::ProjectEvent::kProjectSecretSet:
    case v1::ProjectEvent::kProjectSecretRemoved:  // project_secrets.cpp
    case v1::ProjectEvent::FACT_NOT_SET: return;
  }
}
}  // namespace

Projection model() { return {"projects", 1, {&projects_table()}, &project, aggregates(v1::EventPayload::kProject)}; }

}  // namespace dossier::projections::projects
