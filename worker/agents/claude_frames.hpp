// The frames of Claude Code's stream-json: one JSON object a line, both ways. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "platform/json/json.hpp"

namespace dossier::worker::claude {

struct Frame {
  enum class Kind : std::uint8_t {
    system,            // name: subtype
    assistant,         // one finished block of the model's answer
    user,              // results of tools, and our own messages again
    result,            // name: subtype; the program's turn is over
    stream_event,      // name: the type of the model's own event
    control_request,   // name: subtype; must be answered, else the turn stalls
    control_response,  // an answer to a request of ours, or the echo of ours to one of its
    control_cancel,    // takes a request of its back
    unknown,           // name: type
  };
  Kind kind = Kind::unknown;
  std::string name;
  std::string request_id;  // of the three control kinds
  json::Value body;        // the whole frame
};

// malformed_json: no JSON, or no object with a type.
Result<Frame> read_frame(std::string_view line);

// Of control_response: what was answered; null where it was an error.
struct Answer {
  json::Value response;
  std::string error;
};
Answer answer_of(const Frame& frame);

// A member of an object; null where there is none.
const json::Value& member(const json::Value& value, std::string_view name);
std::uint64_t count_of(const json::Value& value, std::string_view name);  // 0 where there is none

// One line each, with its end.
std::string request_line(std::string_view request_id, std::string_view subtype, json::Value::Object members = {});
std::string message_line(std::string_view uuid, json::Value content);
std::string answer_line(std::string_view request_id, json::Value response);
std::string error_line(std::string_view request_id, std::string_view message);

// What may be answered to can_use_tool.
json::Value allowance(json::Value input, json::Value::Array permissions);
json::Value denial(std::string_view message, bool interrupt);

// A UUID's text from 32 hex digits.
std::string uuid_text(std::string_view hex);
bool is_uuid(std::string_view text);

}  // namespace dossier::worker::claude
