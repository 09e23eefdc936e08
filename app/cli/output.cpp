// Tables, members and JSON at the terminal.
#include "app/cli/output.hpp"

#include <cstdio>

#include "app/cli/exit_codes.hpp"
#include "replay/text.hpp"

namespace dossier::cli {
namespace {

// Characters, which for most scripts are columns too.
std::size_t width(std::string_view text) {
  std::size_t count = 0;
  for (unsigned char c : text)
    if ((c & 0xc0) != 0x80) ++count;
  return count;
}

}  // namespace

std::string table(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  widths.reserve(columns.size());
  for (const auto& column : columns) widths.push_back(width(column.title));
  for (const auto& row : rows)
    for (std::size_t i = 0; i < columns.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  std::string out;
  const auto append = [&](auto cell_of) {
    std::string line;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string& text = cell_of(i);
      const std::string pad(widths[i] - width(text), ' ');
      line += (i == 0 ? "" : "  ") + (columns[i].right ? pad + text : text + pad);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  append([&](std::size_t i) -> const std::string& { return columns[i].title; });
  for (const auto& row : rows) append([&](std::size_t i) -> const std::string& { return row[i]; });
  return out;
}

std::string cell(const json::Value& object, std::string_view member) {
  const auto* value = object.find(member);
  if (value == nullptr || value->is_null()) return {};
  std::string out;
  replay::append_printable(out, value->string() != nullptr ? *value->string() : json::write(*value));
  return out;
}

std::string short_time(std::string_view time) {
  std::string out(time.substr(0, 19));
  if (out.size() > 10) out[10] = ' ';
  return out;
}

int print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  return written ? kOk : kFailed;
}

int print_json(const json::Value& value) { return print(json::write(value) + "\n"); }

}  // namespace dossier::cli
