// What a command may be decided on without a read, and when that is over.
#include "producers/recent_states.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "events/names.hpp"

namespace dossier::producers::recent {
namespace {

constexpr std::int32_t kPartitions = 4;
const WorkspaceId kWorkspace("ws_00000000000000000000000000000002");
const WorkspaceId kPeople("identity");

class RecentStatesTest : public ::testing::Test {
 protected:
  static std::int32_t home(const WorkspaceId& workspace) { return events::partition_of(workspace.str(), kPartitions); }

  // One record of the workspace's partition, as its projector tells it.
  void applied(std::int64_t offset, const std::vector<events::FoldedState>& streams, const WorkspaceId& workspace = kWorkspace) {
    const std::vector<events::HeadOfWorkspace> heads = {{workspace.str(), {}}};
    recent_.applying(home(workspace), heads);
    events::AppliedBatch batch;
    batch.partition = home(workspace);
    batch.next_offset = offset + 1;
    batch.began_us = clock_.boot_us();
    batch.records.resize(1);
    batch.streams = streams;
    batch.heads = heads;
    recent_.applied(batch);
  }
  static events::FoldedState stream(const std::string& name, std::uint64_t version, std::string state = "state") {
    return {kWorkspace.str(), name, version, std::move(state), false};
  }
  // A read of the database, where the workspace's partition stood at `position`.
  void learned(const std::string& name, std::uint64_t version, std::int64_t position) {
    StatesWanted wanted{kWorkspace, {name}, std::nullopt};
    recent_.ask_positions(wanted);
    StatesRead read;
    read.states.push_back({version, "read", false});
    read.positions = {position};
    recent_.learn(wanted, read, clock_.boot_us());
  }
  void learned_head(Head head, std::int64_t workspace_position, std::int64_t people_position) {
    StatesWanted wanted{kWorkspace, {}, std::nullopt, kPeople};
    recent_.ask_positions(wanted);
    StatesRead read;
    read.head = head;
    read.positions = {workspace_position, people_position};
    recent_.learn(wanted, read, clock_.boot_us());
  }
  std::uint64_t version_of(const std::string& name) {
    const auto found = recent_.find({kWorkspace, {name}, std::nullopt});
    return found ? found->states.at(0).version : 0;
  }
  std::optional<Head> head() {
    const auto found = recent_.find({kWorkspace, {}, std::nullopt, kPeople});
    return found ? std::optional(found->head) : std::nullopt;
  }

  void SetUp() override {
    clock_.advance_us(10'000'000);
    ASSERT_NE(home(kWorkspace), home(kPeople));
    recent_.stands_at(home(kWorkspace), 5);
    recent_.stands_at(home(kPeople), 3);
  }

  ManualClock clock_;
  RecentStates recent_{kPartitions, clock_};
};

TEST_F(RecentStatesTest, knows_what_its_projector_wrote_and_nothing_else) {
  applied(5, {stream("issue/1", 2, "one")});
  const auto found = recent_.find({kWorkspace, {"issue/1"}, std::nullopt});
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->states.at(0).version, 2u);
  EXPECT_EQ(found->states.at(0).state, "one");
  EXPECT_FALSE(recent_.find({kWorkspace, {"issue/1", "issue/2"}, std::nullopt}).has_value()) << "all of it, or the database";
  applied(6, {stream("issue/1", 3, "two"), stream("issue/2", 1)});
  EXPECT_EQ(version_of("issue/1"), 3u);
  EXPECT_EQ(version_of("issue/2"), 1u);
  EXPECT_EQ(recent_.metrics().found.load(), 3u);
  EXPECT_EQ(recent_.metrics().not_found.load(), 1u);
}

TEST_F(RecentStatesTest, a_read_counts_where_the_database_stood_as_the_projector_does) {
  applied(5, {});
  learned("issue/1", 4, 5);  // before that record
  EXPECT_EQ(version_of("issue/1"), 0u);
  learned("issue/1", 4, 7);  // after one of which the projector here has not heard
  EXPECT_EQ(version_of("issue/1"), 0u);
  learned("issue/1", 4, 6);
  EXPECT_EQ(version_of("issue/1"), 4u);
}

TEST_F(RecentStatesTest, that_a_stream_does_not_exist_is_knowledge_too) {
  applied(5, {});
  learned("issue/1", 0, 6);
  const auto found = recent_.find({kWorkspace, {"issue/1"}, std::nullopt});
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->states.at(0).version, 0u);
}

TEST_F(RecentStatesTest, is_trusted_as_long_as_the_database_was_seen_to_stand_there) {
  applied(5, {stream("issue/1", 2)});
  clock_.advance_us(2'000'000);
  EXPECT_EQ(version_of("issue/1"), 2u);
  clock_.advance_us(1);
  EXPECT_EQ(version_of("issue/1"), 0u);
  recent_.confirmed(home(kWorkspace), clock_.boot_us() - 1'000'000);  // its projector looked
  EXPECT_EQ(version_of("issue/1"), 2u);
  clock_.advance_us(1'000'001);
  EXPECT_EQ(version_of("issue/1"), 0u);
  learned("issue/2", 1, 6);  // it still does
  EXPECT_EQ(version_of("issue/1"), 2u);
  clock_.advance_us(2'000'001);
  learned("issue/2", 1, 7);  // another process moved it
  EXPECT_EQ(version_of("issue/1"), 0u);
}

