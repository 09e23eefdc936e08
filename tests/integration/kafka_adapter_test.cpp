// The Kafka adapter where the contract suite can't go: no broker, a wrong password, a fatal error, the admin requests, and a
// broker that goes away and comes back.
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <vector>

#include "platform/kafka/admin.hpp"
#include "platform/kafka/testing.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/eventually.hpp"

namespace dossier::kafka {
namespace {

using topic::Appended;
using topic::Outcome;

constexpr std::int64_t kPatienceMs = 40'000;

std::string fresh_topic() {
  static std::atomic<int> number{0};
  return "adapter-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
}

// One record and what became of it.
Appended append_and_wait(topic::Writer& writer, const std::string& topic) {
  std::atomic<bool> told{false};
  Appended result;
  writer.append({topic, 0, "key", "value", {}}, [&](const Appended& appended) {
    result = appended;
    told = true;
  });
  EXPECT_TRUE(test::eventually(kPatienceMs, [&] { return told.load(); }));
  return result;
}

// Polls until an error of this code comes, or the patience ends.
bool poll_until(topic::Reader& reader, Code code) {
  return test::eventually(kPatienceMs, [&] {
    const auto polled = reader.poll({.wait_ms = 200});
    return !polled && polled.error().code == code;
  });
}

// Nothing listens on port 1.
Cluster nowhere() { return {"127.0.0.1:1", {}}; }

TEST(KafkaWithoutABroker, a_record_that_was_never_sent_is_refused_when_its_time_is_over) {
  const auto writer = make_writer(nowhere(), WriterKind::commits, {.message_timeout_ms = 300}).value();
  const Appended appended = append_and_wait(*writer, "any");
  EXPECT_EQ(appended.outcome, Outcome::refused);
  EXPECT_EQ(appended.code, Code::log_unavailable) << appended.reason;
  EXPECT_TRUE(writer->healthy());
}

TEST(KafkaWithoutABroker, a_flush_ends_at_its_deadline_and_the_writers_end_refuses_what_waits) {
  Appended appended;
  int told = 0;
  {
    const auto writer = make_writer(nowhere(), WriterKind::commits).value();
    writer->append({"any", 0, "", "x", {}}, [&](const Appended& outcome) {
      appended = outcome;
      ++told;
    });
    EXPECT_FALSE(writer->flush(50));
    EXPECT_EQ(told, 0);
  }
  EXPECT_EQ(told, 1);
  EXPECT_EQ(appended.outcome, Outcome::refused);
}

TEST(KafkaWithoutABroker, reading_and_asking_say_that_the_log_is_unavailable) {
  const auto reader = make_reader(nowhere()).value();
  ASSERT_TRUE(reader->assign({{"any", 0, 0}}));
  EXPECT_TRUE(poll_until(*reader, Code::log_unavailable));
  EXPECT_EQ(reader->watermarks("any", 0, 200).error().code, Code::log_unavailable);
  EXPECT_EQ(reader->partition_count("any", 200).error().code, Code::log_unavailable);
  EXPECT_EQ(Admin::make(nowhere(), 200).value()->describe_cluster().error().code, Code::log_unavailable);
}

TEST(KafkaSettings, a_setting_that_librdkafka_refuses_is_a_usage_error_without_its_value) {
  const auto writer = make_writer({"127.0.0.1:1", {{"security.protocol", "hunter2"}}}, WriterKind::commits);
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, Code::usage);
  EXPECT_EQ(writer.error().message.find("hunter2"), std::string::npos);
}

TEST(KafkaSettings, the_products_settings_win_over_the_properties) {
  // librdkafka would refuse idempotence together with acks=1.
  EXPECT_TRUE(make_writer({"127.0.0.1:1", {{"acks", "1"}, {"enable.idempotence", "false"}}}, WriterKind::commits));
}

class KafkaAdapter : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = load_cluster("", test::Clusters::shared().kafka_properties).value();
    admin_ = Admin::make(cluster_).value();
  }
  void TearDown() override {
    if (admin_ != nullptr) (void)admin_->delete_topic(topic_);
  }
  Cluster cluster_;
  std::unique_ptr<Admin> admin_;
  const std::string topic_ = fresh_topic();
};

TEST_F(KafkaAdapter, a_wrong_password_is_told_to_a_reader) {
  for (auto& [name, value] : cluster_.properties)
    if (name == "sasl.password") value = "wrong";
  const auto reader = make_reader(cluster_).value();
  ASSERT_TRUE(reader->assign({{topic_, 0, 0}}));
  EXPECT_TRUE(poll_until(*reader, Code::forbidden));
}

