// Reading and writing frames.
#include "worker/agents/claude_frames.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace dossier::worker::claude {
namespace {

using json::Value;

std::string line(Value::Object members) { return json::write(Value(std::move(members))) + "\n"; }

struct NamedKind {
  std::string_view type;
  Frame::Kind kind;
};
constexpr std::array<NamedKind, 8> kKinds{{{"system", Frame::Kind::system},
                                           {"assistant", Frame::Kind::assistant},
                                           {"user", Frame::Kind::user},
                                           {"result", Frame::Kind::result},
                                           {"stream_event", Frame::Kind::stream_event},
                                           {"control_request", Frame::Kind::control_request},
                                           {"control_response", Frame::Kind::control_response},
                                           {"control_cancel_request", Frame::Kind::control_cancel}}};

}  // namespace

const Value& member(const Value& value, std::string_view name) {
  static const Value kNothing;
  const Value* found = value.find(name);
  return found == nullptr ? kNothing : *found;
}

std::uint64_t count_of(const Value& value, std::string_view name) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, value.integer_or(name, 0)));
}

Result<Frame> read_frame(std::string_view text) {
  TRY(Value value, json::parse(text));
  const std::string type = value.text("type");
  if (type.empty()) return make_error(Code::malformed_json, "the line is no object with a type");
  Frame frame;
  frame.name = type;
  for (const auto& known : kKinds)
    if (known.type == type) frame.kind = known.kind;
  switch (frame.kind) {
    case Frame::Kind::system:
    case Frame::Kind::result: frame.name = value.text("subtype"); break;
    case Frame::Kind::stream_event: frame.name = member(value, "event").text("type"); break;
    case Frame::Kind::control_request:
      frame.name = member(value, "request").text("subtype");
      frame.request_id = value.text("request_id");
      break;
    case Frame::Kind::control_response: frame.request_id = member(value, "response").text("request_id"); break;
    case Frame::Kind::control_cancel: frame.request_id = value.text("request_id"); break;
    case Frame::Kind::assistant:
    case Frame::Kind::user:
    case Frame::Kind::unknown: break;
  }
  frame.body = std::move(value);
  return frame;
}

Answer answer_of(const Frame& frame) {
  const Value& response = member(frame.body, "response");
  Answer answer;
  if (response.text("subtype") == "error")
    answer.error = response.text("error", "no reason given");
  else
    answer.response = member(response, "response");
  return answer;
}

std::string request_line(std::string_view request_id, std::string_view subtype, Value::Object members) {
  members.insert(members.begin(), {"subtype", std::string(subtype)});
  return line({{"type", "control_request"}, {"request_id", std::string(request_id)}, {"request", Value(std::move(members))}});
}

std::string message_line(std::string_view uuid, Value content) {
  return line({{"type", "user"},
               {"message", Value(Value::Object{{"role", "user"}, {"content", std::move(content)}})},
               {"parent_tool_use_id", Value()},
               {"session_id", ""},
               {"uuid", std::string(uuid)}});
}

std::string answer_line(std::string_view request_id, Value response) {
  return line(
      {{"type", "control_response"},
       {"response", Value(Value::Object{{"subtype", "success"}, {"request_id", std::string(request_id)}, {"response", std::move(response)}})}});
}

std::string error_line(std::string_view request_id, std::string_view message) {
  return line({{"type", "control_response"},
               {"response", Value(Value::Object{{"subtype", "error"}, {"request_id", std::string(request_id)}, {"error", std::string(message)}})}});
}

Value allowance(Value input, Value::Array permissions) {
  Value::Object members{{"behavior", "allow"}, {"updatedInput", std::move(input)}};
  if (!permissions.empty()) members.emplace_back("updatedPermissions", Value(std::move(permissions)));
  return Value(std::move(members));
}

Value denial(std::string_view message, bool interrupt) {
  Value::Object members{{"behavior", "deny"}, {"message", std::string(message)}};
  if (interrupt) members.emplace_back("interrupt", true);
  return Value(std::move(members));
}

std::string uuid_text(std::string_view hex) {
  std::string text(hex);
  for (const std::size_t dash : {20, 16, 12, 8})
    if (text.size() > dash) text.insert(dash, 1, '-');
  return text;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool is_dash = at == 8 || at == 13 || at == 18 || at == 23;
    const char c = text[at];
    const bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (is_dash ? c != '-' : !is_hex) return false;
  }
  return true;
}

}  // namespace dossier::worker::claude
