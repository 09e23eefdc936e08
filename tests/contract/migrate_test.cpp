// Migrations and generations against a real server.
#include <gtest/gtest.h>

#include <future>

#include "platform/crypto/crypto.hpp"
#include "platform/postgres/migrate.hpp"
#include "platform/postgres/pool.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::postgres {
namespace {

TEST(Migrate, ManyProcessesAtOnceApplyEachFileOnce) {
  const auto database = test::TestDatabase::create(false);
  std::vector<std::future<Status>> runs;
  runs.reserve(4);
  for (int i = 0; i < 4; ++i) runs.push_back(std::async(std::launch::async, [&] { return migrate(database->url()); }));
  for (auto& run : runs) {
    const auto status = run.get();
    EXPECT_TRUE(status.has_value()) << status.error().message;
  }
  Pool pool({.connection = {.url = database->url()}, .size = 1});
  EXPECT_EQ(pool.read_one("SELECT count(*) - count(DISTINCT name) FROM dossier.migrations")->front().int64(0), 0);
}

TEST(Migrate, RefusesADatabaseOfAnotherBuildOrANewerOne) {
  const auto database = test::TestDatabase::create();
  Pool pool({.connection = {.url = database->url()}, .size = 1});
  ASSERT_TRUE(pool.write_one("INSERT INTO dossier.migrations (name, sha256) VALUES ('9999_later.sql', '')").has_value());
  EXPECT_EQ(migrate(database->url()).error().code, Code::upgrade_required);
  ASSERT_TRUE(pool.write_one("DELETE FROM dossier.migrations WHERE name = '9999_later.sql'").has_value());
  ASSERT_TRUE(pool.write_one("UPDATE dossier.migrations SET sha256 = 'other'").has_value());
  EXPECT_EQ(migrate(database->url()).error().code, Code::corrupt);
}

TEST(Migrate, ADatabaseBelongsToOneLog) {
  const auto database = test::TestDatabase::create();
  EXPECT_EQ(*log_identity(database->url()), std::nullopt);
  ASSERT_TRUE(bind_log(database->url(), {"aa", 12}).has_value());
  ASSERT_TRUE(bind_log(database->url(), {"aa", 12}).has_value());
  EXPECT_EQ(bind_log(database->url(), {"bb", 12}).error().code, Code::log_mismatch);
  EXPECT_EQ(bind_log(database->url(), {"aa", 6}).error().code, Code::log_mismatch);
  EXPECT_EQ((*log_identity(database->url()))->log_id, "aa");
}

class Generations : public testing::Test {
 protected:
  void SetUp() override {
    database_ = test::TestDatabase::create();
    pool_ = std::make_unique<Pool>(PoolOptions{.connection = {.url = database_->url()}, .size = 2});
    first_ = database_->make_live_generation("one");
    second_ = create_generation(database_->url(), "two")->number;
  }
  void stand(std::int64_t generation, std::int64_t next_offset, const std::string& hash, std::int64_t seq) {
    const std::string schema = "g" + std::to_string(generation);
    const std::string positions = "INSERT INTO " + schema + ".positions VALUES (0, $1, $2, 'log', 1, 1, 1)";
    const std::string heads = "INSERT INTO " + schema + ".heads VALUES ('ws', $1, 0, $2)";
    ASSERT_TRUE(pool_->write_one(positions, Params().int8(next_offset).bytes(hash)).has_value());
    ASSERT_TRUE(pool_->write_one(heads, Params().int8(seq).bytes(hash)).has_value());
  }
  std::unique_ptr<test::TestDatabase> database_;
  std::unique_ptr<Pool> pool_;
  std::int64_t first_ = 0, second_ = 0;
};

TEST_F(Generations, ASecondOneWithTheSameDigestIsRefused) {
  EXPECT_EQ(create_generation(database_->url(), "two").error().code, Code::already_exists);
}

TEST_F(Generations, AReaderFollowsTheSwitchInItsNextSnapshot) {
  stand(first_, 5, "h", 1);
  stand(second_, 6, "i", 2);
  auto before = pool_->read();
  EXPECT_EQ(before->query("SELECT seq FROM heads")->front().int64(0), 1);
  ASSERT_TRUE(switch_generation(database_->url(), second_).has_value());
  EXPECT_EQ(before->query("SELECT seq FROM heads")->front().int64(0), 1);
  EXPECT_EQ(before->generation(), first_);
  auto after = pool_->read_one("SELECT seq FROM heads");
  ASSERT_TRUE(after.has_value()) << after.error().message;
  EXPECT_EQ(after->front().int64(0), 2);
}

TEST_F(Generations, AReaderFollowsThoughTheOldTablesAreGone) {
  ASSERT_TRUE(pool_->read_one("SELECT seq FROM heads").has_value());
  ASSERT_TRUE(switch_generation(database_->url(), second_).has_value());
  ASSERT_TRUE(drop_generation(database_->url(), first_).has_value());
  auto after = pool_->read_one("SELECT seq FROM heads");
  EXPECT_TRUE(after.has_value()) << after.error().message;
}

TEST_F(Generations, OneThatIsBehindMayNotBecomeLive) {
  stand(first_, 5, "h", 1);
  EXPECT_EQ(switch_generation(database_->url(), second_).error().code, Code::conflict);
  stand(second_, 4, "h", 1);
  EXPECT_EQ(switch_generation(database_->url(), second_).error().code, Code::conflict);
}

TEST_F(Generations, OneThatReadAnotherLogMayNotBecomeLive) {
  stand(first_, 5, "h", 1);
  stand(second_, 5, "x", 1);
  EXPECT_EQ(switch_generation(database_->url(), second_).error().code, Code::log_mismatch);
}

TEST_F(Generations, TheOldOneIsTheWayBackAndTheLiveOneIsNeverDropped) {
  ASSERT_TRUE(switch_generation(database_->url(), second_).has_value());
  EXPECT_EQ(drop_generation(database_->url(), second_).error().code, Code::conflict);
  ASSERT_TRUE(switch_generation(database_->url(), first_).has_value());
  const auto all = *generations(database_->url());
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].state, GenerationState::live);
  EXPECT_EQ(all[1].state, GenerationState::old);
}

}  // namespace
}  // namespace dossier::postgres