TEST_F(KafkaAdapter, a_writer_with_a_fatal_error_is_unhealthy_and_refuses_all_that_comes_later) {
  ASSERT_TRUE(admin_->create_topic({topic_, 1, 1, {}}));
  const auto writer = make_writer(cluster_, WriterKind::commits).value();
  ASSERT_EQ(append_and_wait(*writer, topic_).outcome, Outcome::acknowledged);
  raise_fatal_error(*writer);
  EXPECT_TRUE(test::eventually(kPatienceMs, [&] { return !writer->healthy(); }));
  const Appended later = append_and_wait(*writer, topic_);
  EXPECT_EQ(later.outcome, Outcome::refused);
  EXPECT_EQ(later.code, Code::log_unavailable);
  // A new one takes over.
  EXPECT_EQ(append_and_wait(*make_writer(cluster_, WriterKind::commits).value(), topic_).offset, 1);
}

// The library looks once a second for topics whose leader nobody asked for: each first record would wait for that.
TEST_F(KafkaAdapter, the_first_record_of_a_topic_does_not_wait_for_the_librarys_look_at_its_topics) {
  constexpr int kTopics = 8;
  std::vector<std::string> topics;
  for (int i = 0; i < kTopics; ++i) {
    topics.push_back(topic_ + "-" + std::to_string(i));
    ASSERT_TRUE(admin_->create_topic({topics.back(), 1, 1, {}}));
  }
  ASSERT_TRUE(admin_->create_topic({topic_, 1, 1, {}}));
  const auto writer = make_writer(cluster_, WriterKind::messages).value();
  ASSERT_EQ(append_and_wait(*writer, topic_).outcome, Outcome::acknowledged);
  const auto begin = std::chrono::steady_clock::now();
  for (const auto& topic : topics) EXPECT_EQ(append_and_wait(*writer, topic).outcome, Outcome::acknowledged);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(kTopics / 2)) << "one look a second serves one topic";
  for (const auto& topic : topics) EXPECT_TRUE(admin_->delete_topic(topic));
}

