// JSON text to our tree and back. The only place that knows RapidJSON: its SAX reader (iterative, so depth costs no
// stack) drives a builder that keeps order, validates UTF-8, refuses repeated names and bounds depth and size.
#include "platform/json/json.hpp"

// Not RAPIDJSON_SSE2: in 1.1.0 its reader takes, and its writer leaves, the bytes 0x1a to 0x1f in strings as they are.
#define RAPIDJSON_HAS_STDSTRING 1
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <unordered_set>

#include "base/encoding.hpp"

namespace dossier::json {
namespace {

constexpr std::size_t kMaxDepth = 64;
// Members of one object above which a set replaces the scan for repeated names.
constexpr std::size_t kScanMembers = 16;

// Builds the tree from events. A false return stops the reader; `why` says why.
class Builder {
 public:
  std::string why;
  Value root;

  bool Null() { return put(Value()); }
  bool Bool(bool flag) { return put(Value(flag)); }
  // Numbers come as text (RapidJSON's own conversion shifts by an undefined count for "0e1"): the grammar is checked already.
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    const std::string number(text, size);
    std::int64_t integer = 0;
    const char* const end = number.data() + number.size();
    const auto whole = std::from_chars(number.data(), end, integer);
    if (whole.ec == std::errc() && whole.ptr == end) return put(Value(integer));
    const double real = std::strtod(number.c_str(), nullptr);  // what is too small for it is 0
    if (std::isfinite(real)) return put(Value(real));
    why = "a number is too large";
    return false;
  }
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }
  bool String(const char* text, rapidjson::SizeType size, bool) { return is_text({text, size}) && put(Value(std::string(text, size))); }
  bool StartObject() { return open(true); }
  bool StartArray() { return open(false); }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    if (!is_text({text, size})) return false;
    Frame& frame = frames_.back();
    std::string name(text, size);
    if (frame.has(name)) {
      why = "the member \"" + name + "\" is repeated";
      return false;
    }
    frame.members.emplace_back(std::move(name), Value());
    return true;
  }
  bool EndObject(rapidjson::SizeType) { return close(); }
  bool EndArray(rapidjson::SizeType) { return close(); }

 private:
  // The reader takes any bytes of the source, and checks of \u escapes only the first half of a pair: a second half that
  // stands alone comes out as bytes that are no UTF-8.
  bool is_text(std::string_view text) {
    if (is_utf8(text)) return true;
    why = "a string is no UTF-8, or a \\u escape is half of a surrogate pair";
    return false;
  }

  struct Frame {
    bool is_object = false;
    Value::Object members;
    Value::Array items;
    std::unordered_set<std::string> names;  // once there are more than kScanMembers

    bool has(const std::string& name) {
      if (members.size() < kScanMembers) {
        for (const auto& member : members)
          if (member.first == name) return true;
        return false;
      }
      if (names.empty())
        for (const auto& member : members) names.insert(member.first);
      return !names.insert(name).second;
    }
  };

  bool open(bool is_object) {
    if (frames_.size() >= kMaxDepth) {
      why = "nested deeper than " + std::to_string(kMaxDepth) + " levels";
      return false;
    }
    frames_.emplace_back();
    frames_.back().is_object = is_object;
    return true;
  }
  bool close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    return put(frame.is_object ? Value(std::move(frame.members)) : Value(std::move(frame.items)));
  }
  bool put(Value value) {
    if (frames_.empty()) {
      root = std::move(value);
    } else if (frames_.back().is_object) {
      frames_.back().members.back().second = std::move(value);
    } else {
      frames_.back().items.push_back(std::move(value));
    }
    return true;
  }

  std::vector<Frame> frames_;
};

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void write_value(Writer& out, const Value& value) {
  if (const bool* flag = value.boolean()) {
    out.Bool(*flag);
  } else if (const std::int64_t* number = value.integer()) {
    out.Int64(*number);
  } else if (const std::string* text = value.string()) {
    out.String(text->data(), static_cast<rapidjson::SizeType>(text->size()));
  } else if (const Value::Array* items = value.array()) {
    out.StartArray();
    for (const Value& item : *items) write_value(out, item);
    out.EndArray();
  } else if (const Value::Object* members = value.object()) {
    out.StartObject();
    for (const auto& [name, member] : *members) {
      out.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
      write_value(out, member);
    }
    out.EndObject();
  } else if (const auto number = value.number(); number && std::isfinite(*number)) {
    out.Double(*number);
  } else {
    out.Null();  // null, and what JSON has no number for
  }
}

}  // namespace

std::optional<double> Value::number() const {
  if (const auto* whole = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&data_)) return *real;
  return std::nullopt;
}

const Value* Value::find(std::string_view name) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  for (const auto& member : *members)
    if (member.first == name) return &member.second;
  return nullptr;
}

std::string Value::text(std::string_view name, std::string_view fallback) const {
  const Value* member = find(name);
  const std::string* found = member == nullptr ? nullptr : member->string();
  return found == nullptr ? std::string(fallback) : *found;
}

std::int64_t Value::integer_or(std::string_view name, std::int64_t fallback) const {
  const Value* member = find(name);
  const std::int64_t* found = member == nullptr ? nullptr : member->integer();
  return found == nullptr ? fallback : *found;
}

Result<Value> parse(std::string_view text) {
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::Reader reader;
  Builder builder;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, builder);
  if (result.IsError()) {
    const std::string why = builder.why.empty() ? std::string(rapidjson::GetParseError_En(result.Code())) : builder.why;
    return make_error(Code::malformed_json, "not valid JSON at byte " + std::to_string(result.Offset()) + ": " + why);
  }
  // The reader takes a NUL for the end of its input; a real one is garbage after the value.
  if (stream.Tell() != text.size())
    return make_error(Code::malformed_json, "not valid JSON at byte " + std::to_string(stream.Tell()) + ": text after the value");
  return std::move(builder.root);
}

std::string write(const Value& value) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  write_value(writer, value);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace dossier::json
