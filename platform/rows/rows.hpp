// Row operations as data. A projection turns events into patches of rows; a batch coalesces them per key; a store writes
// each table's rows with one array statement (Postgres) or into a map (memory). So the same projections run on both.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/check.hpp"

namespace dossier::rows {

enum class Type : std::uint8_t { text, int8, bool_, bytea };

// How a later patch of the same key meets the earlier value, within a batch and in the table.
enum class Merge : std::uint8_t {
  key,       // part of the primary key; always given
  set,       // replaced by the later value; kept where the patch leaves it out
  keep,      // the first value stays
  add,       // int8: the sum (absent = 0)
  greatest,  // int8: the larger (absent = smallest)
};

struct Column {
  std::string_view name;
  Type type;
  Merge merge;
};

// A table and the one statement that writes many of its rows. `sql` takes one array parameter a column, in column order,
// and says in full what the columns' Merge rules say: INSERT … SELECT unnest($1::text[]), … ON CONFLICT DO UPDATE
// with COALESCE(excluded.c, t.c) for set, t.c + excluded.c for add, and so on. Tables are named without a schema: the
// connection's search_path selects the generation. Columns that a patch may leave out are nullable or come back as the
// table's own default through COALESCE. A contract test holds `sql` against the Merge rules.
// `append_only`: every key is new (guarded by the position), so rows skip coalescing and ON CONFLICT.
struct Table {
  std::string_view name;
  std::vector<Column> columns;
  std::string_view sql;
  bool append_only = false;
};

// monostate = left out of the patch (NULL in the array).
using Cell = std::variant<std::monostate, std::int64_t, bool, std::string>;
using Row = std::vector<Cell>;  // one cell a column, in column order

// The rows of one batch for one table, coalesced by key, in order of first appearance.
class TableBatch {
 public:
  explicit TableBatch(const Table* table) : table_(table) {}
  const Table& table() const { return *table_; }
  const std::vector<Row>& rows() const { return rows_; }
  bool empty() const { return rows_.empty(); }
  void put(Row row);

 private:
  const Table* table_;
  std::vector<Row> rows_;
  std::unordered_map<std::string, std::size_t> by_key_;
};

// All row operations of one batch, grouped by table in order of first use. Table pointers must outlive the batch.
class Batch {
 public:
  void put(const Table& table, Row row);
  const std::vector<TableBatch>& tables() const { return tables_; }
  bool empty() const { return tables_.empty(); }
  void clear() { tables_.clear(); }
  // Adds everything in `other` (in its order).
  void merge(const Batch& other);

 private:
  std::vector<TableBatch> tables_;
};

// Merges a patch into an existing row by the columns' rules; the one definition which memory and coalescing share.
void merge_row(const Table& table, Row& into, const Row& patch);
// The key columns as one unambiguous string.
std::string key_of(const Table& table, const Row& row);

}  // namespace dossier::rows
