// Composes JSON text, member by member, without a tree: replies are mostly made of columns that hold JSON already.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "platform/json/json.hpp"

namespace dossier::api {

class JsonObject {
 public:
  JsonObject() : out_("{") {}

  JsonObject& text(std::string_view name, std::string_view value) {
    key(name);
    json::append_string(out_, value);
    return *this;
  }
  JsonObject& text_or_null(std::string_view name, std::string_view value) { return value.empty() ? raw(name, "null") : text(name, value); }
  // `json` is JSON text; empty stands for null.
  JsonObject& raw(std::string_view name, std::string_view json) {
    key(name);
    out_ += json.empty() ? std::string_view("null") : json;
    return *this;
  }
  JsonObject& number(std::string_view name, std::int64_t value) { return raw(name, std::to_string(value)); }
  JsonObject& number_or_null(std::string_view name, std::optional<std::int64_t> value) { return value ? number(name, *value) : raw(name, "null"); }
  JsonObject& boolean(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
  // Members without braces ("\"a\":1,\"b\":2").
  JsonObject& members(std::string_view text) {
    if (text.empty()) return *this;
    if (out_.size() > 1) out_ += ',';
    out_ += text;
    return *this;
  }
  std::string finish() && {
    out_ += '}';
    return std::move(out_);
  }

 private:
  void key(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  std::string out_;
};

// "[a,b,c]"
template <class Items>
std::string json_array(const Items& items) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ',';
    out += item;
  }
  return out += ']';
}

}  // namespace dossier::api
