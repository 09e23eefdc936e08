// The SQL files of this folder, embedded by CMake, sorted by name.
#pragma once

#include <string_view>
#include <vector>

namespace dossier::sql {

struct File {
  std::string_view name;  // "0001_schema.sql", "generation/0001_ledger.sql"
  std::string_view text;
};
const std::vector<File>& files();

}  // namespace dossier::sql
