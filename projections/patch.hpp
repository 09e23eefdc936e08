// What read models share when they write a patch: one row under construction, JSON forms of values, ids in stream names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "dossier/v1/commit.pb.h"
#include "events/json.hpp"
#include "platform/rows/rows.hpp"

namespace dossier::projections {

// A patch of one row; columns that are not named keep what the table has. `column`: its place in Table::columns.
class Patch {
 public:
  explicit Patch(const rows::Table& table) : table_(table), row_(table.columns.size()) {}
  Patch& text(std::size_t column, std::string value) { return put(column, rows::Cell(std::move(value))); }
  Patch& number(std::size_t column, std::int64_t value) { return put(column, rows::Cell(value)); }
  Patch& number(std::size_t column, std::uint64_t value) { return number(column, static_cast<std::int64_t>(value)); }
  Patch& number(std::size_t column, std::uint32_t value) { return number(column, std::int64_t{value}); }
  Patch& number(std::size_t column, std::int32_t value) { return number(column, std::int64_t{value}); }
  Patch& flag(std::size_t column, bool value) { return put(column, rows::Cell(value)); }
  void into(rows::Batch& out) { out.put(table_, std::move(row_)); }

 private:
  Patch& put(std::size_t column, rows::Cell cell) {
    row_[column] = std::move(cell);
    return *this;
  }
  const rows::Table& table_;
  rows::Row row_;
};

// A JSON string, or null for what is sealed.
inline std::string json_of(const v1::Text& text) {
  if (text.form_case() == v1::Text::kSealed) return "null";
  std::string out;
  out.reserve(text.plain().size() + 2);
  events::append_json_string(out, text.plain());
  return out;
}

// ["a","b"] of a repeated string field.
template <class Strings>
std::string json_array_of(const Strings& strings) {
  std::string out = "[";
  for (const std::string& text : strings) {
    if (out.size() > 1) out += ',';
    events::append_json_string(out, text);
  }
  return out += ']';
}

// The id in a stream's name: id_in("issue/iss_1/copy", "issue/", "/copy") = "iss_1"; empty where the name has another form.
inline std::string id_in(std::string_view stream, std::string_view prefix, std::string_view suffix = {}) {
  if (!stream.starts_with(prefix) || !stream.ends_with(suffix) || stream.size() <= prefix.size() + suffix.size()) return {};
  stream.remove_prefix(prefix.size());
  stream.remove_suffix(suffix.size());
  if (stream.find('/') != std::string_view::npos) return {};
  return std::string(stream);
}

}  // namespace dossier::projections
