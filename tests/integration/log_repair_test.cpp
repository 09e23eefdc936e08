// `dossier log repair` between a real Kafka and a real PostgreSQL: a topic that came back without its tail, with others'
// records behind it, or empty.
#include "replay/log_repair.hpp"

#include <gtest/gtest.h>

#include <random>

#include "platform/kafka/admin.hpp"
#include "platform/kafka/kafka.hpp"
#include "platform/postgres/migrate.hpp"
#include "projections/code_version.hpp"
#include "projections/generation_compare.hpp"
#include "projections/postgres_store.hpp"
#include "projections/projector.hpp"
#include "replay/postgres_repair_store.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/random_history.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::replay {
namespace {

using projections::ExpectedLog;
using projections::PartitionState;
using projections::PartitionStats;
using projections::Projector;
using test::EventScript;

constexpr std::int64_t kDeadlineMs = 60'000;

class LogRepairOnKafka : public ::testing::Test {
 protected:
  void SetUp() override {
    auto cluster = kafka::load_cluster("", test::Clusters::shared().kafka_properties);
    ASSERT_TRUE(cluster.has_value()) << cluster.error().message;
    cluster_ = *std::move(cluster);
    admin_ = kafka::Admin::make(cluster_).value();
    topics_.prefix = "repair-test-" + crypto::random_uuid_hex();
    make_topic();
    database_ = test::TestDatabase::create();
    database_->make_live_generation(projections::code_digest());
    std::mt19937_64 random(7);
    script_ = test::random_history(random, 400);
    append(script_.records());
    start();
    ASSERT_TRUE(run_to(script_.end()));
  }
  void TearDown() override {
    if (!admin_) return;
    EXPECT_TRUE(admin_->delete_topic(topics_.events()).has_value());
  }
  void make_topic() {
    ASSERT_TRUE(test::eventually(kDeadlineMs, [&] {  // the broker deletes the old one in its own time
      const auto made = admin_->create_topic({topics_.events(), EventScript::kPartitions, 1, {{"message.timestamp.type", "LogAppendTime"}}});
      return made.has_value() && *made;
    }));
  }
  void append(const std::vector<topic::Record>& records) {
    auto writer = kafka::make_writer(cluster_, kafka::WriterKind::commits).value();
    for (const topic::Record& record : records)
      writer->append({topics_.events(), script_.partition(), {}, record.value, {}},
                     [](const topic::Appended& done) { EXPECT_EQ(done.outcome, topic::Outcome::acknowledged) << done.reason; });
    ASSERT_TRUE(writer->flush(kDeadlineMs));
  }
  // The broker comes back with the first `kept` records alone.
  void lose_tail(std::size_t kept) {
    ASSERT_TRUE(admin_->delete_topic(topics_.events()).has_value());
    make_topic();
    const auto& all = script_.records();
    append({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept)});
  }
  // Commits of this history's other writers.
  void append_foreign(int count) {
    EventScript other(script_.partition());
    std::mt19937_64 random(99);
    for (int n = 0; n < count; ++n)
      other.commit({test::random_event(random, script_.workspace())}, {}, test::hex_id("cmm", 5'000'000u + static_cast<unsigned>(n)));
    append({other.records().begin() + 1, other.records().end()});
  }

  ExpectedLog log() const { return {topics_.events(), EventScript::kLogId, EventScript::kPartitions}; }
  std::int64_t live() const {
    for (const auto& each : *postgres::generations(database_->url()))
      if (each.state == postgres::GenerationState::live) return each.number;
    return 0;
  }
  // A new process with the partition, on the generation that is live now.
  void start() {
    projector_.reset();
    reader_ = kafka::make_reader(cluster_).value();
    store_ = std::make_unique<projections::PostgresStore>(projections::PostgresStoreOptions{.url = database_->url(), .generation = live()});
    projector_ =
        std::make_unique<Projector>(projections::ProjectorOptions{.log = log(), .memory = {}}, *reader_, *store_, projections::registry(), clock_);
    projector_->assign({script_.partition()});
  }
  template <class Condition>
  bool run_until(Condition condition) {
    return test::eventually(kDeadlineMs, [&] {
      projector_->step(20);
      return condition(projector_->stats().partitions.at(0));
    });
  }
  bool run_to(std::int64_t offset) {
    return run_until([&](const PartitionStats& partition) { return partition.next_offset == offset; });
  }
  bool run_until_halted() {
    return run_until([](const PartitionStats& partition) { return partition.state == PartitionState::halted; });
  }

