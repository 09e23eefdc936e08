// Reading and writing frames.
#include "worker/agents/codex_frames.hpp"

#include <utility>

namespace dossier::worker::codex {
namespace {

using json::Value;

std::string line(Value::Object members) { return json::write(Value(std::move(members))) + "\n"; }

}  // namespace

Result<Frame> read_frame(std::string_view text) {
  TRY(const Value value, json::parse(text));
  const Value* id = value.find("id");
  const Value* method = value.find("method");
  Frame frame;
  if (id != nullptr) frame.id = *id;
  const auto body = [&](const char* name) {
    const Value* found = value.find(name);
    if (found != nullptr) frame.body = *found;
  };
  if (method != nullptr && method->string() != nullptr) {
    frame.kind = id != nullptr ? Frame::Kind::request : Frame::Kind::notification;
    frame.method = *method->string();
    body("params");
    return frame;
  }
  if (id != nullptr && value.find("error") != nullptr) {
    frame.kind = Frame::Kind::error_response;
    body("error");
    return frame;
  }
  if (id != nullptr && value.find("result") != nullptr) {
    frame.kind = Frame::Kind::response;
    body("result");
    return frame;
  }
  return make_error(Code::malformed_json, "the line is neither a request, a notification nor a response");
}

std::string request_line(std::int64_t id, std::string_view method, Value params) {
  return line({{"method", std::string(method)}, {"id", id}, {"params", std::move(params)}});
}

std::string notification_line(std::string_view method) { return line({{"method", std::string(method)}}); }

std::string result_line(const Value& id, Value result) { return line({{"id", id}, {"result", std::move(result)}}); }

std::string error_line(const Value& id, std::int64_t code, std::string_view message) {
  return line({{"id", id}, {"error", Value(Value::Object{{"code", code}, {"message", std::string(message)}})}});
}

std::int64_t own_id(const Frame& frame) {
  const std::int64_t* id = frame.id.integer();
  return id == nullptr ? -1 : *id;
}

const Value& member(const Value& value, std::string_view name) {
  static const Value nothing;
  const Value* found = value.find(name);
  return found == nullptr ? nothing : *found;
}

}  // namespace dossier::worker::codex
