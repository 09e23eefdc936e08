// Replay and verification between a real Kafka and a real PostgreSQL: both sources tell the golden story, and whatever is
// changed in the database is found.
#include <gtest/gtest.h>

#include <fstream>

#include "platform/kafka/admin.hpp"
#include "platform/postgres/pool.hpp"
#include "projections/postgres_store.hpp"
#include "projections/projector.hpp"
#include "replay/activity_source.hpp"
#include "replay/issue_at.hpp"
#include "replay/journal_source.hpp"
#include "replay/story.hpp"
#include "replay/time_travel.hpp"
#include "replay/verify.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/sample_log.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::replay {
namespace {

// One installation for all tests; each that changes something puts it back.
class ReplayOnKafka : public ::testing::Test {
 protected:
  struct Stack {
    test::SampleLog log;
    events::Topics topics{"replay-test-" + crypto::random_uuid_hex()};
    kafka::Cluster cluster;
    std::unique_ptr<kafka::Admin> admin;
    std::unique_ptr<test::TestDatabase> database;
    std::unique_ptr<postgres::Pool> pool;
  };

  static void SetUpTestSuite() {
    auto stack = std::make_unique<Stack>();
    stack->log.tell_story();
    stack->cluster = *kafka::load_cluster("", test::Clusters::shared().kafka_properties);
    stack->admin = *kafka::Admin::make(stack->cluster);
    for (const auto& topic : {stack->topics.events(), stack->topics.activity()})
      ASSERT_TRUE(stack->admin->create_topic({topic, test::SampleLog::kPartitions, 1, {{"message.timestamp.type", "LogAppendTime"}}}));
    auto writer = *kafka::make_writer(stack->cluster, kafka::WriterKind::commits);
    const auto append = [&](const std::string& topic, const std::vector<topic::Record>& records) {
      for (const auto& record : records)
        writer->append({topic, record.partition, record.key, record.value, {}},
                       [](const topic::Appended& done) { EXPECT_EQ(done.outcome, topic::Outcome::acknowledged) << done.reason; });
    };
    append(stack->topics.events(), stack->log.records());
    append(stack->topics.activity(), stack->log.activity());
    ASSERT_TRUE(writer->flush(20'000));
    stack->database = test::TestDatabase::create();
    const auto generation = stack->database->make_live_generation();
    project(*stack, generation);
    postgres::PoolOptions options;
    options.connection.url = stack->database->url();
    stack->pool = std::make_unique<postgres::Pool>(options);
    store_activity(*stack);
    stack_ = std::move(stack);
  }
  static void TearDownTestSuite() {
    if (!stack_) return;
    EXPECT_TRUE(stack_->admin->delete_topic(stack_->topics.events()));
    EXPECT_TRUE(stack_->admin->delete_topic(stack_->topics.activity()));
    stack_.reset();
  }
  void SetUp() override {
    ASSERT_NE(stack_, nullptr);
    reader_ = *kafka::make_reader(stack_->cluster);
  }

  static void project(const Stack& stack, std::int64_t generation) {
    projections::PostgresStore store({.url = stack.database->url(), .generation = generation});
    const SystemClock clock;
    const auto reader = *kafka::make_reader(stack.cluster);
    projections::ProjectorOptions options;
    options.log = {stack.topics.events(), std::string(32, '9'), test::SampleLog::kPartitions};
    projections::Projector projector(options, *reader, store, projections::registry(), clock);
    projector.assign({stack.log.partition()});
    const auto end = static_cast<std::int64_t>(stack.log.records().size());
    ASSERT_TRUE(test::eventually(30'000, [&] {
      projector.step(20);
      return projector.stats().partitions.at(0).next_offset == end;
    })) << projector.stats().partitions.at(0).reason;
  }

  // As the ingester of activity keeps it.
  static void store_activity(const Stack& stack) {
    for (const auto& record : stack.log.activity()) {
      v1::SignedActivity message;
      v1::ActivityRecord body;
      ASSERT_TRUE(message.ParseFromString(record.value) && body.ParseFromString(message.body()));
      postgres::Params params;
      params.text(body.session_id()).int8(body.offer()).int8(static_cast<std::int64_t>(body.first_sequence())).text(body.workspace_id());
      params.int8(record.partition).int8(record.offset).bytes(crypto::view(crypto::sha256(record.value))).bytes(message.body());
      const auto stored = stack.pool->write_one("INSERT INTO dossier.activity_blocks VALUES ($1, $2, $3, $3 + 1, 2, $4, $5, $6, 0, $7, $8)", params);
      ASSERT_TRUE(stored) << stored.error().message;
    }
    const auto position = stack.pool->write_one("INSERT INTO dossier.activity_positions VALUES ($1, 2, '\\x00', 0)",
                                                postgres::Params().int8(stack.log.activity()[0].partition));
    ASSERT_TRUE(position) << position.error().message;
  }

  static std::string golden(const std::string& name) {
    std::ifstream stream(std::string(DOSSIER_SOURCE_DIR) + "/tests/golden/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  Timeline from_log(const Until& until = {}) {
    auto timeline = timeline_from_log(*reader_, stack_->topics, stack_->log.workspace(), stack_->log.issue, until);
    EXPECT_TRUE(timeline) << timeline.error().message;
    return *std::move(timeline);
  }
  Timeline from_journal(postgres::ReadTransaction& snapshot, const Until& until = {}) {
    auto timeline = timeline_from_journal(snapshot, stack_->log.workspace(), stack_->log.issue, until);
    EXPECT_TRUE(timeline) << timeline.error().message;
    return *std::move(timeline);
  }

  VerifyReport verified(bool issue = true) {
    auto snapshot = stack_->pool->read();
    VerifyRequest request{stack_->log.workspace(), std::nullopt};
    if (issue) request.issue = stack_->log.issue;
    auto report = verify(*reader_, *snapshot, stack_->topics, request);
    EXPECT_TRUE(report) << report.error().message;
    return *std::move(report);
  }
  // Runs one statement, verifies, and undoes it by another.
  std::string found_after(const std::string& change, const std::string& undo) {
    const auto changed = stack_->pool->write_one(change);
    EXPECT_TRUE(changed) << changed.error().message;
    EXPECT_EQ(changed->affected_rows(), 1) << change;
    const auto report = verified();
    const auto undone = stack_->pool->write_one(undo);
    EXPECT_TRUE(undone) << undone.error().message;
    EXPECT_FALSE(verified().finding) << undo;
    return report.finding ? report.finding->topic.substr(report.finding->topic.find('.') + 1) + " " + std::to_string(report.finding->offset) + ": " +
                                report.finding->what
                          : "nothing";
  }

  static inline std::unique_ptr<Stack> stack_;
  std::unique_ptr<topic::Reader> reader_;
};

TEST_F(ReplayOnKafka, both_sources_tell_the_golden_story) {
  const auto log = from_log();
  const auto log_activity = activity_from_log(*reader_, stack_->topics, log);
  ASSERT_TRUE(log_activity) << log_activity.error().message;
  auto snapshot = stack_->pool->read();
  const auto journal = from_journal(*snapshot);
  const auto journal_activity = activity_from_journal(*snapshot, journal);
  ASSERT_TRUE(journal_activity) << journal_activity.error().message;
  EXPECT_EQ(to_story(log, interleave(log, *log_activity, {})), golden("replay_story_activity.txt"));
  EXPECT_EQ(to_story(journal, interleave(journal, *journal_activity, {})), golden("replay_story_activity.txt"));
  EXPECT_EQ(to_ndjson(interleave(log, *log_activity, {})), golden("replay_activity.ndjson"));
  EXPECT_EQ(to_ndjson(interleave(journal, *journal_activity, {})), golden("replay_activity.ndjson"));
}

TEST_F(ReplayOnKafka, both_sources_and_the_api_s_reader_agree_at_every_seq) {
  for (std::uint64_t seq = 3; seq <= 14; ++seq) {
    const Until until{seq, std::nullopt};
    auto snapshot = stack_->pool->read();
    const auto log = from_log(until);
    EXPECT_EQ(to_ndjson(log), to_ndjson(from_journal(*snapshot, until))) << seq;
    IssueFold fold(log.workspace, log.issue);
    for (const auto& entry : log.entries) fold.apply(entry);
    std::string json;
    append_json(json, fold.document());
    const auto at = issue_json_at(*snapshot, log.workspace, log.issue, until);
    ASSERT_TRUE(at) << at.error().message;
    EXPECT_EQ(at->value_or("absent"), json) << seq;
  }
}

TEST_F(ReplayOnKafka, an_issue_that_is_not_there_is_not_found) {
  auto snapshot = stack_->pool->read();
  const IssueId nobody("iss_" + std::string(32, 'f'));
  EXPECT_EQ(timeline_from_log(*reader_, stack_->topics, stack_->log.workspace(), nobody, {}).error().code, Code::not_found);
  EXPECT_EQ(timeline_from_journal(*snapshot, stack_->log.workspace(), nobody, {}).error().code, Code::not_found);
  EXPECT_EQ(*issue_json_at(*snapshot, stack_->log.workspace(), nobody, {}), std::nullopt);
  EXPECT_EQ(*issue_json_at(*snapshot, stack_->log.workspace(), stack_->log.issue, Until{2, std::nullopt}), std::nullopt);
  EXPECT_EQ(*workspace_of_issue(*snapshot, stack_->log.issue), stack_->log.workspace());
  EXPECT_EQ(*workspace_of_issue(*snapshot, nobody), std::nullopt);
}

TEST_F(ReplayOnKafka, verification_accepts_what_really_happened) {
  const auto of_issue = verified();
  EXPECT_FALSE(of_issue.finding) << of_issue.finding->what;
  EXPECT_EQ(of_issue.records, stack_->log.records().size());
  EXPECT_EQ(of_issue.accepted, 14u);
  EXPECT_EQ(of_issue.voided, 2u);
  EXPECT_EQ(of_issue.timeline_items, 21u);
  EXPECT_EQ(of_issue.activity_records, 2u);
  EXPECT_FALSE(verified(false).finding);
}

TEST_F(ReplayOnKafka, verification_finds_what_was_changed_in_the_database) {
  EXPECT_EQ(found_after("UPDATE dossier.journal SET value = set_byte(value, 40, get_byte(value, 40) # 1) WHERE \"offset\" = 4",
                        "UPDATE dossier.journal SET value = set_byte(value, 40, get_byte(value, 40) # 1) WHERE \"offset\" = 4")
                .substr(0, 58),
            "events 4: its bytes differ from the journal's from byte 40");
  EXPECT_EQ(found_after("UPDATE dossier.journal SET chain = set_byte(chain, 0, get_byte(chain, 0) # 1) WHERE \"offset\" = 9",
                        "UPDATE dossier.journal SET chain = set_byte(chain, 0, get_byte(chain, 0) # 1) WHERE \"offset\" = 9")
                .substr(0, 22),
            "events 9: its chain is");
  EXPECT_EQ(found_after("UPDATE dossier.journal SET verdict = 5 WHERE \"offset\" = 9", "UPDATE dossier.journal SET verdict = 1 WHERE \"offset\" = 9"),
            "events 9: its verdict is accepted by the log and void_conflict in the journal");
  EXPECT_EQ(found_after("UPDATE timeline SET doc = replace(doc, '@greeter please\"', '@greeter thanks\"') WHERE seq = 4 AND idx = 0",
                        "UPDATE timeline SET doc = replace(doc, '@greeter thanks\"', '@greeter please\"') WHERE seq = 4 AND idx = 0"),
            "timeline -1: item seq 4, index 0 of " + stack_->log.issue.str() + ": the timeline says otherwise than the log");
  EXPECT_EQ(found_after("UPDATE dossier.activity_blocks SET body = set_byte(body, 9, get_byte(body, 9) # 1) WHERE first_sequence = 3",
                        "UPDATE dossier.activity_blocks SET body = set_byte(body, 9, get_byte(body, 9) # 1) WHERE first_sequence = 3"),
            "activity 1: activity of session " + stack_->log.session + ", offer 2, sequence 3: its body in the database differs from the record's");
}

TEST_F(ReplayOnKafka, verification_finds_what_is_missing_or_made_up) {
  EXPECT_EQ(found_after("UPDATE dossier.journal SET \"offset\" = 1009 WHERE \"offset\" = 9",
                        "UPDATE dossier.journal SET \"offset\" = 9 WHERE \"offset\" = 1009"),
            "events 9: the journal has no row for it");
  const std::string last = std::to_string(stack_->log.records().size() - 1);
  EXPECT_EQ(found_after("UPDATE dossier.journal SET \"offset\" = \"offset\" + 5 WHERE \"offset\" = " + last,
                        "UPDATE dossier.journal SET \"offset\" = \"offset\" - 5 WHERE \"offset\" = " + last + " + 5"),
            "events " + last + ": the journal has no row for it");
  EXPECT_EQ(found_after("UPDATE timeline SET idx = 9 WHERE seq = 11", "UPDATE timeline SET idx = 0 WHERE seq = 11").substr(0, 46),
            "timeline -1: item seq 11, index 9 of " + stack_->log.issue.str().substr(0, 9));
  EXPECT_EQ(found_after("UPDATE dossier.activity_blocks SET first_sequence = 30 WHERE first_sequence = 3",
                        "UPDATE dossier.activity_blocks SET first_sequence = 3 WHERE first_sequence = 30"),
            "activity 1: activity of session " + stack_->log.session + ", offer 2, sequence 30: the database has it and the log has not");
}

}  // namespace
}  // namespace dossier::replay
