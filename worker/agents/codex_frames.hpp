// The frames of `codex app-server`: one JSON object a line, JSON-RPC 2.0 without its "jsonrpc" member. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "platform/json/json.hpp"

namespace dossier::worker::codex {

struct Frame {
  enum class Kind : std::uint8_t { response, error_response, notification, request };
  Kind kind = Kind::notification;
  json::Value id;      // int or string; null for notifications
  std::string method;  // notifications and requests
  json::Value body;    // result, error or params
};

// malformed_json: no JSON, or none of the four kinds.
Result<Frame> read_frame(std::string_view line);

// One line each, with its end.
std::string request_line(std::int64_t id, std::string_view method, json::Value params);
std::string notification_line(std::string_view method);
std::string result_line(const json::Value& id, json::Value result);
std::string error_line(const json::Value& id, std::int64_t code, std::string_view message);

// The id of one of our own requests, -1 if it is none.
std::int64_t own_id(const Frame& frame);

// A member, or null where there is none.
const json::Value& member(const json::Value& value, std::string_view name);

}  // namespace dossier::worker::codex
