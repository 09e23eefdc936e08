// The contracts of StateStore, IntakeStore, ActivityStore and Secrets, held against both implementations.
#include <gtest/gtest.h>

#include "dossier/v1/state.pb.h"
#include "events/codec.hpp"
#include "tests/contract/producer_system.hpp"
#include "tests/support/event_script.hpp"
#include "tests/support/table_rows.hpp"

namespace dossier::producers {
namespace {

const WorkspaceId kWorkspace("ws_00000000000000000000000000000001");
const WorkspaceId kOther("ws_00000000000000000000000000000002");
const WorkerId kKnownWorker("wkr_00000000000000000000000000000001");
const CommitId kCommit("cmm_00000000000000000000000000000001");

class ProducerStores : public testing::TestWithParam<test::MakeProducerSystem> {
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
    return ActivityBlock{"ses",
                         offer,
                         first,
                         last,
                         last - first + 1,
                         kWorkspace,
                         2,
                         static_cast<std::int64_t>(first),
                         9,
                         crypto::sha256(std::to_string(last)),
                         std::move(body)};
  }
  std::unique_ptr<test::ProducerSystem> system_;
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

TEST_P(ProducerStores, ASharedReadAnswersEachAskerInItsOwnOrder) {
  project(*system_->projection, 0, 1, kCommit, {{kWorkspace.str(), "issue/1", 1, "one", false}, {kWorkspace.str(), "issue/2", 3, "two", true}});
  const CommitId unknown("cmm_00000000000000000000000000000002");
  const std::vector<StatesWanted> wanted = {{kWorkspace, {"issue/2", "issue/3", "issue/1"}, kCommit},
                                            {kOther, {"issue/1"}, kCommit},
                                            {kWorkspace, {}, unknown},
                                            {kWorkspace, {std::string("a\0b", 3), "issue/1"}, std::nullopt}};
  const auto read = system_->states->read(wanted);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  ASSERT_EQ(read->size(), 4u);
  ASSERT_EQ(read->at(0).states.size(), 3u);
  EXPECT_EQ(read->at(0).states[0].state, "two");
  EXPECT_EQ(read->at(0).states[0].version, 3u);
  EXPECT_TRUE(read->at(0).states[0].needs_newer_code);
  EXPECT_EQ(read->at(0).states[1].version, 0u);
  EXPECT_EQ(read->at(0).states[2].state, "one");
  ASSERT_TRUE(read->at(0).accepted.has_value());
  EXPECT_EQ(read->at(0).accepted->seq, 1u);
  EXPECT_EQ(read->at(1).states.at(0).version, 0u);
  EXPECT_FALSE(read->at(1).accepted.has_value());
  EXPECT_FALSE(read->at(2).accepted.has_value());
  EXPECT_EQ(read->at(3).states.at(0).version, 0u);
  EXPECT_EQ(read->at(3).states.at(1).state, "one");
}

TEST_P(ProducerStores, ASharedReadSaysHowFarAWorkspaceIs) {
  project(*system_->projection, 0, 1, kCommit, {{kWorkspace.str(), "issue/1", 1, "one", false}});
  const std::vector<StatesWanted> wanted = {
      {kOther, {"issue/1"}, std::nullopt, kWorkspace}, {kWorkspace, {"issue/1"}, kCommit, std::nullopt}, {kWorkspace, {}, std::nullopt, kOther}};
  const auto read = system_->states->read(wanted);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->at(0).head.seq, 1u);
  EXPECT_GT(read->at(0).head.generation, 0);
  EXPECT_EQ(read->at(1).head, Head{}) << "not asked for";
  EXPECT_TRUE(read->at(1).accepted.has_value());
  EXPECT_EQ(read->at(2).head.seq, 0u) << "nothing was accepted there";
}

TEST_P(ProducerStores, ASharedReadSaysUpToWherePartitionsAreApplied) {
  project(*system_->projection, 0, 1, kCommit, {});
  const std::vector<StatesWanted> wanted = {{kWorkspace, {"issue/1"}, std::nullopt, std::nullopt, {7, 0}}, {kOther, {}, std::nullopt}};
  const auto read = system_->states->read(wanted);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->at(0).positions, (std::vector<std::int64_t>{0, 1}));
  EXPECT_TRUE(read->at(1).positions.empty());
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
  project(*system_->projection, 0, 1, kCommit, {{kWorkspace.str(), "worker/" + kKnownWorker.str(), 1, state.SerializeAsString(), false}});
  const WorkerId unregistered("wkr_00000000000000000000000000000002");
  ASSERT_TRUE(system_->intake->save_liveness({heartbeat(kKnownWorker, 1'000, 3), heartbeat(unregistered, 1'000, 1)}).has_value());
  ASSERT_TRUE(system_->intake->save(at(0), at(150), {}, {}).has_value());  // its partition was read up to 1,500 µs of broker time
  auto snapshot = *system_->states->snapshot();
  const auto live = *snapshot->live_workers(kWorkspace, 500);
  ASSERT_EQ(live.size(), 1u);
  EXPECT_EQ(live[0].id, kKnownWorker);
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
  EXPECT_EQ(store.save(at(0), at(4), {heartbeat(kKnownWorker, 5, 1)}, {{kKnownWorker, "boot", 9}}).error().code, Code::position_moved);
  auto other_log = at(3);
  other_log.last_hash = crypto::sha256("other");
  EXPECT_EQ(store.save(other_log, at(4), {}, {}).error().code, Code::position_moved);
  EXPECT_EQ(*store.accepted_through(kKnownWorker, "boot"), 0u);
  EXPECT_TRUE(store.liveness_all()->empty());
  ASSERT_TRUE(store.save(at(3), at(4), {heartbeat(kKnownWorker, 5, 1)}, {{kKnownWorker, "boot", 9}}).has_value());
  EXPECT_EQ(*store.position(2), at(4));
}

