// The SQL of every registered read model says what its columns' Merge rules say: the same random patches, written by
// PostgreSQL and by merge_row, leave the same rows.
#include <gtest/gtest.h>

#include <random>

#include "platform/postgres/pool.hpp"
#include "projections/memory_store.hpp"
#include "projections/postgres_store.hpp"
#include "projections/projection.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::projections {
namespace {

constexpr int kBatches = 8;
constexpr int kPatches = 12;

class Patches {
 public:
  explicit Patches(std::uint32_t seed) : random_(seed) {}

  rows::Row patch(const rows::Table& table) {
    rows::Row row(table.columns.size());
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const auto& column = table.columns[i];
      if (column.merge == rows::Merge::key)
        row[i] = value(column.type, table.append_only ? ++serial_ : pick(3));
      else if (table.append_only || pick(5) > 1)
        row[i] = value(column.type, pick(100));
    }
    return row;
  }

 private:
  std::int64_t pick(std::int64_t below) { return static_cast<std::int64_t>(random_() % static_cast<std::uint32_t>(below)); }
  static rows::Cell value(rows::Type type, std::int64_t n) {
    switch (type) {
      case rows::Type::text: return "t" + std::to_string(n);
      case rows::Type::int8: return n - 50;
      case rows::Type::bool_: return n % 2 == 0;
      case rows::Type::bytea: return std::string("\0b", 2) + std::to_string(n);
    }
    return {};
  }
  std::mt19937 random_;
  std::int64_t serial_ = 0;
};

// The table's rows by key, as the memory store keeps them.
std::map<std::string, rows::Row> stored(postgres::Pool& pool, const rows::Table& table) {
  std::string sql = "SELECT ";
  for (const auto& column : table.columns) (sql += sql.size() > 7 ? ", " : "") += column.name;
  ((sql += " FROM ") += table.name);
  const auto set = pool.read_one(sql);
  EXPECT_TRUE(set.has_value()) << set.error().message;
  std::map<std::string, rows::Row> out;
  if (!set) return out;
  for (const auto found : *set) {
    rows::Row row(table.columns.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      const int column = static_cast<int>(i);
      if (found.is_null(column)) continue;
      switch (table.columns[i].type) {
        case rows::Type::text:
        case rows::Type::bytea: row[i] = found.str(column); break;
        case rows::Type::int8: row[i] = found.int64(column); break;
        case rows::Type::bool_: row[i] = found.boolean(column); break;
      }
    }
    out[rows::key_of(table, row)] = std::move(row);
  }
  return out;
}

TEST(ReadModelTables, TheirSqlMergesAsTheirColumnsSay) {
  const auto database = test::TestDatabase::create();
  const auto generation = database->make_live_generation();
  postgres::Pool pool({.connection = {.url = database->url()}, .size = 1});
  PostgresStore real({.url = database->url(), .generation = generation, .notify = false});
  auto shared = std::make_shared<memory::MemoryDatabase>();
  MemoryStore model(shared);
  Position position{0, 0, crypto::kZeroHash, "log", 1, 1, 1};
  ASSERT_TRUE(real.create_position(position).has_value());
  ASSERT_TRUE(model.create_position(position).has_value());

  Patches patches(20'261'121);
  int tables = 0;
  for (const auto& projection : registry()) {
    for (const auto* table : projection.tables) {
      SCOPED_TRACE(std::string(projection.name) + "." + std::string(table->name));
      ++tables;
      for (int round = 0; round < kBatches; ++round) {
        ProjectionBatch batch;
        batch.before = position;
        position.next_offset += 1;
        batch.after = position;
        ModelRows rows{projection.name, {}};
        for (int i = 0; i < kPatches; ++i) rows.rows.put(*table, patches.patch(*table));
        batch.models.push_back(std::move(rows));
        const auto written = real.apply(batch);
        ASSERT_TRUE(written.has_value()) << written.error().message;
        ASSERT_FALSE(written->data_error) << written->data_error->message;
        const auto modelled = model.apply(batch);
        ASSERT_TRUE(modelled.has_value() && !modelled->data_error);
      }
      std::map<std::string, rows::Row> expected;
      for (auto& row : *model.table(*table)) expected[rows::key_of(*table, row)] = row;
      EXPECT_GT(expected.size(), 1u);
      EXPECT_EQ(stored(pool, *table), expected);
    }
  }
  EXPECT_GE(tables, 12);
}

}  // namespace
}  // namespace dossier::projections
