// /v1/workspaces/{ws}/workers, /v1/workers
#include <algorithm>

#include "api/body.hpp"
#include "api/json_object.hpp"
#include "api/page.hpp"
#include "api/resources.hpp"
#include "base/encoding.hpp"
#include "events/names.hpp"
#include "producers/commands/workspace.hpp"

namespace dossier::api::workers {
namespace {

constexpr std::size_t kMaxNameBytes = 100;
constexpr std::size_t kMaxCapabilities = 200;
constexpr std::size_t kMaxCapabilityBytes = 200;
constexpr std::size_t kPublicKeyBytes = 32;
constexpr std::int64_t kMaxSlots = 1'000;

// What a worker is now is in its heartbeats; a read model's row knows how it registered.
constexpr std::string_view kListSql = R"(
SELECT w.id, COALESCE(w.name_json, 'null'), COALESCE(w.mode, ''), COALESCE(w.status, 'registered'), COALESCE(w.capabilities_json, '{}'),
       COALESCE(w.slots, 0), COALESCE(l.free_slots, 0), GREATEST(COALESCE(l.last_report_time_us, 0), COALESCE(w.last_seen_us, 0)),
       COALESCE(l.draining, false), w.registered_us, COALESCE(w.seq, 0)
FROM workers w LEFT JOIN dossier.liveness l ON l.worker_id = w.id
WHERE w.workspace = $1 AND w.registered_us IS NOT NULL AND (w.registered_us, w.id) > ($2, $3)
ORDER BY w.registered_us, w.id LIMIT $4)";

const Schema& worker_schema() {
  static const Schema schema{"Worker",
                             {{"id", FieldType::string, true, "wkr_…"},
                              {"name", FieldType::string, true, {}, {}, true},
                              {"mode", FieldType::string, true, {}},
                              {"status", FieldType::string, true, "registered, online, draining or lost"},
                              {"capabilities", FieldType::object, true, "name to value"},
                              {"slots", FieldType::integer, true, {}},
                              {"free_slots", FieldType::integer, true, "as of its last heartbeat"},
                              {"last_seen_at", FieldType::string, true, "RFC 3339", {}, true},
                              {"registered_at", FieldType::string, true, "RFC 3339"},
                              {"seq", FieldType::integer, true, "of its last change"}}};
  return schema;
}
const Schema& new_worker_schema() {
  static const Schema schema{"NewWorker",
                             {{"name", FieldType::string, true, "for people", R"("build-7")"},
                              {"mode", FieldType::string, true, "local", R"("local")"},
                              {"capabilities", FieldType::object, false, "name to string, number, true or false", R"({"command":true})"},
                              {"public_key", FieldType::string, true, "Ed25519, 32 bytes in base64url: its reports are checked with it",
                               R"("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")"},
                              {"slots", FieldType::integer, false, "sessions at once; 1 if absent", "2"}}};
  return schema;
}
const Schema& connection_schema() {
  static const Schema schema{"WorkerConnection",
                             {{"workspace_id", FieldType::string, true, {}},
                              {"pool", FieldType::string, true, {}},
                              {"kafka", FieldType::object, true, "bootstrap, and properties for librdkafka"},
                              {"topics", FieldType::object, true, "tasks, control, reports, activity"},
                              {"gateway", FieldType::boolean, true, "this server takes records for workers without a route to the brokers"}}};
  return schema;
}
const Schema& registration_schema() {
  static const Schema schema{"Registration",
                             {{"worker_id", FieldType::string, true, "wkr_…: follows from the public key"},
                              {"workspace_id", FieldType::string, true, {}},
                              {"pool", FieldType::string, true, {}},
                              {"kafka", FieldType::object, true, "bootstrap, and properties for librdkafka"},
                              {"topics", FieldType::object, true, "tasks, control, reports, activity"},
                              {"partitions", FieldType::object, true, "of reports and activity"},
                              {"seq", FieldType::integer, true, {}}}};
  return schema;
}

Result<std::vector<postgres::Statement>> plan_list(const Call& call) {
  TRY(const Page page, read_page(call));
  std::vector<postgres::Statement> statements(1);
  statements[0].sql = kListSql;
  statements[0].params.text(call.path_value("ws")).int8(page.number).text(page.text).int8(page.limit + 1);
  return statements;
}

std::string worker_json(const postgres::Row& row) {
  const bool draining = row.boolean(8) && row.text(3) == "online";
  return std::move(JsonObject()
                       .text("id", row.text(0))
                       .raw("name", row.text(1))
                       .text("mode", row.text(2))
                       .text("status", draining ? std::string_view("draining") : row.text(3))
                       .raw("capabilities", row.text(4))
                       .number("slots", row.int64(5))
                       .number("free_slots", row.int64(6))
                       .raw("last_seen_at", time_json(row.int64(7)))
                       .raw("registered_at", time_json(row.int64(9)))
                       .number("seq", row.int64(10)))
      .finish();
}

Result<Reply> render_list(const Call& call, std::span<const postgres::ResultSet> rows) {
  TRY(const Page page, read_page(call));
  ListReply list(page.limit);
  for (const postgres::Row row : rows[0])
    if (!list.add(worker_json(row), row.int64(9), row.text(0))) break;
  return std::move(list).finish(call.access.seq);
}

// A scalar as text, as events carry it.
std::optional<std::string> scalar(const json::Value& value) {
  if (const std::string* text = value.string()) {
    const bool fits = text->size() <= kMaxCapabilityBytes && text->find('\0') == std::string::npos;
    return fits ? std::optional(json::write(value)) : std::nullopt;
  }
  if (value.boolean() != nullptr || value.integer() != nullptr) return json::write(value);
  return std::nullopt;
}

void read_capabilities(json::ObjectReader& reader, v1::WorkerRegistered& worker) {
  const json::Value* given = reader.optional_value("capabilities");
  if (given == nullptr) return;
  const json::Value::Object* members = given->object();
  if (members == nullptr || members->size() > kMaxCapabilities)
    return reader.fail("capabilities", "must be an object of at most " + std::to_string(kMaxCapabilities) + " members");
  for (const auto& [name, value] : *members) {
    const auto text = scalar(value);
    if (name.empty() || name.size() > kMaxCapabilityBytes || name.find('\0') != std::string::npos || !text)
      return reader.fail("capabilities." + name, "must be a short name with a string, an integer, true or false");
    v1::Capability& capability = *worker.add_capabilities();
    capability.set_name(name);
    capability.set_value(*text);
  }
}

Result<Prepared> prepare_register(const Call& call, const CommitId&) {
  TRY(const json::Value body, parse_body(call.request));
  json::ObjectReader reader(body);
  v1::WorkerRegistered worker;
  worker.mutable_name()->set_plain(reader.required_string("name", kMaxNameBytes));
  worker.set_mode(reader.required_string("mode", 20));
  if (!worker.mode().empty() && worker.mode() != "local") reader.fail("mode", "must be local");
  read_capabilities(reader, worker);
  const auto key = from_base64url(reader.required_string("public_key", 100));
  if (!key || key->size() != kPublicKeyBytes) reader.fail("public_key", "must be 32 bytes in base64url");
  const auto slots = reader.optional_integer("slots", 1, kMaxSlots);
  worker.set_slots(static_cast<std::uint32_t>(slots.value_or(1)));
  TRY_STATUS(reader.finish());
  worker.set_public_key(*key);
  worker.set_token_secret_id(call.access.principal.token.str());
  // The topics first: a registered worker must find them. Making them again changes nothing.
  TRY_STATUS(call.environment->workers.prepare_pool(call.access.workspace));
  Prepared prepared;
  v1::Actor actor;
  actor.set_kind(v1::Actor::WORKER);
  actor.set_id(producers::commands::worker_id_of(WorkspaceId(call.access.workspace), worker.public_key()).str());
  prepared.actor = std::move(actor);
  prepared.decide = producers::commands::register_worker(std::move(worker));
  return prepared;
}

std::string kafka_json(const WorkerAccess& access) {
  JsonObject properties;
  for (const auto& [name, value] : access.properties) properties.text(name, value);
  return std::move(JsonObject().text("bootstrap", access.bootstrap).raw("properties", std::move(properties).finish())).finish();
}

std::string topics_json(const WorkerAccess& access, const std::string& pool) {
  return std::move(JsonObject()
                       .text("tasks", access.topics.tasks(pool))
                       .text("control", access.topics.control(pool))
                       .text("reports", access.topics.reports())
                       .text("activity", access.topics.activity()))
      .finish();
}

void show_connection(CallPtr call, http::Responder responder) {
  const WorkerAccess& access = call->environment->workers;
  const std::string& pool = call->access.workspace;  // a workspace's own pool bears its id
  http::Response response;
  response.set("Content-Type", "application/json");
  response.set("Cache-Control", "no-store");
  response.body = std::move(JsonObject()
                                .text("workspace_id", call->access.workspace)
                                .text("pool", pool)
                                .raw("kafka", kafka_json(access))
                                .raw("topics", topics_json(access, pool))
                                .boolean("gateway", access.control != nullptr && access.records != nullptr))
                      .finish();
  responder(std::move(response));
}

Result<Reply> render_register(const Call& call, const producers::Committed& committed) {
  const std::vector<Fact> facts = facts_of(committed.commit);
  const WorkerAccess& access = call.environment->workers;
  for (const Fact& fact : facts) {
    if (!fact.payload.worker().has_worker_registered()) continue;
    const v1::WorkerRegistered& worker = fact.payload.worker().worker_registered();
    Reply reply;
    reply.body =
        std::move(
            JsonObject()
                .text("worker_id", worker.worker_id())
                .text("workspace_id", committed.commit.workspace.str())
                .text("pool", worker.pool())
                .raw("kafka", kafka_json(access))
                .raw("topics", topics_json(access, worker.pool()))
                .raw("partitions",
                     std::move(JsonObject().number("reports", access.reports_partitions).number("activity", access.activity_partitions)).finish())
                .number("seq", static_cast<std::int64_t>(committed.commit.seq)))
            .finish();
    return reply;
  }
  return make_error(Code::internal, "the commit holds no worker");
}

}  // namespace

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/workspaces/{ws}/workers",
                    .operation = "listWorkers",
                    .summary = "The workspace's workers, oldest first",
                    .scope = Scope::workspace,
                    .response = &worker_schema(),
                    .lists = true,
                    .query = page_parameters(),
                    .answer = Read{plan_list, render_list, nullptr, true}});
  routes.push_back({.method = "GET",
                    .path = "/v1/workers/connection",
                    .operation = "getWorkerConnection",
                    .summary = "What a worker of this token would be connected to; registers nothing",
                    .auth = Auth::worker,
                    .scope = Scope::token_workspace,
                    .response = &connection_schema(),
                    .answer = Custom{show_connection}});
  routes.push_back({.method = "POST",
                    .path = "/v1/workers",
                    .operation = "registerWorker",
                    .summary = "Register a worker by a worker token; tells it where its topics are",
                    .auth = Auth::worker,
                    .scope = Scope::token_workspace,
                    .status = 201,
                    .request = &new_worker_schema(),
                    .response = &registration_schema(),
                    .answer = Command{prepare_register, render_register}});
}

}  // namespace dossier::api::workers
