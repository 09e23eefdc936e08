// What can befall the database in memory, and what survives.
#include <gtest/gtest.h>

#include "platform/memory/memory_database.hpp"

namespace dossier::memory {
namespace {

class MemoryDatabaseFaults : public testing::Test {
 protected:
  Status put(std::int64_t value, bool durable = false, std::string_view table = "t") {
    return database_->commit("put", durable, [&](MemoryDatabase::Edit& edit) -> Status {
      edit.put(table, Key(), rows::Row{value});
      return {};
    });
  }
  std::int64_t get(std::string_view table = "t") {
    const auto row = database_->view("get")->find(table, Key());
    return row ? std::get<std::int64_t>(row->at(0)) : 0;
  }
  void next_fault(DatabaseFault fault) {
    database_->set_faults(
        [fault, done = std::make_shared<bool>(false)](std::string_view) { return std::exchange(*done, true) ? DatabaseFault::none : fault; });
  }
  std::shared_ptr<MemoryDatabase> database_ = std::make_shared<MemoryDatabase>();
};

TEST_F(MemoryDatabaseFaults, EachEndsAsItsNameSays) {
  ASSERT_TRUE(put(1).has_value());
  next_fault(DatabaseFault::unavailable);
  EXPECT_EQ(put(2).error().code, Code::database_unavailable);
  EXPECT_EQ(get(), 1);
  next_fault(DatabaseFault::serialization_failure);
  EXPECT_EQ(put(2).error().code, Code::contention);
  EXPECT_EQ(get(), 1);
  next_fault(DatabaseFault::unknown_lost);
  EXPECT_EQ(put(2).error().code, Code::database_unavailable);
  EXPECT_EQ(get(), 1);
  next_fault(DatabaseFault::unknown_committed);
  EXPECT_EQ(put(2).error().code, Code::database_unavailable);
  EXPECT_EQ(get(), 2);
}

TEST_F(MemoryDatabaseFaults, ACrashForgetsWhatWasNotDurable) {
  ASSERT_TRUE(put(1).has_value());
  ASSERT_TRUE(put(2, true).has_value());  // makes the one before durable, too
  ASSERT_TRUE(put(3).has_value());
  ASSERT_TRUE(put(4).has_value());
  database_->crash(1);
  EXPECT_EQ(get(), 3);
  ASSERT_TRUE(put(5).has_value());
  database_->crash(100);
  EXPECT_EQ(get(), 3);  // what survived a crash is durable
}

TEST_F(MemoryDatabaseFaults, ACrashEmptiesUnloggedTablesAndEndsViews) {
  ASSERT_TRUE(put(1, true, "~u").has_value());
  const auto view = *database_->view("get");
  EXPECT_TRUE(view.alive());
  database_->crash(0);
  EXPECT_FALSE(view.alive());
  EXPECT_EQ(get("~u"), 0);
}

TEST_F(MemoryDatabaseFaults, AFailedBodyLeavesNothing) {
  ASSERT_TRUE(put(1).has_value());
  const auto status = database_->commit("put", true, [](MemoryDatabase::Edit& edit) -> Status {
    edit.put("t", Key(), rows::Row{std::int64_t{2}});
    edit.put("other", Key(), rows::Row{std::int64_t{2}});
    return make_error(Code::conflict, "no");
  });
  EXPECT_EQ(status.error().code, Code::conflict);
  EXPECT_EQ(get(), 1);
  EXPECT_EQ(get("other"), 0);
}

TEST(MemoryKey, SortsAsItsPartsDo) {
  EXPECT_LT(Key().int8(-1).str(), Key().int8(0).str());
  EXPECT_LT(Key().int8(255).str(), Key().int8(256).str());
  EXPECT_LT(Key().text("a").text("z").str(), Key().text("ab").text("a").str());
}

}  // namespace
}  // namespace dossier::memory
