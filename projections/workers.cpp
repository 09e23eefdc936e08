// Workers as they registered and what was committed about them; heartbeats are elsewhere (dossier.liveness).
#include "platform/json/json.hpp"
#include "projections/patch.hpp"
#include "projections/read_models.hpp"

namespace dossier::projections::workers {
namespace {

using rows::Merge;
using rows::Type;

enum Column : std::size_t {
  kId,
  kWorkspace,
  kNameJson,
  kMode,
  kCapabilitiesJson,
  kPublicKey,
  kPool,
  kTokenSecretId,
  kSlots,
  kStatus,
  kBootId,
  kRegisteredUs,
  kLostUs,
  kLastSeenUs,
  kSeq
};
const rows::Table& workers_table() {
  static const rows::Table table{"workers",
                                 {{"id", Type::text, Merge::key},
                                  {"workspace", Type::text, Merge::key},
                                  {"name_json", Type::text, Merge::keep},
                                  {"mode", Type::text, Merge::keep},
                                  {"capabilities_json", Type::text, Merge::set},
                                  {"public_key", Type::bytea, Merge::keep},
                                  {"pool", Type::text, Merge::keep},
                                  {"token_secret_id", Type::text, Merge::keep},
                                  {"slots", Type::int8, Merge::keep},
                                  {"status", Type::text, Merge::set},
                                  {"boot_id", Type::text, Merge::set},
                                  {"registered_us", Type::int8, Merge::keep},
                                  {"lost_us", Type::int8, Merge::set},
                                  {"last_seen_us", Type::int8, Merge::greatest},
                                  {"seq", Type::int8, Merge::greatest}},
                                 R"sql(
INSERT INTO workers AS t (
  id, workspace, name_json, mode, capabilities_json, public_key, pool, token_secret_id, slots, status, boot_id,
  registered_us, lost_us, last_seen_us, seq)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::bytea[]),
  unnest($7::text[]), unnest($8::text[]), unnest($9::bigint[]), unnest($10::text[]), unnest($11::text[]), unnest($12::bigint[]),
  unnest($13::bigint[]), unnest($14::bigint[]), unnest($15::bigint[])
ON CONFLICT (id, workspace) DO UPDATE SET
  name_json = COALESCE(t.name_json, excluded.name_json),
  mode = COALESCE(t.mode, excluded.mode),
  capabilities_json = COALESCE(excluded.capabilities_json, t.capabilities_json),
  public_key = COALESCE(t.public_key, excluded.public_key),
  pool = COALESCE(t.pool, excluded.pool),
  token_secret_id = COALESCE(t.token_secret_id, excluded.token_secret_id),
  slots = COALESCE(t.slots, excluded.slots),
  status = COALESCE(excluded.status, t.status),
  boot_id = COALESCE(excluded.boot_id, t.boot_id),
  registered_us = COALESCE(t.registered_us, excluded.registered_us),
  lost_us = COALESCE(excluded.lost_us, t.lost_us),
  last_seen_us = GREATEST(t.last_seen_us, excluded.last_seen_us),
  seq = GREATEST(t.seq, excluded.seq)
)sql"};
  return table;
}

// {"name": value, …}; a value is JSON of its own, and shown as a string where it is not.
std::string capabilities_json(const google::protobuf::RepeatedPtrField<v1::Capability>& capabilities) {
  std::string out = "{";
  for (const auto& capability : capabilities) {
    if (out.size() > 1) out += ',';
    events::append_json_string(out, capability.name());
    out += ':';
    if (json::parse(capability.value()))
      out += capability.value();
    else
      events::append_json_string(out, capability.value());
  }
  return out += '}';
}

Patch touched(const AcceptedEvent& e, std::string id) {
  Patch patch(workers_table());
  patch.text(kId, std::move(id)).text(kWorkspace, e.commit.workspace_id()).number(kSeq, e.seq);
  return patch;
}

void registered(const AcceptedEvent& e, std::string id, const v1::WorkerRegistered& fact, rows::Batch& out) {
  touched(e, std::move(id))
      .text(kNameJson, json_of(fact.name()))
      .text(kMode, fact.mode())
      .text(kCapabilitiesJson, capabilities_json(fact.capabilities()))
      .text(kPublicKey, fact.public_key())
      .text(kPool, fact.pool())
      .text(kTokenSecretId, fact.token_secret_id())
      .number(kSlots, fact.slots())
      .text(kStatus, "registered")
      .number(kRegisteredUs, e.time_us)
      .into(out);
}

void project(const AcceptedEvent& e, rows::Batch& out) {
  if (!e.payload.has_worker()) return;
  std::string id = id_in(e.event.stream(), "worker/");
  if (id.empty()) return;
  const v1::WorkerEvent& event = e.payload.worker();
  switch (event.fact_case()) {
    case v1::WorkerEvent::kWorkerRegistered: return registered(e, std::move(id), event.worker_registered(), out);
    case v1::WorkerEvent::kWorkerCapabilitiesChanged:
      return touched(e, std::move(id)).text(kCapabilitiesJson, capabilities_json(event.worker_capabilities_changed().capabilities())).into(out);
    case v1::WorkerEvent::kWorkerOnline:
      return touched(e, std::move(id)).text(kStatus, "online").text(kBootId, event.worker_online().boot_id()).into(out);
    case v1::WorkerEvent::kWorkerDraining: return touched(e, std::move(id)).text(kStatus, "draining").into(out);
    case v1::WorkerEvent::kWorkerLost:
      return touched(e, std::move(id))
          .text(kStatus, "lost")
          .number(kLostUs, e.time_us)
          .number(kLastSeenUs, event.worker_lost().last_seen_us())
          .into(out);
    case v1::WorkerEvent::FACT_NOT_SET: return;
  }
}
}  // namespace

Projection model() { return {"workers", 1, {&workers_table()}, &project, aggregates(v1::EventPayload::kWorker)}; }

}  // namespace dossier::projections::workers
