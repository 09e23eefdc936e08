// The projector between a real Kafka and a real PostgreSQL: everything arrives once, and a log that came back shorter or
// changed halts its partition.
#include <gtest/gtest.h>

#include <random>

#include "platform/kafka/admin.hpp"
#include "projections/postgres_store.hpp"
#include "projections/projector.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/event_script.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/projector_rig.hpp"
#include "tests/support/random_history.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::projections {
namespace {

using test::EventScript;

class ProjectorOnKafka : public ::testing::Test {
 protected:
  void SetUp() override {
    auto cluster = kafka::load_cluster("", test::Clusters::shared().kafka_properties);
    ASSERT_TRUE(cluster.has_value()) << cluster.error().message;
    cluster_ = *std::move(cluster);
    auto admin = kafka::Admin::make(cluster_);
    ASSERT_TRUE(admin.has_value()) << admin.error().message;
    admin_ = *std::move(admin);
    topic_ = "projector-test-" + crypto::random_uuid_hex() + ".events";
    make_topic();
    database_ = test::TestDatabase::create();
    const auto generation = database_->make_live_generation();
    store_ = std::make_unique<PostgresStore>(PostgresStoreOptions{.url = database_->url(), .generation = generation});
    start();
  }
  void TearDown() override {
    if (!admin_) return;
    EXPECT_TRUE(admin_->delete_topic(topic_).has_value());
  }
  void make_topic() {
    const auto made = admin_->create_topic({topic_, EventScript::kPartitions, 1, {{"message.timestamp.type", "LogAppendTime"}}});
    ASSERT_TRUE(made.has_value()) << made.error().message;
  }
  // Appends what the topic does not have yet of the script.
  void append(const EventScript& script) {
    auto writer = kafka::make_writer(cluster_, kafka::WriterKind::commits);
    ASSERT_TRUE(writer.has_value());
    for (; appended_ < script.records().size(); ++appended_)
      (*writer)->append({topic_, script.partition(), {}, script.records()[appended_].value, {}},
                        [](const topic::Appended& done) { EXPECT_EQ(done.outcome, topic::Outcome::acknowledged) << done.reason; });
    ASSERT_TRUE((*writer)->flush(20'000));
  }
  // A new process with one partition.
  void start() {
    projector_.reset();
    reader_ = kafka::make_reader(cluster_).value();
    ProjectorOptions options;
    options.log = {topic_, EventScript::kLogId, EventScript::kPartitions};
    projector_ = std::make_unique<Projector>(options, *reader_, *store_, registry(), clock_, &listener_);
    projector_->assign({script_.partition()});
  }
  template <class Condition>
  bool run_until(Condition condition) {
    return test::eventually(30'000, [&] {
      projector_->step(20);
      return condition(projector_->stats().partitions.at(0));
    });
  }
  bool run_to(std::int64_t offset) {
    return run_until([&](const PartitionStats& partition) { return partition.next_offset == offset; });
  }
  bool run_until_halted() {
    return run_until([](const PartitionStats& partition) { return partition.state == PartitionState::halted; });
  }

  EventScript script_;
  std::size_t appended_ = 0;
  kafka::Cluster cluster_;
  std::unique_ptr<kafka::Admin> admin_;
  std::string topic_;
  std::unique_ptr<test::TestDatabase> database_;
  std::unique_ptr<PostgresStore> store_;
  SystemClock clock_;
  test::RecordingListener listener_;
  std::unique_ptr<topic::Reader> reader_;
  std::unique_ptr<Projector> projector_;
};

TEST_F(ProjectorOnKafka, every_record_is_applied_once_across_restarts_and_unknown_events_are_kept) {
  std::mt19937_64 random(1);
  script_ = test::random_history(random, 300);
  v1::Event unknown = test::make_fact("comment/" + test::hex_id("cmt", 1), test::hex_id("iss", 1), [](v1::EventPayload&) {});
  unknown.set_payload("\xfa\x3f\x01x");
  const auto unknown_at = script_.commit({unknown}, {}, test::hex_id("cmm", 999'999));
  append(script_);
  ASSERT_TRUE(run_to(script_.end()));
  EXPECT_EQ(projector_->stats().unknown_events, 1u);
  EXPECT_EQ((*store_->journal_at(script_.partition(), unknown_at))->value, script_.records()[static_cast<std::size_t>(unknown_at)].value);
  start();
  for (int n = 0; n < 20; ++n)
    script_.commit({test::random_event(random, script_.workspace())}, {}, test::hex_id("cmm", 2'000'000u + static_cast<unsigned>(n)));
  append(script_);
  ASSERT_TRUE(run_to(script_.end()));
  ASSERT_EQ(listener_.records.size(), script_.records().size());
  for (std::size_t i = 0; i < listener_.records.size(); ++i) EXPECT_EQ(listener_.records[i].offset, static_cast<std::int64_t>(i));
  EXPECT_EQ(projector_->stats().partitions.at(0).lag_records, 0);
}

TEST_F(ProjectorOnKafka, a_topic_that_came_back_without_its_tail_halts_and_says_what_to_do) {
  std::mt19937_64 random(2);
  script_ = test::random_history(random, 30);
  append(script_);
  ASSERT_TRUE(run_to(script_.end()));
  ASSERT_TRUE(admin_->delete_topic(topic_).has_value());
  ASSERT_TRUE(test::eventually(20'000, [&] {  // the broker deletes in its own time
    const auto made = admin_->create_topic({topic_, EventScript::kPartitions, 1, {}});
    return made.has_value() && *made;
  }));
  EventScript shorter = script_;
  shorter.records().resize(20);
  appended_ = 0;
  append(shorter);
  start();
  ASSERT_TRUE(run_until_halted());
  EXPECT_NE(projector_->stats().partitions.at(0).reason.find("lost its tail"), std::string::npos);
  EXPECT_NE(projector_->stats().partitions.at(0).reason.find("restore the topic"), std::string::npos);
  EXPECT_EQ(listener_.halts.size(), 1u);
}

TEST_F(ProjectorOnKafka, a_topic_of_another_installation_is_refused) {
  EventScript other(script_.partition(), std::string(32, 'b'));
  append(other);
  ASSERT_TRUE(run_until_halted());
  EXPECT_EQ(projector_->stats().partitions.at(0).next_offset, 0);
}

}  // namespace
}  // namespace dossier::projections
