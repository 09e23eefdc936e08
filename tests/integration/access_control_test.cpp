// What the broker's ACLs let each account do. Agents run any command on the machine where the broker listens, with the
// worker's password within reach: what they must not do is refused by the broker, not by our programs.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include "events/names.hpp"
#include "platform/kafka/admin.hpp"
#include "platform/kafka/kafka.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dossier::test {
namespace {

class AccessControl : public ::testing::Test {
 protected:
  static constexpr std::int64_t kAppendDeadlineMs = 30'000;

  void SetUp() override {
    clusters_ = Clusters::shared();
    if (clusters_.grant_command.empty()) GTEST_SKIP() << "the Kafka cluster given (DOSSIER_KAFKA) is not ours: its ACLs are unknown";
    topics_.prefix = "acl-" + std::to_string(::getpid());
    const auto granted = run_command({"/bin/sh", "-c", clusters_.grant_command + " " + topics_.prefix}, {}, folder_.path());
    ASSERT_EQ(granted.exit_code, 0) << granted.err;
    auto admin = kafka::Admin::make(account(clusters_.kafka_properties));
    ASSERT_TRUE(admin) << admin.error().message;
    admin_ = std::move(admin).value();
    for (const auto& topic : {topics_.events(), topics_.checkpoints(), topics_.reports(), topics_.activity(), topics_.control("ws_a")}) {
      const auto made = admin_->create_topic({.name = topic, .configs = {}});
      ASSERT_TRUE(made) << topic << ": " << made.error().message;
    }
  }
  void TearDown() override {
    if (admin_ == nullptr) return;
    for (const auto& topic : {topics_.events(), topics_.checkpoints(), topics_.reports(), topics_.activity(), topics_.control("ws_a")})
      EXPECT_TRUE(admin_->delete_topic(topic));
  }

  static kafka::Cluster account(const std::string& properties_file) {
    auto cluster = kafka::load_cluster("", properties_file);
    EXPECT_TRUE(cluster) << cluster.error().message;
    return std::move(cluster).value();
  }

  // What became of one record appended as that account.
  static topic::Appended append(const std::string& properties_file, const std::string& topic) {
    auto writer = kafka::make_writer(account(properties_file), kafka::WriterKind::messages, {.message_timeout_ms = 10'000});
    EXPECT_TRUE(writer) << writer.error().message;
    auto done = std::make_shared<std::promise<topic::Appended>>();
    auto outcome = done->get_future();
    (*writer)->append({.topic = topic, .partition = 0, .key = "k", .value = "v", .headers = {}},
                      [done](const topic::Appended& appended) { done->set_value(appended); });
    EXPECT_TRUE((*writer)->flush(kAppendDeadlineMs));
    return outcome.get();
  }

  TemporaryFolder folder_{"acl"};
  Clusters clusters_;
  events::Topics topics_;
  std::unique_ptr<kafka::Admin> admin_;
};

TEST_F(AccessControl, the_server_writes_events_and_checkpoints) {
  EXPECT_EQ(append(clusters_.server_kafka_properties, topics_.events()).outcome, topic::Outcome::acknowledged);
  EXPECT_EQ(append(clusters_.server_kafka_properties, topics_.checkpoints()).outcome, topic::Outcome::acknowledged);
}

TEST_F(AccessControl, a_worker_writes_reports_and_activity) {
  EXPECT_EQ(append(clusters_.worker_kafka_properties, topics_.reports()).outcome, topic::Outcome::acknowledged);
  EXPECT_EQ(append(clusters_.worker_kafka_properties, topics_.activity()).outcome, topic::Outcome::acknowledged);
}

TEST_F(AccessControl, a_worker_can_not_write_events_checkpoints_or_orders) {
  for (const auto& topic : {topics_.events(), topics_.checkpoints(), topics_.control("ws_a")}) {
    const auto appended = append(clusters_.worker_kafka_properties, topic);
    EXPECT_EQ(appended.outcome, topic::Outcome::refused) << topic << ": " << appended.reason;
    EXPECT_EQ(appended.code, Code::forbidden) << topic << ": " << appended.reason;
  }
}

TEST_F(AccessControl, a_worker_can_not_change_topics_or_acls) {
  auto admin = kafka::Admin::make(account(clusters_.worker_kafka_properties));
  ASSERT_TRUE(admin);
  const auto created = (*admin)->create_topic({.name = topics_.prefix + ".more", .configs = {}});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, Code::forbidden) << created.error().message;
  const auto granted = (*admin)->create_acls({{.principal = "User:worker", .name = "*", .operation = kafka::Operation::all}});
  ASSERT_FALSE(granted);
  EXPECT_EQ(granted.error().code, Code::forbidden) << granted.error().message;
}

}  // namespace
}  // namespace dossier::test
