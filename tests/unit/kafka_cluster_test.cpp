// The properties of a Kafka cluster: what is taken, what is refused, and that no value (a password) gets into a message.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "platform/kafka/kafka.hpp"

namespace dossier::kafka {
namespace {

using Properties = std::vector<std::pair<std::string, std::string>>;

TEST(KafkaCluster, passes_settings_through_in_order_without_comments_and_blanks) {
  const auto cluster = parse_cluster("a:1", "# comment\n\n security.protocol = SASL_PLAINTEXT \r\nsasl.password=p=q#r\n");
  ASSERT_TRUE(cluster) << cluster.error().message;
  EXPECT_EQ(cluster->bootstrap, "a:1");
  EXPECT_EQ(cluster->properties, (Properties{{"security.protocol", "SASL_PLAINTEXT"}, {"sasl.password", "p=q#r"}}));
}

TEST(KafkaCluster, takes_bootstrap_servers_from_the_properties_when_none_is_given) {
  const auto cluster = parse_cluster("", "bootstrap.servers=b:2,c:3");
  ASSERT_TRUE(cluster) << cluster.error().message;
  EXPECT_EQ(cluster->bootstrap, "b:2,c:3");
  EXPECT_TRUE(cluster->properties.empty());
}

TEST(KafkaCluster, a_given_bootstrap_wins_over_the_properties) {
  const auto cluster = parse_cluster("a:1", "bootstrap.servers=b:2");
  ASSERT_TRUE(cluster) << cluster.error().message;
  EXPECT_EQ(cluster->bootstrap, "a:1");
}

TEST(KafkaCluster, no_bootstrap_anywhere_is_a_usage_error) {
  const auto cluster = parse_cluster("", "client.dns.lookup=use_all_dns_ips");
  ASSERT_FALSE(cluster);
  EXPECT_EQ(cluster.error().code, Code::usage);
}

TEST(KafkaCluster, an_unknown_setting_is_named_with_its_line) {
  const auto cluster = parse_cluster("a:1", "\nsasl.jaas.config=secret-value\n");
  ASSERT_FALSE(cluster);
  EXPECT_EQ(cluster.error().code, Code::usage);
  EXPECT_EQ(cluster.error().field, "sasl.jaas.config");
  EXPECT_NE(cluster.error().message.find("line 2"), std::string::npos);
  EXPECT_EQ(cluster.error().message.find("secret-value"), std::string::npos);
}

TEST(KafkaCluster, a_bad_value_is_not_repeated) {
  const auto cluster = parse_cluster("a:1", "security.protocol=hunter2");
  ASSERT_FALSE(cluster);
  EXPECT_EQ(cluster.error().field, "security.protocol");
  EXPECT_EQ(cluster.error().message.find("hunter2"), std::string::npos);
}

TEST(KafkaCluster, a_line_without_equals_is_not_repeated_either) {
  const auto cluster = parse_cluster("a:1", "hunter2");
  ASSERT_FALSE(cluster);
  EXPECT_EQ(cluster.error().code, Code::usage);
  EXPECT_EQ(cluster.error().message.find("hunter2"), std::string::npos);
}

TEST(KafkaCluster, a_file_that_is_not_there_is_an_io_error_that_names_it) {
  const auto cluster = load_cluster("a:1", "/nonexistent/client.properties");
  ASSERT_FALSE(cluster);
  EXPECT_EQ(cluster.error().code, Code::io);
  EXPECT_NE(cluster.error().message.find("/nonexistent/client.properties"), std::string::npos);
}

TEST(KafkaCluster, reads_a_file_and_an_empty_one) {
  const auto path = std::filesystem::temp_directory_path() / ("dossier-kafka-properties-" + std::to_string(::getpid()));
  std::ofstream(path) << "bootstrap.servers=d:4\n";
  const auto full = load_cluster("", path);
  std::ofstream(path, std::ios::trunc).flush();
  const auto empty = load_cluster("e:5", path);
  std::filesystem::remove(path);
  ASSERT_TRUE(full) << full.error().message;
  EXPECT_EQ(full->bootstrap, "d:4");
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_TRUE(empty->properties.empty());
}

}  // namespace
}  // namespace dossier::kafka
