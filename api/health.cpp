// /health, /ready, /metrics
#include "api/json_object.hpp"
#include "api/problem.hpp"
#include "api/resources.hpp"

namespace dossier::api::health {
namespace {

const Schema& health_schema() {
  static const Schema schema{"Health", {{"status", FieldType::string, true, "ok"}}};
  return schema;
}
const Schema& ready_schema() {
  static const Schema schema{
      "Ready", {{"status", FieldType::string, true, "ready or not_ready"}, {"checks", FieldType::object, true, "name to ok, or to what is wrong"}}};
  return schema;
}

void health(CallPtr, http::Responder responder) {
  http::Response response;
  response.body = R"({"status":"ok"})";
  response.set("Content-Type", "application/json");
  response.set("Cache-Control", "no-store");
  responder(std::move(response));
}

void ready(CallPtr call, http::Responder responder) {
  bool is_ready = true;
  JsonObject checks;
  for (const Readiness& each : call->environment->readiness) {
    const Status status = each.check();
    is_ready = is_ready && status.has_value();
    checks.text(each.name, status ? std::string_view("ok") : std::string_view(status.error().message));
  }
  http::Response response;
  response.status = is_ready ? 200 : 503;
  response.body = std::move(JsonObject().text("status", is_ready ? "ready" : "not_ready").raw("checks", std::move(checks).finish())).finish();
  response.set("Content-Type", "application/json");
  response.set("Cache-Control", "no-store");
  if (!is_ready) response.set("Retry-After", "1");
  responder(std::move(response));
}

void metrics(CallPtr call, http::Responder responder) {
  http::Response response;
  response.body = call->environment->metrics.text();
  response.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.set("Cache-Control", "no-store");
  responder(std::move(response));
}

}  // namespace

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/health",
                    .operation = "getHealth",
                    .summary = "The process lives",
                    .auth = Auth::none,
                    .response = &health_schema(),
                    .answer = Custom{health}});
  routes.push_back({.method = "GET",
                    .path = "/ready",
                    .operation = "getReady",
                    .summary = "The process can take requests; 503 if not",
                    .auth = Auth::none,
                    .response = &ready_schema(),
                    .answer = Custom{ready}});
  routes.push_back({.method = "GET",
                    .path = "/metrics",
                    .operation = "getMetrics",
                    .summary = "Numbers for Prometheus",
                    .auth = Auth::none,
                    .response_type = "text/plain",
                    .answer = Custom{metrics}});
}

}  // namespace dossier::api::health
