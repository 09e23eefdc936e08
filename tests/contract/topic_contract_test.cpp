// The contract of platform/topic, on every implementation.
#include "tests/contract/topic_contract.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace dossier::topic {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Implementation {
  const char* name;
  std::unique_ptr<Backend> (*make)();
};

class TopicContract : public ::testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override {
    backend_ = GetParam().make();
    if (const std::string trouble = backend_->trouble(); !trouble.empty()) GTEST_FAIL() << trouble;
  }

  // Each look at the condition is a bounded wait of its own (a poll), or a step of a broker that has no threads.
  ::testing::AssertionResult eventually(const std::function<bool()>& condition) {
    const auto deadline = SteadyClock::now() + kPatience;
    while (!condition()) {
      if (SteadyClock::now() >= deadline) return ::testing::AssertionFailure() << "not within its time";
      backend_->pump();
    }
    return ::testing::AssertionSuccess();
  }

  bool flushed(Writer& writer) {
    return static_cast<bool>(eventually([&] { return writer.flush(1'000); }));
  }

  // Appends values "<first>", "<first + 1>", … to one partition and waits for their outcomes.
  void fill(const std::string& topic, std::int32_t partition, int count, int first = 0) {
    const auto writer = backend_->writer({});
    Outcomes outcomes;
    for (int i = 0; i < count; ++i) writer->append({topic, partition, "key", std::to_string(first + i), {}}, outcomes.next());
    ASSERT_TRUE(flushed(*writer));
    for (const auto& entry : outcomes.all()) ASSERT_EQ(entry.appended.outcome, Outcome::acknowledged) << entry.appended.reason;
  }

  // Polls until `count` records came; the rest of the story is in what is returned.
  std::vector<Record> read(Reader& reader, std::size_t count) {
    std::vector<Record> records;
    EXPECT_TRUE(eventually([&] {
      const auto polled = reader.poll({.max_records = count - records.size(), .wait_ms = 500});
      EXPECT_TRUE(polled || is_transient(polled.error().code)) << polled.error().message;
      if (polled) records.insert(records.end(), polled->records.begin(), polled->records.end());
      return records.size() >= count || ::testing::Test::HasFailure();
    }));
    return records;
  }

  Result<Polled> poll_member(GroupReader& member) {
    auto polled = member.poll({.wait_ms = 50});
    EXPECT_TRUE(polled || is_transient(polled.error().code)) << polled.error().message;
    return polled;
  }

  std::unique_ptr<Backend> backend_;
};

std::vector<std::string> values_of(const std::vector<Record>& records) {
  std::vector<std::string> values;
  values.reserve(records.size());
  for (const auto& record : records) values.push_back(record.value);
  return values;
}

std::vector<std::int64_t> offsets_of(const std::vector<Record>& records) {
  std::vector<std::int64_t> offsets;
  offsets.reserve(records.size());
  for (const auto& record : records) offsets.push_back(record.offset);
  return offsets;
}

TEST_P(TopicContract, offsets_are_dense_from_zero_and_outcomes_come_once_and_in_order) {
  const std::string topic = backend_->make_topic(1);
  const auto writer = backend_->writer({});
  Outcomes outcomes;
  constexpr std::size_t kCount = 500;
  for (std::size_t i = 0; i < kCount; ++i) writer->append({topic, 0, "", std::to_string(i), {}}, outcomes.next());
  ASSERT_TRUE(flushed(*writer));
  ASSERT_EQ(outcomes.size(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    const auto entry = outcomes.all()[i];
    ASSERT_EQ(entry.index, i);
    ASSERT_EQ(entry.appended.outcome, Outcome::acknowledged) << entry.appended.reason;
    ASSERT_EQ(entry.appended.offset, static_cast<std::int64_t>(i));
  }
  EXPECT_EQ(outcomes.counts(), std::vector<int>(kCount, 1));
  const auto reader = backend_->reader();
  ASSERT_TRUE(reader->assign({{topic, 0, 0}}));
  const auto records = read(*reader, kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(records[i].offset, static_cast<std::int64_t>(i));
    ASSERT_EQ(records[i].value, std::to_string(i));
  }
}

TEST_P(TopicContract, a_record_comes_back_whole_with_the_brokers_time) {
  const std::string topic = backend_->make_topic(2);
  const auto writer = backend_->writer({});
  Outcomes outcomes;
  const std::string binary("\0\xff value\0", 9);
  writer->append({topic, 1, "the key", binary, {{"name", "first"}, {"name", std::string("\0", 1)}, {"empty", ""}}}, outcomes.next());
  ASSERT_TRUE(flushed(*writer));
  const auto reader = backend_->reader();
  ASSERT_TRUE(reader->assign({{topic, 1, 0}}));
  const auto records = read(*reader, 1);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].topic, topic);
  EXPECT_EQ(records[0].partition, 1);
  EXPECT_EQ(records[0].key, "the key");
  EXPECT_EQ(records[0].value, binary);
  ASSERT_EQ(records[0].headers.size(), 3u);
  EXPECT_EQ(records[0].headers[1].value, std::string("\0", 1));
  EXPECT_EQ(records[0].headers[2].name, "empty");
  EXPECT_EQ(records[0].headers[2].value, "");
  EXPECT_GT(records[0].append_time_us, 1'600'000'000'000'000);
  EXPECT_EQ(records[0].append_time_us % 1'000, 0);
}

TEST_P(TopicContract, a_record_goes_to_the_partition_it_names) {
  const std::string topic = backend_->make_topic(3);
  fill(topic, 2, 3);
  const auto reader = backend_->reader();
  for (std::int32_t partition = 0; partition < 3; ++partition) {
    const auto marks = reader->watermarks(topic, partition, 10'000);
    ASSERT_TRUE(marks) << marks.error().message;
    EXPECT_EQ(marks->begin, 0);
    EXPECT_EQ(marks->end, partition == 2 ? 3 : 0);
  }
}

TEST_P(TopicContract, a_partition_or_topic_that_is_not_there_is_refused) {
  const std::string topic = backend_->make_topic(1);
  const auto writer = backend_->writer({});
  fill(topic, 0, 1);
  Outcomes outcomes;
  writer->append({topic, 7, "", "x", {}}, outcomes.next());
  ASSERT_TRUE(flushed(*writer));
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes.all()[0].appended.outcome, Outcome::refused);
  EXPECT_EQ(outcomes.all()[0].appended.code, Code::not_found) << outcomes.all()[0].appended.reason;
}

TEST_P(TopicContract, more_records_than_the_bound_are_refused_as_overload_and_each_outcome_comes_once) {
  const std::string topic = backend_->make_topic(1);
  const auto writer = backend_->writer({.max_records = 8});
  Outcomes outcomes;
  constexpr std::size_t kCount = 500;
  for (std::size_t i = 0; i < kCount; ++i) writer->append({topic, 0, "", "x", {}}, outcomes.next());
  ASSERT_TRUE(flushed(*writer));
  EXPECT_EQ(outcomes.counts(), std::vector<int>(kCount, 1));
  std::int64_t stored = 0;
  std::size_t refused = 0;
  for (const auto& entry : outcomes.all()) {
    if (entry.appended.outcome == Outcome::acknowledged) {
      ++stored;
    } else {
      ++refused;
      EXPECT_EQ(entry.appended.outcome, Outcome::refused);
      EXPECT_EQ(entry.appended.code, Code::overloaded);
    }
  }
  EXPECT_GE(stored, 8);
  EXPECT_GT(refused, 0u);
  const auto marks = backend_->reader()->watermarks(topic, 0, 10'000);
  ASSERT_TRUE(marks) << marks.error().message;
  EXPECT_EQ(marks->end, stored);
  // There is room again.
  Outcomes later;
  writer->append({topic, 0, "", "x", {}}, later.next());
  ASSERT_TRUE(flushed(*writer));
  EXPECT_EQ(later.all()[0].appended.outcome, Outcome::acknowledged);
}

TEST_P(TopicContract, more_bytes_than_the_bound_are_refused_as_overload) {
  const std::string topic = backend_->make_topic(1);
  const auto writer = backend_->writer({.max_bytes = 1'000});
  Outcomes outcomes;
  writer->append({topic, 0, "", std::string(2'000, 'x'), {}}, outcomes.next());
  ASSERT_EQ(outcomes.size(), 1u) << "a refusal by the writer comes inside append()";
  EXPECT_EQ(outcomes.all()[0].appended.outcome, Outcome::refused);
  EXPECT_EQ(outcomes.all()[0].appended.code, Code::overloaded);
}

TEST_P(TopicContract, a_record_at_the_size_limit_is_stored_and_one_beyond_is_too_large) {
  const std::string topic = backend_->make_topic(1);
  const auto writer = backend_->writer({});
  Outcomes outcomes;
  writer->append({topic, 0, "", std::string(1'000'000, 'x'), {}}, outcomes.next());
  ASSERT_TRUE(flushed(*writer));
  writer->append({topic, 0, "", std::string(1'048'577, 'x'), {}}, outcomes.next());
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_EQ(outcomes.all()[0].appended.outcome, Outcome::acknowledged) << outcomes.all()[0].appended.reason;
  EXPECT_EQ(outcomes.all()[1].appended.outcome, Outcome::refused);
  EXPECT_EQ(outcomes.all()[1].appended.code, Code::payload_too_large);
}

TEST_P(TopicContract, a_writer_that_ends_gives_every_record_its_outcome) {
  const std::string topic = backend_->make_topic(1);
  Outcomes outcomes;
  constexpr std::size_t kCount = 200;
  {
    const auto writer = backend_->writer({});
    for (std::size_t i = 0; i < kCount; ++i) writer->append({topic, 0, "", "x", {}}, outcomes.next());
  }
  EXPECT_EQ(outcomes.counts(), std::vector<int>(kCount, 1));
}

TEST_P(TopicContract, flush_of_an_idle_writer_is_true_at_once_and_it_is_healthy) {
  const auto writer = backend_->writer({});
  EXPECT_TRUE(writer->flush(0));
  EXPECT_TRUE(writer->healthy());
}

TEST_P(TopicContract, the_end_is_told_and_told_again_after_new_records) {
  const std::string topic = backend_->make_topic(1);
  fill(topic, 0, 3);
  const auto reader = backend_->reader();
  ASSERT_TRUE(reader->assign({{topic, 0, 0}}));
  std::vector<Record> records;
  int ends = 0;
  const auto poll_to_end = [&](std::size_t count, int times) {
    return eventually([&] {
      const auto polled = reader->poll({.wait_ms = 500});
      if (!polled) return false;
      records.insert(records.end(), polled->records.begin(), polled->records.end());
      for (const auto& [name, partition] : polled->at_end) ends += name == topic && partition == 0;
      return records.size() == count && ends == times;
    });
  };
  ASSERT_TRUE(poll_to_end(3, 1));
  fill(topic, 0, 2, 3);
  ASSERT_TRUE(poll_to_end(5, 2));
  EXPECT_EQ(values_of(records), (std::vector<std::string>{"0", "1", "2", "3", "4"}));
}

TEST_P(TopicContract, an_empty_partition_is_at_its_end) {
  const std::string topic = backend_->make_topic(1);
  const auto reader = backend_->reader();
  ASSERT_TRUE(reader->assign({{topic, 0, 0}}));
  EXPECT_TRUE(eventually([&] {
    const auto polled = reader->poll({.wait_ms = 500});
    return polled && polled->records.empty() && polled->at_end.size() == 1;
  }));
}

TEST_P(TopicContract, a_poll_stays_within_its_limits) {
  const std::string topic = backend_->make_topic(1);
  fill(topic, 0, 50);
  const auto reader = backend_->reader();
  ASSERT_TRUE(reader->assign({{topic, 0, 0}}));
  std::vector<Record> records;
  ASSERT_TRUE(eventually([&] {
    const auto polled = reader->poll({.max_records = 7, .wait_ms = 500});
    if (polled) {
      EXPECT_LE(polled->records.size(), 7u);
      records.insert(records.end(), polled->records.begin(), polled->records.end());
    }
    return records.size() >= 14;
  }));
  // "key" and two digits are five bytes: the third record passes ten.
  const auto few = reader->poll({.max_bytes = 11, .wait_ms = 5'000});
  ASSERT_TRUE(few) << few.error().message;
  EXPECT_LE(few->records.size(), 3u);
}

TEST_P(TopicContract, reading_starts_where_it_is_assigned_and_again_where_it_is_assigned_anew) {
  const std::string topic = backend_->make_topic(2);
  fill(topic, 0, 100);
  fill(topic, 1, 100, 1'000);
  const auto reader = backend_->reader();
  ASSERT_TRUE(reader->assign({{topic, 0, 40}}));
  EXPECT_EQ(offsets_of(read(*reader, 3)), (std::vector<std::int64_t>{40, 41, 42}));
  ASSERT_TRUE(reader->assign({{topic, 0, 10}}));
  EXPECT_EQ(offsets_of(read(*reader, 3)), (std::vector<std::int64_t>{10, 11, 12}));
  ASSERT_TRUE(reader->assign({{topic, 0, 97}}));
  EXPECT_EQ(offsets_of(read(*reader, 3)), (std::vector<std::int64_t>{97, 98, 99}));
  ASSERT_TRUE(reader->assign({{topic, 1, 5}}));
  EXPECT_EQ(values_of(read(*reader, 2)), (std::vector<std::string>{"1005", "1006"}));
}

TEST_P(TopicContract, several_partitions_are_read_together_each_in_its_order) {
  const std::string topic = backend_->make_topic(3);
  for (std::int32_t partition = 0; partition < 3; ++partition) fill(topic, partition, 20);
  const auto reader = backend_->reader();
  ASSERT_TRUE(reader->assign({{topic, 0, 0}, {topic, 1, 5}, {topic, 2, 10}}));
  std::map<std::int32_t, std::vector<std::int64_t>> offsets;
  for (const auto& record : read(*reader, 45)) offsets[record.partition].push_back(record.offset);
  for (std::int32_t partition = 0; partition < 3; ++partition) {
    ASSERT_EQ(offsets[partition].size(), 20u - 5u * static_cast<unsigned>(partition));
    EXPECT_EQ(offsets[partition].front(), 5 * partition);
    EXPECT_TRUE(std::ranges::is_sorted(offsets[partition]));
    EXPECT_EQ(offsets[partition].back(), 19);
  }
}

TEST_P(TopicContract, an_offset_beyond_the_end_is_a_mismatch_until_the_next_assignment) {
  const std::string topic = backend_->make_topic(1);
  fill(topic, 0, 3);
  const auto reader = backend_->reader();
  ASSERT_TRUE(reader->assign({{topic, 0, 4}}));
  const auto mismatch = [&] {
    const auto polled = reader->poll({.wait_ms = 500});
    EXPECT_TRUE(!polled || polled->records.empty());
    return !polled && polled.error().code == Code::log_mismatch;
  };
  EXPECT_TRUE(eventually(mismatch));
  EXPECT_TRUE(mismatch()) << "it is told by every poll";
  ASSERT_TRUE(reader->assign({{topic, 0, 3}}));
  fill(topic, 0, 1, 3);
  EXPECT_EQ(values_of(read(*reader, 1)), std::vector<std::string>{"3"});
}

TEST_P(TopicContract, reading_what_is_not_there_is_not_found) {
  const std::string topic = backend_->make_topic(1);
  const auto reader = backend_->reader();
  for (const auto& position : {Position{topic + "-absent", 0, 0}, Position{topic, 1, 0}}) {
    ASSERT_TRUE(reader->assign({position}));
    EXPECT_TRUE(eventually([&] {
      const auto polled = reader->poll({.wait_ms = 200});
      return !polled && polled.error().code == Code::not_found;
    })) << position.topic
        << "/" << position.partition;
  }
}

TEST_P(TopicContract, a_topic_tells_its_partitions_and_an_unknown_one_is_not_found) {
  const std::string topic = backend_->make_topic(5);
  const auto reader = backend_->reader();
  const auto count = reader->partition_count(topic, 10'000);
  ASSERT_TRUE(count) << count.error().message;
  EXPECT_EQ(*count, 5);
  const auto unknown = reader->partition_count(topic + "-absent", 10'000);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::not_found) << unknown.error().message;
}

TEST_P(TopicContract, a_group_shares_its_partitions_and_gives_them_back) {
  const std::string topic = backend_->make_topic(4);
  const auto first = backend_->group_reader("shared", topic);
  ASSERT_TRUE(eventually([&] {
    (void)poll_member(*first);
    return first->assignment().partitions == std::vector<std::int32_t>{0, 1, 2, 3};
  }));
  const auto alone = first->assignment().generation;
  auto second = backend_->group_reader("shared", topic);
  ASSERT_TRUE(eventually([&] {
    (void)poll_member(*first);
    (void)poll_member(*second);
    return first->assignment().partitions.size() == 2 && second->assignment().partitions.size() == 2;
  }));
  std::set<std::int32_t> all;
  for (const auto* member : {first.get(), second.get()})
    for (const std::int32_t partition : member->assignment().partitions) all.insert(partition);
  EXPECT_EQ(all.size(), 4u);
  EXPECT_GT(first->assignment().generation, alone);
  second->close(5'000);
  EXPECT_TRUE(second->assignment().partitions.empty());
  EXPECT_TRUE(eventually([&] {
    (void)poll_member(*first);
    return first->assignment().partitions.size() == 4;
  }));
}

TEST_P(TopicContract, a_group_begins_at_the_start_and_resumes_where_it_committed) {
  const std::string topic = backend_->make_topic(1);
  fill(topic, 0, 10);
  const auto read_group = [&](GroupReader& member, std::size_t count) {
    std::vector<Record> records;
    EXPECT_TRUE(eventually([&] {
      if (const auto polled = poll_member(member)) records.insert(records.end(), polled->records.begin(), polled->records.end());
      return records.size() >= count;
    }));
    return records;
  };
  const auto first = backend_->group_reader("resume", topic);
  EXPECT_EQ(offsets_of(read_group(*first, 10)).front(), 0);
  first->commit(0, 6);
  first->close(10'000);
  const auto second = backend_->group_reader("resume", topic);
  EXPECT_EQ(offsets_of(read_group(*second, 4)), (std::vector<std::int64_t>{6, 7, 8, 9}));
}

TEST_P(TopicContract, a_member_moves_its_position_and_only_in_its_own_partitions) {
  const std::string topic = backend_->make_topic(2);
  fill(topic, 0, 10);
  fill(topic, 1, 10);
  const auto member = backend_->group_reader("seek", topic);
  EXPECT_EQ(member->seek(0, 3).error().code, Code::position_moved) << "nothing is owned yet";
  ASSERT_TRUE(eventually([&] {
    (void)poll_member(*member);
    return member->assignment().partitions.size() == 2;
  }));
  ASSERT_TRUE(member->seek(0, 7));
  ASSERT_TRUE(member->seek(1, 9));
  std::map<std::int32_t, std::vector<std::int64_t>> offsets;
  ASSERT_TRUE(eventually([&] {
    if (const auto polled = poll_member(*member))
      for (const auto& record : polled->records) offsets[record.partition].push_back(record.offset);
    return offsets[0].size() + offsets[1].size() >= 4;
  }));
  EXPECT_EQ(offsets[0], (std::vector<std::int64_t>{7, 8, 9}));
  EXPECT_EQ(offsets[1], (std::vector<std::int64_t>{9}));
  // Back, and after records were returned.
  ASSERT_TRUE(member->seek(0, 8));
  offsets.clear();
  ASSERT_TRUE(eventually([&] {
    if (const auto polled = poll_member(*member))
      for (const auto& record : polled->records) offsets[record.partition].push_back(record.offset);
    return offsets[0].size() >= 2;
  }));
  EXPECT_EQ(offsets[0], (std::vector<std::int64_t>{8, 9}));
  EXPECT_TRUE(offsets[1].empty()) << "the other partition goes on where it was";
}

TEST_P(TopicContract, a_member_that_left_says_so) {
  const std::string topic = backend_->make_topic(1);
  const auto member = backend_->group_reader("left", topic);
  member->close(5'000);
  member->close(5'000);
  const auto polled = member->poll({.wait_ms = 10});
  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().code, Code::shutting_down);
}

INSTANTIATE_TEST_SUITE_P(Kafka, TopicContract, ::testing::Values(Implementation{"broker", &make_kafka_backend}),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Memory, TopicContract,
                         ::testing::Values(Implementation{"threaded", &make_threaded_memory_backend},
                                           Implementation{"deterministic", &make_deterministic_memory_backend}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace dossier::topic
