// The Postgres adapter against a real server: values, batches, pool, snapshots, notifications, migrations.
#include <gtest/gtest.h>

#include <thread>

#include "platform/postgres/listener.hpp"
#include "platform/postgres/migrate.hpp"
#include "platform/postgres/pool.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::postgres {
namespace {

class Postgres : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    database_ = test::TestDatabase::create();
    generation_ = database_->make_live_generation();
  }
  static void TearDownTestSuite() { database_.reset(); }
  static PoolOptions options(std::size_t size = 2, std::int64_t acquire_timeout_ms = 1'000) {
    return PoolOptions{.connection = {.url = database_->url()}, .size = size, .acquire_timeout_ms = acquire_timeout_ms};
  }
  static inline std::unique_ptr<test::TestDatabase> database_;
  static inline std::int64_t generation_ = 0;
};

TEST_F(Postgres, ValuesComeBackAsTheyWere) {
  Pool pool(options());
  const std::string bytes("\0\xff\n\\x", 5);
  auto sets = pool.read_one("SELECT $1::text, $2::bigint, $3::boolean, $4::bytea, $5::text, $6::bigint, ($2::bigint)::int, (-7)::smallint",
                            Params().text("héllo").int8(-1'234'567'890'123).boolean(true).bytes(bytes).null().optional_int8({}));
  ASSERT_FALSE(sets.has_value());  // -1'234'567'890'123 is no int4
  EXPECT_EQ(sets.error().code, Code::invalid_field);
  auto set = pool.read_one("SELECT $1::text, $2::bigint, $3::boolean, $4::bytea, $5::text, $6::bigint, (-8)::int, (-7)::smallint",
                           Params().text("héllo").int8(-1'234'567'890'123).boolean(true).bytes(bytes).null().optional_int8({}));
  ASSERT_TRUE(set.has_value()) << set.error().message;
  const auto row = set->front();
  EXPECT_EQ(row.text(0), "héllo");
  EXPECT_EQ(row.int64(1), -1'234'567'890'123);
  EXPECT_TRUE(row.boolean(2));
  EXPECT_EQ(row.bytes(3), bytes);
  EXPECT_TRUE(row.is_null(4));
  EXPECT_EQ(row.optional_int64(5), std::nullopt);
  EXPECT_EQ(row.int64(6), -8);
  EXPECT_EQ(row.int64(7), -7);
}

TEST_F(Postgres, ArraysOfEveryTypeCarryNullsAndMayBeEmpty) {
  Pool pool(options());
  Array texts(rows::Type::text), numbers(rows::Type::int8), flags(rows::Type::bool_), bytes(rows::Type::bytea);
  texts.text("a"), texts.null();
  numbers.int8(-1), numbers.null();
  flags.boolean(true), flags.null();
  bytes.bytes(std::string_view("\0", 1)), bytes.null();
  auto set = pool.read_one("SELECT * FROM unnest($1::text[], $2::bigint[], $3::boolean[], $4::bytea[])",
                           Params().array(std::move(texts)).array(std::move(numbers)).array(std::move(flags)).array(std::move(bytes)));
  ASSERT_TRUE(set.has_value()) << set.error().message;
  ASSERT_EQ(set->size(), 2);
  EXPECT_EQ((*set)[0].text(0), "a");
  EXPECT_EQ((*set)[0].int64(1), -1);
  EXPECT_TRUE((*set)[0].boolean(2));
  EXPECT_EQ((*set)[0].bytes(3), std::string_view("\0", 1));
  for (int column = 0; column < 4; ++column) EXPECT_TRUE((*set)[1].is_null(column));
  auto none = pool.read_one("SELECT * FROM unnest($1::text[])", Params().texts({}));
  ASSERT_TRUE(none.has_value()) << none.error().message;
  EXPECT_TRUE(none->empty());
}

TEST_F(Postgres, AColumnThatIsNotReadInBinaryIsRefused) {
  Pool pool(options());
  auto set = pool.read_one("SELECT now()");
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().code, Code::internal);
}

TEST_F(Postgres, AFailedStatementStopsItsBatchAndNamesItself) {
  auto connection = Connection::open({.url = database_->url(), .reads_by_default = false});
  ASSERT_TRUE(connection.has_value());
  ASSERT_TRUE((*connection)->query("CREATE TABLE dossier.stops (n bigint PRIMARY KEY)").has_value());
  const StatementRef batch[] = {{"INSERT INTO dossier.stops VALUES (1)", nullptr},
                                {"INSERT INTO dossier.stops VALUES (1)", nullptr},
                                {"INSERT INTO dossier.stops VALUES (2)", nullptr}};
  auto result = (*connection)->run(batch);
  ASSERT_TRUE(result.failed);
  EXPECT_EQ(result.failed->statement, 1);
  EXPECT_EQ(result.failed->sqlstate, "23505");
  EXPECT_TRUE(is_data_error(result.failed->sqlstate));
  auto count = (*connection)->query("SELECT count(*) FROM dossier.stops");  // one transaction: nothing stayed
  ASSERT_TRUE(count.has_value());
  EXPECT_EQ(count->front().int64(0), 0);
}

