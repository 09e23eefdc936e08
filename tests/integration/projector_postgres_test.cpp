// The projector on a real PostgreSQL: the SQL of every read model does what its Merge rules say, a real constraint error is
// isolated, and events of newer code are kept.
#include <gtest/gtest.h>

#include <random>

#include "platform/postgres/connection.hpp"
#include "projections/memory_store.hpp"
#include "projections/postgres_store.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/projector_rig.hpp"
#include "tests/support/random_history.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::projections {
namespace {

using test::EventScript;
using test::hex_id;
using test::make_fact;

rows::Cell cell_of(const postgres::Row& row, int column, rows::Type type) {
  if (row.is_null(column)) return std::monostate{};
  switch (type) {
    case rows::Type::text:
    case rows::Type::bytea: return row.str(column);
    case rows::Type::int8: return row.int64(column);
    case rows::Type::bool_: return row.boolean(column);
  }
  return std::monostate{};
}

class ProjectorOnPostgres : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = test::TestDatabase::create();
    generation_ = database_->make_live_generation("test");
    store_ = std::make_unique<PostgresStore>(PostgresStoreOptions{.url = database_->url(), .generation = generation_});
  }
  // Projects the whole script; how it went.
  ProjectorStats project(EventScript& script, std::size_t poll_records = 37, int steps = 2'000) {
    test::ScriptReader reader({&script});
    SystemClock clock;
    ProjectorOptions options;
    options.log = {EventScript::kTopic, EventScript::kLogId, EventScript::kPartitions};
    options.poll_records = poll_records;
    Projector projector(options, reader, *store_, registry(), clock);
    projector.assign({script.partition()});
    for (; steps > 0; --steps) {
      projector.step(0);
      const PartitionStats partition = projector.stats().partitions.at(0);
      if (partition.next_offset == script.end() || partition.state == PartitionState::halted) break;
    }
    EXPECT_GT(steps, 0) << "did not come to the end";
    return projector.stats();
  }
  std::map<std::string, rows::Row> table(const rows::Table& table) {
    auto connection = postgres::Connection::open({.url = database_->url()});
    EXPECT_TRUE(connection.has_value());
    std::string sql;
    for (const auto& column : table.columns) sql += (sql.empty() ? "SELECT " : ", ") + std::string(column.name);
    const auto set = (*connection)->query(sql + " FROM g" + std::to_string(generation_) + "." + std::string(table.name));
    EXPECT_TRUE(set.has_value()) << set.error().message;
    std::map<std::string, rows::Row> out;
    for (const auto row : *set) {
      rows::Row cells;
      for (std::size_t i = 0; i < table.columns.size(); ++i) cells.push_back(cell_of(row, static_cast<int>(i), table.columns[i].type));
      out.emplace(rows::key_of(table, cells), cells);
    }
    return out;
  }

  std::unique_ptr<test::TestDatabase> database_;
  std::int64_t generation_ = 0;
  std::unique_ptr<PostgresStore> store_;
};

