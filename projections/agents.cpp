// Agent profiles: the last definition of each.
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::agents {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t {
  kId,
  kWorkspace,
  kName,
  kProvider,
  kModel,
  kInstructionsJson,
  kEnabled,
  kCommandJson,
  kTimeoutMs,
  kCreatedUs,
  kUpdatedUs,
  kSeq
};
const rows::Table& agents_table() {
  static const rows::Table table{"agents",
                                 {{"id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"name", Type::text, Merge::set},
                                  {"provider", Type::text, Merge::set},
                                  {"model", Type::text, Merge::set},
                                  {"instructions_json", Type::text, Merge::set},
                                  {"enabled", Type::bool_, Merge::set},
                                  {"command_json", Type::text, Merge::set},
                                  {"timeout_ms", Type::int8, Merge::set},
                                  {"created_us", Type::int8, Merge::keep},
                                  {"updated_us", Type::int8, Merge::greatest},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO agents AS t (
  id, workspace, name, provider, model, instructions_json, enabled, command_json, timeout_ms, created_us, updated_us,
  seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
  unnest($7::boolean[]), unnest($8::text[]), unnest($9::bigint[]), unnest($10::bigint[]), unnest($11::bigint[]), unnest($12::bigint[])
ON CONFLICT (id, workspace) DO UPDATE SET
  name = COALESCE(excluded.name, t.name),
  provider = COALESCE(excluded.provider, t.provider),
  model = COALESCE(excluded.model, t.model),
  instructions_json = COALESCE(excluded.instructions_json, t.instructions_json),
  enabled = COALESCE(excluded.enabled, t.enabled),
  command_json = COALESCE(excluded.command_json, t.command_json),
  timeout_ms = COALESCE(excluded.timeout_ms, t.timeout_ms),
  created_us = COALESCE(t.created_us, excluded.created_us),
  updated_us = GREATEST(t.updated_us, excluded.updated_us),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (!e.payload.has_workspace() || !e.payload.workspace().has_agent_profile_defined()) return;
  const v1::AgentProfileDefined& fact = e.payload.workspace().agent_profile_defined();
  Patch(agents_table())
      .text(kId, fact.agent_id())
      .text(kWorkspace, e.commit.workspace_id())
      .text(kName, fact.name())
      .text(kProvider, fact.provider())
      .text(kModel, fact.model())
      .text(kInstructionsJson, json_of(fact.instructions()))
      .flag(kEnabled, fact.enabled())
      .text(kCommandJson, json_array_of(fact.command()))
      .number(kTimeoutMs, fact.timeout_ms())
      .number(kCreatedUs, e.time_us)
      .number(kUpdatedUs, e.time_us)
      .number(kSeq, e.seq)
      .into(out);
}
}  // namespace

Projection model() { return {"agents", 1, {&agents_table()}, &project, aggregates(v1::EventPayload::kWorkspace)}; }

}  // namespace dossier::projections::agents
