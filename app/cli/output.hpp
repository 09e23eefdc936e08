// What commands print: JSON as the server sent it, or tables and blocks for people. Text of others is made safe to print.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/json/json.hpp"

namespace dossier::cli {

struct Column {
  std::string title;
  bool right = false;
};
// Columns as wide as their widest cell, two spaces between, no spaces at the ends of lines.
std::string table(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows);
// Makes a member printable: strings as they are, numbers and booleans as text, null and absent as "".
std::string cell(const json::Value& object, std::string_view member);
// "2026-11-21T03:04:05.123456Z" → "2026-11-21 03:04:05".
std::string short_time(std::string_view time);

// Writes to standard output; exit code 0, or 1 when nobody reads it any more.
int print(std::string_view text);
int print_json(const json::Value& value);

}  // namespace dossier::cli