TEST_P(ProducerStores, SequencesOnlyGrowAndTheLaterHeartbeatWins) {
  auto& store = *system_->intake;
  ASSERT_TRUE(store
                  .save(at(0), at(1), {heartbeat(kKnownWorker, 10, 1), heartbeat(kKnownWorker, 20, 2)},
                        {{kKnownWorker, "boot", 7}, {kKnownWorker, "boot", 5}})
                  .has_value());
  EXPECT_EQ(*store.accepted_through(kKnownWorker, "boot"), 7u);
  EXPECT_EQ(store.liveness_of(kKnownWorker)->value().heartbeat.free_slots(), 2u);
  ASSERT_TRUE(store.save(at(1), at(2), {heartbeat(kKnownWorker, 15, 9)}, {{kKnownWorker, "boot", 6}, {kKnownWorker, "boot2", 1}}).has_value());
  EXPECT_EQ(*store.accepted_through(kKnownWorker, "boot"), 7u);
  EXPECT_EQ(store.accepted_through_all()->size(), 2u);
  const auto kept = store.liveness_of(kKnownWorker)->value();
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
  EXPECT_TRUE(store.leftovers(1, SecretId(), 10)->leftovers.empty());
  const auto all = *store.leftovers(later, SecretId(), 10);
  ASSERT_EQ(all.leftovers.size(), 2u);
  EXPECT_EQ(all.leftovers[0].id, password);
  EXPECT_EQ(all.leftovers[0].domain, identity_domain());
  EXPECT_EQ(all.leftovers[1].id, token);
  EXPECT_EQ(all.leftovers[1].domain, kWorkspace);
  EXPECT_TRUE(all.through.empty());
  const auto first = *store.leftovers(later, SecretId(), 1);
  EXPECT_EQ(first.leftovers.size(), 1u);
  EXPECT_EQ(first.through, password);
  const auto rest = *store.leftovers(later, first.through, 2);
  EXPECT_EQ(rest.leftovers.size(), 1u);
  EXPECT_TRUE(rest.through.empty());
  EXPECT_EQ(*store.sweep({password, SecretId("sec_00000000000000000000000000000009")}), 1);
  EXPECT_EQ(*store.sweep({}), 0);
  EXPECT_FALSE(store.password(password)->has_value());
  EXPECT_TRUE(store.find_token(record.sha256)->has_value());
  ASSERT_TRUE(store.remove_token(token).has_value());
  EXPECT_FALSE(store.find_token(record.sha256)->has_value());
  ASSERT_TRUE(store.put_key("names", std::string("\0k", 2)).has_value());
  EXPECT_EQ(store.put_key("names", "x").error().code, Code::already_exists);
  EXPECT_EQ(**store.key("names"), std::string("\0k", 2));
}

