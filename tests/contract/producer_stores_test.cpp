// The contracts of StateStore, IntakeStore, ActivityStore and Secrets, held against both implementations.
#include <gtest/gtest.h>

#include "dossier/v1/state.pb.h"
#include "events/codec.hpp"
#include "platform/postgres/migrate.hpp"
#include "producers/memory_intake_store.hpp"
#include "producers/memory_secrets.hpp"
#include "producers/memory_state_store.hpp"
#include "producers/postgres_intake_store.hpp"
#include "producers/postgres_secrets.hpp"
#include "producers/postgres_state_store.hpp"
#include "projections/memory_store.hpp"
#include "projections/postgres_store.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::producers {
namespace {

// All stores of one system, over one database.
struct System {
  virtual ~System() = default;
  std::unique_ptr<projections::ProjectionStore> projection;  // writes what the state store reads
  std::unique_ptr<projections::ProjectionStore> second;      // of another generation, which is not live
  std::unique_ptr<StateStore> states;
  std::unique_ptr<IntakeStore> intake;
  std::unique_ptr<ActivityStore> activity;
  std::unique_ptr<Secrets> secrets;
};

struct MemorySystem final : System {
  MemorySystem() {
    projection = std::make_unique<projections::MemoryStore>(database, 1);
    second = std::make_unique<projections::MemoryStore>(database, 2);
    states = std::make_unique<MemoryStateStore>(database);
    intake = std::make_unique<MemoryIntakeStore>(database);
    activity = std::make_unique<MemoryActivityStore>(database);
    secrets = std::make_unique<MemorySecrets>(database, clock);
  }
  SystemClock clock;
  std::shared_ptr<memory::MemoryDatabase> database = std::make_shared<memory::MemoryDatabase>();
};

struct PostgresSystem final : System {
  PostgresSystem() {
    database = test::TestDatabase::create();
    const auto live = database->make_live_generation("one");
    const auto other = postgres::create_generation(database->url(), "two")->number;
    pool = std::make_unique<postgres::Pool>(postgres::PoolOptions{.connection = {.url = database->url()}, .size = 4});
    projection = std::make_unique<projections::PostgresStore>(projections::PostgresStoreOptions{.url = database->url(), .generation = live});
    second = std::make_unique<projections::PostgresStore>(projections::PostgresStoreOptions{.url = database->url(), .generation = other});
    states = std::make_unique<PostgresStateStore>(*pool);
    intake = std::make_unique<PostgresIntakeStore>(*pool);
    activity = std::make_unique<PostgresActivityStore>(*pool);
    secrets = std::make_unique<PostgresSecrets>(*pool);
  }
  ~PostgresSystem() override {
    states.reset();
    intake.reset();
    activity.reset();
    secrets.reset();
    pool.reset();
    database.reset();
  }
  std::unique_ptr<test::TestDatabase> database;
  std::unique_ptr<postgres::Pool> pool;
};

std::unique_ptr<System> memory_system() { return std::make_unique<MemorySystem>(); }
std::unique_ptr<System> postgres_system() { return std::make_unique<PostgresSystem>(); }

const WorkspaceId kWorkspace("ws_00000000000000000000000000000001");
const WorkspaceId kOther("ws_00000000000000000000000000000002");
const WorkerId kWorker("wkr_00000000000000000000000000000001");
const CommitId kCommit("cmm_00000000000000000000000000000001");

class ProducerStores : public testing::TestWithParam<std::unique_ptr<System> (*)()> {
 protected:
  void SetUp() override { system_ = GetParam()(); }