TEST_F(Postgres, ABatchOfMegabytesBothWaysDoesNotStall) {
  Pool pool(options());
  const std::string big(4 << 20, 'x');
  std::vector<Statement> statements;
  statements.reserve(8);
  for (int i = 0; i < 8; ++i) statements.push_back({"SELECT $1::text", std::move(Params().text(big))});
  auto sets = pool.read_all(statements);
  ASSERT_TRUE(sets.has_value()) << sets.error().message;
  ASSERT_EQ(sets->size(), 8u);
  EXPECT_EQ((*sets)[7].front().text(0).size(), big.size());
}

TEST_F(Postgres, AReadTransactionSeesOneMoment) {
  Pool pool(options(3));
  ASSERT_TRUE(pool.write_one("CREATE TABLE dossier.moment (n bigint)").has_value());
  auto read = pool.read();
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->query("SELECT count(*) FROM dossier.moment")->front().int64(0), 0);
  EXPECT_EQ(read->generation(), generation_);
  ASSERT_TRUE(pool.write_one("INSERT INTO dossier.moment VALUES (1)").has_value());
  EXPECT_EQ(read->query("SELECT count(*) FROM dossier.moment")->front().int64(0), 0);
  EXPECT_EQ(pool.read_one("SELECT count(*) FROM dossier.moment")->front().int64(0), 1);
}

TEST_F(Postgres, AReadMayNotWrite) {
  Pool pool(options());
  EXPECT_FALSE(pool.read_one("CREATE TABLE dossier.not_by_a_read (n bigint)").has_value());
}

TEST_F(Postgres, AWriteThatIsNotCommittedLeavesNothing) {
  Pool pool(options());
  ASSERT_TRUE(pool.write_one("CREATE TABLE dossier.undone (n bigint)").has_value());
  {
    auto write = pool.write();
    ASSERT_TRUE(write->query("INSERT INTO dossier.undone VALUES (1)").has_value());
  }
  EXPECT_EQ(pool.read_one("SELECT count(*) FROM dossier.undone")->front().int64(0), 0);
  {
    auto write = pool.write();
    ASSERT_TRUE(write->query("INSERT INTO dossier.undone VALUES (1)").has_value());
    EXPECT_FALSE(write->query("SELECT 1/0").has_value());
    EXPECT_FALSE(write->commit().has_value());
  }
  EXPECT_EQ(pool.read_one("SELECT count(*) FROM dossier.undone")->front().int64(0), 0);
  auto write = pool.write();
  ASSERT_TRUE(write->query("INSERT INTO dossier.undone VALUES (1)").has_value());
  ASSERT_TRUE(write->commit().has_value());
  EXPECT_EQ(pool.read_one("SELECT count(*) FROM dossier.undone")->front().int64(0), 1);
}

TEST_F(Postgres, AnExhaustedPoolAnswersOverloadedInTime) {
  Pool pool(options(1, 30));
  auto held = pool.acquire();
  ASSERT_TRUE(held.has_value());
  auto refused = pool.acquire();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::overloaded);
  EXPECT_EQ(pool.stats().timed_out, 1u);
}

TEST_F(Postgres, AReadSurvivesThatItsConnectionWasKilled) {
  Pool pool(options());
  ASSERT_TRUE(pool.read_one("SELECT 1").has_value());
  database_->kill_connections();
  auto again = pool.read_one("SELECT 1");
  EXPECT_TRUE(again.has_value()) << again.error().message;
}

TEST_F(Postgres, ADatabaseThatIsDownFailsQuickly) {
  Pool pool(PoolOptions{.connection = {.url = "postgresql://nobody@127.0.0.1:1/none"}, .size = 1});
  for (int i = 0; i < 3; ++i) {
    auto refused = pool.read_one("SELECT 1");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Code::database_unavailable);
    EXPECT_GT(refused.error().retry_after_ms, 0);
  }
  EXPECT_LE(pool.stats().connect_failures, 3u);
}

TEST_F(Postgres, ANotificationWakesItsListener) {
  Listener listener(database_->url(), {kAppliedChannel});
  ASSERT_TRUE(listener.wait(0).has_value());  // connects
  Pool pool(options());
  ASSERT_TRUE(pool.write_one("SELECT pg_notify('dossier_applied', '3:14')").has_value());
  auto came = listener.wait(5'000);
  ASSERT_TRUE(came.has_value()) << came.error().message;
  ASSERT_EQ(came->size(), 1u);
  EXPECT_EQ(came->front().payload, "3:14");
}

TEST_F(Postgres, ALostListenerSaysSoAndConnectsAgain) {
  Listener listener(database_->url(), {kAppliedChannel});
  ASSERT_TRUE(listener.wait(0).has_value());
  database_->kill_connections();
  // The server's farewell may come ahead of the connection's end: then one wait brings nothing, and a later one says it.
  auto lost = listener.wait(5'000);
  for (int again = 0; again < 5 && lost.has_value(); ++again) lost = listener.wait(5'000);
  ASSERT_FALSE(lost.has_value());
  EXPECT_EQ(lost.error().code, Code::database_unavailable);
  EXPECT_TRUE(listener.wait(0).has_value());
}

}  // namespace
}  // namespace dossier::postgres
