// A client of the HTTP API for tests: JSON in, JSON out, any status is an answer. One thread per object.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "platform/http_client/http_client.hpp"
#include "platform/json/json.hpp"

namespace dossier::test {

struct Reply {
  int status = 0;  // 0: no answer came, see problem
  http_client::Headers headers;
  json::Value body;  // null where the body is empty or no JSON
  std::string raw;
  std::string problem;  // why no answer came

  std::string header(std::string_view lower_case_name) const;
  std::string text(std::string_view member) const { return body.text(member); }
  // Member of a member: at("issue", "id").
  std::string at(std::string_view outer, std::string_view inner) const;
  // "items" of a list, empty where there are none.
  const json::Value::Array& items() const&;
  json::Value::Array items() && { return static_cast<const Reply&>(*this).items(); }  // of a temporary: a copy that lives on in a range-for
};

class Api {
 public:
  Api(std::string url, std::string token);

  Reply get(const std::string& target, const http_client::Headers& headers = {});
  Reply post(const std::string& target, const json::Value& body, const http_client::Headers& headers = {});
  // As a careful client does it: under one Idempotency-Key, repeated while the answer is "undecided" (202) or "try later"
  // (503), as after a crash of the server; the last answer.
  Reply post_until_decided(const std::string& target, const json::Value& body);
  Reply patch(const std::string& target, const json::Value& body, const http_client::Headers& headers = {});
  Reply send(std::string_view method, const std::string& target, std::string_view body, const http_client::Headers& headers = {});
  http_client::Client& client() { return client_; }
  const std::string& token() const { return token_; }

 private:
  std::string token_;
  http_client::Client client_;
};

// object({{"title", "x"}}), for bodies that read like JSON.
json::Value object(std::initializer_list<std::pair<std::string, json::Value>> members);

}  // namespace dossier::test
