// Beginning a log on the real Kafka and Postgres: with as many partitions as were asked for, and for ever.
#include "producers/setup.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "platform/kafka/admin.hpp"
#include "platform/kafka/kafka.hpp"
#include "projections/code_version.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::producers {
namespace {

TEST(Setup, a_log_begins_with_the_partitions_asked_for_and_keeps_them) {
  const auto clusters = test::Clusters::shared();
  const auto database = test::TestDatabase::create(false, clusters.database_url);
  const auto cluster = kafka::load_cluster("", clusters.server_kafka_properties).value();
  const events::Topics topics{"setup" + std::to_string(::getpid())};
  const SystemClock clock;
  const auto begin = [&](std::int32_t partitions) {
    return initialise(cluster, database->url(), topics, projections::code_digest(), clock, partitions);
  };

  const auto first = begin(3);
  ASSERT_TRUE(first.has_value()) << first.error().message;
  EXPECT_EQ(first->partitions, 3);
  const auto admin = kafka::Admin::make(cluster).value();
  for (const std::string& topic : {topics.events(), topics.reports(), topics.activity()})
    EXPECT_EQ(admin->partition_count(topic).value(), 3) << topic;

  const auto again = begin(0);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->partitions, 3);
  EXPECT_EQ(again->log_id, first->log_id);

  const auto other = begin(4);
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, Code::log_mismatch);
  EXPECT_NE(other.error().message.find("has 3 partitions for ever"), std::string::npos) << other.error().message;

  for (const std::string& topic : {topics.events(), topics.reports(), topics.activity()}) EXPECT_TRUE(admin->delete_topic(topic).has_value());
}

}  // namespace
}  // namespace dossier::producers
