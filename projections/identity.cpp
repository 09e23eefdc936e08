// Users, their signed-in sessions, and reserved names: all in the domain "identity".
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::identity {
namespace {

using rows::Merge;
using rows::Type;

namespace users {
enum Column : std::size_t { kId, kWorkspace, kLoginJson, kDisplayNameJson, kPasswordSecretId, kAdmin, kCreatedUs, kSeq };
const rows::Table& table_of() {
  static const rows::Table table{"users",
                                 {{"id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"login_json", Type::text, Merge::keep},
                                  {"display_name_json", Type::text, Merge::set},
                                  {"password_secret_id", Type::text, Merge::set},
                                  {"admin", Type::bool_, Merge::set},
                                  {"created_us", Type::int8, Merge::keep},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO users AS t (
  id, workspace, login_json, display_name_json, password_secret_id, admin, created_us, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::boolean[]),
  unnest($7::bigint[]), unnest($8::bigint[])
ON CONFLICT (id, workspace) DO UPDATE SET
  login_json = COALESCE(t.login_json, excluded.login_json),
  display_name_json = COALESCE(excluded.display_name_json, t.display_name_json),
  password_secret_id = COALESCE(excluded.password_secret_id, t.password_secret_id),
  admin = COALESCE(excluded.admin, t.admin),
  created_us = COALESCE(t.created_us, excluded.created_us),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}
}  // namespace users

namespace auth_sessions {
enum Column : std::size_t { kSecretId, kWorkspace, kUserId, kTokenPrefix, kOpenedUs, kExpiresUs, kRevoked, kSeq };
const rows::Table& table_of() {
  static const rows::Table table{"auth_sessions",
                                 {{"secret_id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"user_id", Type::text, Merge::keep},
                                  {"token_prefix", Type::text, Merge::keep},
                                  {"opened_us", Type::int8, Merge::keep},
                                  {"expires_us", Type::int8, Merge::keep},
                                  {"revoked", Type::bool_, Merge::set},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO auth_sessions AS t (
  secret_id, workspace, user_id, token_prefix, opened_us, expires_us, revoked, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::bigint[]), unnest($6::bigint[]),
  unnest($7::boolean[]), unnest($8::bigint[])
ON CONFLICT (secret_id, workspace) DO UPDATE SET
  user_id = COALESCE(t.user_id, excluded.user_id),
  token_prefix = COALESCE(t.token_prefix, excluded.token_prefix),
  opened_us = COALESCE(t.opened_us, excluded.opened_us),
  expires_us = COALESCE(t.expires_us, excluded.expires_us),
  revoked = COALESCE(excluded.revoked, t.revoked),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}
}  // namespace auth_sessions

namespace names {
enum Column : std::size_t { kStream, kWorkspace, kOwner, kConfirmed, kSeq };
const rows::Table& table_of() {
  static const rows::Table table{"names",
                                 {{"stream", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"owner", Type::text, Merge::set},
                                  {"confirmed", Type::bool_, Merge::set},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO names AS t (
  stream, workspace, owner, confirmed, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::boolean[]), unnest($5::bigint[])
ON CONFLICT (stream, workspace) DO UPDATE SET
  owner = COALESCE(excluded.owner, t.owner),
  confirmed = COALESCE(excluded.confirmed, t.confirmed),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}
}  // namespace names

template <class Table>
Patch touched(const AcceptedEvent& e, const Table& table, std::size_t key, std::string id, std::size_t workspace, std::size_t seq) {
  Patch patch(table);
  patch.text(key, std::move(id)).text(workspace, e.commit.workspace_id()).number(seq, e.seq);
  return patch;
}
Patch user(const AcceptedEvent& e) {
  return touched(e, users::table_of(), users::kId, id_in(e.event.stream(), "user/"), users::kWorkspace, users::kSeq);
}
Patch auth_session(const AcceptedEvent& e, const std::string& secret_id) {
  return touched(e, auth_sessions::table_of(), auth_sessions::kSecretId, secret_id, auth_sessions::kWorkspace, auth_sessions::kSeq);
}
Patch name(const AcceptedEvent& e) { return touched(e, names::table_of(), names::kStream, e.event.stream(), names::kWorkspace, names::kSeq); }

void registered(const AcceptedEvent& e, const v1::UserRegistered& fact, rows::Batch& out) {
  user(e)
      .text(users::kLoginJson, json_of(fact.login()))
      .text(users::kDisplayNameJson, json_of(fact.display_name()))
      .text(users::kPasswordSecretId, fact.password_secret_id())
      .flag(users::kAdmin, fact.admin())
      .number(users::kCreatedUs, e.time_us)
      .into(out);
}

void opened(const AcceptedEvent& e, const v1::AuthSessionOpened& fact, rows::Batch& out) {
  auth_session(e, fact.secret_id())
      .text(auth_sessions::kUserId, id_in(e.event.stream(), "user/"))
      .text(auth_sessions::kTokenPrefix, fact.token_prefix())
      .number(auth_sessions::kOpenedUs, e.time_us)
      .number(auth_sessions::kExpiresUs, fact.expires_at_us())
      .flag(auth_sessions::kRevoked, false)
      .into(out);
}

// Facts of user/<id>.
void on_user(const AcceptedEvent& e, const v1::IdentityEvent& event, rows::Batch& out) {
  switch (event.fact_case()) {
    case v1::IdentityEvent::kUserRegistered: return registered(e, event.user_registered(), out);
    case v1::IdentityEvent::kPasswordChanged: return user(e).text(users::kPasswordSecretId, event.password_changed().password_secret_id()).into(out);
    case v1::IdentityEvent::kAuthSessionOpened: return opened(e, event.auth_session_opened(), out);
    case v1::IdentityEvent::kAuthSessionRevoked:
      return auth_session(e, event.auth_session_revoked().secret_id()).flag(auth_sessions::kRevoked, true).into(out);
    case v1::IdentityEvent::kNameReserved:
    case v1::IdentityEvent::kNameConfirmed:
    case v1::IdentityEvent::kNameReleased:
    case v1::IdentityEvent::kAdminBootstrapped:
    case v1::IdentityEvent::kSecretDiscarded:
    case v1::IdentityEvent::FACT_NOT_SET: return;
  }
}

// Facts of login/…, slug/…, server/admin.
void on_name(const AcceptedEvent& e, const v1::IdentityEvent& event, rows::Batch& out) {
  switch (event.fact_case()) {
    case v1::IdentityEvent::kNameReserved: return name(e).text(names::kOwner, event.name_reserved().owner()).flag(names::kConfirmed, false).into(out);
    case v1::IdentityEvent::kNameConfirmed: return name(e).flag(names::kConfirmed, true).into(out);
    case v1::IdentityEvent::kNameReleased: return name(e).text(names::kOwner, {}).flag(names::kConfirmed, false).into(out);
    case v1::IdentityEvent::kAdminBootstrapped:
      return name(e).text(names::kOwner, event.admin_bootstrapped().user_id()).flag(names::kConfirmed, true).into(out);
    case v1::IdentityEvent::kUserRegistered:
    case v1::IdentityEvent::kPasswordChanged:
    case v1::IdentityEvent::kAuthSessionOpened:
    case v1::IdentityEvent::kAuthSessionRevoked:
    case v1::IdentityEvent::kSecretDiscarded:
    case v1::IdentityEvent::FACT_NOT_SET: return;
  }
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (!e.payload.has_identity()) return;
  if (!id_in(e.event.stream(), "user/").empty())
    on_user(e, e.payload.identity(), out);
  else
    on_name(e, e.payload.identity(), out);
}
}  // namespace

Projection model() {
  return {"identity", 1, {&users::table_of(), &auth_sessions::table_of(), &names::table_of()}, &project, aggregates(v1::EventPayload::kIdentity)};
}

}  // namespace dossier::projections::identity
