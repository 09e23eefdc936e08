// Members of workspaces, with their roles. Who was removed stays as a row.
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::members {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t { kWorkspace, kUserId, kRole, kRemoved, kSinceUs, kSeq };
const rows::Table& members_table() {
  static const rows::Table table{"members",
                                 {{"workspace", Type::text, Merge::key},
                                  {"user_id", Type::text, Merge::key},
                                  {"role", Type::text, Merge::set},
                                  {"removed", Type::bool_, Merge::set},
                                  {"since_us", Type::int8, Merge::set},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO members AS t (
  workspace, user_id, role, removed, since_us, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::boolean[]), unnest($5::bigint[]), unnest($6::bigint[])
ON CONFLICT (workspace, user_id) DO UPDATE SET
  role = COALESCE(excluded.role, t.role),
  removed = COALESCE(excluded.removed, t.removed),
  since_us = COALESCE(excluded.since_us, t.since_us),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}

std::string role_name(v1::Role role) {
  if (role == v1::OWNER) return "owner";
  if (role == v1::ADMIN) return "admin";
  if (role == v1::MEMBER) return "member";
  return "viewer";  // the least that a member can be, also for a role of newer code
}

Patch touched(const AcceptedEvent& e, const std::string& user_id) {
  Patch patch(members_table());
  patch.text(kWorkspace, e.commit.workspace_id()).text(kUserId, user_id).number(kSeq, e.seq);
  return patch;
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (!e.payload.has_members()) return;
  const v1::MembersEvent& event = e.payload.members();
  switch (event.fact_case()) {
    case v1::MembersEvent::kMemberAdded:
      return touched(e, event.member_added().user_id())
          .text(kRole, role_name(event.member_added().role()))
          .flag(kRemoved, false)
          .number(kSinceUs, e.time_us)
          .into(out);
    case v1::MembersEvent::kMemberRoleChanged:
      return touched(e, event.member_role_changed().user_id()).text(kRole, role_name(event.member_role_changed().role())).into(out);
    case v1::MembersEvent::kMemberRemoved: return touched(e, event.member_removed().user_id()).flag(kRemoved, true).into(out);
    case v1::MembersEvent::FACT_NOT_SET: return;
  }
}
}  // namespace

Projection model() { return {"members", 1, {&members_table()}, &project, aggregates(v1::EventPayload::kMembers)}; }

}  // namespace dossier::projections::members