  // What `dossier log repair` is made of.
  struct Repair {
    std::unique_ptr<topic::Reader> reader;
    std::unique_ptr<topic::Writer> writer;
    std::unique_ptr<PostgresRepairStore> store;
    std::unique_ptr<LogRepair> repair;
  };
  Repair open_repair() {
    Repair out;
    out.reader = kafka::make_reader(cluster_).value();
    out.writer = kafka::make_writer(cluster_, kafka::WriterKind::commits).value();
    out.store = PostgresRepairStore::open(database_->url(), log(), clock_).value();
    out.repair = std::make_unique<LogRepair>(log(), *out.reader, *out.store, clock_);
    return out;
  }
  Diagnosis diagnose(Repair& with) {
    auto found = with.repair->diagnose(script_.partition());
    EXPECT_TRUE(found.has_value()) << found.error().message;
    return found.has_value() ? *found : Diagnosis{};
  }
  std::int64_t count(const std::string& sql) {
    auto connection = postgres::Connection::open({.url = database_->url()}).value();
    const auto rows = connection->query(sql);
    EXPECT_TRUE(rows.has_value()) << rows.error().message;
    return rows.has_value() ? rows->front().int64(0) : -1;
  }
  // Read models that nobody repaired: the log as it is now, from its beginning. Their projector holds every record, its
  // verdict and its chain against the journal.
  projections::Comparison compare_with_a_fresh_generation() {
    const auto fresh = postgres::create_generation(database_->url(), "fresh").value();
    projections::PostgresStore store({.url = database_->url(), .generation = fresh.number, .notify = false});
    const auto reader = kafka::make_reader(cluster_).value();
    Projector projector({.log = log(), .memory = {}}, *reader, store, projections::registry(), clock_);
    projector.assign({script_.partition()});
    const std::int64_t end = projector_->stats().partitions.at(0).next_offset;
    EXPECT_TRUE(test::eventually(kDeadlineMs, [&] {
      projector.step(20);
      return projector.stats().partitions.at(0).next_offset == end || projector.stats().partitions.at(0).state == PartitionState::halted;
    }));
    EXPECT_EQ(projector.stats().partitions.at(0).reason, "");
    return *projections::compare_generations(database_->url(), live(), fresh.number, {script_.partition()}, EventScript::kPartitions);
  }

  EventScript script_;
  kafka::Cluster cluster_;
  std::unique_ptr<kafka::Admin> admin_;
  events::Topics topics_;
  std::unique_ptr<test::TestDatabase> database_;
  SystemClock clock_;
  std::unique_ptr<topic::Reader> reader_;
  std::unique_ptr<projections::PostgresStore> store_;
  std::unique_ptr<Projector> projector_;
};

TEST_F(LogRepairOnKafka, a_log_without_its_tail_gets_it_back_and_the_projector_goes_on) {
  lose_tail(250);
  start();
  ASSERT_TRUE(run_until_halted());
  Repair with = open_repair();
  const Diagnosis found = diagnose(with);
  ASSERT_EQ(found.remedy, Remedy::restore);
  EXPECT_EQ(found.common, 250);
  const Status done = with.repair->restore(found, *with.writer);
  ASSERT_TRUE(done.has_value()) << done.error().message;
  projector_->resume(script_.partition());
  script_.commit({test::make_fact("comment/" + test::hex_id("cmt", 1), test::hex_id("iss", 1), [](v1::EventPayload&) {})});
  append({script_.records().back()});
  ASSERT_TRUE(run_to(script_.end()));
  EXPECT_EQ(count("SELECT count(*) FROM dossier.repairs WHERE kind = 'restored' AND from_offset = 250"), 1);
  EXPECT_TRUE(compare_with_a_fresh_generation().differences.empty());
}

