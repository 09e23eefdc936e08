// The projector: exactly once, in order, whatever fails; and when it refuses to go on.
#include "projections/projector.hpp"

#include <gtest/gtest.h>

#include "tests/support/projector_rig.hpp"
#include "tests/support/table_rows.hpp"

namespace dossier::projections {
namespace {

using test::EventScript;
using test::hex_id;
using test::make_fact;
using test::ProjectorRig;

const std::string kProjectedIssue = hex_id("iss", 1);

v1::Event comment_added(std::uint64_t n, std::string body = "text") {
  return make_fact("comment/" + hex_id("cmt", n), kProjectedIssue, [&](v1::EventPayload& p) {
    auto& added = *p.mutable_comment()->mutable_comment_added();
    added.set_comment_id(hex_id("cmt", n));
    added.set_issue_id(kProjectedIssue);
    *added.mutable_body() = events::plain(std::move(body));
  });
}

// `count` commits of one comment each.
void add_comments(EventScript& script, std::uint64_t count, std::uint64_t first = 1) {
  for (std::uint64_t n = first; n < first + count; ++n) script.commit({comment_added(n)}, {{"comment/" + hex_id("cmt", n), 0}});
}

class ProjectorTest : public ::testing::Test {
 protected:
  void SetUp() override { test::poisoned.clear(); }
  // What another projector, without any trouble, makes of the same script.
  std::vector<std::vector<rows::Row>> expected() {
    ProjectorRig calm({&script_});
    calm.run();
    return calm.contents();
  }
  std::int64_t next_offset(ProjectorRig& rig) { return rig.partition().next_offset; }

