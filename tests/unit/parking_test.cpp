// Parking: bad rows of one read model wait, everything else goes on; too many of them halt.
#include "projections/parking.hpp"

#include <gtest/gtest.h>

#include "projections/refusal_search.hpp"
#include "tests/support/projector_rig.hpp"

namespace dossier::projections {
namespace {

using test::EventScript;
using test::hex_id;
using test::make_fact;
using test::ProjectorRig;

std::string stream(std::uint64_t n) { return "comment/" + hex_id("cmt", n); }
v1::Event touch(std::uint64_t n) {
  return make_fact(stream(n), hex_id("iss", 1), [](v1::EventPayload& p) { p.mutable_comment()->mutable_comment_edited(); });
}

class ParkingTest : public ::testing::Test {
 protected:
  void SetUp() override { test::poisoned.clear(); }
  void act(bool retry, std::uint64_t n) {
    script_.commit({make_fact("parking/tally", "", [&](v1::EventPayload& p) {
      if (retry) {
        p.mutable_parking()->mutable_parked_retried()->set_read_model("tally");
        p.mutable_parking()->mutable_parked_retried()->set_stream(stream(n));
      } else {
        p.mutable_parking()->mutable_parked_discarded()->set_read_model("tally");
        p.mutable_parking()->mutable_parked_discarded()->set_stream(stream(n));
      }
    })});
  }
  std::vector<ParkedRow> parked(ProjectorRig& rig, std::uint64_t n, std::string model = "tally") {
    return *rig.inner.parked_rows(script_.partition(), {std::move(model), script_.workspace(), stream(n)}, 1'000);
  }
  // As a table's constraint would refuse these streams' rows.
  static std::function<std::optional<DataError>(const ProjectionBatch&)> refusing(std::set<std::string> streams) {
    return [streams](const ProjectionBatch& batch) -> std::optional<DataError> {
      for (const auto& model : batch.models)
        for (const auto& table : model.rows.tables())
          for (const auto& row : table.rows())
            if (model.read_model == "tally" && streams.contains(std::get<std::string>(row[0]))) return DataError{"tally", "violates a constraint"};
      return std::nullopt;
    };
  }

  EventScript script_;
};

TEST_F(ParkingTest, what_throws_parks_its_stream_in_that_read_model_alone) {
  for (std::uint64_t n = 1; n <= 3; ++n) script_.commit({touch(n)});
  test::poisoned = {stream(2)};
  ProjectorRig rig({&script_});
  rig.run();
  EXPECT_EQ(rig.partition().next_offset, 4);
  EXPECT_EQ(rig.tally(stream(1)) + rig.tally(stream(3)), 2);
  EXPECT_EQ(rig.tally(stream(2)), 0) << "also not what the handler had put before it threw";
  ASSERT_EQ(parked(rig, 2).size(), 1u);
  EXPECT_EQ(parked(rig, 2)[0].error, "cannot take " + stream(2));
  EXPECT_TRUE(parked(rig, 2, "comments").empty());
  EXPECT_EQ(rig.partition().parked_streams, 1u);
}

TEST_F(ParkingTest, later_events_of_a_parked_stream_wait_behind_it_in_the_same_batch_later_and_after_a_restart) {
  script_.commit({touch(2)});
  script_.commit({touch(2)});
  test::poisoned = {stream(2)};
  ProjectorRig rig({&script_});
  rig.run();
  test::poisoned.clear();  // the code is mended, but order is order
  script_.commit({touch(2)});
  rig.run();
  rig.restart();
  script_.commit({touch(2), touch(3)});
  rig.run();
  EXPECT_EQ(parked(rig, 2).size(), 4u);
  EXPECT_EQ(rig.tally(stream(2)), 0);
  EXPECT_EQ(rig.tally(stream(3)), 1);
}

TEST_F(ParkingTest, events_before_the_one_that_throws_are_projected) {
  script_.commit({touch(2)});
  ProjectorRig rig({&script_});
  rig.run();
  test::poisoned = {stream(2)};
  script_.commit({touch(2)});
  rig.run();
  EXPECT_EQ(rig.tally(stream(2)), 1);
  EXPECT_EQ(parked(rig, 2).size(), 1u);
}

TEST_F(ParkingTest, a_retry_writes_the_waiting_rows_in_order_and_the_stream_goes_on) {
  for (int i = 0; i < 3; ++i) script_.commit({touch(2)});
  test::poisoned = {stream(2)};
  ProjectorRig rig({&script_});
  rig.run();
  test::poisoned.clear();
  act(true, 2);
  script_.commit({touch(2)});
  rig.run();
  EXPECT_EQ(rig.tally(stream(2)), 4);
  EXPECT_TRUE(parked(rig, 2).empty());
  EXPECT_EQ(rig.partition().parked_streams, 0u);
}

TEST_F(ParkingTest, a_retry_that_fails_again_leaves_the_rows_waiting) {
  for (int i = 0; i < 3; ++i) script_.commit({touch(2)});
  test::poisoned = {stream(2)};
  ProjectorRig rig({&script_});
  rig.run();
  act(true, 2);
  rig.run();
  EXPECT_EQ(parked(rig, 2).size(), 3u);
  EXPECT_EQ(rig.partition().parked_streams, 1u);
}

TEST_F(ParkingTest, a_retry_whose_rows_the_table_refuses_again_leaves_them_waiting) {
  script_.commit({touch(2)});
  ProjectorRig rig({&script_});
  rig.store.refuse = refusing({stream(2)});
  rig.run();
  act(true, 2);
  script_.commit({touch(5)});
  rig.run();
  EXPECT_EQ(parked(rig, 2).size(), 1u);
  EXPECT_EQ(rig.tally(stream(5)), 1);
  rig.store.refuse = nullptr;
  act(true, 2);
  rig.run();
  EXPECT_EQ(rig.tally(stream(2)), 1);
}

TEST_F(ParkingTest, a_discard_drops_the_waiting_rows_and_the_stream_goes_on_without_them) {
  for (int i = 0; i < 3; ++i) script_.commit({touch(2)});
  test::poisoned = {stream(2)};
  ProjectorRig rig({&script_});
  rig.run();
  test::poisoned.clear();
  act(false, 2);
  script_.commit({touch(2)});
  rig.run();
  EXPECT_EQ(rig.tally(stream(2)), 1);
  EXPECT_TRUE(parked(rig, 2).empty());
}

TEST_F(ParkingTest, rows_that_a_table_refuses_are_found_in_a_large_batch_and_parked_alone) {
  for (std::uint64_t n = 1; n <= 500; ++n) script_.commit({touch(n)});
  ProjectorRig rig({&script_});
  rig.store.refuse = refusing({stream(77), stream(400)});
  rig.run();
  EXPECT_EQ(rig.partition().next_offset, 501);
  EXPECT_EQ(rig.partition().parked_streams, 2u);
  EXPECT_EQ(parked(rig, 77).size() + parked(rig, 400).size(), 2u);
  EXPECT_EQ(parked(rig, 77)[0].error, "violates a constraint");
  EXPECT_EQ(rig.rows(test::tally_table()), 498u);
  EXPECT_LT(rig.store.applies, 80u) << "by halving, not one by one";
}

TEST_F(ParkingTest, within_one_record_the_refused_stream_is_found_among_the_others) {
  script_.commit({touch(1), touch(2), touch(3)});
  ProjectorRig rig({&script_});
  rig.store.refuse = refusing({stream(2)});
  rig.run();
  EXPECT_EQ(rig.partition().parked_streams, 1u);
  EXPECT_EQ(rig.tally(stream(1)) + rig.tally(stream(3)), 2);
  EXPECT_EQ(parked(rig, 2).size(), 1u);
}

TEST_F(ParkingTest, two_refused_streams_of_one_record_are_parked_with_all_of_its_streams) {
  script_.commit({touch(1), touch(2), touch(3)});
  ProjectorRig rig({&script_});
  rig.store.refuse = refusing({stream(2), stream(3)});
  rig.run();
  EXPECT_EQ(rig.partition().parked_streams, 3u);
  EXPECT_EQ(rig.partition().next_offset, 2);
}

TEST_F(ParkingTest, a_refusal_that_no_stream_explains_halts) {
  script_.commit({touch(1)});
  ProjectorRig rig({&script_});
  rig.store.refuse = [](const ProjectionBatch& batch) -> std::optional<DataError> {
    if (batch.streams.empty()) return std::nullopt;
    return DataError{"tally", "always"};
  };
  rig.run();
  EXPECT_TRUE(rig.halted());
  EXPECT_EQ(rig.partition().next_offset, 1);
}

TEST_F(ParkingTest, as_many_parked_streams_as_allowed_go_on_and_one_more_halts) {
  // Spread thin, so that only their number counts.
  std::uint64_t filler = 1'000;
  const auto park_one = [&](std::uint64_t n) {
    test::poisoned.insert(stream(n));
    script_.commit({touch(n)});
    for (int i = 0; i < 110; ++i) script_.commit({touch(++filler)});
  };
  ProjectorRig rig({&script_});
  for (std::uint64_t n = 1; n <= kMaxParkedStreams; ++n) park_one(n);
  rig.run();
  EXPECT_FALSE(rig.halted()) << rig.partition().reason;
  EXPECT_EQ(rig.partition().parked_streams, kMaxParkedStreams);
  const auto before = rig.partition().next_offset;
  park_one(kMaxParkedStreams + 1);
  rig.run();
  EXPECT_TRUE(rig.halted());
  EXPECT_EQ(rig.partition().next_offset, before) << "nothing of the batch that goes over the limit is written";
}

TEST(ParkingLimits, ten_streams_and_one_percent_of_the_window_are_allowed_one_record_more_is_not) {
  Parking parking;
  for (std::size_t n = 0; n < kManyParkedStreams; ++n) {
    parking.add({"m", "ws", stream(n)});
    parking.record(true);
  }
  EXPECT_EQ(parking.verdict(), "");
  parking.record(true);
  EXPECT_NE(parking.verdict(), "");
  for (std::size_t n = 0; n < kParkingWindow - kMaxParkedInWindow; ++n) parking.record(false);
  EXPECT_EQ(parking.verdict(), "") << "the window moves on";
}

TEST(ParkingLimits, fewer_streams_may_park_any_number_of_records) {
  Parking parking;
  for (std::size_t n = 0; n + 1 < kManyParkedStreams; ++n) parking.add({"m", "ws", stream(n)});
  for (std::size_t n = 0; n < kParkingWindow; ++n) parking.record(true);
  EXPECT_EQ(parking.verdict(), "");
}

}  // namespace
}  // namespace dossier::projections
