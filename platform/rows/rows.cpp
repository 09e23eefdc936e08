// Coalescing of row patches.
#include "platform/rows/rows.hpp"

#include <algorithm>

namespace dossier::rows {

std::string key_of(const Table& table, const Row& row) {
  std::string key;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].merge != Merge::key) continue;
    if (const auto* text = std::get_if<std::string>(&row[i])) {
      key += std::to_string(text->size()) + ':' + *text;
    } else if (const auto* number = std::get_if<std::int64_t>(&row[i])) {
      key += '#' + std::to_string(*number) + ';';
    } else if (const auto* flag = std::get_if<bool>(&row[i])) {
      key += *flag ? "t;" : "f;";
    } else {
      CHECK(!"a key column must have a value");
    }
  }
  return key;
}

void merge_row(const Table& table, Row& into, const Row& patch) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (std::holds_alternative<std::monostate>(patch[i])) continue;
    const bool absent = std::holds_alternative<std::monostate>(into[i]);
    switch (table.columns[i].merge) {
      case Merge::key: break;
      case Merge::set: into[i] = patch[i]; break;
      case Merge::keep:
        if (absent) into[i] = patch[i];
        break;
      case Merge::add: into[i] = (absent ? 0 : std::get<std::int64_t>(into[i])) + std::get<std::int64_t>(patch[i]); break;
      case Merge::greatest:
        into[i] = absent ? std::get<std::int64_t>(patch[i]) : std::max(std::get<std::int64_t>(into[i]), std::get<std::int64_t>(patch[i]));
        break;
    }
  }
}

void TableBatch::put(Row row) {
  CHECK(row.size() == table_->columns.size());
  if (table_->append_only) {
    rows_.push_back(std::move(row));
    return;
  }
  const auto [it, fresh] = by_key_.try_emplace(key_of(*table_, row), rows_.size());
  if (fresh)
    rows_.push_back(std::move(row));
  else
    merge_row(*table_, rows_[it->second], row);
}

void Batch::put(const Table& table, Row row) {
  auto it = std::find_if(tables_.begin(), tables_.end(), [&](const TableBatch& b) { return &b.table() == &table; });
  if (it == tables_.end()) it = tables_.insert(tables_.end(), TableBatch(&table));
  it->put(std::move(row));
}

void Batch::merge(const Batch& other) {
  for (const auto& table : other.tables())
    for (const auto& row : table.rows()) put(table.table(), row);
}

}  // namespace dossier::rows
