// The request and its answer.
#include "worker/registration.hpp"

#include "base/encoding.hpp"

namespace dossier::worker {

Error error_of_reply(const http_client::Response& response) {
  std::string words = "HTTP status " + std::to_string(response.status);
  if (const auto problem = json::parse(response.body)) {
    const std::string detail = problem->text("detail", problem->text("title"));
    if (!detail.empty()) words += ": " + detail;
  }
  Code code = Code::invalid_field;
  if (response.status == 401)
    code = Code::unauthenticated;
  else if (response.status == 403)
    code = Code::forbidden;
  else if (response.status == 404)
    code = Code::not_found;
  else if (response.status == 413)
    code = Code::payload_too_large;
  // 202: recorded, undecided; the same request again answers it.
  else if (response.status == 202)
    code = Code::undecided;
  else if (response.status == 408 || response.status == 429 || response.status >= 500)
    code = Code::overloaded;
  return make_error(code, std::move(words));
}

Result<Registration> read_registration(std::string_view body) {
  TRY(const json::Value reply, json::parse(body));
  const auto part = [&](const char* name) { return reply.find(name) == nullptr ? json::Value() : *reply.find(name); };
  const json::Value kafka = part("kafka"), topics = part("topics"), partitions = part("partitions");
  Registration registration;
  registration.worker_id = reply.text("worker_id");
  registration.workspace_id = reply.text("workspace_id");
  registration.pool = reply.text("pool");
  registration.cluster.bootstrap = kafka.text("bootstrap");
  if (const json::Value* properties = kafka.find("properties"); properties != nullptr && properties->object() != nullptr)
    for (const auto& [name, value] : *properties->object())
      if (value.string() != nullptr) registration.cluster.properties.emplace_back(name, *value.string());
  registration.tasks_topic = topics.text("tasks");
  registration.control_topic = topics.text("control");
  registration.reports_topic = topics.text("reports");
  registration.activity_topic = topics.text("activity");
  registration.reports_partitions = static_cast<std::int32_t>(partitions.integer_or("reports", 0));
  registration.activity_partitions = static_cast<std::int32_t>(partitions.integer_or("activity", 0));
  for (const std::string* text : {&registration.worker_id, &registration.workspace_id, &registration.pool, &registration.cluster.bootstrap,
                                  &registration.tasks_topic, &registration.control_topic, &registration.reports_topic, &registration.activity_topic})
    if (text->empty()) return make_error(Code::corrupt, "the server's answer to the registration lacks something; is it of another version?");
  if (registration.reports_partitions <= 0 || registration.activity_partitions <= 0)
    return make_error(Code::corrupt, "the server's answer to the registration names no partitions; is it of another version?");
  return registration;
}

Result<Registration> register_worker(http_client::Client& client, const RegistrationRequest& request) {
  const json::Value body(json::Value::Object{{"name", request.name},
                                             {"mode", request.mode},
                                             {"capabilities", request.capabilities},
                                             {"public_key", to_base64url(request.public_key)},
                                             {"slots", static_cast<std::int64_t>(request.slots)}});
  TRY(const auto response,
      client.request("POST", "/v1/workers", json::write(body), {{"content-type", "application/json"}, {"idempotency-key", request.idempotency_key}}));
  if (response.status != 200 && response.status != 201) return error_of_reply(response);
  return read_registration(response.body);
}

}  // namespace dossier::worker
