// The writer of commits under several callers at once: groups and records alone, outcomes and their order.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "platform/crypto/crypto.hpp"
#include "platform/kafka/admin.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/eventually.hpp"

namespace dossier::kafka {
namespace {

constexpr std::int64_t kLongMs = 60'000;

class CommitWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = load_cluster("", test::Clusters::shared().kafka_properties).value();
    admin_ = Admin::make(cluster_).value();
    ASSERT_TRUE(admin_->create_topic({topic_, 3, 1, {{"flush.messages", "1"}}}));
  }
  void TearDown() override { (void)admin_->delete_topic(topic_); }

  // Offsets and values of a whole partition.
  std::map<std::int64_t, std::string> log_of(std::int32_t partition) {
    const auto reader = make_reader(cluster_).value();
    EXPECT_TRUE(reader->assign({{topic_, partition, 0}}));
    std::map<std::int64_t, std::string> log;
    EXPECT_TRUE(test::eventually(kLongMs, [&] {
      const auto polled = reader->poll({.wait_ms = 200});
      if (!polled) return false;
      for (const auto& record : polled->records) log[record.offset] = record.value;
      return polled->records.empty() && !polled->at_end.empty();
    }));
    return log;
  }

  Cluster cluster_;
  std::unique_ptr<Admin> admin_;
  const std::string topic_ = "commit-writer-" + crypto::random_uuid_hex();
};

// Sends its next record when it has the outcome of the last, as a client does that waits for its verdict; three failures end it.
struct Caller {
  std::string name;
  std::int32_t partition = 0;
  int sent = 0;
  int failures = 0;
  std::vector<topic::Appended> outcomes;

  void go_on(topic::Writer& writer, const std::string& topic, int most) {
    if (sent == most) return;
    const std::string value = name + "." + std::to_string(sent++);
    writer.append({topic, partition, "key", value, {{"name", value}}}, [this, &writer, topic, most](const topic::Appended& appended) {
      outcomes.push_back(appended);
      if (appended.outcome != topic::Outcome::acknowledged && ++failures == 3) return;
      go_on(writer, topic, most);
    });
  }
};

