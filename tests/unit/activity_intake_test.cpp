// What agents say, taken in: kept once, for whoever held the offer, with every gap seen.
#include "producers/activity_intake.hpp"

#include <gtest/gtest.h>

#include "tests/support/memory_office.hpp"

namespace dossier::producers {
namespace {

using test::MemoryInstallation;
using test::MemoryOffice;
using test::MemoryWorker;

struct Told final : ActivityListener {
  std::map<std::string, std::uint64_t> heads;
  void appended(const std::string& session_id, std::uint32_t, std::uint64_t last_sequence) override { heads[session_id] = last_sequence; }
};

class ActivityIntakeTest : public ::testing::Test {
 protected:
  ActivityIntakeTest() : worker(office.add_worker("a")), task(office.ask()), session(office.task(task).session_id()) {
    worker.claim(MemoryOffice::fence(task));
    office.settle_all();
    reader = office.at.broker.make_reader("activity");
    writer = office.at.broker.make_writer("agent");
    make_intake();
  }
  void make_intake() {
    intake = std::make_unique<ActivityIntake>(
        *reader, office.server.states, store, office.at.clock, office.at.topics,
        [this](const WorkspaceId&) {
          ++asked;
          return up_to_date;
        },
        &told);
    ASSERT_TRUE(intake->own({0, 1, 2}));
  }

