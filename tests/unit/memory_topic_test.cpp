// The faults of the broker in memory, each on its own: what the writer hears and what the log holds afterwards.
#include <gtest/gtest.h>

#include <deque>

#include "platform/memory/memory_topic.hpp"

namespace dossier::memory {
namespace {

using topic::Appended;
using topic::Outcome;

constexpr const char* kTopic = "t";

// Hands out plans in the order in which they were put in; no faults after them.
struct Script final : FaultPolicy {
  std::deque<AppendPlan> appends;
  std::deque<PollPlan> polls;
  std::int64_t keep_unsynced = 0;
  AppendPlan plan_append(std::string_view, const topic::Outgoing&) override { return take(appends); }
  PollPlan plan_poll(std::string_view) override { return take(polls); }
  std::int64_t surviving_end(std::string_view, std::int32_t, std::int64_t synced_end, std::int64_t) override { return synced_end + keep_unsynced; }

 private:
  template <class Plan>
  static Plan take(std::deque<Plan>& plans) {
    if (plans.empty()) return {};
    Plan plan = plans.front();
    plans.pop_front();
    return plan;
  }
};

class MemoryTopic : public ::testing::Test {
 protected:
  MemoryTopic() { broker_.create_topic(kTopic, 2); }

  // Its outcomes end up in heard_, by value.
  void append(topic::Writer& writer, const std::string& value) {
    writer.append({kTopic, 0, "", value, {}}, [this, value](const Appended& appended) { heard_.push_back({value, appended}); });
  }
  void settle() {
    while (broker_.step()) {
    }
  }
  void advance_ms(std::int64_t ms) {
    clock_.advance_us(ms * 1'000);
    settle();
  }
  std::vector<std::string> log() const {
    std::vector<std::string> values;
    for (const auto& record : broker_.records(kTopic, 0)) values.push_back(record.value);
    return values;
  }
  std::vector<std::pair<std::string, Outcome>> heard() const {
    std::vector<std::pair<std::string, Outcome>> outcomes;
    outcomes.reserve(heard_.size());
    for (const auto& [value, appended] : heard_) outcomes.emplace_back(value, appended.outcome);
    return outcomes;
  }

  using Values = std::vector<std::string>;
  using Heard = std::vector<std::pair<std::string, Outcome>>;
  ManualClock clock_;
  Script faults_;
  MemoryBroker broker_{clock_, {}, &faults_};
  std::vector<std::pair<std::string, Appended>> heard_;
};

TEST_F(MemoryTopic, nothing_moves_before_a_step_and_the_append_and_its_outcome_are_two) {
  const auto writer = broker_.make_writer("w");
  append(*writer, "a");
  EXPECT_TRUE(log().empty());
  ASSERT_TRUE(broker_.step());
  EXPECT_EQ(log(), Values{"a"});
  EXPECT_TRUE(heard_.empty());
  ASSERT_TRUE(broker_.step());
  EXPECT_EQ(heard(), (Heard{{"a", Outcome::acknowledged}}));
  EXPECT_FALSE(broker_.step());
}

TEST_F(MemoryTopic, a_lost_ack_leaves_the_record_and_an_unknown_outcome) {
  faults_.appends = {{Fate::ack_lost, 0, 0, {}}};
  const auto writer = broker_.make_writer("w");
  append(*writer, "a");
  settle();
  EXPECT_EQ(log(), Values{"a"});
  EXPECT_EQ(heard(), (Heard{{"a", Outcome::unknown}}));
}

TEST_F(MemoryTopic, a_lost_record_has_the_same_outcome_and_is_not_there) {
  faults_.appends = {{Fate::lost, 0, 0, {}}};
  const auto writer = broker_.make_writer("w");
  append(*writer, "a");
  settle();
  EXPECT_TRUE(log().empty());
  EXPECT_EQ(heard(), (Heard{{"a", Outcome::unknown}}));
}

TEST_F(MemoryTopic, a_late_record_is_unknown_first_and_comes_behind_newer_ones) {
  faults_.appends = {{Fate::late, 60'000'000, 5'000, {}}};
  const auto writer = broker_.make_writer("w");
  append(*writer, "late");
  append(*writer, "b");
  settle();
  advance_ms(5);
  EXPECT_EQ(log(), Values{"b"});
  EXPECT_EQ(heard(), (Heard{{"b", Outcome::acknowledged}, {"late", Outcome::unknown}}));
  EXPECT_TRUE(writer->flush(0)) << "an outcome is all that a writer waits for";
  advance_ms(60'000);
  EXPECT_EQ(log(), (Values{"b", "late"}));
  EXPECT_EQ(heard_.size(), 2u);
}

TEST_F(MemoryTopic, a_duplicated_record_is_there_twice_and_acknowledged_once_with_the_first_offset) {
  faults_.appends = {{Fate::duplicated, 0, 0, {}}};
  const auto writer = broker_.make_writer("w");
  append(*writer, "a");
  append(*writer, "b");
  settle();
  EXPECT_EQ(log(), (Values{"a", "a", "b"}));
  ASSERT_EQ(heard(), (Heard{{"a", Outcome::acknowledged}, {"b", Outcome::acknowledged}}));
  EXPECT_EQ(heard_[0].second.offset, 0);
  EXPECT_EQ(heard_[1].second.offset, 2);
}

TEST_F(MemoryTopic, a_refused_record_is_never_there) {
  faults_.appends = {{Fate::refused, 0, 0, Code::forbidden}};
  const auto writer = broker_.make_writer("w");
  append(*writer, "a");
  settle();
  EXPECT_TRUE(log().empty());
  ASSERT_EQ(heard(), (Heard{{"a", Outcome::refused}}));
  EXPECT_EQ(heard_[0].second.code, Code::forbidden);
}

TEST_F(MemoryTopic, a_delayed_record_holds_back_the_ones_behind_it) {
  faults_.appends = {{Fate::stored, 10'000, 0, {}}};
  const auto writer = broker_.make_writer("w");
  append(*writer, "slow");
  append(*writer, "b");
  settle();
  EXPECT_TRUE(log().empty());
  EXPECT_EQ(broker_.next_due_us(), clock_.boot_us() + 10'000);
  advance_ms(10);
  EXPECT_EQ(log(), (Values{"slow", "b"}));
}

TEST_F(MemoryTopic, a_frozen_writer_appends_late_and_in_order_once_it_is_thawed) {
  const auto frozen = broker_.make_writer("frozen");
  const auto other = broker_.make_writer("other");
  append(*frozen, "a");
  append(*frozen, "b");
  frozen->freeze();
  EXPECT_EQ(broker_.next_due_us(), std::nullopt);
  append(*other, "c");
  advance_ms(60'000);
  EXPECT_EQ(log(), Values{"c"});
  EXPECT_EQ(heard(), (Heard{{"c", Outcome::acknowledged}}));
  frozen->thaw();
  settle();
  EXPECT_EQ(log(), (Values{"c", "a", "b"}));
  EXPECT_EQ(heard_.size(), 3u);
}

TEST_F(MemoryTopic, a_writer_frozen_between_append_and_outcome_hears_it_when_it_is_thawed) {
  const auto writer = broker_.make_writer("w");
  append(*writer, "a");
  ASSERT_TRUE(broker_.step());
  writer->freeze();
  advance_ms(60'000);
  EXPECT_TRUE(heard_.empty());
  writer->thaw();
  settle();
  EXPECT_EQ(heard(), (Heard{{"a", Outcome::acknowledged}}));
}

TEST_F(MemoryTopic, without_a_leader_records_wait_and_are_refused_after_their_timeout) {
  const auto writer = broker_.make_writer("w");
  broker_.set_leader(kTopic, 0, false);
  append(*writer, "in time");
  advance_ms(14'999);
  EXPECT_TRUE(heard_.empty());
  broker_.set_leader(kTopic, 0, true);
  settle();
  EXPECT_EQ(log(), Values{"in time"});
  broker_.set_leader(kTopic, 0, false);
  append(*writer, "too late");
  EXPECT_EQ(broker_.next_due_us(), clock_.boot_us() + 15'000'000);
  advance_ms(15'000);
  broker_.set_leader(kTopic, 0, true);
  settle();
  EXPECT_EQ(log(), Values{"in time"});
  EXPECT_EQ(heard(), (Heard{{"in time", Outcome::acknowledged}, {"too late", Outcome::refused}}));
}

TEST_F(MemoryTopic, a_crash_keeps_what_was_synced_and_makes_what_was_on_its_way_unknown) {
  broker_.create_topic("unsynced", 1, false);
  const auto writer = broker_.make_writer("w");
  const auto append_unsynced = [&](const std::string& value) { writer->append({"unsynced", 0, "", value, {}}, [](const Appended&) {}); };
  append(*writer, "durable");
  for (const char* value : {"a", "b"}) append_unsynced(value);
  settle();
  broker_.sync();
  for (const char* value : {"c", "d", "e"}) append_unsynced(value);
  settle();
  append(*writer, "on its way");
  faults_.keep_unsynced = 0;
  broker_.crash();
  settle();
  EXPECT_EQ(log(), Values{"durable"});
  EXPECT_EQ(broker_.records("unsynced", 0).size(), 2u);
  EXPECT_EQ(heard(), (Heard{{"durable", Outcome::acknowledged}, {"on its way", Outcome::unknown}}));
  broker_.set_reachable(true);
  advance_ms(60'000);
  EXPECT_EQ(log(), Values{"durable"}) << "what was on its way is gone for good";
}

TEST_F(MemoryTopic, a_truncated_log_gives_its_offsets_again_and_tells_a_reader_beyond_its_end) {
  const auto writer = broker_.make_writer("w");
  for (const char* value : {"a", "b", "c"}) append(*writer, value);
  settle();
  const auto reader = broker_.make_reader("r");
  ASSERT_TRUE(reader->assign({{kTopic, 0, 3}}));
  broker_.truncate(kTopic, 0, 1);
  const auto polled = reader->poll({});
  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().code, Code::log_mismatch);
  append(*writer, "foreign");
  settle();
  EXPECT_EQ(heard_.back().second.offset, 1);
  EXPECT_EQ(log(), (Values{"a", "foreign"}));
}

TEST_F(MemoryTopic, a_reader_before_the_start_of_the_log_is_told) {
  const auto writer = broker_.make_writer("w");
  for (const char* value : {"a", "b", "c"}) append(*writer, value);
  settle();
  broker_.delete_before(kTopic, 0, 2);
  const auto reader = broker_.make_reader("r");
  ASSERT_TRUE(reader->assign({{kTopic, 0, 1}}));
  EXPECT_EQ(reader->poll({}).error().code, Code::log_mismatch);
  ASSERT_TRUE(reader->assign({{kTopic, 0, 2}}));
  const auto polled = reader->poll({});
  ASSERT_TRUE(polled) << polled.error().message;
  EXPECT_EQ(polled->records.front().value, "c");
  const auto marks = reader->watermarks(kTopic, 0, 0);
  ASSERT_TRUE(marks);
  EXPECT_EQ(marks->begin, 2);
  EXPECT_EQ(marks->end, 3);
}

TEST_F(MemoryTopic, a_dead_process_hears_nothing_and_its_records_are_gone_or_not_as_told) {
  for (const bool deliver : {false, true}) {
    const std::size_t before = log().size();
    const auto writer = broker_.make_writer("w");
    append(*writer, "a");
    writer->crash(deliver);
    settle();
    EXPECT_EQ(log().size() - before, deliver ? 1u : 0u);
    EXPECT_TRUE(heard_.empty());
    EXPECT_FALSE(writer->healthy());
  }
}

TEST_F(MemoryTopic, a_fatal_error_makes_queued_records_unknown_and_refuses_new_ones) {
  const auto writer = broker_.make_writer("w");
  append(*writer, "queued");
  writer->fail();
  append(*writer, "new");
  settle();
  EXPECT_TRUE(log().empty());
  EXPECT_FALSE(writer->healthy());
  EXPECT_EQ(heard(), (Heard{{"new", Outcome::refused}, {"queued", Outcome::unknown}}));
}

TEST_F(MemoryTopic, polls_can_be_withheld_cut_short_and_failed) {
  const auto writer = broker_.make_writer("w");
  for (const char* value : {"a", "b", "c"}) append(*writer, value);
  settle();
  const auto reader = broker_.make_reader("r");
  ASSERT_TRUE(reader->assign({{kTopic, 0, 0}}));
  faults_.polls = {{.withhold = true}, {.max_records = 2}, {.fail = true}};
  const auto withheld = reader->poll({});
  ASSERT_TRUE(withheld);
  EXPECT_TRUE(withheld->records.empty());
  EXPECT_EQ(reader->poll({})->records.size(), 2u);
  EXPECT_EQ(reader->poll({}).error().code, Code::log_unavailable);
  EXPECT_EQ(reader->poll({})->records.size(), 1u);
}

TEST_F(MemoryTopic, an_unreachable_broker_fails_polls_and_questions_until_it_is_back) {
  const auto reader = broker_.make_reader("r");
  ASSERT_TRUE(reader->assign({{kTopic, 0, 0}}));
  broker_.set_reachable(false);
  EXPECT_EQ(reader->poll({}).error().code, Code::log_unavailable);
  EXPECT_EQ(reader->watermarks(kTopic, 0, 0).error().code, Code::log_unavailable);
  EXPECT_EQ(reader->partition_count(kTopic, 0).error().code, Code::log_unavailable);
  broker_.set_reachable(true);
  EXPECT_TRUE(reader->poll({}));
}

TEST_F(MemoryTopic, a_silent_member_keeps_believing_while_its_partitions_are_anothers_and_its_commits_count_for_nothing) {
  const auto zombie = broker_.make_group_reader("zombie", "g", kTopic);
  ASSERT_TRUE(zombie->poll({}));
  ASSERT_EQ(zombie->assignment().partitions, (std::vector<std::int32_t>{0, 1}));
  clock_.advance_us(30'000'001);
  const auto heir = broker_.make_group_reader("heir", "g", kTopic);
  ASSERT_TRUE(heir->poll({}));
  EXPECT_EQ(heir->assignment().partitions, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(zombie->assignment().partitions, (std::vector<std::int32_t>{0, 1}));
  const auto writer = broker_.make_writer("w");
  append(*writer, "a");
  settle();
  zombie->commit(0, 1);
  heir->close(0);
  const auto third = broker_.make_group_reader("third", "g", kTopic);
  ASSERT_TRUE(third->poll({}));
  const auto polled = third->poll({});
  ASSERT_TRUE(polled);
  EXPECT_EQ(polled->records.size(), 1u) << "the zombie's commit would have skipped it";
}

TEST_F(MemoryTopic, a_rebalance_waits_for_every_member_and_nobody_reads_meanwhile) {
  const auto first = broker_.make_group_reader("first", "g", kTopic);
  ASSERT_TRUE(first->poll({}));
  const auto before = first->assignment();
  const auto writer = broker_.make_writer("w");
  append(*writer, "a");
  settle();
  const auto second = broker_.make_group_reader("second", "g", kTopic);
  EXPECT_TRUE(second->poll({})->records.empty());
  EXPECT_TRUE(second->assignment().partitions.empty());
  EXPECT_TRUE(first->poll({})->records.empty());
  EXPECT_TRUE(second->poll({})->records.empty());
  EXPECT_EQ(first->assignment().partitions.size(), 1u);
  EXPECT_EQ(second->assignment().partitions.size(), 1u);
  EXPECT_GT(first->assignment().generation, before.generation);
}

TEST_F(MemoryTopic, a_dead_member_costs_the_group_its_session) {
  const auto dead = broker_.make_group_reader("dead", "g", kTopic);
  const auto alive = broker_.make_group_reader("alive", "g", kTopic);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(dead->poll({}));
    ASSERT_TRUE(alive->poll({}));
  }
  ASSERT_EQ(alive->assignment().partitions.size(), 1u);
  dead->crash();
  clock_.advance_us(29'000'000);
  ASSERT_TRUE(alive->poll({}));
  EXPECT_EQ(alive->assignment().partitions.size(), 1u);
  clock_.advance_us(2'000'000);
  ASSERT_TRUE(alive->poll({}));
  EXPECT_EQ(alive->assignment().partitions.size(), 2u);
}

TEST_F(MemoryTopic, a_grown_topic_is_shared_out_again) {
  const auto member = broker_.make_group_reader("m", "g", kTopic);
  ASSERT_TRUE(member->poll({}));
  broker_.grow_partitions(kTopic, 5);
  ASSERT_TRUE(member->poll({}));
  EXPECT_EQ(member->assignment().partitions.size(), 5u);
}

TEST_F(MemoryTopic, the_brokers_clock_stamps_records_in_whole_milliseconds) {
  const auto writer = broker_.make_writer("w");
  clock_.advance_us(1'234);
  append(*writer, "a");
  settle();
  EXPECT_EQ(broker_.records(kTopic, 0).front().append_time_us, clock_.wall_us() / 1'000 * 1'000);
}

TEST_F(MemoryTopic, a_damaged_record_is_read_damaged) {
  const auto writer = broker_.make_writer("w");
  append(*writer, "good");
  settle();
  broker_.overwrite(kTopic, 0, 0, "gooe");
  EXPECT_EQ(log(), Values{"gooe"});
}

}  // namespace
}  // namespace dossier::memory