  EventScript script_;
};

// ---- the good case

TEST_F(ProjectorTest, every_record_is_applied_journaled_and_reported_once_in_order) {
  add_comments(script_, 20);
  ProjectorRig rig({&script_});
  rig.run();
  EXPECT_EQ(next_offset(rig), 21);
  ASSERT_EQ(rig.listener.records.size(), 21u);
  EXPECT_EQ(rig.listener.records[0].verdict, events::Verdict::control);
  EXPECT_EQ(rig.listener.records[20].seq, 20u);
  EXPECT_EQ(rig.listener.records[20].versions, (std::vector<std::uint64_t>{1}));
  for (std::int64_t offset = 0; offset < 21; ++offset) {
    const auto row = *rig.inner.journal_at(script_.partition(), offset);
    ASSERT_TRUE(row);
    EXPECT_EQ(row->value, script_.records()[static_cast<std::size_t>(offset)].value);
  }
  EXPECT_EQ(rig.stats().applied_events, 20u);
  EXPECT_EQ(rig.partition().lag_records, 0);
}

// A database is away for longer than ten seconds, and the record that waited for it is the last one: nothing after it told
// anybody that the partition was no longer behind, and every command was refused from then on.
TEST_F(ProjectorTest, a_partition_that_was_behind_says_so_when_it_no_longer_is) {
  add_comments(script_, 2);
  ProjectorRig rig({&script_});
  rig.reader.withhold_end = true;
  rig.start();
  while (rig.listener.records.size() < 3) rig.projector->step(0);
  EXPECT_LT(rig.listener.lag_us, 1'000'000) << "all that was there when it was attached is applied";
  rig.clock.advance_us(20'000'000);  // and it has not met the end since
  add_comments(script_, 1);
  while (rig.listener.records.size() < 4) rig.projector->step(0);
  EXPECT_GT(rig.listener.lag_us, 10'000'000);
  rig.reader.withhold_end = false;
  rig.run();
  EXPECT_EQ(rig.listener.lag_us, 0);
}

TEST_F(ProjectorTest, a_wall_clock_that_is_ahead_makes_no_record_old) {
  ProjectorRig rig({&script_});
  rig.run();
  rig.clock.jump_wall_us(7'200'000'000);
  add_comments(script_, 1);
  rig.reader.withhold_end = true;
  while (rig.listener.records.size() < 2) rig.projector->step(0);
  EXPECT_LT(rig.listener.lag_us, 1'000'000);
}

// A server whose clock was two hours ahead took a partition over with a record waiting, and refused commands until it met the
// partition's end.
TEST_F(ProjectorTest, a_wall_clock_that_is_ahead_makes_no_partition_old_that_is_taken_over) {
  add_comments(script_, 2);
  ProjectorRig rig({&script_});
  rig.clock.jump_wall_us(7'200'000'000);
  rig.reader.withhold_end = true;
  rig.start();
  while (rig.listener.records.size() < 3) rig.projector->step(0);
  EXPECT_LT(rig.listener.lag_us, 1'000'000);
}

TEST_F(ProjectorTest, folded_states_are_stored_with_their_versions) {
  script_.commit({comment_added(1)});
  ProjectorRig rig({&script_});
  rig.run();
  const auto fetched = rig.inner.fetch({{}, {{script_.workspace(), "comment/" + hex_id("cmt", 1)}}, {}});
  ASSERT_EQ(fetched->streams.size(), 1u);
  EXPECT_EQ(fetched->streams[0].version, 1u);
  v1::CommentState state;
  ASSERT_TRUE(state.ParseFromString(fetched->streams[0].state));
  EXPECT_EQ(state.issue_id(), kProjectedIssue);
}

TEST_F(ProjectorTest, a_void_record_is_journaled_and_changes_nothing_else) {
  script_.commit({comment_added(1)});
  script_.commit({comment_added(1)}, {{"comment/" + hex_id("cmt", 1), 0}});
  script_.append("not an envelope");
  ProjectorRig rig({&script_});
  rig.run();
  EXPECT_EQ(rig.listener.records[2].verdict, events::Verdict::void_conflict);
  EXPECT_EQ(rig.listener.records[3].verdict, events::Verdict::void_malformed);
  EXPECT_EQ(rig.stats().void_records, 2u);
  EXPECT_EQ(rig.tally("comment/" + hex_id("cmt", 1)), 1);
}

TEST_F(ProjectorTest, names_that_no_database_can_hold_make_a_record_void_and_not_a_poison_pill) {
  script_.commit({comment_added(1)}, {}, {}, std::string("ws_\0evil", 8));
  v1::Event event = comment_added(2);
  event.set_stream(std::string("comment/\0", 9));
  script_.commit({event});
  ProjectorRig rig({&script_});
  rig.run();
  EXPECT_EQ(next_offset(rig), 3);
  EXPECT_EQ((*rig.inner.journal_at(script_.partition(), 1))->workspace, "");
  EXPECT_EQ((*rig.inner.journal_at(script_.partition(), 2))->verdict, events::Verdict::void_malformed);
}

TEST_F(ProjectorTest, a_repeated_commit_is_void_in_the_same_batch_in_a_later_one_and_after_a_restart) {
  const std::string id = hex_id("cmm", 900);
  script_.commit({comment_added(1)}, {}, id);
  script_.commit({comment_added(2)}, {}, id);
  ProjectorRig rig({&script_});
  rig.run();
  script_.commit({comment_added(3)}, {}, id);
  rig.run();
  rig.restart();
  script_.commit({comment_added(4)}, {}, id);
  rig.run();
  for (const std::size_t offset : {2u, 3u, 4u}) {
    EXPECT_EQ(rig.listener.records[offset].verdict, events::Verdict::void_duplicate) << offset;
    EXPECT_EQ(rig.listener.records[offset].seq, 1u);
  }
}

TEST_F(ProjectorTest, an_event_of_newer_code_is_kept_counted_and_skipped) {
  v1::Event unknown = comment_added(1);
  unknown.set_payload("\xfa\x3f\x01x");  // field 999 of EventPayload
  script_.commit({unknown, comment_added(2)});
  v1::Event garbage = comment_added(3);
  garbage.set_payload("\xff\xff");
  script_.commit({garbage});
  ProjectorRig rig({&script_});
  rig.run();
  EXPECT_EQ(rig.stats().unknown_events, 2u);
  EXPECT_EQ(rig.tally(unknown.stream()), 0);
  EXPECT_EQ(rig.tally("comment/" + hex_id("cmt", 2)), 1);
  const auto fetched = rig.inner.fetch({{}, {{script_.workspace(), unknown.stream()}, {script_.workspace(), garbage.stream()}}, {}});
  for (const auto& row : fetched->streams) {
    EXPECT_EQ(row.version, 1u);
    EXPECT_TRUE(row.needs_newer_code);
  }
  EXPECT_NE((*rig.inner.journal_at(script_.partition(), 2))->value.find("\xff\xff"), std::string::npos);
}

TEST_F(ProjectorTest, what_memory_forgets_is_read_from_the_store_and_changes_no_row) {
  for (int round = 0; round < 6; ++round)
    for (std::uint64_t n = 1; n <= 30; ++n) script_.commit({comment_added(n)});
  ProjectorOptions tiny;
  tiny.memory = {5, 100, 8};
  tiny.poll_records = 7;
  ProjectorRig rig({&script_}, nullptr, tiny);
  rig.run();
  EXPECT_EQ(next_offset(rig), script_.end());
  EXPECT_EQ(rig.contents(), expected());
  EXPECT_GT(rig.store.fetches, 20u);
}

TEST_F(ProjectorTest, a_new_log_is_projected_without_asking_the_store_what_does_not_exist) {
  add_comments(script_, 200);
  ProjectorOptions options;
  options.poll_records = 20;
  ProjectorRig rig({&script_}, nullptr, options);
  rig.run();
  EXPECT_EQ(rig.tally("comment/" + hex_id("cmt", 200)), 1);
  EXPECT_EQ(rig.store.fetches, 0u);
}

TEST_F(ProjectorTest, a_partition_that_is_taken_away_is_read_no_more_and_goes_on_where_it_stood_when_it_is_back) {
  add_comments(script_, 3);
  ProjectorRig rig({&script_});
  rig.run();
  rig.projector->assign({});
  rig.run();
  add_comments(script_, 3, 10);
  rig.run();
  EXPECT_EQ(rig.listener.records.size(), 4u);
  EXPECT_TRUE(rig.reader.assigned.empty());
  rig.projector->assign({script_.partition()});
  rig.run();
  EXPECT_EQ(rig.listener.records.size(), 7u);
}

// ---- exactly once

TEST_F(ProjectorTest, lost_answers_of_the_store_neither_repeat_nor_lose_a_batch) {
  add_comments(script_, 60);
  ProjectorOptions options;
  options.poll_records = 5;
  ProjectorRig rig({&script_}, nullptr, options);
  int calls = 0;
  rig.database->set_faults([&](std::string_view operation) {
    if (operation != "apply") return memory::DatabaseFault::none;
    switch (++calls % 5) {
      case 1: return memory::DatabaseFault::unknown_committed;
      case 2: return memory::DatabaseFault::unknown_lost;
      case 3: return memory::DatabaseFault::unavailable;
      case 4: return memory::DatabaseFault::serialization_failure;
      default: return memory::DatabaseFault::none;
    }
  });
  rig.run();
  rig.database->set_faults({});
  EXPECT_EQ(next_offset(rig), script_.end());
  EXPECT_EQ(rig.contents(), expected());
  EXPECT_GT(rig.stats().store_errors, 4u);
}

TEST_F(ProjectorTest, a_store_that_is_away_is_asked_less_and_less_often_and_nothing_is_parked) {
  add_comments(script_, 3);
  ProjectorRig rig({&script_});
  rig.database->set_faults([](std::string_view) { return memory::DatabaseFault::unavailable; });
  rig.start();
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 12; ++i) {
    const auto step = rig.projector->step(60'000);
    pauses.push_back(step.next_due_us - rig.clock.boot_us());
    EXPECT_EQ(rig.partition().state, PartitionState::detached);
    rig.clock.advance_us(pauses.back());
  }
  EXPECT_EQ(pauses.front(), kFirstPauseUs);
  EXPECT_EQ(pauses[1], 2 * kFirstPauseUs);
  EXPECT_EQ(pauses.back(), kLongestPauseUs);
  rig.database->set_faults({});
  rig.run();
  EXPECT_EQ(next_offset(rig), script_.end());
  EXPECT_EQ(rig.stats().parked_rows, 0u);
}

TEST_F(ProjectorTest, two_projectors_on_one_partition_by_mistake_apply_every_record_once) {
  add_comments(script_, 100);
  auto database = std::make_shared<memory::MemoryDatabase>();
  ProjectorOptions options;
  options.poll_records = 3;
  ProjectorRig one({&script_}, database, options);
  ProjectorRig two({&script_}, database, options);
  two.start();
  bool nested = false;
  one.store.before_apply = [&] {  // the other gets between judging and writing
    if (nested) return;
    nested = true;
    two.projector->step(0);
    two.clock.advance_us(kLongestPauseUs);
    nested = false;
  };
  one.run(5'000);
  two.run(5'000);
  EXPECT_EQ(one.contents(), expected());
  EXPECT_EQ(next_offset(one), script_.end());
  EXPECT_GT(one.stats().positions_moved, 0u);
  std::set<std::int64_t> offsets;
  for (const auto* rig : {&one, &two})
    for (const auto& record : rig->listener.records) EXPECT_TRUE(offsets.insert(record.offset).second) << record.offset;
  EXPECT_EQ(offsets.size(), static_cast<std::size_t>(script_.end()));
}

TEST_F(ProjectorTest, what_a_crash_of_the_store_forgets_is_read_again_from_the_log) {
  add_comments(script_, 10);
  ProjectorOptions options;
  options.poll_records = 2;
  ProjectorRig rig({&script_}, nullptr, options);
  rig.run();
  rig.database->crash(3);
  add_comments(script_, 1, 50);
  rig.run();
  EXPECT_EQ(next_offset(rig), script_.end());
  EXPECT_EQ(rig.contents(), expected());
}

// ---- halting

TEST_F(ProjectorTest, a_gap_in_the_offsets_halts_behind_the_last_sound_record) {
  add_comments(script_, 10);
  script_.records().erase(script_.records().begin() + 6);
  ProjectorRig rig({&script_});
  rig.run();
  EXPECT_TRUE(rig.halted());
  EXPECT_EQ(next_offset(rig), 6);
  EXPECT_NE(rig.partition().reason.find("offset 7 follows 5"), std::string::npos) << rig.partition().reason;
  EXPECT_EQ(rig.listener.halts.size(), 1u);
}

TEST_F(ProjectorTest, a_log_that_lost_its_tail_halts) {
  add_comments(script_, 10);
  ProjectorRig rig({&script_});
  rig.run();
  rig.restart();
  script_.records().resize(8);
  rig.run();
  EXPECT_TRUE(rig.halted());
  EXPECT_NE(rig.partition().reason.find("lost its tail"), std::string::npos);
}

TEST_F(ProjectorTest, a_log_that_lost_its_tail_and_grew_past_it_halts_at_the_next_assignment) {
  add_comments(script_, 10);
  ProjectorRig rig({&script_});
  rig.run();
  rig.restart();
  script_.records().resize(8);
  add_comments(script_, 8, 100);
  rig.run();
  EXPECT_TRUE(rig.halted());
  EXPECT_EQ(rig.tally("comment/" + hex_id("cmt", 107)), 0);
}

TEST_F(ProjectorTest, after_a_broken_connection_the_last_record_is_compared_again) {
  add_comments(script_, 10);
  ProjectorRig rig({&script_});
  rig.run();
  rig.reader.next_poll_error = make_error(Code::log_unavailable, "all brokers down");
  script_.records().resize(8);
  add_comments(script_, 8, 100);
  rig.run();
  EXPECT_TRUE(rig.halted());
  EXPECT_NE(rig.partition().reason.find("is not the record that was applied there"), std::string::npos);
}

TEST_F(ProjectorTest, a_broken_connection_to_a_sound_log_costs_a_pause_and_keeps_what_is_remembered) {
  add_comments(script_, 10);
  ProjectorRig rig({&script_});
  rig.run();
  rig.reader.next_poll_error = make_error(Code::log_unavailable, "all brokers down");
  rig.reader.next_watermarks_error = make_error(Code::log_unavailable, "all brokers down");
  add_comments(script_, 5, 100);
  rig.run();
  EXPECT_EQ(next_offset(rig), script_.end());
  EXPECT_EQ(rig.contents(), expected());
  EXPECT_EQ(rig.stats().log_errors, 2u);
  EXPECT_EQ(rig.store.fetches, 0u);
}

TEST_F(ProjectorTest, a_log_whose_start_was_deleted_halts) {
  add_comments(script_, 10);
  script_.records().erase(script_.records().begin(), script_.records().begin() + 4);
  ProjectorRig rig({&script_});
  rig.run();
  EXPECT_TRUE(rig.halted());
  EXPECT_NE(rig.partition().reason.find("retention"), std::string::npos);
}

TEST_F(ProjectorTest, another_logs_id_halts_before_anything_is_written) {
  EventScript other(3, std::string(32, 'b'));
  ProjectorRig rig({&other});
  rig.run();
  EXPECT_TRUE(rig.halted());
  EXPECT_EQ(next_offset(rig), 0);
  EXPECT_NE(rig.partition().reason.find(EventScript::kLogId), std::string::npos);
}

TEST_F(ProjectorTest, another_number_of_partitions_halts) {
  ProjectorRig rig({&script_});
  rig.reader.partitions = 24;
  rig.run();
  EXPECT_TRUE(rig.halted());
  EXPECT_NE(rig.partition().reason.find("24 partitions"), std::string::npos);
}

TEST_F(ProjectorTest, an_envelope_of_newer_code_halts_its_partition_and_the_others_go_on) {
  add_comments(script_, 3);
  v1::Record newer;
  newer.set_envelope_version(events::kEnvelopeVersion + 1);
  script_.append(events::encode(newer));
  add_comments(script_, 3, 10);
  EventScript other(5);
  ProjectorRig rig({&script_, &other});
  rig.run();
  EXPECT_TRUE(rig.halted(0));
  EXPECT_EQ(rig.partition(0).next_offset, 4);
  EXPECT_NE(rig.partition(0).reason.find("upgrade"), std::string::npos);
  add_comments(other, 5);
  rig.run();
  EXPECT_EQ(rig.partition(1).next_offset, 6);
  EXPECT_EQ(rig.reader.assigned.size(), 1u);
}

TEST_F(ProjectorTest, a_journal_that_differs_from_the_log_halts) {
  add_comments(script_, 3);
  ProjectorRig first({&script_});
  first.run();
  MemoryStore second(first.database, 2);
  script_.records()[2].value.back() ^= 1;
  test::ScriptReader reader({&script_});
  ProjectorOptions options = first.options;
  Projector rebuild(options, reader, second, first.models, first.clock);
  rebuild.assign({script_.partition()});
  for (int i = 0; i < 10; ++i) rebuild.step(0);
  EXPECT_EQ(rebuild.stats().partitions[0].state, PartitionState::halted);
  EXPECT_NE(rebuild.stats().partitions[0].reason.find("journal"), std::string::npos);
}

TEST_F(ProjectorTest, a_halted_partition_goes_on_when_the_log_is_mended_and_an_operator_says_so) {
  add_comments(script_, 10);
  const auto removed = script_.records()[6];
  script_.records().erase(script_.records().begin() + 6);
  ProjectorRig rig({&script_});
  rig.run();
  script_.records().insert(script_.records().begin() + 6, removed);
  rig.run();
  EXPECT_TRUE(rig.halted());
  rig.projector->resume(script_.partition());
  rig.run();
  EXPECT_EQ(next_offset(rig), script_.end());
  EXPECT_EQ(rig.contents(), expected());
}

}  // namespace
}  // namespace dossier::projections