  // Projects a batch of one record which puts these streams.
  static void project(projections::ProjectionStore& store, std::int64_t offset, std::uint64_t seq, const CommitId& commit,
                      std::vector<projections::StreamRow> streams) {
    v1::Commit body;
    body.set_commit_id(commit.str());
    body.set_workspace_id(kWorkspace.str());
    body.set_correlation_id("kept");
    const events::PartitionHead before{0, offset, crypto::kZeroHash, "log", 1, 1, 1};
    if (offset == 0) {
      ASSERT_TRUE(store.create_position(before).has_value());
    }
    projections::ProjectionBatch batch;
    batch.before = before;
    batch.after = before;
    batch.after.next_offset = offset + 1;
    batch.journal.push_back({0, offset, events::Verdict::accepted, kWorkspace.str(), seq, 70, commit.str(), crypto::kZeroHash, 80,
                             events::encode(events::make_record(body))});
    batch.heads.emplace_back(kWorkspace.str(), events::WorkspaceHead{seq, 70, crypto::kZeroHash});
    batch.streams = std::move(streams);
    const auto applied = store.apply(batch);
    ASSERT_TRUE(applied.has_value()) << applied.error().message;
  }
  static IntakePosition at(std::int64_t next_offset) {
    return IntakePosition{2, next_offset, next_offset == 0 ? crypto::kZeroHash : crypto::sha256(std::to_string(next_offset)), next_offset * 10};
  }
  static LivenessRow heartbeat(const WorkerId& worker, std::int64_t time_us, std::uint32_t free_slots) {
    LivenessRow row{worker, kWorkspace, "boot", time_us, 2, {}};
    row.heartbeat.set_free_slots(free_slots);
    row.heartbeat.add_partitions(5);
    row.heartbeat.add_cached_projects("prj");
    return row;
  }
  static ActivityBlock block(std::uint32_t offer, std::uint64_t first, std::uint64_t last, std::string body = "body") {
    return ActivityBlock{"ses", offer, first, last, last - first + 1, kWorkspace, 2, static_cast<std::int64_t>(first), 9,
                         crypto::sha256(std::to_string(last)), std::move(body)};
  }
  std::unique_ptr<System> system_;
};

TEST_P(ProducerStores, AStreamThatDoesNotExistIsAtVersionZero) {
  auto snapshot = *system_->states->snapshot();
  EXPECT_EQ(snapshot->stream(kWorkspace, "issue/1")->version, 0u);
  EXPECT_EQ(*snapshot->seq(kWorkspace), 0u);
  EXPECT_FALSE(snapshot->workspace_of("issue/1")->has_value());
  EXPECT_FALSE(snapshot->accepted(kWorkspace, kCommit)->has_value());
  EXPECT_EQ(snapshot->stream(kWorkspace, std::string("a\0b", 3))->version, 0u);
}

TEST_P(ProducerStores, ASnapshotIsOneMoment) {
  project(*system_->projection, 0, 1, kCommit, {{kWorkspace.str(), "issue/1", 1, "one", false}});
  auto before = *system_->states->snapshot();
  ASSERT_TRUE(before->load(kWorkspace, {"issue/1"}).has_value());
  const CommitId second("cmm_00000000000000000000000000000002");
  project(*system_->projection, 1, 2, second, {{kWorkspace.str(), "issue/1", 2, "two", true}, {kWorkspace.str(), "issue/2", 1, "new", false}});
  EXPECT_EQ(before->stream(kWorkspace, "issue/1")->state, "one");
  EXPECT_EQ(before->stream(kWorkspace, "issue/2")->version, 0u);
  EXPECT_EQ(*before->seq(kWorkspace), 1u);
  EXPECT_FALSE(before->accepted(kWorkspace, second)->has_value());
  auto after = *system_->states->snapshot();
  EXPECT_EQ(after->stream(kWorkspace, "issue/1")->state, "two");
  EXPECT_TRUE(after->stream(kWorkspace, "issue/1")->needs_newer_code);
  EXPECT_EQ(after->stream(kWorkspace, "issue/2")->version, 1u);
  EXPECT_EQ(after->stream(kOther, "issue/2")->version, 0u);
  EXPECT_EQ(*after->workspace_of("issue/2"), kWorkspace);
  EXPECT_EQ(*after->seq(kWorkspace), 2u);
}

TEST_P(ProducerStores, AnAcceptedCommitComesBackWhole) {
  project(*system_->projection, 0, 1, kCommit, {});
  auto snapshot = *system_->states->snapshot();
  const auto found = *snapshot->accepted(kWorkspace, kCommit);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->id, kCommit);
  EXPECT_EQ(found->workspace, kWorkspace);
  EXPECT_EQ(found->seq, 1u);
  EXPECT_EQ(found->partition, 0);
  EXPECT_EQ(found->offset, 0);
  EXPECT_EQ(found->time_us, 70);
  EXPECT_EQ(found->commit.correlation_id(), "kept");
  EXPECT_FALSE(snapshot->accepted(kOther, kCommit)->has_value());
}

TEST_P(ProducerStores, WhatOnlyAGenerationInTheMakingHasSeenIsNotKnown) {
  project(*system_->projection, 0, 1, kCommit, {});
  project(*system_->second, 0, 1, kCommit, {});
  const CommitId ahead("cmm_00000000000000000000000000000002");
  project(*system_->second, 1, 2, ahead, {{kWorkspace.str(), "issue/1", 1, "x", false}});
  auto snapshot = *system_->states->snapshot();
  EXPECT_FALSE(snapshot->accepted(kWorkspace, ahead)->has_value());
  EXPECT_EQ(snapshot->stream(kWorkspace, "issue/1")->version, 0u);
}

