// The stores of the write path over one database, in memory and on PostgreSQL: what their contract suites run on.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "platform/memory/ledger_tables.hpp"
#include "platform/postgres/migrate.hpp"
#include "producers/memory_dispatch_store.hpp"
#include "producers/memory_intake_store.hpp"
#include "producers/memory_secrets.hpp"
#include "producers/memory_state_store.hpp"
#include "producers/memory_verdict_source.hpp"
#include "producers/postgres_dispatch_store.hpp"
#include "producers/postgres_intake_store.hpp"
#include "producers/postgres_secrets.hpp"
#include "producers/postgres_state_store.hpp"
#include "producers/postgres_verdict_source.hpp"
#include "projections/memory_store.hpp"
#include "projections/postgres_store.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::test {

struct ProducerSystem {
  virtual ~ProducerSystem() = default;
  std::unique_ptr<projections::ProjectionStore> projection;  // writes what the others read
  std::unique_ptr<projections::ProjectionStore> second;      // of another generation, which is not live
  std::unique_ptr<producers::StateStore> states;
  std::unique_ptr<producers::IntakeStore> intake;
  std::unique_ptr<producers::ActivityStore> activity;
  std::unique_ptr<producers::Secrets> secrets;
  std::unique_ptr<producers::DispatchStore> dispatch;
  std::unique_ptr<producers::VerdictSource> verdicts;
  // Makes the second generation live.
  virtual void switch_over() = 0;
  // From now on the database can't be reached.
  virtual void lose_database() = 0;
};

struct MemorySystem final : ProducerSystem {
  MemorySystem() {
    projection = std::make_unique<projections::MemoryStore>(database, 1);
    second = std::make_unique<projections::MemoryStore>(database, 2);
    states = std::make_unique<producers::MemoryStateStore>(database);
    intake = std::make_unique<producers::MemoryIntakeStore>(database);
    activity = std::make_unique<producers::MemoryActivityStore>(database);
    secrets = std::make_unique<producers::MemorySecrets>(database, clock);
    dispatch = std::make_unique<producers::MemoryDispatchStore>(database);
    verdicts = std::make_unique<producers::MemoryVerdictSource>(database);
  }
  void switch_over() override { ASSERT_TRUE(memory::set_live_generation(*database, 2).has_value()); }
  void lose_database() override {
    database->set_faults([](std::string_view) { return memory::DatabaseFault::unavailable; });
  }
  SystemClock clock;
  std::shared_ptr<memory::MemoryDatabase> database = std::make_shared<memory::MemoryDatabase>();
};

struct PostgresSystem final : ProducerSystem {
  PostgresSystem() {
    live = database->make_live_generation("one");
    other = postgres::create_generation(database->url(), "two")->number;
    projection = std::make_unique<projections::PostgresStore>(projections::PostgresStoreOptions{.url = database->url(), .generation = live});
    second = std::make_unique<projections::PostgresStore>(projections::PostgresStoreOptions{.url = database->url(), .generation = other});
    open(database->url());
  }
  ~PostgresSystem() override { close(); }
  void switch_over() override {
    const Status switched = postgres::switch_generation(database->url(), other);
    ASSERT_TRUE(switched.has_value()) << switched.error().message;
  }
  void lose_database() override {
    close();
    open("postgresql://nobody@127.0.0.1:1/none");
  }

 private:
  void open(const std::string& url) {
    pool = std::make_unique<postgres::Pool>(postgres::PoolOptions{.connection = {.url = url}, .size = 4});
    states = std::make_unique<producers::PostgresStateStore>(*pool);
    intake = std::make_unique<producers::PostgresIntakeStore>(*pool);
    activity = std::make_unique<producers::PostgresActivityStore>(*pool);
    secrets = std::make_unique<producers::PostgresSecrets>(*pool);
    dispatch = std::make_unique<producers::PostgresDispatchStore>(*pool);
    verdicts = std::make_unique<producers::PostgresVerdictSource>(*pool);
  }
  void close() {
    states.reset();
    intake.reset();
    activity.reset();
    secrets.reset();
    dispatch.reset();
    verdicts.reset();
    pool.reset();
  }
  std::unique_ptr<TestDatabase> database = TestDatabase::create();
  std::int64_t live = 0, other = 0;
  std::unique_ptr<postgres::Pool> pool;
};

using MakeProducerSystem = std::unique_ptr<ProducerSystem> (*)();
inline std::unique_ptr<ProducerSystem> memory_system() { return std::make_unique<MemorySystem>(); }
inline std::unique_ptr<ProducerSystem> postgres_system() { return std::make_unique<PostgresSystem>(); }

}  // namespace dossier::test
