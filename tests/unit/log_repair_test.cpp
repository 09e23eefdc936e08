// `dossier log repair` on a log in memory: what it finds, what it does, and when it refuses.
#include "replay/log_repair.hpp"

#include <gtest/gtest.h>

#include "platform/json/json.hpp"
#include "platform/memory/memory_topic.hpp"
#include "replay/lost_commits.hpp"
#include "tests/support/event_script.hpp"
#include "tests/support/memory_repair_store.hpp"

namespace dossier::replay {
namespace {

using test::EventScript;
using test::hex_id;

v1::Event comment_added(std::uint64_t n) {
  return test::make_fact("comment/" + hex_id("cmt", n), hex_id("iss", 1), [&](v1::EventPayload& p) {
    p.mutable_comment()->mutable_comment_added()->set_comment_id(hex_id("cmt", n));
    *p.mutable_comment()->mutable_comment_added()->mutable_body() = events::plain("number " + std::to_string(n));
  });
}

// Answers the n-th append of a writer with a plan.
class OneFault final : public memory::FaultPolicy {
 public:
  int at = -1;
  memory::Fate fate = memory::Fate::ack_lost;
  memory::AppendPlan plan_append(std::string_view, const topic::Outgoing&) override {
    memory::AppendPlan plan;
    if (at-- == 0) plan.fate = fate;
    return plan;
  }
};

class LogRepairTest : public ::testing::Test {
 protected:
  LogRepairTest() {
    broker_.create_topic(EventScript::kTopic, EventScript::kPartitions);
    for (std::uint64_t n = 1; n <= 20; ++n) script_.commit({comment_added(n)}, {{"comment/" + hex_id("cmt", n), 0}});
    for (const topic::Record& record : script_.records()) {  // applied in two batches
      append(record.value);
      if (record.offset == 10) project();
    }
    project();
  }
  void append(std::string value) {
    const auto writer = broker_.make_writer("writer");
    writer->append({EventScript::kTopic, script_.partition(), {}, std::move(value), {}}, [](const topic::Appended&) {});
    ASSERT_TRUE(writer->flush(0));
  }
  // What other writers append in this history, expecting what is there.
  void append_foreign(std::uint64_t first, std::uint64_t count) {
    EventScript other(script_.partition());
    for (std::uint64_t n = first; n < first + count; ++n)
      append(other.records()[static_cast<std::size_t>(other.commit({comment_added(n)}, {}, hex_id("cmm", 1'000 + n)))].value);
  }
  // A projector that starts now: where it stands once it has nothing to do.
  projections::PartitionStats project() {
    projections::MemoryStore store(store_.database);
    const auto reader = broker_.make_reader("projector");
    projections::Projector projector({.log = log_, .memory = {}}, *reader, store, projections::registry(), clock_);
    projector.assign({script_.partition()});
    for (int idle = 0; idle < 3;) idle = projector.step(0).progressed ? 0 : idle + 1;
    return projector.stats().partitions.at(0);
  }
  bool halted() { return project().state == projections::PartitionState::halted; }
  void lose_tail(std::int64_t end) { broker_.truncate(EventScript::kTopic, script_.partition(), end); }
  std::vector<topic::Record> log() const { return broker_.records(EventScript::kTopic, script_.partition()); }
  Diagnosis diagnose() {
    auto found = repair_.diagnose(script_.partition());
    EXPECT_TRUE(found.has_value()) << found.error().message;
    return found.has_value() ? *found : Diagnosis{};
  }
  Code refusal() {
    const auto found = repair_.diagnose(script_.partition());
    return found.has_value() ? Code::internal : found.error().code;
  }
  // Diagnose, announce, follow.
  Status cut() {
    TRY(const auto found, repair_.diagnose(script_.partition()));
    EXPECT_EQ(found.remedy, Remedy::cut);
    TRY(const auto cut, repair_.announce(found, *writer_));
    return repair_.follow(cut);
  }

  ManualClock clock_;
  OneFault faults_;
  memory::MemoryBroker broker_{clock_, {}, &faults_};
  EventScript script_;
  const projections::ExpectedLog log_{EventScript::kTopic, EventScript::kLogId, EventScript::kPartitions};
  test::MemoryRepairStore store_{std::make_shared<memory::MemoryDatabase>(), log_, clock_};
  std::unique_ptr<topic::Reader> reader_ = broker_.make_reader("repair");
  std::unique_ptr<topic::Writer> writer_ = broker_.make_writer("repair");
  LogRepair repair_{log_, *reader_, store_, clock_};
};

// ---- the tail is gone, and nobody wrote behind it

TEST_F(LogRepairTest, a_lost_tail_is_appended_again_byte_for_byte_and_the_partition_goes_on) {
  lose_tail(8);
  ASSERT_TRUE(halted());
  const Diagnosis found = diagnose();
  EXPECT_EQ(found.remedy, Remedy::restore);
  EXPECT_EQ(found.common, 8);
  EXPECT_EQ(found.lost(), 13);
  ASSERT_TRUE(repair_.restore(found, *writer_).has_value());
  ASSERT_EQ(log().size(), script_.records().size());
  for (std::size_t i = 0; i < log().size(); ++i) EXPECT_EQ(log()[i].value, script_.records()[i].value);
  EXPECT_EQ(log()[20].key, script_.workspace());
  EXPECT_FALSE(halted());
  EXPECT_EQ(store_.restorations.size(), 1u);
}

TEST_F(LogRepairTest, a_partition_that_lost_everything_gets_everything_back_its_genesis_too) {
  lose_tail(0);
  ASSERT_TRUE(halted());
  ASSERT_TRUE(repair_.restore(diagnose(), *writer_).has_value());
  EXPECT_EQ(log().front().value, script_.records().front().value);
  EXPECT_FALSE(halted());
}

TEST_F(LogRepairTest, a_restoration_that_was_interrupted_goes_on_where_the_log_ends) {
  lose_tail(8);
  faults_.at = 3;
  const Status broken = repair_.restore(diagnose(), *writer_);
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error().code, Code::unacknowledged);
  EXPECT_TRUE(store_.restorations.empty());
  const Diagnosis again = diagnose();
  EXPECT_EQ(again.log_end, 12);
  ASSERT_TRUE(repair_.restore(again, *writer_).has_value());
  EXPECT_EQ(log().size(), script_.records().size());
  EXPECT_EQ(log().back().value, script_.records().back().value);
}

TEST_F(LogRepairTest, a_foreign_record_among_the_restored_ones_stops_it_at_the_first_wrong_offset) {
  lose_tail(8);
  const Diagnosis found = diagnose();
  append_foreign(100, 1);
  const Status stopped = repair_.restore(found, *writer_);
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, Code::conflict);
  EXPECT_EQ(log().size(), 10u);
  EXPECT_TRUE(store_.restorations.empty());
  EXPECT_EQ(diagnose().remedy, Remedy::cut);
}

TEST_F(LogRepairTest, no_more_is_claimed_than_the_journal_has) {
  store_.database->crash(1);  // and so the journal lost its last batch
  lose_tail(5);
  const Diagnosis found = diagnose();
  EXPECT_EQ(found.journal_end, 11);
  ASSERT_TRUE(repair_.restore(found, *writer_).has_value());
  EXPECT_EQ(log().size(), 11u);
}

// ---- others wrote behind the loss

TEST_F(LogRepairTest, where_others_wrote_a_new_history_begins_and_the_partition_goes_on_in_it) {
  lose_tail(15);
  append_foreign(100, 9);
  ASSERT_TRUE(halted());
  const Diagnosis found = diagnose();
  EXPECT_EQ(found.remedy, Remedy::cut);
  EXPECT_EQ(found.common, 15);
  EXPECT_EQ(found.lost_accepted, 6);
  EXPECT_EQ(found.foreign(), 9);
  ASSERT_TRUE(cut().has_value());
  EXPECT_EQ(store_.lost.size(), 6u);
  const auto stats = project();
  EXPECT_EQ(stats.state, projections::PartitionState::attached);
  EXPECT_EQ(stats.next_offset, 25);
  EXPECT_EQ(diagnose().remedy, Remedy::nothing);
}

TEST_F(LogRepairTest, a_writer_that_is_still_in_the_old_history_writes_void_records) {
  lose_tail(15);
  append_foreign(100, 9);
  ASSERT_TRUE(cut().has_value());
  append_foreign(200, 1);
  project();
  projections::MemoryStore store(store_.database);
  EXPECT_EQ((*store.journal_at(script_.partition(), 23))->verdict, events::Verdict::accepted);
  EXPECT_EQ((*store.journal_at(script_.partition(), 24))->verdict, events::Verdict::control);
  EXPECT_EQ((*store.journal_at(script_.partition(), 25))->verdict, events::Verdict::void_history);
}

TEST_F(LogRepairTest, fewer_foreign_records_than_lost_ones_are_a_new_history_too) {
  lose_tail(10);
  append_foreign(100, 1);
  ASSERT_TRUE(cut().has_value());
  EXPECT_EQ(project().next_offset, 12);
}

TEST_F(LogRepairTest, a_cut_that_was_interrupted_behind_its_record_does_not_announce_it_twice) {
  lose_tail(15);
  append_foreign(100, 9);
  const auto first = repair_.announce(diagnose(), *writer_);
  ASSERT_TRUE(first.has_value());
  const Diagnosis again = diagnose();
  EXPECT_EQ(again.repaired_offset, first->repaired_offset);
  const auto second = repair_.announce(again, *writer_);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->history, 2u);
  EXPECT_EQ(log().size(), 25u);
  EXPECT_TRUE(repair_.follow(*second).has_value());
  EXPECT_FALSE(halted());
}

TEST_F(LogRepairTest, lost_commits_are_handed_over_in_order_with_their_bytes) {
  lose_tail(18);
  append_foreign(100, 9);
  std::vector<json::Value> lines;
  ASSERT_TRUE(repair_
                  .each_lost(diagnose(),
                             [&](const projections::JournalRow& row) -> Status {
                               TRY(lines.emplace_back(), json::parse(lost_commit_line(row)));
                               return {};
                             })
                  .has_value());
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].integer_or("offset", 0), 18);
  EXPECT_EQ(lines[0].integer_or("seq", 0), 18);
  EXPECT_EQ(lines[0].text("commit_id"), hex_id("cmm", 18));
  EXPECT_EQ(lines[0].find("events")->array()->at(0).text("type"), "comment_added");
  EXPECT_FALSE(lines[2].text("record").empty());
}

// ---- nothing to repair, or nothing that may be repaired

TEST_F(LogRepairTest, a_sound_log_needs_nothing_also_where_it_is_ahead_of_the_journal) {
  EXPECT_EQ(diagnose().remedy, Remedy::nothing);
  append_foreign(100, 3);
  EXPECT_EQ(diagnose().remedy, Remedy::nothing);
}

TEST_F(LogRepairTest, a_record_that_was_changed_in_the_middle_is_damage_and_nothing_is_cut) {
  broker_.overwrite(EventScript::kTopic, script_.partition(), 7, script_.records()[8].value);
  EXPECT_EQ(refusal(), Code::corrupt);
}

TEST_F(LogRepairTest, a_topic_that_was_begun_anew_is_not_cut_down_to_nothing) {
  lose_tail(0);
  append(events::encode(events::make_genesis(EventScript::kLogId, EventScript::kPartitions, script_.partition(), 99)));
  append_foreign(100, 3);
  EXPECT_EQ(refusal(), Code::corrupt);
}

TEST_F(LogRepairTest, a_journal_that_was_changed_is_not_repaired_from) {
  lose_tail(8);
  store_.meddle = [](projections::JournalRow& row) {
    if (row.offset == 12) row.value.back() ^= 1;
  };
  EXPECT_EQ(refusal(), Code::corrupt);
}

TEST_F(LogRepairTest, a_log_whose_beginning_was_deleted_is_refused) {
  broker_.delete_before(EventScript::kTopic, script_.partition(), 4);
  EXPECT_EQ(refusal(), Code::log_mismatch);
}

}  // namespace
}  // namespace dossier::replay