TEST_F(KafkaAdapter, a_topic_is_made_once_with_its_settings_and_grown_but_never_shrunk) {
  const auto made = admin_->create_topic({topic_, 2, 1, {{"max.message.bytes", "2000"}, {"flush.messages", "1"}}});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(*made);
  const auto again = admin_->create_topic({topic_, 9, 1, {}});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(*again);
  EXPECT_EQ(admin_->partition_count(topic_).value(), 2);
  const auto writer = make_writer(cluster_, WriterKind::commits).value();
  std::atomic<bool> told{false};
  Appended large;
  writer->append({topic_, 0, "", std::string(100'000, '\x7f') + std::to_string(::getpid()), {}}, [](const Appended&) {});
  std::string noise;
  for (std::uint32_t i = 0, x = 12345; i < 8'000; ++i, x = x * 1664525u + 1013904223u) noise.push_back(static_cast<char>(x >> 24));
  writer->append({topic_, 0, "", noise, {}}, [&](const Appended& appended) {
    large = appended;
    told = true;
  });
  ASSERT_TRUE(test::eventually(kPatienceMs, [&] { return told.load(); }));
  EXPECT_EQ(large.outcome, Outcome::refused);
  EXPECT_EQ(large.code, Code::payload_too_large) << large.reason;
  ASSERT_TRUE(writer->flush(kPatienceMs));
  ASSERT_TRUE(admin_->grow_partitions(topic_, 4));
  ASSERT_TRUE(admin_->grow_partitions(topic_, 3));
  EXPECT_TRUE(test::eventually(kPatienceMs, [&] { return admin_->partition_count(topic_).value_or(0) == 4; }));
}

TEST_F(KafkaAdapter, what_the_broker_refuses_to_make_is_an_invalid_field) {
  const auto bad = admin_->create_topic({topic_, 1, 1, {{"cleanup.policy", "sometimes"}}});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::invalid_field) << bad.error().message;
  const auto many = admin_->create_topic({topic_, 1, 99, {}});
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, Code::invalid_field) << many.error().message;
}

TEST_F(KafkaAdapter, a_topic_that_is_not_there_is_not_found_and_deleting_it_is_done) {
  EXPECT_EQ(admin_->partition_count(topic_).error().code, Code::not_found);
  EXPECT_EQ(admin_->grow_partitions(topic_, 2).error().code, Code::not_found);
  EXPECT_TRUE(admin_->delete_topic(topic_));
}

TEST_F(KafkaAdapter, a_reader_needs_no_right_to_any_group) {
  if (test::Clusters::shared().worker_kafka_properties == test::Clusters::shared().kafka_properties)
    GTEST_SKIP() << "the given Kafka has one account for all: name the workers' with DOSSIER_WORKER_KAFKA_PROPERTIES";
  ASSERT_TRUE(admin_->create_topic({topic_, 1, 1, {}}));
  ASSERT_EQ(append_and_wait(*make_writer(cluster_, WriterKind::commits).value(), topic_).offset, 0);
  const auto worker = load_cluster("", test::Clusters::shared().worker_kafka_properties).value();
  const auto reader = make_reader(worker).value();
  ASSERT_TRUE(reader->assign({{topic_, 0, 0}}));
  EXPECT_TRUE(poll_until(*reader, Code::forbidden)) << "the topic itself is not granted yet";
  ASSERT_TRUE(admin_->create_acls({{.principal = "User:worker", .name = topic_, .operation = Operation::read}}));
  EXPECT_TRUE(test::eventually(kPatienceMs, [&] {
    const auto polled = reader->poll({.wait_ms = 500});
    return polled && polled->records.size() == 1;
  }));
}

TEST_F(KafkaAdapter, a_record_is_polled_as_soon_as_it_is_there) {
  ASSERT_TRUE(admin_->create_topic({topic_, 1, 1, {}}));
  const auto reader = make_reader(cluster_, {.prefetch_records = 1}).value();
  ASSERT_TRUE(reader->assign({{topic_, 0, 0}}));
  const auto writer = make_writer(cluster_, WriterKind::messages).value();
  const auto round = [&] {
    const auto began = std::chrono::steady_clock::now();
    writer->append({topic_, 0, "", "x", {}}, [](const Appended&) {});
    EXPECT_TRUE(test::eventually(kPatienceMs, [&] {
      const auto polled = reader->poll({.wait_ms = 5'000});
      return polled && !polled->records.empty();
    }));
    return std::chrono::steady_clock::now() - began;
  };
  (void)round();  // connects
  std::vector<std::chrono::steady_clock::duration> rounds;
  rounds.reserve(5);
  for (int i = 0; i < 5; ++i) rounds.push_back(round());
  // The median: a busy machine may delay one. A reader whose fetches pause needs a second for each.
  std::ranges::nth_element(rounds, rounds.begin() + 2);
  EXPECT_LT(rounds[2], std::chrono::milliseconds(500));
}

TEST(KafkaBrokerGoneAndBack, a_writer_and_a_reader_go_on_without_loss_or_repeats) {
  test::OwnClusters own;
  const Cluster cluster = load_cluster("", own.clusters().kafka_properties).value();
  const std::string topic = fresh_topic();
  ASSERT_TRUE(Admin::make(cluster).value()->create_topic({topic, 1, 1, {{"flush.messages", "1"}}}));
  const auto writer = make_writer(cluster, WriterKind::commits, {.message_timeout_ms = 60'000}).value();
  const auto reader = make_reader(cluster).value();
  ASSERT_TRUE(reader->assign({{topic, 0, 0}}));
  std::mutex mutex;
  std::vector<Appended> outcomes;
  const auto append = [&](int count) {
    for (int i = 0; i < count; ++i)
      writer->append({topic, 0, "", std::to_string(i), {}}, [&](const Appended& appended) {
        const std::lock_guard lock(mutex);
        outcomes.push_back(appended);
      });
  };
  append(50);
  ASSERT_TRUE(writer->flush(kPatienceMs));
  own.stop_kafka();
  append(50);
  EXPECT_TRUE(poll_until(*reader, Code::log_unavailable));
  own.start_kafka();
  ASSERT_TRUE(writer->flush(70'000));
  EXPECT_TRUE(writer->healthy());
  ASSERT_EQ(outcomes.size(), 100u);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    ASSERT_EQ(outcomes[i].outcome, Outcome::acknowledged) << outcomes[i].reason;
    ASSERT_EQ(outcomes[i].offset, static_cast<std::int64_t>(i));
  }
  ASSERT_TRUE(reader->assign({{topic, 0, 0}}));
  std::int64_t next = 0;
  EXPECT_TRUE(test::eventually(kPatienceMs, [&] {
    const auto polled = reader->poll({.wait_ms = 500});
    if (!polled) return false;
    for (const auto& record : polled->records) EXPECT_EQ(record.offset, next++);
    return next == 100;
  }));
}

}  // namespace
}  // namespace dossier::kafka
