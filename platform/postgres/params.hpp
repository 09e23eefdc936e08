// Parameters of a statement, in PostgreSQL's binary format: no escaping, no hex, whole columns as one array.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/rows/rows.hpp"

namespace dossier::postgres {

// One array parameter, built element by element.
class Array {
 public:
  explicit Array(rows::Type element, std::size_t expected_elements = 0);
  void null();
  void text(std::string_view value);
  void bytes(std::string_view value) { text(value); }
  void int8(std::int64_t value);
  void boolean(bool value);
  void cell(const rows::Cell& cell);  // of the array's element type; monostate is NULL
  std::size_t size() const { return count_; }

 private:
  friend class Params;
  std::string finish() &&;

  rows::Type element_;
  std::uint32_t count_ = 0;
  bool has_null_ = false;
  std::string bytes_;
};

// Values for $1, $2, … in the order of the calls. A text takes the type that the statement gives its place (so it also
// serves for timestamps and the like); the others have the type of their name.
class Params {
 public:
  Params& text(std::string_view value);
  Params& int8(std::int64_t value);
  Params& boolean(bool value);
  Params& bytes(std::string_view value);
  Params& null();  // of the type that the statement gives its place
  Params& optional_int8(std::optional<std::int64_t> value);
  Params& array(Array values);
  Params& texts(std::span<const std::string> values);
  Params& int8s(std::span<const std::int64_t> values);

  struct Value {
    std::uint32_t type_oid = 0;  // 0: the server infers it
    bool binary = false;
    bool is_null = false;
    std::string bytes;
  };
  const std::vector<Value>& values() const { return values_; }

 private:
  Params& put(std::uint32_t type_oid, bool binary, std::string bytes);
  std::vector<Value> values_;
};

}  // namespace dossier::postgres