TEST_P(ProducerStores, ALiveWorkerIsItsStateAndItsLastHeartbeat) {
  v1::WorkerState state;
  state.set_pool("pool");
  state.set_mode("any");
  state.set_slots(4);
  state.add_capabilities()->set_name("git");
  project(*system_->projection, 0, 1, kCommit, {{kWorkspace.str(), "worker/" + kWorker.str(), 1, state.SerializeAsString(), false}});
  const WorkerId unregistered("wkr_00000000000000000000000000000002");
  ASSERT_TRUE(system_->intake->save_liveness({heartbeat(kWorker, 1'000, 3), heartbeat(unregistered, 1'000, 1)}).has_value());
  ASSERT_TRUE(system_->intake->save(at(0), at(150), {}, {}).has_value());  // its partition was read up to 1,500 µs of broker time
  auto snapshot = *system_->states->snapshot();
  const auto live = *snapshot->live_workers(kWorkspace, 500);
  ASSERT_EQ(live.size(), 1u);
  EXPECT_EQ(live[0].id, kWorker);
  EXPECT_EQ(live[0].pool, "pool");
  EXPECT_EQ(live[0].slots, 4u);
  EXPECT_EQ(live[0].free_slots, 3u);
  EXPECT_EQ(live[0].capabilities.size(), 1u);
  EXPECT_EQ(live[0].partitions, std::vector<std::int32_t>{5});
  EXPECT_EQ(live[0].cached_projects, std::vector<std::string>{"prj"});
  EXPECT_EQ(live[0].last_report_time_us, 1'000);
  EXPECT_TRUE(snapshot->live_workers(kWorkspace, 499)->empty());
  EXPECT_TRUE(snapshot->live_workers(kOther, 500)->empty());
}

TEST_P(ProducerStores, IntakeMovesOnlyFromWhereItStands) {
  auto& store = *system_->intake;
  EXPECT_EQ(*store.position(2), at(0));
  ASSERT_TRUE(store.save(at(0), at(3), {}, {}).has_value());
  EXPECT_EQ(*store.position(2), at(3));
  EXPECT_EQ(store.save(at(0), at(4), {heartbeat(kWorker, 5, 1)}, {{kWorker, "boot", 9}}).error().code, Code::position_moved);
  auto other_log = at(3);
  other_log.last_hash = crypto::sha256("other");
  EXPECT_EQ(store.save(other_log, at(4), {}, {}).error().code, Code::position_moved);
  EXPECT_EQ(*store.accepted_through(kWorker, "boot"), 0u);
  EXPECT_TRUE(store.liveness_all()->empty());
  ASSERT_TRUE(store.save(at(3), at(4), {heartbeat(kWorker, 5, 1)}, {{kWorker, "boot", 9}}).has_value());
  EXPECT_EQ(*store.position(2), at(4));
}

TEST_P(ProducerStores, SequencesOnlyGrowAndTheLaterHeartbeatWins) {
  auto& store = *system_->intake;
  ASSERT_TRUE(store.save(at(0), at(1), {heartbeat(kWorker, 10, 1), heartbeat(kWorker, 20, 2)}, {{kWorker, "boot", 7}, {kWorker, "boot", 5}})
                  .has_value());
  EXPECT_EQ(*store.accepted_through(kWorker, "boot"), 7u);
  EXPECT_EQ(store.liveness_of(kWorker)->value().heartbeat.free_slots(), 2u);
  ASSERT_TRUE(store.save(at(1), at(2), {heartbeat(kWorker, 15, 9)}, {{kWorker, "boot", 6}, {kWorker, "boot2", 1}}).has_value());
  EXPECT_EQ(*store.accepted_through(kWorker, "boot"), 7u);
  EXPECT_EQ(store.accepted_through_all()->size(), 2u);
  const auto kept = store.liveness_of(kWorker)->value();
  EXPECT_EQ(kept.heartbeat.free_slots(), 2u);
  EXPECT_EQ(kept.last_report_time_us, 20);
  EXPECT_EQ(kept.boot_id, "boot");
  EXPECT_EQ(kept.report_partition, 2);
  EXPECT_EQ(store.liveness(kWorkspace)->size(), 1u);
  EXPECT_TRUE(store.liveness(kOther)->empty());
}

TEST_P(ProducerStores, ActivityIsReadInOrderFromTheCursor) {
  auto& store = *system_->activity;
  ASSERT_TRUE(store.append(at(0), at(3), {block(2, 1, 5), block(1, 11, 20), block(1, 1, 10)}).has_value());
  const auto all = *store.read("ses", {}, 10, 1'000);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].first_sequence, 1u);
  EXPECT_EQ(all[1].first_sequence, 11u);
  EXPECT_EQ(all[2].offer, 2u);
  EXPECT_EQ(all[2].body, "body");
  EXPECT_EQ(all[2].sha256, crypto::sha256("5"));
  EXPECT_EQ(all[2].workspace, kWorkspace);
  const auto middle = *store.read("ses", {1, 10}, 10, 1'000);
  ASSERT_EQ(middle.size(), 2u);
  EXPECT_EQ(middle[0].first_sequence, 11u);
  EXPECT_EQ(store.read("ses", {1, 9}, 10, 1'000)->size(), 3u);  // its last line is after the cursor
  EXPECT_EQ(store.read("ses", {2, 5}, 10, 1'000)->size(), 0u);
  EXPECT_EQ(store.read("ses", {1, 20}, 10, 1'000)->size(), 1u);
  EXPECT_EQ(store.read("ses", {}, 2, 1'000)->size(), 2u);
  EXPECT_EQ(store.read("ses", {}, 10, 5)->size(), 2u);  // the block that passes the bound is the last one
  EXPECT_EQ(store.read("ses", {}, 10, 1)->size(), 1u);
  EXPECT_TRUE(store.read("other", {}, 10, 1'000)->empty());
}

TEST_P(ProducerStores, TheSameBlockTwiceIsKeptOnceAndAMovedPositionKeepsNothing) {
  auto& store = *system_->activity;
  ASSERT_TRUE(store.append(at(0), at(1), {block(1, 1, 10, "first")}).has_value());
  ASSERT_TRUE(store.append(at(1), at(2), {block(1, 1, 10, "again"), block(1, 11, 12)}).has_value());
  EXPECT_EQ(store.append(at(1), at(3), {block(1, 13, 14)}).error().code, Code::position_moved);
  const auto blocks = *store.read("ses", {}, 10, 1'000);
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(blocks[0].body, "first");
  EXPECT_EQ(*store.position(2), at(2));
  const auto extents = *store.extents("ses");
  ASSERT_EQ(extents.size(), 1u);
  EXPECT_EQ(extents[0].first_sequence, 1u);
  EXPECT_EQ(extents[0].last_sequence, 12u);
  EXPECT_EQ(extents[0].lines, 12u);
  EXPECT_EQ(extents[0].blocks, 2u);
  EXPECT_EQ(extents[0].last_sha256, crypto::sha256("12"));
}

TEST_P(ProducerStores, SecretsAreWrittenOnceFoundByHashAndSwept) {
  auto& store = *system_->secrets;
  const SecretId password("sec_00000000000000000000000000000001"), token("sec_00000000000000000000000000000002");
  ASSERT_TRUE(store.put_password(password, "$argon2id$x").has_value());
  EXPECT_EQ(store.put_password(password, "$argon2id$y").error().code, Code::already_exists);
  EXPECT_EQ(**store.password(password), "$argon2id$x");
  const TokenRecord record{token, TokenKind::worker, kWorkspace.str(), crypto::sha256("msw_secret"), "msw_se", 77};
  ASSERT_TRUE(store.put_token(record).has_value());
  auto same_hash = record;
  same_hash.id = SecretId("sec_00000000000000000000000000000003");
  const auto refused = store.put_token(same_hash);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::already_exists);
  const auto found = **store.find_token(record.sha256);
  EXPECT_EQ(found.id, token);
  EXPECT_EQ(found.kind, TokenKind::worker);
  EXPECT_EQ(found.subject, kWorkspace.str());
  EXPECT_EQ(found.prefix, "msw_se");
  EXPECT_EQ(found.expires_us, 77);
  EXPECT_FALSE(store.find_token(crypto::sha256("other"))->has_value());
  const auto later = SystemClock().wall_us() + 60'000'000;
  EXPECT_TRUE(store.stored(1, SecretId(""), 10)->empty());
  const auto stored = *store.stored(later, SecretId(""), 10);
  ASSERT_EQ(stored.size(), 2u);
  EXPECT_TRUE(stored[0].is_password);
  EXPECT_EQ(store.stored(later, password, 10)->size(), 1u);
  EXPECT_EQ(store.stored(later, SecretId(""), 1)->size(), 1u);
  ASSERT_TRUE(store.sweep({password}).has_value());
  EXPECT_FALSE(store.password(password)->has_value());
  EXPECT_TRUE(store.find_token(record.sha256)->has_value());
  ASSERT_TRUE(store.remove_token(token).has_value());
  EXPECT_FALSE(store.find_token(record.sha256)->has_value());
  ASSERT_TRUE(store.put_key("names", std::string("\0k", 2)).has_value());
  EXPECT_EQ(store.put_key("names", "x").error().code, Code::already_exists);
  EXPECT_EQ(**store.key("names"), std::string("\0k", 2));
}

INSTANTIATE_TEST_SUITE_P(Memory, ProducerStores, testing::Values(&memory_system));
INSTANTIATE_TEST_SUITE_P(Postgres, ProducerStores, testing::Values(&postgres_system));

}  // namespace
}  // namespace dossier::producers
