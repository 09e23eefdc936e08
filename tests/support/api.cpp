// Requests of the tests' API client.
#include "tests/support/api.hpp"

#include <stdexcept>

#include "platform/crypto/crypto.hpp"
#include "tests/support/eventually.hpp"

namespace dossier::test {
namespace {

constexpr std::int64_t kRequestTimeoutMs = 20'000;
constexpr std::int64_t kDecisionDeadlineMs = 60'000;

http_client::Client make_client(const std::string& url, const std::string& token) {
  http_client::Options options;
  options.base_url = url;
  options.bearer_token = token;
  options.request_timeout_ms = kRequestTimeoutMs;
  auto client = http_client::Client::make(std::move(options));
  if (!client) throw std::runtime_error(client.error().message);
  return std::move(client).value();
}

}  // namespace

std::string Reply::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers)
    if (name == lower_case_name) return value;
  return {};
}

std::string Reply::at(std::string_view outer, std::string_view inner) const {
  const json::Value* member = body.find(outer);
  return member == nullptr ? std::string() : member->text(inner);
}

const json::Value::Array& Reply::items() const& {
  static const json::Value::Array kNone;
  const json::Value* items = body.find("items");
  return items != nullptr && items->array() != nullptr ? *items->array() : kNone;
}

Api::Api(std::string url, std::string token) : token_(std::move(token)), client_(make_client(url, token_)) {}

Reply Api::send(std::string_view method, const std::string& target, std::string_view body, const http_client::Headers& headers) {
  http_client::Headers sent = headers;
  if (!body.empty()) sent.emplace_back("content-type", "application/json");
  auto response = client_.request(method, target, body, sent, method == "GET");
  Reply reply;
  if (!response) {
    reply.problem = response.error().message;
    return reply;
  }
  reply.status = response->status;
  reply.headers = std::move(response->headers);
  reply.raw = std::move(response->body);
  if (auto parsed = json::parse(reply.raw)) reply.body = std::move(parsed).value();
  return reply;
}

Reply Api::get(const std::string& target, const http_client::Headers& headers) { return send("GET", target, {}, headers); }

Reply Api::post(const std::string& target, const json::Value& body, const http_client::Headers& headers) {
  return send("POST", target, json::write(body), headers);
}

Reply Api::post_until_decided(const std::string& target, const json::Value& body) {
  const http_client::Headers key{{"idempotency-key", crypto::random_uuid_hex()}};
  Reply reply;
  eventually(kDecisionDeadlineMs, [&] {
    reply = post(target, body, key);
    return reply.status != 202 && reply.status != 503;
  });
  return reply;
}

Reply Api::patch(const std::string& target, const json::Value& body, const http_client::Headers& headers) {
  return send("PATCH", target, json::write(body), headers);
}

json::Value object(std::initializer_list<std::pair<std::string, json::Value>> members) { return json::Value::Object(members.begin(), members.end()); }

}  // namespace dossier::test
