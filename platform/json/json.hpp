// JSON in and out. RapidJSON appears in json.cpp only: iterative parsing, UTF-8 validated, bounded depth.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace dossier::json {

// An immutable tree. Objects keep the order of their members; a repeated member name is a parse error.
class Value {
 public:
  using Array = std::vector<Value>;
  using Object = std::vector<std::pair<std::string, Value>>;

  Value() = default;                                     // null
  Value(bool flag) : data_(flag) {}                      // NOLINT(google-explicit-constructor)
  Value(std::int64_t number) : data_(number) {}          // NOLINT(google-explicit-constructor)
  Value(int number) : data_(std::int64_t{number}) {}     // NOLINT(google-explicit-constructor)
  Value(double number) : data_(number) {}                // NOLINT(google-explicit-constructor)
  Value(std::string text) : data_(std::move(text)) {}    // NOLINT(google-explicit-constructor)
  Value(const char* text) : data_(std::string(text)) {}  // NOLINT(google-explicit-constructor)
  Value(Array items) : data_(std::move(items)) {}        // NOLINT(google-explicit-constructor)
  Value(Object members) : data_(std::move(members)) {}   // NOLINT(google-explicit-constructor)

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  const bool* boolean() const { return std::get_if<bool>(&data_); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }  // exact 64-bit integers only
  std::optional<double> number() const;                                              // integers too
  const std::string* string() const { return std::get_if<std::string>(&data_); }
  const Array* array() const { return std::get_if<Array>(&data_); }
  const Object* object() const { return std::get_if<Object>(&data_); }
  // Member by name; nullptr if this is no object or has none.
  const Value* find(std::string_view name) const;
  // Convenience for reading foreign frames: text of a string member, or fallback.
  std::string text(std::string_view name, std::string_view fallback = {}) const;
  std::int64_t integer_or(std::string_view name, std::int64_t fallback) const;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> data_;
};

// malformed_json with the byte position; never throws. Depth at most 64.
Result<Value> parse(std::string_view text);
std::string write(const Value& value);

// Appends a quoted, escaped string.
void append_string(std::string& out, std::string_view text);

// Reads a request body's object strictly: every wrong type or form names the field, and finish() refuses what was not asked for.
// The first error sticks; getters after it return defaults.
class ObjectReader {
 public:
  // `path` prefixes field names ("" for a body).
  explicit ObjectReader(const Value& value, std::string path = {});
  std::string required_string(std::string_view name, std::size_t max_bytes, std::size_t min_bytes = 1);
  std::optional<std::string> optional_string(std::string_view name, std::size_t max_bytes);
  std::optional<bool> optional_bool(std::string_view name);
  std::optional<std::int64_t> optional_integer(std::string_view name, std::int64_t least, std::int64_t most);
  std::optional<std::vector<std::string>> optional_strings(std::string_view name, std::size_t max_items, std::size_t max_bytes);
  const Value* optional_value(std::string_view name);  // any JSON
  // Records an error of the caller's own about a field.
  void fail(std::string_view name, std::string message);
  // The first error, unknown_field for a member nobody asked for, or success. Strings never hold NUL.
  Status finish();

 private:
  const Value* take(std::string_view name);
  const Value* value_;
  std::string path_;
  std::vector<std::string> taken_;
  std::optional<Error> error_;
};

}  // namespace dossier::json
