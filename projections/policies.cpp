// Approval policies: what is in force for a workspace and its projects, since when, by whom and why.
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::policies {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t { kWorkspace, kProjectId, kInherits, kMode, kRulesJson, kReasonJson, kSetBy, kSetUs, kSeq };
const rows::Table& policies_table() {
  static const rows::Table table{"approval_policies",
                                 {{"workspace", Type::text, Merge::key},
                                  {"project_id", Type::text, Merge::key},
                                  {"inherits", Type::bool_, Merge::set},
                                  {"mode", Type::text, Merge::set},
                                  {"rules_json", Type::text, Merge::set},
                                  {"reason_json", Type::text, Merge::set},
                                  {"set_by", Type::text, Merge::set},
                                  {"set_us", Type::int8, Merge::set},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO approval_policies AS t (workspace, project_id, inherits, mode, rules_json, reason_json, set_by, set_us, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::boolean[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
  unnest($7::text[]), unnest($8::bigint[]), unnest($9::bigint[])
ON CONFLICT (workspace, project_id) DO UPDATE SET
  inherits = COALESCE(excluded.inherits, t.inherits),
  mode = COALESCE(excluded.mode, t.mode),
  rules_json = COALESCE(excluded.rules_json, t.rules_json),
  reason_json = COALESCE(excluded.reason_json, t.reason_json),
  set_by = COALESCE(excluded.set_by, t.set_by),
  set_us = COALESCE(excluded.set_us, t.set_us),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}

// never, on_request, untrusted.
std::string_view mode_name(v1::ApprovalPolicy::Mode mode) {
  if (mode == v1::ApprovalPolicy::ON_REQUEST) return "on_request";
  if (mode == v1::ApprovalPolicy::UNTRUSTED) return "untrusted";
  return "never";
}

// [ApprovalRule…] as facts show them.
std::string rules_json(const v1::ApprovalPolicy& policy) {
  std::string out = "[";
  for (const auto& rule : policy.rules()) {
    if (out.size() > 1) out += ',';
    events::append_json(out, rule);
  }
  return out += ']';
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (!e.payload.has_workspace() || !e.payload.workspace().has_approval_policy_set()) return;
  const v1::ApprovalPolicySet& fact = e.payload.workspace().approval_policy_set();
  Patch patch(policies_table());
  patch.text(kWorkspace, e.commit.workspace_id())
      .text(kProjectId, fact.project_id())
      .flag(kInherits, !fact.has_policy())
      .text(kMode, std::string(mode_name(fact.policy().mode())))
      .text(kRulesJson, rules_json(fact.policy()))
      .text(kReasonJson, fact.has_reason() ? json_of(fact.reason()) : "null")
      .text(kSetBy, e.commit.actor().id())
      .number(kSetUs, e.time_us)
      .number(kSeq, e.seq)
      .into(out);
}
}  // namespace

Projection model() { return {"policies", 1, {&policies_table()}, &project, aggregates(v1::EventPayload::kWorkspace)}; }

}  // namespace dossier::projections::policies