TEST_P(ProducerStores, SealedSecretsOfProjectsAreKeptByteForByteAndSweptInTheDomainOfTheirWorkspace) {
  auto& store = *system_->secrets;
  const SecretId id("sec_00000000000000000000000000000004");
  const std::string sealed("\0sealed\xff", 8);
  ASSERT_TRUE(store.put_project_secret(id, kWorkspace, sealed).has_value());
  const auto refused = store.put_project_secret(id, kWorkspace, "other");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::already_exists);
  EXPECT_EQ(refused.error().message.find("other"), std::string::npos);
  EXPECT_EQ(**store.project_secret(id), sealed);
  EXPECT_FALSE(store.project_secret(SecretId("sec_00000000000000000000000000000005"))->has_value());
  EXPECT_TRUE(store.leftovers(1, SecretId(), 10)->leftovers.empty());
  const auto all = *store.leftovers(SystemClock().wall_us() + 60'000'000, SecretId(), 10);
  ASSERT_EQ(all.leftovers.size(), 1u);
  EXPECT_EQ(all.leftovers[0].id, id);
  EXPECT_EQ(all.leftovers[0].domain, kWorkspace);
  EXPECT_EQ(*store.sweep({id}), 1);
  EXPECT_FALSE(store.project_secret(id)->has_value());
}

// What a generation says of secrets: rows of the read models that name them.
TEST_P(ProducerStores, WhatTheLiveGenerationNamesIsNoLeftoverAndStays) {
  auto& store = *system_->secrets;
  const SecretId password("sec_00000000000000000000000000000001"), session("sec_00000000000000000000000000000002"),
      worker("sec_00000000000000000000000000000003"), set("sec_00000000000000000000000000000004"), removed("sec_00000000000000000000000000000005");
  ASSERT_TRUE(store.put_project_secret(set, kWorkspace, "sealed").has_value());
  ASSERT_TRUE(store.put_project_secret(removed, kWorkspace, "sealed").has_value());
  ASSERT_TRUE(store.put_password(password, "$argon2id$x").has_value());
  ASSERT_TRUE(store.put_token({session, TokenKind::user, "usr_1", crypto::sha256("s"), "dst_", 0}).has_value());
  ASSERT_TRUE(store.put_token({worker, TokenKind::worker, kWorkspace.str(), crypto::sha256("w"), "msw_", 0}).has_value());
  test::EventScript script;
  script.commit(
      {test::make_fact(
           "user/usr_1", {},
           [&](v1::EventPayload& payload) { payload.mutable_identity()->mutable_user_registered()->set_password_secret_id(password.str()); }),
       test::make_fact("user/usr_1", {},
                       [&](v1::EventPayload& payload) { payload.mutable_identity()->mutable_auth_session_opened()->set_secret_id(session.str()); }),
       test::make_fact("workspace/w", {},
                       [&](v1::EventPayload& payload) { payload.mutable_workspace()->mutable_worker_token_issued()->set_secret_id(worker.str()); })});
  for (const SecretId& id : {set, removed})
    script.commit({test::make_fact(
        "project/prj_1", {}, [&](v1::EventPayload& payload) { payload.mutable_project()->mutable_project_secret_set()->set_secret_id(id.str()); })});
  script.commit({test::make_fact("project/prj_1", {}, [&](v1::EventPayload& payload) {
    payload.mutable_project()->mutable_project_secret_removed()->set_secret_id(removed.str());
  })});
  const auto project_into = [&](projections::ProjectionStore& into, std::vector<projections::ParkedRow> parked) {
    projections::ProjectionBatch batch;
    batch.before = {script.partition(), 0, crypto::kZeroHash, "log", 1, 1, 1};
    ASSERT_TRUE(into.create_position(batch.before).has_value());
    batch.after = batch.before;
    batch.after.next_offset = script.end();
    for (const auto& model : projections::registry()) {
      projections::ModelRows rows{model.name, {}};
      test::for_each_accepted(script, [&](const projections::AcceptedEvent& event) { model.project(event, rows.rows); });
      batch.models.push_back(std::move(rows));
    }
    batch.parked = std::move(parked);
    const auto applied = into.apply(batch);
    ASSERT_TRUE(applied.has_value()) << applied.error().message;
  };
  const auto later = SystemClock().wall_us() + 60'000'000;
  project_into(*system_->second, {});
  EXPECT_EQ(store.leftovers(later, SecretId(), 10)->leftovers.size(), 5u) << "the generation that names them is not live";
  system_->switch_over();
  const auto unnamed = store.leftovers(later, SecretId(), 10)->leftovers;
  ASSERT_EQ(unnamed.size(), 1u) << "what was removed is named no more";
  EXPECT_EQ(unnamed[0].id, removed);
  EXPECT_EQ(*store.sweep({password, session, worker, set}), 0);
  EXPECT_EQ(*store.sweep({removed}), 1);
  EXPECT_TRUE(store.project_secret(set)->has_value());
  EXPECT_FALSE(store.project_secret(removed)->has_value());
  EXPECT_TRUE(store.password(password)->has_value());
  EXPECT_TRUE(store.find_token(crypto::sha256("w"))->has_value());
}