  v1::ActivityRecord lines(std::uint64_t first, int count, std::uint32_t offer = 1) {
    v1::ActivityRecord record;
    record.set_workspace_id(office.workspace.str());
    record.set_session_id(session);
    record.set_task_id(task.str());
    record.set_offer(offer);
    record.set_worker_id(worker.id().str());
    record.set_first_sequence(first);
    record.set_previous_sha256(previous);
    for (int i = 0; i < count; ++i) record.add_events()->mutable_log_line()->mutable_text()->set_plain("line " + std::to_string(first + i));
    return record;
  }
  std::string sign(const v1::ActivityRecord& record, const MemoryWorker& by) {
    v1::SignedActivity outer;
    outer.set_body(record.SerializeAsString());
    outer.set_signature(crypto::sign(by.keys().secret_key, signed_bytes(kActivityDomain, outer.body())));
    std::string value = outer.SerializeAsString();
    previous = std::string(crypto::view(crypto::sha256(value)));
    return value;
  }
  void send(const std::string& value) {
    topic::Outgoing record;
    record.topic = office.at.topics.activity();
    record.partition = events::partition_of(session, MemoryInstallation::kPartitions);
    record.key = session;
    record.value = value;
    writer->append(std::move(record), [](const topic::Appended&) {});
    while (office.at.broker.step()) {
    }
  }
  void send(const v1::ActivityRecord& record) { send(sign(record, worker)); }
  std::vector<ActivityBlock> kept() { return *store.read(session, {}, 1'000, 64u << 20); }

  MemoryOffice office;
  MemoryWorker worker;
  TaskId task;
  std::string session;
  std::string previous;
  bool up_to_date = true;
  int asked = 0;
  Told told;
  MemoryActivityStore store{office.at.database};
  std::unique_ptr<topic::Reader> reader;
  std::unique_ptr<memory::MemoryWriter> writer;
  std::unique_ptr<ActivityIntake> intake;
};

TEST_F(ActivityIntakeTest, lines_are_kept_in_order_and_readers_are_told) {
  send(lines(1, 3));
  send(lines(4, 2));
  ASSERT_TRUE(intake->step(0));
  ASSERT_EQ(kept().size(), 2u);
  EXPECT_EQ(kept()[1].first_sequence, 4u);
  EXPECT_EQ(kept()[1].last_sequence, 5u);
  EXPECT_EQ(told.heads[session], 5u);
  EXPECT_EQ(intake->metrics().lines.load(), 5u);
  EXPECT_EQ(intake->metrics().gaps.load(), 0u);
}

TEST_F(ActivityIntakeTest, a_record_sent_twice_is_kept_once) {
  const std::string value = sign(lines(1, 3), worker);
  send(value);
  send(value);
  ASSERT_TRUE(intake->step(0));
  EXPECT_EQ(kept().size(), 1u);
  EXPECT_EQ(intake->metrics().gaps.load(), 0u);
}

TEST_F(ActivityIntakeTest, missing_lines_are_counted_and_what_came_is_kept) {
  send(lines(1, 1));
  send(lines(3, 1));
  ASSERT_TRUE(intake->step(0));
  EXPECT_EQ(kept().size(), 2u);
  EXPECT_EQ(intake->metrics().gaps.load(), 1u);
}

TEST_F(ActivityIntakeTest, a_record_that_does_not_name_the_one_before_it_is_a_gap) {
  send(lines(1, 1));
  previous = std::string(32, 'x');
  send(lines(2, 1));
  ASSERT_TRUE(intake->step(0));
  EXPECT_EQ(intake->metrics().gaps.load(), 1u);
}

TEST_F(ActivityIntakeTest, an_offer_that_the_worker_never_held_is_not_believed) {
  send(lines(1, 1, 2));
  ASSERT_TRUE(intake->step(0));
  EXPECT_TRUE(kept().empty());
  EXPECT_EQ(intake->metrics().invalid.load(), 1u);
}

TEST_F(ActivityIntakeTest, an_offer_that_is_over_is_still_evidence) {
  office.pass(30'000'000);
  ASSERT_NE(office.task(task).status(), v1::TaskState::CLAIMED);
  send(lines(1, 1));
  ASSERT_TRUE(intake->step(0));
  EXPECT_EQ(kept().size(), 1u);
}

TEST_F(ActivityIntakeTest, anothers_signature_and_foreign_bytes_are_dropped_and_the_rest_goes_on) {
  const MemoryWorker stranger = office.add_worker("b");
  send(sign(lines(1, 1), stranger));
  send(std::string("\xff\xff no record"));
  previous.clear();
  send(lines(1, 2));
  ASSERT_TRUE(intake->step(0));
  ASSERT_EQ(kept().size(), 1u);
  EXPECT_EQ(kept()[0].lines, 2u);
  EXPECT_EQ(intake->metrics().invalid.load(), 2u);
}

TEST_F(ActivityIntakeTest, a_claim_that_may_not_be_known_yet_is_waited_for_and_nothing_is_lost) {
  up_to_date = false;
  send(lines(1, 1, 7));
  send(lines(2, 1));
  EXPECT_EQ(intake->step(0).error().code, Code::projection_behind);
  EXPECT_TRUE(kept().empty());
  up_to_date = true;
  ASSERT_TRUE(intake->step(0));
  EXPECT_EQ(kept().size(), 1u);
}

TEST_F(ActivityIntakeTest, many_lines_of_nobody_cost_one_look_at_the_database) {
  for (std::uint64_t n = 1; n <= 20; ++n) send(lines(n, 1, 7));
  ASSERT_TRUE(intake->step(0));
  EXPECT_EQ(intake->metrics().invalid, 20u);
  EXPECT_EQ(asked, 1);
}

// Found by ten minutes of chaos: PostgreSQL was killed, had forgotten the last claims, and their lines were dropped for ever.
TEST_F(ActivityIntakeTest, a_worker_that_may_not_be_known_yet_is_waited_for) {
  const MemoryWorker stranger(office.at, office.workspace, "stranger");
  v1::ActivityRecord record = lines(1, 1);
  record.set_worker_id(stranger.id().str());
  up_to_date = false;
  send(sign(record, stranger));
  EXPECT_EQ(intake->step(0).error().code, Code::projection_behind);
  EXPECT_EQ(intake->metrics().invalid, 0u);
  up_to_date = true;
  EXPECT_TRUE(intake->step(0));
  EXPECT_EQ(intake->metrics().invalid, 1u);
}

TEST_F(ActivityIntakeTest, a_database_that_is_away_loses_nothing) {
  send(lines(1, 1));
  office.at.database->set_faults([](std::string_view) { return memory::DatabaseFault::unavailable; });
  EXPECT_EQ(intake->step(0).error().code, Code::database_unavailable);
  office.at.database->set_faults({});
  ASSERT_TRUE(intake->step(0));
  EXPECT_EQ(kept().size(), 1u);
}

TEST_F(ActivityIntakeTest, an_unknown_end_of_a_write_is_found_out_by_the_position) {
  send(lines(1, 1));
  office.at.database->set_faults([](std::string_view operation) {
    return operation.find("append") != std::string_view::npos || operation.find("activity") != std::string_view::npos
               ? memory::DatabaseFault::unknown_committed
               : memory::DatabaseFault::none;
  });
  EXPECT_FALSE(intake->step(0));
  office.at.database->set_faults({});
  const Status again = intake->step(0);
  if (!again) {
    EXPECT_EQ(again.error().code, Code::position_moved);
    ASSERT_TRUE(intake->own({0, 1, 2}));
    ASSERT_TRUE(intake->step(0));
  }
  EXPECT_EQ(kept().size(), 1u);
}

TEST_F(ActivityIntakeTest, a_new_reader_goes_on_where_the_last_one_stood_and_the_old_one_is_told) {
  send(lines(1, 1));
  ASSERT_TRUE(intake->step(0));
  auto old = std::move(intake);
  auto old_reader = std::move(reader);
  reader = office.at.broker.make_reader("next");
  make_intake();
  send(lines(2, 1));
  ASSERT_TRUE(intake->step(0));
  EXPECT_EQ(kept().size(), 2u);
  EXPECT_EQ(old->step(0).error().code, Code::position_moved);
  EXPECT_EQ(kept().size(), 2u);
}

}  // namespace
}  // namespace dossier::producers
