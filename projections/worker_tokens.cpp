// Tokens of workers, by the id of the secret; the token itself is known to nobody.
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::worker_tokens {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t { kSecretId, kWorkspace, kTokenPrefix, kLabelJson, kIssuedBy, kIssuedUs, kRevoked, kRevokedUs, kSeq };
const rows::Table& worker_tokens_table() {
  static const rows::Table table{"worker_tokens",
                                 {{"secret_id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"token_prefix", Type::text, Merge::keep},
                                  {"label_json", Type::text, Merge::keep},
                                  {"issued_by", Type::text, Merge::keep},
                                  {"issued_us", Type::int8, Merge::keep},
                                  {"revoked", Type::bool_, Merge::set},
                                  {"revoked_us", Type::int8, Merge::set},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO worker_tokens AS t (
  secret_id, workspace, token_prefix, label_json, issued_by, issued_us, revoked, revoked_us, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::bigint[]),
  unnest($7::boolean[]), unnest($8::bigint[]), unnest($9::bigint[])
ON CONFLICT (secret_id, workspace) DO UPDATE SET
  token_prefix = COALESCE(t.token_prefix, excluded.token_prefix),
  label_json = COALESCE(t.label_json, excluded.label_json),
  issued_by = COALESCE(t.issued_by, excluded.issued_by),
  issued_us = COALESCE(t.issued_us, excluded.issued_us),
  revoked = COALESCE(excluded.revoked, t.revoked),
  revoked_us = COALESCE(excluded.revoked_us, t.revoked_us),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}

Patch touched(const AcceptedEvent& e, const std::string& secret_id) {
  Patch patch(worker_tokens_table());
  patch.text(kSecretId, secret_id).text(kWorkspace, e.commit.workspace_id()).number(kSeq, e.seq);
  return patch;
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (!e.payload.has_workspace()) return;
  const v1::WorkspaceEvent& event = e.payload.workspace();
  if (event.has_worker_token_issued())
    touched(e, event.worker_token_issued().secret_id())
        .text(kTokenPrefix, event.worker_token_issued().token_prefix())
        .text(kLabelJson, json_of(event.worker_token_issued().label()))
        .text(kIssuedBy, e.commit.actor().id())
        .number(kIssuedUs, e.time_us)
        .flag(kRevoked, false)
        .into(out);
  else if (event.has_worker_token_revoked())
    touched(e, event.worker_token_revoked().secret_id()).flag(kRevoked, true).number(kRevokedUs, e.time_us).into(out);
}
}  // namespace

Projection model() { return {"worker_tokens", 1, {&worker_tokens_table()}, &project, aggregates(v1::EventPayload::kWorkspace)}; }

}  // namespace dossier::projections::worker_tokens