TEST_F(CommitWriterTest, callers_that_wait_for_each_outcome_get_each_once_and_find_their_records_in_order) {
  constexpr int kMost = 40;
  std::vector<std::unique_ptr<Caller>> callers;
  const auto writer = make_writer(cluster_, WriterKind::commits).value();
  // Twenty on one partition, two on another, one alone.
  for (int n = 0; n < 23; ++n) {
    callers.push_back(std::make_unique<Caller>());
    callers.back()->name = "c" + std::to_string(n);
    callers.back()->partition = n < 20 ? 0 : n < 22 ? 1 : 2;
  }
  std::vector<std::thread> threads;
  threads.reserve(callers.size());
  for (const auto& caller : callers) threads.emplace_back([&] { caller->go_on(*writer, topic_, kMost); });
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(test::eventually(kLongMs, [&] { return writer->flush(1'000); }));

  std::map<std::int32_t, std::map<std::int64_t, std::string>> logs;
  for (std::int32_t partition = 0; partition < 3; ++partition) logs[partition] = log_of(partition);
  EXPECT_EQ(logs[0].size(), 20u * kMost);
  EXPECT_EQ(logs[1].size(), 2u * kMost);
  EXPECT_EQ(logs[2].size(), 1u * kMost);
  for (const auto& caller : callers) {
    ASSERT_EQ(caller->outcomes.size(), static_cast<std::size_t>(kMost)) << caller->name;
    std::int64_t before = -1;
    for (int n = 0; n < kMost; ++n) {
      const auto& outcome = caller->outcomes[static_cast<std::size_t>(n)];
      ASSERT_EQ(outcome.outcome, topic::Outcome::acknowledged) << outcome.reason;
      EXPECT_GT(outcome.offset, before);
      before = outcome.offset;
      EXPECT_EQ(logs[caller->partition][outcome.offset], caller->name + "." + std::to_string(n));
    }
  }
}

TEST_F(CommitWriterTest, what_one_thread_appends_without_waiting_is_stored_in_its_order) {
  const auto writer = make_writer(cluster_, WriterKind::commits).value();
  for (int n = 0; n < 500; ++n) writer->append({topic_, 0, "", std::to_string(n), {}}, [](const topic::Appended&) {});
  ASSERT_TRUE(test::eventually(kLongMs, [&] { return writer->flush(1'000); }));
  const auto log = log_of(0);
  ASSERT_EQ(log.size(), 500u);
  for (const auto& [offset, value] : log) EXPECT_EQ(value, std::to_string(offset));
}

// How often each value is in the log.
std::map<std::string, int> counted(const std::vector<std::map<std::int64_t, std::string>>& logs) {
  std::map<std::string, int> times;
  for (const auto& log : logs)
    for (const auto& [offset, value] : log) ++times[value];
  return times;
}

TEST_F(CommitWriterTest, its_end_in_the_middle_of_groups_tells_each_record_one_outcome) {
  constexpr int kRecords = 3'000;
  std::mutex mutex;
  std::map<int, std::vector<topic::Outcome>> told;
  std::atomic<int> answered{0};
  {
    const auto writer = make_writer(cluster_, WriterKind::commits).value();
    const auto append = [&](int n) {
      writer->append({topic_, n % 3, "", std::to_string(n), {}}, [&, n](const topic::Appended& appended) {
        const std::lock_guard lock(mutex);
        told[n].push_back(appended.outcome);
        ++answered;
      });
    };
    for (int n = 0; n < 3; ++n) append(n);
    ASSERT_TRUE(test::eventually(kLongMs, [&] { return writer->flush(1'000); }));
    // In pieces, so that the end finds some of them sent, some on their way and some waiting.
    std::thread appending([&] {
      for (int n = 3; n < kRecords; ++n) append(n);
    });
    EXPECT_TRUE(test::eventually(kLongMs, [&] { return answered > 300; }));
    appending.join();
  }
  const auto stored = counted({log_of(0), log_of(1), log_of(2)});
  ASSERT_EQ(told.size(), static_cast<std::size_t>(kRecords));
  int acknowledged = 0;
  for (const auto& [n, outcomes] : told) {
    ASSERT_EQ(outcomes.size(), 1u) << n;
    const auto found = stored.find(std::to_string(n));
    const int times = found == stored.end() ? 0 : found->second;
    EXPECT_LE(times, 1) << n;
    if (outcomes[0] == topic::Outcome::acknowledged) {
      ++acknowledged;
      EXPECT_EQ(times, 1) << n;
    } else if (outcomes[0] == topic::Outcome::refused) {
      EXPECT_EQ(times, 0) << n;
    }
  }
  EXPECT_GT(acknowledged, 300);
}

TEST_F(CommitWriterTest, its_end_refuses_what_the_callers_append_when_they_hear_of_it) {
  std::vector<std::unique_ptr<Caller>> callers;
  {
    const auto writer = make_writer(cluster_, WriterKind::commits).value();
    for (int n = 0; n < 12; ++n) {
      callers.push_back(std::make_unique<Caller>());
      callers.back()->name = "c" + std::to_string(n);
    }
    for (const auto& caller : callers) caller->go_on(*writer, topic_, 100'000);
    EXPECT_TRUE(test::eventually(kLongMs, [&] {
      const auto reader = make_reader(cluster_).value();
      const auto marks = reader->watermarks(topic_, 0, 1'000);
      return marks && marks->end > 200;
    }));
  }
  for (const auto& caller : callers) {
    ASSERT_FALSE(caller->outcomes.empty());
    EXPECT_EQ(caller->outcomes.size(), static_cast<std::size_t>(caller->sent));
    EXPECT_NE(caller->outcomes.back().outcome, topic::Outcome::acknowledged);
  }
}

TEST_F(CommitWriterTest, a_group_for_a_partition_that_is_not_there_is_refused_and_its_writer_goes_on) {
  const auto writer = make_writer(cluster_, WriterKind::commits).value();
  std::atomic<int> refused{0}, acknowledged{0};
  const auto append = [&](std::int32_t partition) {
    writer->append({topic_, partition, "", "x", {}}, [&](const topic::Appended& appended) {
      if (appended.outcome == topic::Outcome::acknowledged) ++acknowledged;
      if (appended.outcome == topic::Outcome::refused && appended.code == Code::not_found) ++refused;
    });
  };
  append(0);
  ASSERT_TRUE(test::eventually(kLongMs, [&] { return writer->flush(1'000); }));
  std::vector<std::thread> threads;
  threads.reserve(20);
  for (int n = 0; n < 20; ++n)
    threads.emplace_back([&] {
      for (int k = 0; k < 20; ++k) append(7);
    });
  for (auto& thread : threads) thread.join();
  append(0);
  ASSERT_TRUE(test::eventually(kLongMs, [&] { return writer->flush(1'000); }));
  EXPECT_EQ(refused, 400);
  EXPECT_EQ(acknowledged, 2);
}

// A writer whose records' time is short: the producer of groups has to linger for less.
TEST_F(CommitWriterTest, records_may_have_less_time_than_a_group_lingers) {
  const auto writer = make_writer(cluster_, WriterKind::commits, {.message_timeout_ms = 60});
  ASSERT_TRUE(writer) << writer.error().message;
}

}  // namespace
}  // namespace dossier::kafka
