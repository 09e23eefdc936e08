// /v1/openapi.json: the route table, said in OpenAPI.
#include "api/openapi.hpp"

#include <algorithm>
#include <map>

#include "api/json_object.hpp"
#include "api/problem.hpp"
#include "api/resources.hpp"

namespace dossier::api::openapi {
namespace {

std::string type_json(const Field& field) {
  JsonObject json;
  const auto type = [&](std::string_view name) {
    if (field.nullable)
      json.raw("type", "[\"" + std::string(name) + "\",\"null\"]");
    else
      json.text("type", name);
  };
  switch (field.type) {
    case FieldType::string: type("string"); break;
    case FieldType::integer:
      type("integer");
      json.text("format", "int64");
      break;
    case FieldType::boolean: type("boolean"); break;
    case FieldType::object: type("object"); break;
    case FieldType::array:
      type("array");
      json.raw("items", "{}");
      break;
    case FieldType::strings:
      type("array");
      json.raw("items", R"({"type":"string"})");
      break;
  }
  if (!field.description.empty()) json.text("description", field.description);
  if (!field.example.empty()) json.raw("example", field.example);
  return std::move(json).finish();
}

std::string schema_json(const Schema& schema, bool is_request) {
  JsonObject properties;
  std::vector<std::string> required;
  for (const Field& field : schema.fields) {
    properties.raw(field.name, type_json(field));
    if (field.required) required.push_back("\"" + std::string(field.name) + "\"");
  }
  JsonObject json;
  json.text("type", "object").raw("properties", std::move(properties).finish());
  if (!required.empty()) json.raw("required", json_array(required));
  if (is_request) json.boolean("additionalProperties", false);
  return std::move(json).finish();
}

std::string reference(std::string_view name) { return R"({"$ref":"#/components/schemas/)" + std::string(name) + "\"}"; }

std::string page_json(const Schema& schema) {
  return R"({"type":"object","required":["items","next_cursor","seq"],"properties":{"items":{"type":"array","items":)" + reference(schema.name) +
         R"(},"next_cursor":{"type":["string","null"]},"seq":{"type":"integer","format":"int64"}}})";
}

std::string content(std::string_view type, std::string_view schema) {
  return "{\"" + std::string(type) + "\":{\"schema\":" + std::string(schema) + "}}";
}

std::string success_json(const Route& route) {
  JsonObject json;
  json.text("description", route.status == 204 ? "Done" : "Success");
  if (route.status == 204) return std::move(json).finish();
  if (route.response == nullptr)
    json.raw("content", content(route.response_type, R"({"type":"string"})"));
  else
    json.raw("content", content(route.response_type, route.lists ? page_json(*route.response) : reference(route.response->name)));
  return std::move(json).finish();
}

std::string parameters_json(const Route& route) {
  std::vector<std::string> items;
  std::string_view rest = route.path;
  for (std::size_t open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
    const std::size_t close = rest.find('}', open);
    items.push_back(std::move(JsonObject()
                                  .text("name", rest.substr(open + 1, close - open - 1))
                                  .text("in", "path")
                                  .boolean("required", true)
                                  .raw("schema", R"({"type":"string"})"))
                        .finish());
    rest.remove_prefix(close + 1);
  }
  std::vector<Parameter> query = route.query;
  if (std::holds_alternative<Read>(route.answer))
    query.push_back({"after", "Waits until the workspace has reached this seq; 503 projection_behind if it takes too long.", FieldType::integer});
  for (const Parameter& parameter : query)
    items.push_back(std::move(JsonObject()
                                  .text("name", parameter.name)
                                  .text("in", "query")
                                  .text("description", parameter.description)
                                  .raw("schema", parameter.type == FieldType::integer ? R"({"type":"integer"})" : R"({"type":"string"})"))
                        .finish());
  if (route.method == "POST" || route.method == "PATCH") items.push_back(R"({"$ref":"#/components/parameters/IdempotencyKey"})");
  if (route.auth == Auth::worker || route.auth == Auth::either) items.push_back(R"({"$ref":"#/components/parameters/DossierWorker"})");
  return json_array(items);
}

std::string security_json(Auth auth) {
  switch (auth) {
    case Auth::none: return "[]";
    case Auth::user: return R"([{"userToken":[]}])";
    case Auth::worker: return R"([{"workerToken":[]}])";
    case Auth::either: return R"([{"userToken":[]},{"workerToken":[]}])";
  }
  return "[]";
}

std::string operation_json(const Route& route) {
  JsonObject json;
  json.text("operationId", route.operation).text("summary", route.summary).raw("parameters", parameters_json(route));
  json.raw("security", security_json(route.auth));
  if (route.request != nullptr) {
    bool required = false;
    for (const Field& field : route.request->fields) required = required || field.required;
    json.raw(
        "requestBody",
        std::move(JsonObject().boolean("required", required).raw("content", content("application/json", reference(route.request->name)))).finish());
  } else if (std::holds_alternative<Upload>(route.answer)) {
    json.raw("requestBody", R"({"required":true,"content":{"application/octet-stream":{"schema":{"type":"string","format":"binary"}}}})");
  }
  JsonObject responses;
  responses.raw(std::to_string(route.status), success_json(route));
  if (std::holds_alternative<Command>(route.answer)) responses.raw("202", R"({"$ref":"#/components/responses/Undecided"})");
  responses.raw("default", R"({"$ref":"#/components/responses/Problem"})");
  json.raw("responses", std::move(responses).finish());
  return std::move(json).finish();
}

std::string problem_schema() {
  std::vector<std::string> codes;
  codes.reserve(kCodeCount);
  for (int i = 0; i < kCodeCount; ++i) codes.push_back("\"" + std::string(to_string(static_cast<Code>(i))) + "\"");
  return R"({"type":"object","required":["type","title","status","code","detail"],"properties":{"type":{"type":"string"},"title":{"type":"string"},)"
         R"("status":{"type":"integer"},"code":{"type":"string","enum":)" +
         json_array(codes) + R"(},"detail":{"type":"string"},"field":{"type":"string"},"commit":{"type":"string"}}})";
}

std::string components_json(const std::vector<Route>& routes) {
  std::map<std::string_view, std::string> schemas;
  for (const Route& route : routes) {
    if (route.request != nullptr) schemas[route.request->name] = schema_json(*route.request, true);
    if (route.response != nullptr) schemas[route.response->name] = schema_json(*route.response, false);
  }
  schemas["Problem"] = problem_schema();
  JsonObject all;
  for (const auto& [name, text] : schemas) all.raw(name, text);
  return std::
      move(JsonObject()
               .raw("schemas", std::move(all).finish())
               .raw(
                   "parameters",
                   R"({"IdempotencyKey":{"name":"Idempotency-Key","in":"header","schema":{"type":"string","maxLength":200},)"
                   R"("description":"The same key with the same request has the same effect and answer once. Made by the server if absent."},)"
                   R"("DossierWorker":{"name":"Dossier-Worker","in":"header","schema":{"type":"string"},"description":"The worker's id, once it has one."}})")
               .raw(
                   "responses",
                   R"({"Problem":{"description":"A problem, RFC 9457","content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}}},)"
                   R"("Undecided":{"description":"Recorded, not decided yet: see Location","content":{"application/problem+json":{"schema":{"$ref":"#/components/schemas/Problem"}}}}})")
               .raw(
                   "securitySchemes",
                   R"({"userToken":{"type":"http","scheme":"bearer","description":"dst_…"},"workerToken":{"type":"http","scheme":"bearer","description":"msw_…"}})"))
          .finish();
}

const Schema& document_schema() {
  static const Schema schema{"OpenApi", {{"openapi", FieldType::string, true, {}}, {"paths", FieldType::object, true, {}}}};
  return schema;
}

void run(CallPtr, http::Responder responder) {
  static const std::string text = document(routes());
  http::Response response;
  response.body = text;
  response.set("Content-Type", "application/json");
  responder(std::move(response));
}

std::string lower(std::string_view text) {
  std::string out;
  for (char c : text) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

}  // namespace

std::string document(const std::vector<Route>& routes) {
  std::vector<std::pair<std::string_view, JsonObject>> paths;
  for (const Route& route : routes) {
    auto path = std::find_if(paths.begin(), paths.end(), [&](const auto& each) { return each.first == route.path; });
    if (path == paths.end()) path = paths.insert(paths.end(), {route.path, JsonObject()});
    path->second.raw(lower(route.method), operation_json(route));
  }
  JsonObject all;
  for (auto& [path, operations] : paths) all.raw(path, std::move(operations).finish());
  return std::move(JsonObject()
                       .text("openapi", "3.1.0")
                       .raw("info", R"({"title":"Dossier","version":"1","description":"The dossier of every issue that agents and people work on."})")
                       .raw("paths", std::move(all).finish())
                       .raw("components", components_json(routes)))
      .finish();
}

void add_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/openapi.json",
                    .operation = "getOpenApi",
                    .summary = "This document",
                    .auth = Auth::none,
                    .response = &document_schema(),
                    .answer = Custom{run}});
}

}  // namespace dossier::api::openapi