TEST_F(ProjectorOnPostgres, every_table_holds_what_the_same_history_gives_in_memory) {
  std::mt19937_64 random(20'261);
  EventScript script = test::random_history(random, 1'500);
  project(script);
  test::ProjectorRig memory({&script});
  memory.run();
  for (const auto& model : registry()) {
    for (const auto* each : model.tables) {
      std::map<std::string, rows::Row> expected;
      for (const auto& row : *memory.inner.table(*each)) expected.emplace(rows::key_of(*each, row), row);
      ASSERT_FALSE(expected.empty()) << each->name;
      EXPECT_TRUE(table(*each) == expected) << each->name;
    }
  }
}

TEST_F(ProjectorOnPostgres, a_real_data_error_parks_its_stream_in_its_read_model_and_nothing_else) {
  EventScript script;
  const auto completed = [&](std::uint64_t n, std::string branch) {
    script.commit({make_fact("task/" + hex_id("tsk", n), hex_id("iss", 1),
                             [&](v1::EventPayload& p) { p.mutable_task()->mutable_task_completed()->set_branch(std::move(branch)); })});
  };
  for (std::uint64_t n = 1; n <= 50; ++n) completed(n, n == 23 ? std::string("a\0b", 3) : "fine");
  project(script, 1'000);
  completed(23, "fine again");
  const auto stats = project(script, 1'000);
  EXPECT_EQ(stats.partitions.at(0).state, PartitionState::attached) << stats.partitions.at(0).reason;
  const auto parked = *store_->parked_streams(script.partition());
  ASSERT_EQ(parked.size(), 1u);
  EXPECT_EQ(parked[0].read_model, "tasks");
  EXPECT_EQ(parked[0].stream, "task/" + hex_id("tsk", 23));
  const auto rows = *store_->parked_rows(script.partition(), parked[0], 10);
  ASSERT_EQ(rows.size(), 2u) << "what came later for the stream waits behind it";
  EXPECT_FALSE(rows[0].error.empty());
  for (const auto& model : registry()) {
    if (model.name == "tasks") {
      EXPECT_EQ(table(*model.tables[0]).size(), 49u);
    }
    if (model.name == "timeline") {
      EXPECT_EQ(table(*model.tables[0]).size(), 51u);
    }
  }
  const auto fetched = *store_->fetch({{}, {{script.workspace(), parked[0].stream}}, {}});
  EXPECT_EQ(fetched.streams.at(0).version, 2u) << "the ledger and the streams go on";
}

TEST_F(ProjectorOnPostgres, a_discarded_stream_goes_on_without_the_rows_that_waited) {
  EventScript script;
  const std::string stream = "task/" + hex_id("tsk", 1);
  const auto completed = [&](std::string branch) {
    script.commit({make_fact(stream, "", [&](v1::EventPayload& p) { p.mutable_task()->mutable_task_completed()->set_branch(std::move(branch)); })});
  };
  completed(std::string("\0", 1));
  script.commit({make_fact("parking/tasks", "", [&](v1::EventPayload& p) {
    p.mutable_parking()->mutable_parked_discarded()->set_read_model("tasks");
    p.mutable_parking()->mutable_parked_discarded()->set_stream(stream);
  })});
  completed("fine");
  project(script);
  EXPECT_TRUE(store_->parked_streams(script.partition())->empty());
  for (const auto& model : registry()) {
    if (model.name == "tasks") {
      EXPECT_EQ(table(*model.tables[0]).size(), 1u);
    }
  }
}

TEST_F(ProjectorOnPostgres, an_event_of_newer_code_is_in_the_journal_and_in_no_read_model) {
  EventScript script;
  v1::Event unknown = make_fact("comment/" + hex_id("cmt", 1), hex_id("iss", 1), [](v1::EventPayload&) {});
  unknown.set_payload("\xfa\x3f\x01x");
  script.commit({unknown});
  const auto stats = project(script);
  EXPECT_EQ(stats.unknown_events, 1u);
  EXPECT_EQ((*store_->journal_at(script.partition(), 1))->value, script.records()[1].value);
  for (const auto& model : registry())
    for (const auto* each : model.tables) EXPECT_TRUE(table(*each).empty()) << each->name;
}

TEST_F(ProjectorOnPostgres, connections_that_break_between_batches_lose_and_repeat_nothing) {
  std::mt19937_64 random(7);
  EventScript script = test::random_history(random, 400);
  test::ScriptReader reader({&script});
  SystemClock clock;
  ProjectorOptions options;
  options.log = {EventScript::kTopic, EventScript::kLogId, EventScript::kPartitions};
  options.poll_records = 40;
  Projector projector(options, reader, *store_, registry(), clock);
  projector.assign({script.partition()});
  int kills = 0;
  const bool done = test::eventually(20'000, [&] {
    if (projector.stats().batches > 2 * static_cast<std::uint64_t>(kills) && kills < 4) {
      database_->kill_connections();
      ++kills;
    }
    projector.step(0);
    return projector.stats().partitions.at(0).next_offset == script.end();
  });
  EXPECT_TRUE(done);
  EXPECT_EQ(kills, 4);
  EXPECT_GT(projector.stats().store_errors, 0u);
  test::ProjectorRig memory({&script});
  memory.run();
  for (const auto& model : registry())
    for (const auto* each : model.tables) EXPECT_EQ(table(*each).size(), memory.rows(*each)) << each->name;
}

}  // namespace
}  // namespace dossier::projections
