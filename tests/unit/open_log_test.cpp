// Beginning a log, and not beginning one anew that the database knows.
#include <gtest/gtest.h>

#include "platform/memory/memory_topic.hpp"
#include "producers/commit_log.hpp"

namespace dossier::producers {
namespace {

class OpenLogTest : public ::testing::Test {
 protected:
  OpenLogTest() { broker_.create_topic(topics_.events(), 3); }
  Result<LogIdentity> open() {
    const auto reader = broker_.make_reader("start");
    const auto writer = broker_.make_writer("start");
    return open_log(*reader, *writer, store_, topics_, std::string(32, 'a'), clock_);
  }
  std::size_t records(std::int32_t partition) const { return broker_.records(topics_.events(), partition).size(); }

  ManualClock clock_;
  memory::MemoryBroker broker_{clock_};
  const events::Topics topics_{"test"};
  MemoryLogIdentityStore store_;
};

TEST_F(OpenLogTest, every_partition_gets_its_genesis_once) {
  ASSERT_TRUE(open().has_value());
  ASSERT_TRUE(open().has_value());
  for (std::int32_t partition = 0; partition < 3; ++partition) EXPECT_EQ(records(partition), 1u);
}

TEST_F(OpenLogTest, an_empty_partition_of_which_the_database_has_records_is_left_empty_for_the_repair) {
  ASSERT_TRUE(open().has_value());
  broker_.truncate(topics_.events(), 1, 0);
  broker_.truncate(topics_.events(), 2, 0);
  store_.set_journaled({0, 1});
  const auto opened = open();
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_EQ(records(1), 0u);
  EXPECT_EQ(records(2), 1u);
}

}  // namespace
}  // namespace dossier::producers