TEST_F(RecentStatesTest, a_partition_that_is_given_away_or_begun_anew_is_forgotten) {
  applied(5, {stream("issue/1", 2)});
  recent_.forget(home(kWorkspace));
  EXPECT_EQ(version_of("issue/1"), 0u);
  applied(6, {stream("issue/1", 3)});  // the last word of a projector that was told to go
  EXPECT_EQ(version_of("issue/1"), 0u);
  recent_.stands_at(home(kWorkspace), 7);
  applied(7, {stream("issue/2", 1)});
  EXPECT_EQ(version_of("issue/1"), 0u);
  EXPECT_EQ(version_of("issue/2"), 1u);
}

TEST_F(RecentStatesTest, a_batch_that_does_not_follow_ends_what_was_known) {
  applied(5, {stream("issue/1", 2)});
  applied(9, {stream("issue/2", 1)});
  EXPECT_EQ(version_of("issue/1"), 0u);
  EXPECT_EQ(version_of("issue/2"), 1u);
}

TEST_F(RecentStatesTest, a_head_is_known_until_a_transaction_moves_it) {
  applied(5, {});
  EXPECT_EQ(head(), std::nullopt);
  learned_head({8, 1}, 6, 3);
  EXPECT_EQ(head(), (Head{8, 1}));
  const std::vector<events::HeadOfWorkspace> heads = {{kPeople.str(), {}}};
  recent_.applying(home(kPeople), heads);
  EXPECT_EQ(head(), std::nullopt) << "others may see the next one already";
  learned_head({8, 1}, 6, 3);  // read before it was committed
  EXPECT_EQ(head(), std::nullopt);
  applied(3, {}, kPeople);
  EXPECT_EQ(head(), std::nullopt);
  learned_head({9, 1}, 6, 4);
  EXPECT_EQ(head(), (Head{9, 1}));
}

TEST_F(RecentStatesTest, a_head_is_believed_for_a_while_after_it_was_read_whatever_the_projector_says) {
  applied(5, {});
  learned_head({8, 1}, 6, 3);
  clock_.advance_us(2'000'000);
  recent_.confirmed(home(kWorkspace), clock_.boot_us());
  recent_.confirmed(home(kPeople), clock_.boot_us());
  EXPECT_EQ(head(), (Head{8, 1}));
  clock_.advance_us(1);
  EXPECT_EQ(head(), std::nullopt) << "another generation may be live by now";
}

TEST_F(RecentStatesTest, a_head_is_believed_only_while_nobody_else_can_have_its_partition) {
  applied(5, {});
  learned_head({8, 1}, 6, 3);
  recent_.own_until(0);
  EXPECT_EQ(head(), std::nullopt);
  recent_.own_until(clock_.boot_us() + 1'000);
  EXPECT_EQ(head(), (Head{8, 1}));
  clock_.advance_us(1'000);
  EXPECT_EQ(head(), std::nullopt);
}

TEST_F(RecentStatesTest, a_transaction_that_nobody_announced_ends_a_head_too) {
  learned_head({8, 1}, 5, 3);
  events::AppliedBatch batch;
  const std::vector<events::HeadOfWorkspace> heads = {{kPeople.str(), {}}};
  batch.partition = home(kPeople);
  batch.next_offset = 4;
  batch.began_us = clock_.boot_us();
  batch.records.resize(1);
  batch.heads = heads;
  recent_.applied(batch);
  applied(5, {});
  EXPECT_EQ(head(), std::nullopt);
}

TEST_F(RecentStatesTest, what_was_not_used_for_long_makes_room) {
  RecentStates::Options options;
  options.bytes = kPartitions * 20'000;
  RecentStates small(kPartitions, clock_, options);
  small.stands_at(home(kWorkspace), 0);
  std::int64_t offset = 0;
  const auto put = [&](const std::string& name) {
    const std::vector<events::FoldedState> streams = {stream(name, 1, std::string(1'000, 's'))};
    events::AppliedBatch batch;
    batch.partition = home(kWorkspace);
    batch.next_offset = ++offset;
    batch.began_us = clock_.boot_us();
    batch.records.resize(1);
    batch.streams = streams;
    small.applied(batch);
  };
  const auto knows = [&](const std::string& name) { return small.find({kWorkspace, {name}, std::nullopt}).has_value(); };
  put("used");
  put("unused");
  for (int i = 0; i < 100; ++i) {
    put("other/" + std::to_string(i));
    EXPECT_TRUE(knows("used"));
  }
  EXPECT_FALSE(knows("unused"));
  std::size_t kept = 0;
  for (int i = 0; i < 100; ++i) kept += knows("other/" + std::to_string(i)) ? 1 : 0;
  EXPECT_LE(kept, 20u);
}

TEST_F(RecentStatesTest, a_backlog_keeps_up_what_is_known_and_adds_nothing) {
  applied(5, {stream("issue/1", 2)});
  const std::vector<events::FoldedState> streams = {stream("issue/1", 300), stream("issue/2", 1)};
  events::AppliedBatch batch;
  batch.partition = home(kWorkspace);
  batch.records.resize(300);
  batch.next_offset = 306;
  batch.began_us = clock_.boot_us();
  batch.streams = streams;
  recent_.applied(batch);
  EXPECT_EQ(version_of("issue/1"), 300u);
  EXPECT_EQ(version_of("issue/2"), 0u);
}

}  // namespace
}  // namespace dossier::producers::recent