TEST_P(ProducerStores, NothingIsALeftoverWhileRowsThatCouldNameItAreParked) {
  auto& store = *system_->secrets;
  const SecretId password("sec_00000000000000000000000000000001");
  ASSERT_TRUE(store.put_password(password, "$argon2id$x").has_value());
  const auto later = SystemClock().wall_us() + 60'000'000;
  projections::ProjectionBatch batch;
  batch.before = {0, 0, crypto::kZeroHash, "log", 1, 1, 1};
  ASSERT_TRUE(system_->projection->create_position(batch.before).has_value());
  const auto park = [&](const std::string& model) {
    batch.after = batch.before;
    batch.after.next_offset += 1;
    batch.parked = {{model, "identity", "user/usr_1", 0, batch.before.next_offset, 0, "why", "value"}};
    ASSERT_TRUE(system_->projection->apply(batch).has_value());
    batch.before = batch.after;
  };
  park("issues");
  EXPECT_EQ(store.leftovers(later, SecretId(), 10)->leftovers.size(), 1u);
  park("identity");
  EXPECT_TRUE(store.leftovers(later, SecretId(), 10)->leftovers.empty());
  EXPECT_EQ(*store.sweep({password}), 0);
}

TEST_P(ProducerStores, NothingIsReadOrWrittenWhileTheDatabaseIsAway) {
  system_->lose_database();
  EXPECT_EQ(system_->states->snapshot().error().code, Code::database_unavailable);
  EXPECT_EQ(system_->intake->position(2).error().code, Code::database_unavailable);
  EXPECT_EQ(system_->intake->save(at(0), at(1), {}, {}).error().code, Code::database_unavailable);
  EXPECT_EQ(system_->intake->save_liveness({heartbeat(kKnownWorker, 1, 1)}).error().code, Code::database_unavailable);
  EXPECT_EQ(system_->intake->accepted_through(kKnownWorker, "boot").error().code, Code::database_unavailable);
  EXPECT_EQ(system_->intake->accepted_through_all().error().code, Code::database_unavailable);
  EXPECT_EQ(system_->intake->liveness_all().error().code, Code::database_unavailable);
  EXPECT_EQ(system_->intake->liveness_of(kKnownWorker).error().code, Code::database_unavailable);
  EXPECT_EQ(system_->activity->append(at(0), at(1), {block(1, 1, 2)}).error().code, Code::database_unavailable);
  EXPECT_EQ(system_->activity->read("ses", {}, 10, 100).error().code, Code::database_unavailable);
  EXPECT_EQ(system_->secrets->put_password(SecretId("sec_00000000000000000000000000000001"), "x").error().code, Code::database_unavailable);
  EXPECT_EQ(system_->secrets->find_token(crypto::kZeroHash).error().code, Code::database_unavailable);
}

INSTANTIATE_TEST_SUITE_P(Memory, ProducerStores, testing::Values(&test::memory_system));
INSTANTIATE_TEST_SUITE_P(Postgres, ProducerStores, testing::Values(&test::postgres_system));

}  // namespace
}  // namespace dossier::producers
