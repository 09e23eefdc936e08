// Rows of read models by table and key, as a database would hold them; and events turned into them without any store.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "events/ledger.hpp"
#include "platform/rows/rows.hpp"
#include "projections/projection.hpp"
#include "tests/support/event_script.hpp"

namespace dossier::test {

class TableRows {
 public:
  void apply(const rows::Batch& batch) {
    for (const auto& table : batch.tables())
      for (const auto& row : table.rows()) {
        const auto [it, fresh] = rows_[&table.table()].try_emplace(rows::key_of(table.table(), row), row);
        if (!fresh) rows::merge_row(table.table(), it->second, row);
      }
  }
  std::size_t count(std::string_view table) const {
    for (const auto& [each, rows] : rows_)
      if (each->name == table) return rows.size();
    return 0;
  }
  // The only row of the table whose first column has this value (any, if empty); "" where the cell is absent.
  std::string cell(std::string_view table, std::string_view column, std::string_view first = {}) const {
    for (const auto& [each, rows] : rows_) {
      if (each->name != table) continue;
      for (const auto& [key, row] : rows)
        if (first.empty() || (std::holds_alternative<std::string>(row[0]) && std::get<std::string>(row[0]) == first))
          return text(row[index(*each, column)]);
    }
    return "no such row";
  }
  friend bool operator==(const TableRows&, const TableRows&) = default;

 private:
  static std::size_t index(const rows::Table& table, std::string_view column) {
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      if (table.columns[i].name == column) return i;
    CHECK(!"no such column");
    return 0;
  }
  static std::string text(const rows::Cell& cell) {
    if (const auto* text = std::get_if<std::string>(&cell)) return *text;
    if (const auto* number = std::get_if<std::int64_t>(&cell)) return std::to_string(*number);
    if (const auto* flag = std::get_if<bool>(&cell)) return *flag ? "true" : "false";
    return {};
  }
  std::map<const rows::Table*, std::map<std::string, rows::Row>> rows_;
};

// Judges a script from offset 0 and gives every event of its accepted commits to `visit(AcceptedEvent)`.
template <class Visit>
void for_each_accepted(const EventScript& script, Visit visit) {
  events::PartitionHead head;
  head.partition = script.partition();
  events::Book book;
  for (const auto& record : script.records()) {
    const events::Envelope envelope = events::decode(record.value);
    const auto judged = events::judge(head, book, envelope, record.value);
    CHECK(judged.has_value());
    if (judged->verdict != events::Verdict::accepted) continue;
    const v1::Commit& commit = envelope.record.commit();
    for (int i = 0; i < commit.events_size(); ++i) {
      v1::EventPayload payload;
      if (!payload.ParseFromString(commit.events(i).payload()) || !events::is_known(payload)) continue;
      visit(projections::AcceptedEvent{commit, commit.events(i), payload, judged->seq, i, judged->versions[static_cast<std::size_t>(i)],
                                       judged->time_us});
    }
  }
}

// What all read models make of a script, an event at a time.
inline TableRows project_all(const EventScript& script) {
  TableRows rows;
  for_each_accepted(script, [&](const projections::AcceptedEvent& event) {
    for (const auto& model : projections::registry()) {
      rows::Batch batch;
      model.project(event, batch);
      rows.apply(batch);
    }
  });
  return rows;
}

}  // namespace dossier::test
