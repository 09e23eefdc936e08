// A generic walk from messages to JSON.
#include "events/json.hpp"

#include <google/protobuf/descriptor.h>

#include <charconv>
#include <cstdio>
#include <ctime>

#include "base/encoding.hpp"
#include "events/codec.hpp"

namespace dossier::events {
namespace {

namespace pb = google::protobuf;

void append_number(std::string& out, auto number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

// Enum names are upper case in the schema and lower case outside.
void append_enum(std::string& out, const pb::EnumValueDescriptor* value) {
  out += '"';
  for (char c : value->name()) out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  out += '"';
}

// Text: a string, or null while it is sealed.
void append_text(std::string& out, const v1::Text& text) {
  if (text.form_case() == v1::Text::kSealed)
    out += "null";
  else
    append_json_string(out, text.plain());
}

void append_message(std::string& out, const pb::Message& message) {
  if (message.GetDescriptor() == v1::Text::descriptor())
    append_text(out, static_cast<const v1::Text&>(message));
  else
    append_json(out, message);
}

void append_scalar(std::string& out, const pb::Message& message, const pb::FieldDescriptor* field, int index) {
  const pb::Reflection* r = message.GetReflection();
  const bool many = index >= 0;
  switch (field->cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_INT32:
      return append_number(out, many ? r->GetRepeatedInt32(message, field, index) : r->GetInt32(message, field));
    case pb::FieldDescriptor::CPPTYPE_INT64:
      return append_number(out, many ? r->GetRepeatedInt64(message, field, index) : r->GetInt64(message, field));
    case pb::FieldDescriptor::CPPTYPE_UINT32:
      return append_number(out, many ? r->GetRepeatedUInt32(message, field, index) : r->GetUInt32(message, field));
    case pb::FieldDescriptor::CPPTYPE_UINT64:
      return append_number(out, many ? r->GetRepeatedUInt64(message, field, index) : r->GetUInt64(message, field));
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      return append_number(out, many ? r->GetRepeatedDouble(message, field, index) : r->GetDouble(message, field));
    case pb::FieldDescriptor::CPPTYPE_FLOAT:
      return append_number(out, many ? r->GetRepeatedFloat(message, field, index) : r->GetFloat(message, field));
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      out += (many ? r->GetRepeatedBool(message, field, index) : r->GetBool(message, field)) ? "true" : "false";
      return;
    case pb::FieldDescriptor::CPPTYPE_ENUM: return append_enum(out, many ? r->GetRepeatedEnum(message, field, index) : r->GetEnum(message, field));
    case pb::FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      const std::string& value =
          many ? r->GetRepeatedStringReference(message, field, index, &scratch) : r->GetStringReference(message, field, &scratch);
      return append_json_string(out, field->type() == pb::FieldDescriptor::TYPE_BYTES ? to_base64url(value) : value);
    }
    case pb::FieldDescriptor::CPPTYPE_MESSAGE:
      return append_message(out, many ? r->GetRepeatedMessage(message, field, index) : r->GetMessage(message, field));
  }
}

bool is_shown(const pb::Message& message, const pb::FieldDescriptor* field) {
  const pb::Reflection* r = message.GetReflection();
  if (field->is_repeated()) return r->FieldSize(message, field) > 0;
  if (field->has_presence()) return r->HasField(message, field);
  if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_BOOL) return true;
  return r->HasField(message, field);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t clean = 0;  // start of the run that needs no escape
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, clean, i - clean);
    clean = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out.append(text, clean);
  out += '"';
}

void append_json(std::string& out, const pb::Message& message) {
  const pb::Descriptor* type = message.GetDescriptor();
  out += '{';
  bool first = true;
  for (int i = 0; i < type->field_count(); ++i) {
    const pb::FieldDescriptor* field = type->field(i);
    if (!is_shown(message, field)) continue;
    if (!first) out += ',';
    first = false;
    out += '"';
    out += field->name();
    out += "\":";
    if (!field->is_repeated()) {
      append_scalar(out, message, field, -1);
      continue;
    }
    out += '[';
    const int size = message.GetReflection()->FieldSize(message, field);
    for (int n = 0; n < size; ++n) {
      if (n > 0) out += ',';
      append_scalar(out, message, field, n);
    }
    out += ']';
  }
  out += '}';
}

std::string time_text(std::int64_t time_us) {
  std::int64_t seconds = time_us / 1'000'000;
  std::int64_t micros = time_us % 1'000'000;
  if (micros < 0) {
    micros += 1'000'000;
    seconds -= 1;
  }
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[64];
  const int length = std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06lldZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                                   parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<long long>(micros));
  return {text, static_cast<std::size_t>(length)};
}

void append_event_json(std::string& out, const v1::Event& event, int index, std::uint64_t version) {
  v1::EventPayload payload;
  const bool known = payload.ParseFromString(event.payload()) && is_known(payload);
  out += "{\"index\":";
  append_number(out, index);
  out += ",\"stream\":";
  append_json_string(out, event.stream());
  out += ",\"version\":";
  append_number(out, version);
  if (!event.issue_id().empty()) {
    out += ",\"issue_id\":";
    append_json_string(out, event.issue_id());
  }
  out += ",\"type\":";
  append_json_string(out, known ? fact_name(payload) : "unknown");
  out += ",\"data\":";
  if (known)
    append_data_json(out, payload);
  else
    out += "{}";  // also where a part of it could be read: that may be no text
  out += '}';
}

void append_data_json(std::string& out, const v1::EventPayload& payload) {
  if (!is_known(payload)) {
    out += "{}";
    return;
  }
  const pb::Reflection* outer = payload.GetReflection();
  const pb::FieldDescriptor* aggregate = outer->GetOneofFieldDescriptor(payload, payload.GetDescriptor()->oneof_decl(0));
  const pb::Message& middle = outer->GetMessage(payload, aggregate);
  const pb::FieldDescriptor* fact = middle.GetReflection()->GetOneofFieldDescriptor(middle, middle.GetDescriptor()->oneof_decl(0));
  append_json(out, middle.GetReflection()->GetMessage(middle, fact));
}

void append_actor_json(std::string& out, const v1::Actor& actor) {
  out += "{\"kind\":";
  append_enum(out, v1::Actor::Kind_descriptor()->FindValueByNumber(v1::Actor::Kind_IsValid(actor.kind()) ? actor.kind() : 0));
  out += ",\"id\":";
  append_json_string(out, actor.id());
  out += '}';
}

std::string commit_json(const v1::Commit& commit, const Judgement& judgement) {
  std::string out = "{\"seq\":";
  append_number(out, judgement.seq);
  out += ",\"commit_id\":";
  append_json_string(out, commit.commit_id());
  out += ",\"time\":\"" + time_text(judgement.time_us) + "\",\"actor\":";
  append_actor_json(out, commit.actor());
  out += ",\"events\":[";
  for (int i = 0; i < commit.events_size(); ++i) {
    if (i > 0) out += ',';
    const auto n = static_cast<std::size_t>(i);
    append_event_json(out, commit.events(i), i, n < judgement.versions.size() ? judgement.versions[n] : 0);
  }
  out += "]}";
  return out;
}

}  // namespace dossier::events