TEST_F(LogRepairOnKafka, a_topic_that_was_made_anew_gets_every_record_back) {
  lose_tail(0);
  start();
  ASSERT_TRUE(run_until_halted());
  Repair with = open_repair();
  const Diagnosis found = diagnose(with);
  ASSERT_EQ(found.remedy, Remedy::restore);
  ASSERT_TRUE(with.repair->restore(found, *with.writer).has_value());
  projector_->resume(script_.partition());
  ASSERT_TRUE(run_until([](const PartitionStats& partition) { return partition.state == PartitionState::attached; }));
  EXPECT_TRUE(compare_with_a_fresh_generation().differences.empty());
}

TEST_F(LogRepairOnKafka, behind_others_records_a_new_history_begins_and_everything_says_what_the_log_says) {
  const std::int64_t generation_before = live();
  lose_tail(250);
  append_foreign(300);
  start();
  ASSERT_TRUE(run_until_halted());
  Repair with = open_repair();
  const Diagnosis found = diagnose(with);
  ASSERT_EQ(found.remedy, Remedy::cut);
  EXPECT_EQ(found.common, 250);
  EXPECT_EQ(found.lost(), script_.end() - 250);
  const auto cut = with.repair->announce(found, *with.writer);
  ASSERT_TRUE(cut.has_value()) << cut.error().message;
  const Status followed = with.repair->follow(*cut);
  ASSERT_TRUE(followed.has_value()) << followed.error().message;

  EXPECT_NE(live(), generation_before) << "what was cached of the old rows must be over";
  EXPECT_EQ(count("SELECT count(*) FROM dossier.lost_records"), found.lost());
  EXPECT_EQ(count("SELECT count(*) FROM dossier.repairs WHERE kind = 'cut' AND history = 2"), 1);
  start();
  append_foreign(1);  // still of the old history
  ASSERT_TRUE(run_to(cut->repaired_offset + 2));
  EXPECT_EQ((*store_->journal_at(script_.partition(), cut->repaired_offset + 1))->verdict, events::Verdict::void_history);
  EXPECT_EQ((*store_->position(script_.partition()))->history, 2u);
  const auto comparison = compare_with_a_fresh_generation();
  EXPECT_TRUE(comparison.differences.empty()) << comparison.differences.front().table;
  EXPECT_GT(comparison.rows.at("timeline"), 50);
  EXPECT_EQ(diagnose(with).remedy, Remedy::nothing);
}

TEST_F(LogRepairOnKafka, a_change_of_history_that_died_before_its_end_is_begun_again) {
  lose_tail(250);
  append_foreign(10);
  Repair with = open_repair();
  const auto cut = with.repair->announce(diagnose(with), *with.writer);
  ASSERT_TRUE(cut.has_value());
  ASSERT_TRUE(projections::project_repaired(database_->url(), log(), *cut, *with.reader, clock_, [](std::int64_t) {}).has_value());
  const Diagnosis again = diagnose(with);
  EXPECT_EQ(again.repaired_offset, cut->repaired_offset);
  const Status followed = with.repair->follow(*with.repair->announce(again, *with.writer));
  ASSERT_TRUE(followed.has_value()) << followed.error().message;
  EXPECT_EQ(postgres::generations(database_->url())->size(), 1u) << "no scratch stays";
  start();
  EXPECT_TRUE(run_until([](const PartitionStats& partition) { return partition.state == PartitionState::attached; }));
}

TEST_F(LogRepairOnKafka, a_second_repair_is_refused_while_one_is_under_way) {
  Repair with = open_repair();
  const auto second = PostgresRepairStore::open(database_->url(), log(), clock_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Code::conflict);
}

TEST_F(LogRepairOnKafka, read_models_of_other_code_are_not_touched) {
  lose_tail(250);
  append_foreign(10);
  Repair with = open_repair();
  auto connection = postgres::Connection::open({.url = database_->url(), .reads_by_default = false}).value();
  ASSERT_TRUE(connection->query("UPDATE dossier.generations SET digest = 'other'").has_value());
  const Status refused = with.repair->follow(*with.repair->announce(diagnose(with), *with.writer));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::conflict);
  EXPECT_EQ(count("SELECT count(*) FROM dossier.lost_records"), 0);
}

}  // namespace
}  // namespace dossier::replay
