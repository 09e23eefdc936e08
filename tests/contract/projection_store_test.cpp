// The contract of ProjectionStore, held against both implementations.
#include <gtest/gtest.h>

#include <functional>

#include "platform/memory/ledger_tables.hpp"
#include "platform/postgres/migrate.hpp"
#include "platform/postgres/pool.hpp"
#include "projections/memory_store.hpp"
#include "projections/postgres_store.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::projections {
namespace {

using rows::Merge;
using rows::Type;

const rows::Table& counters() {
  static const rows::Table table{"counters",
                                 {{"id", Type::text, Merge::key},
                                  {"part", Type::int8, Merge::key},
                                  {"title", Type::text, Merge::set},
                                  {"author", Type::text, Merge::keep},
                                  {"count", Type::int8, Merge::add},
                                  {"latest", Type::int8, Merge::greatest},
                                  {"open", Type::bool_, Merge::set},
                                  {"raw", Type::bytea, Merge::set}},
                                 R"sql(
INSERT INTO counters AS t (id, part, title, author, count, latest, open, raw)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::boolean[], $8::bytea[])
ON CONFLICT (id, part) DO UPDATE SET
  title = COALESCE(excluded.title, t.title), author = COALESCE(t.author, excluded.author),
  count = COALESCE(t.count + excluded.count, t.count, excluded.count), latest = GREATEST(t.latest, excluded.latest),
  open = COALESCE(excluded.open, t.open), raw = COALESCE(excluded.raw, t.raw)
)sql"};
  return table;
}
const rows::Table& items() {
  static const rows::Table table{"items",
                                 {{"id", Type::int8, Merge::key}, {"doc", Type::text, Merge::set}},
                                 "INSERT INTO items (id, doc) SELECT * FROM unnest($1::bigint[], $2::text[])",
                                 true};
  return table;
}

// One system under test: stores that share a database.
struct System {
  std::function<std::unique_ptr<ProjectionStore>(std::int64_t generation)> store;
  std::function<void()> switch_over;  // makes the second generation live
  std::int64_t first = 1, second = 2;
  std::shared_ptr<void> keep;  // the database
};

System memory_system() {
  auto database = std::make_shared<memory::MemoryDatabase>();
  System system;
  system.store = [database](std::int64_t generation) { return std::make_unique<MemoryStore>(database, generation); };
  system.switch_over = [database] { EXPECT_TRUE(memory::set_live_generation(*database, 2).has_value()); };
  system.keep = database;
  return system;
}

System postgres_system() {
  std::shared_ptr<test::TestDatabase> database = test::TestDatabase::create();
  System system;
  system.first = database->make_live_generation("one");
  system.second = postgres::create_generation(database->url(), "two")->number;
  postgres::Pool pool({.connection = {.url = database->url()}, .size = 1});
  for (const auto generation : {system.first, system.second}) {
    const std::string schema = "g" + std::to_string(generation);
    const std::string counters_sql = "CREATE TABLE " + schema +
                                     ".counters (id text, part bigint, title text, author text, count bigint, latest bigint, open boolean, "
                                     "raw bytea, PRIMARY KEY (id, part))";
    const std::string items_sql = "CREATE TABLE " + schema + ".items (id bigint PRIMARY KEY, doc text)";
    EXPECT_TRUE(pool.write_one(counters_sql).has_value());
    EXPECT_TRUE(pool.write_one(items_sql).has_value());
  }
  system.switch_over = [database, second = system.second] { EXPECT_TRUE(postgres::switch_generation(database->url(), second).has_value()); };
  system.store = [database](std::int64_t generation) {
    return std::make_unique<PostgresStore>(PostgresStoreOptions{.url = database->url(), .generation = generation});
  };
  system.keep = database;
  return system;
}

crypto::Hash hash_of(std::int64_t offset) { return crypto::sha256(std::to_string(offset)); }

Position at(std::int64_t next_offset) { return Position{3, next_offset, hash_of(next_offset), "log", 12, 1, 1}; }

JournalRow record(std::int64_t offset, std::uint64_t seq, const std::string& commit) {
  return JournalRow{3, offset, events::Verdict::accepted, "ws", seq, 7, commit, hash_of(offset), 8, std::string("bytes\0of ", 9) + commit};
}

ProjectionBatch batch(std::int64_t from, std::int64_t to) {
  ProjectionBatch out;
  out.before = at(from);
  out.after = at(to);
  return out;
}

class ProjectionStoreContract : public testing::TestWithParam<System (*)()> {
 protected:
  void SetUp() override {
    system_ = GetParam()();
    store_ = system_.store(system_.first);
    ASSERT_TRUE(store_->create_position(at(0)).has_value());
  }
  // Applies, expecting success.
  void apply(const ProjectionBatch& batch) {
    const auto applied = store_->apply(batch);
    ASSERT_TRUE(applied.has_value()) << applied.error().message;
    ASSERT_FALSE(applied->data_error) << applied->data_error->message;
  }
  System system_;
  std::unique_ptr<ProjectionStore> store_;
};

TEST_P(ProjectionStoreContract, APositionIsMadeOnceAndMovesWithItsBatch) {
  EXPECT_FALSE(store_->position(4)->has_value());
  EXPECT_EQ(store_->create_position(at(0)).error().code, Code::already_exists);
  apply(batch(0, 5));
  const auto position = *store_->position(3);
  ASSERT_TRUE(position);
  EXPECT_EQ(position->next_offset, 5);
  EXPECT_EQ(position->last_hash, hash_of(5));
  EXPECT_EQ(position->log_id, "log");
  EXPECT_EQ(position->partitions, 12);
  EXPECT_EQ(position->history, 1u);
  EXPECT_EQ(position->ledger_version, 1u);
}

TEST_P(ProjectionStoreContract, AWriterWhosePositionMovedWritesNothing) {
  apply(batch(0, 5));
  for (auto stale : {batch(0, 6), batch(5, 6)}) {
    if (stale.before.next_offset == 5) stale.before.last_hash = hash_of(99);  // the same place in another log
    stale.journal.push_back(record(5, 1, "c1"));
    stale.heads.emplace_back("ws", events::WorkspaceHead{1, 7, hash_of(1)});
    stale.streams.push_back({"ws", "issue/1", 1, "state", false});
    const auto applied = store_->apply(stale);
    ASSERT_FALSE(applied.has_value());
    EXPECT_EQ(applied.error().code, Code::position_moved);
  }
  EXPECT_EQ(store_->position(3)->value().next_offset, 5);
  EXPECT_FALSE(store_->journal_at(3, 5)->has_value());
  const auto fetched = *store_->fetch({{"ws"}, {{"ws", "issue/1"}}, {{"ws", "c1"}}});
  EXPECT_TRUE(fetched.heads.empty() && fetched.streams.empty() && fetched.accepted.empty());
}

TEST_P(ProjectionStoreContract, TheLoserOfTwoWritersCanGoOnAfterItReadsThePositionAgain) {
  auto other = system_.store(system_.first);
  ASSERT_TRUE(other->apply(batch(0, 1)).has_value());
  EXPECT_EQ(store_->apply(batch(0, 2)).error().code, Code::position_moved);
  apply(batch(store_->position(3)->value().next_offset, 2));
}

// What a writer may tell of its batch hangs on this: readers see the live generation alone.
TEST_P(ProjectionStoreContract, ABatchSaysWhetherItsGenerationWasLive) {
  const auto other = system_.store(system_.second);
  ASSERT_TRUE(other->create_position(at(0)).has_value());
  EXPECT_TRUE(store_->apply(batch(0, 1))->is_live);
  EXPECT_FALSE(other->apply(batch(0, 1))->is_live);
  system_.switch_over();
  EXPECT_FALSE(store_->apply(batch(1, 2))->is_live);
  EXPECT_TRUE(other->apply(batch(1, 2))->is_live);
}

TEST_P(ProjectionStoreContract, FetchFindsWhatWasAppliedAndNothingElse) {
  auto first = batch(0, 2);
  first.journal = {record(0, 1, "c1"), record(1, 2, "c2")};
  first.journal[1].verdict = events::Verdict::void_conflict;
  first.heads.emplace_back("ws", events::WorkspaceHead{1, 7, hash_of(1)});
  first.streams.push_back({"ws", "issue/1", 4, std::string("\0state", 6), true});
  apply(first);
  const auto fetched = *store_->fetch({{"ws", "other"}, {{"ws", "issue/1"}, {"other", "issue/1"}}, {{"ws", "c1"}, {"ws", "c2"}, {"other", "c1"}}});
  ASSERT_EQ(fetched.heads.size(), 1u);
  EXPECT_EQ(fetched.heads[0].first, "ws");
  EXPECT_EQ(fetched.heads[0].second.seq, 1u);
  EXPECT_EQ(fetched.heads[0].second.time_us, 7);
  EXPECT_EQ(fetched.heads[0].second.chain, hash_of(1));
  ASSERT_EQ(fetched.streams.size(), 1u);
  EXPECT_EQ(fetched.streams[0].version, 4u);
  EXPECT_EQ(fetched.streams[0].state, std::string("\0state", 6));
  EXPECT_TRUE(fetched.streams[0].needs_newer_code);
  ASSERT_EQ(fetched.accepted.size(), 1u);
  EXPECT_EQ(fetched.accepted[0].commit_id, "c1");
  EXPECT_EQ(fetched.accepted[0].seq, 1u);
}

TEST_P(ProjectionStoreContract, ACommitOutsideTheWindowIsNotKnown) {
  auto first = batch(0, 2);
  first.journal = {record(0, 1, "old"), record(1, 2, "new")};
  first.heads.emplace_back("ws", events::WorkspaceHead{events::kDuplicateWindow + 1, 7, hash_of(1)});
  apply(first);
  const auto fetched = *store_->fetch({{}, {}, {{"ws", "old"}, {"ws", "new"}}});
  ASSERT_EQ(fetched.accepted.size(), 1u);
  EXPECT_EQ(fetched.accepted[0].commit_id, "new");
}

TEST_P(ProjectionStoreContract, NamesThatNoRowCanHaveAreSimplyNotFound) {
  const std::string nul("a\0b", 3);
  const auto fetched = store_->fetch({{nul, "\xff"}, {{nul, nul}}, {{nul, "\xff"}}});
  ASSERT_TRUE(fetched.has_value()) << fetched.error().message;
  EXPECT_TRUE(fetched->heads.empty() && fetched->streams.empty() && fetched->accepted.empty());
}

TEST_P(ProjectionStoreContract, TheJournalKeepsTheBytes) {
  auto first = batch(0, 2);
  first.journal = {record(0, 1, "c1"), record(1, 0, "")};
  first.journal[1].verdict = events::Verdict::void_malformed;
  first.journal[1].workspace = "";
  first.journal[1].value = std::string("\0\xff\xfe", 3);
  apply(first);
  const auto kept = store_->journal_at(3, 0)->value();
  EXPECT_EQ(kept.value, record(0, 1, "c1").value);
  EXPECT_EQ(kept.chain, hash_of(0));
  EXPECT_EQ(kept.commit_id, "c1");
  EXPECT_EQ(kept.append_time_us, 8);
  EXPECT_EQ(store_->journal_at(3, 1)->value().value, std::string("\0\xff\xfe", 3));
  EXPECT_EQ(store_->journal_at(3, 1)->value().verdict, events::Verdict::void_malformed);
  EXPECT_FALSE(store_->journal_at(3, 2)->has_value());
}

TEST_P(ProjectionStoreContract, ASecondGenerationComparesTheJournalAndGoesOnPastIt) {
  auto first = batch(0, 2);
  first.journal = {record(0, 1, "c1"), record(1, 2, "c2")};
  first.heads.emplace_back("ws", events::WorkspaceHead{2, 7, hash_of(1)});
  apply(first);
  auto other = system_.store(system_.second);
  ASSERT_TRUE(other->create_position(at(0)).has_value());
  auto same = batch(0, 1);
  same.journal = {record(0, 1, "c1")};
  same.journal[0].append_time_us = 99;  // a witness, not compared
  same.heads.emplace_back("ws", events::WorkspaceHead{1, 7, hash_of(1)});
  const auto compared = other->apply(same);
  ASSERT_TRUE(compared.has_value()) << compared.error().message;
  // c2 is in the journal, and not yet within this generation's head.
  EXPECT_EQ(other->fetch({{}, {}, {{"ws", "c1"}, {"ws", "c2"}}})->accepted.size(), 1u);
  auto rest = batch(1, 4);
  rest.journal = {record(1, 2, "c2"), record(2, 3, "c3"), record(3, 4, "c4")};
  const auto applied = other->apply(rest);
  ASSERT_TRUE(applied.has_value()) << applied.error().message;
  EXPECT_EQ(other->journal_at(3, 3)->value().commit_id, "c4");
  EXPECT_EQ(other->journal_at(3, 0)->value().append_time_us, 8);  // never rewritten
}

TEST_P(ProjectionStoreContract, AJournalThatDiffersIsCorruptAndNothingIsWritten) {
  auto first = batch(0, 1);
  first.journal = {record(0, 1, "c1")};
  apply(first);
  auto other = system_.store(system_.second);
  ASSERT_TRUE(other->create_position(at(0)).has_value());
  const std::function<void(JournalRow&)> damages[] = {[](JournalRow& row) { row.value[0] ^= 1; }, [](JournalRow& row) { row.seq += 1; },
                                                      [](JournalRow& row) { row.chain[31] ^= 1; },
                                                      [](JournalRow& row) { row.verdict = events::Verdict::void_conflict; }};
  for (const auto& damage : damages) {
    auto differing = batch(0, 2);
    differing.journal = {record(0, 1, "c1"), record(1, 2, "c2")};
    damage(differing.journal[0]);
    const auto applied = other->apply(differing);
    ASSERT_FALSE(applied.has_value());
    EXPECT_EQ(applied.error().code, Code::corrupt) << applied.error().message;
  }
  EXPECT_EQ(other->position(3)->value().next_offset, 0);
  EXPECT_FALSE(other->journal_at(3, 1)->has_value());
}

rows::Row counter(const std::string& id, rows::Cell title, rows::Cell author, rows::Cell count, rows::Cell latest) {
  return {id, std::int64_t{1}, std::move(title), std::move(author), std::move(count), std::move(latest), {}, {}};
}

TEST_P(ProjectionStoreContract, ADataErrorNamesItsReadModelAndLeavesNothing) {
  auto first = batch(0, 1);
  first.journal = {record(0, 1, "c1")};
  ModelRows good{"counters", {}}, bad{"items", {}};
  good.rows.put(counters(), counter("a", std::string("t"), {}, {}, {}));
  bad.rows.put(items(), {std::int64_t{1}, std::string("no\0text", 7)});
  first.models = {good, bad};
  const auto applied = store_->apply(first);
  ASSERT_TRUE(applied.has_value()) << applied.error().message;
  ASSERT_TRUE(applied->data_error);
  EXPECT_EQ(applied->data_error->read_model, "items");
  EXPECT_FALSE(applied->data_error->message.empty());
  EXPECT_EQ(store_->position(3)->value().next_offset, 0);
  EXPECT_FALSE(store_->journal_at(3, 0)->has_value());
  first.models = {good};  // without it, the batch goes through
  apply(first);
}

TEST_P(ProjectionStoreContract, ARepeatedKeyOfAnAppendOnlyTableIsADataError) {
  auto first = batch(0, 1);
  ModelRows rows{"items", {}};
  rows.rows.put(items(), {std::int64_t{1}, std::string("a")});
  first.models = {rows};
  apply(first);
  auto second = batch(1, 2);
  second.models = {rows};
  const auto applied = store_->apply(second);
  ASSERT_TRUE(applied.has_value());
  ASSERT_TRUE(applied->data_error);
  EXPECT_EQ(applied->data_error->read_model, "items");
}

TEST_P(ProjectionStoreContract, AStaleWritersBadRowsAreNotTakenForDataErrors) {
  apply(batch(0, 1));
  auto stale = batch(0, 1);
  ModelRows bad{"items", {}};
  bad.rows.put(items(), {std::int64_t{1}, std::string("no\0text", 7)});
  stale.models = {bad};
  const auto applied = store_->apply(stale);
  ASSERT_FALSE(applied.has_value());
  EXPECT_EQ(applied.error().code, Code::position_moved);
}

TEST_P(ProjectionStoreContract, ParkedRowsWaitInOrderUntilTheyAreDone) {
  auto first = batch(0, 1);
  const std::string value("\0event", 6);
  first.parked = {{"issues", "ws", "issue/1", 3, 7, 1, "bad", value},
                  {"issues", "ws", "issue/1", 3, 5, 0, "bad", value},
                  {"issues", "ws", "issue/2", 3, 6, 0, "bad", value},
                  {"tasks", "ws", "issue/1", 3, 5, 0, "bad", value}};
  apply(first);
  auto streams = *store_->parked_streams(3);
  ASSERT_EQ(streams.size(), 3u);
  EXPECT_TRUE(store_->parked_streams(4)->empty());
  const ParkedStream stream{"issues", "ws", "issue/1"};
  const auto rows = *store_->parked_rows(3, stream, 10);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].offset, 5);
  EXPECT_EQ(rows[1].offset, 7);
  EXPECT_EQ(rows[1].event_index, 1);
  EXPECT_EQ(rows[0].value, value);
  EXPECT_EQ(store_->parked_rows(3, stream, 1)->size(), 1u);
  auto second = batch(1, 2);
  second.unparked = {{stream, 5, 0}};
  apply(second);
  ASSERT_EQ(store_->parked_rows(3, stream, 10)->size(), 1u);
  EXPECT_EQ(store_->parked_rows(3, stream, 10)->front().offset, 7);
  auto third = batch(2, 3);
  third.unparked = {{stream, 7, 1}};
  third.parked = {{"issues", "ws", "issue/1", 3, 9, 0, "worse", value}};  // done with, and parked anew
  apply(third);
  ASSERT_EQ(store_->parked_rows(3, stream, 10)->size(), 1u);
  EXPECT_EQ(store_->parked_rows(3, stream, 10)->front().error, "worse");
}

TEST_P(ProjectionStoreContract, ABatchOfManyRowsIsOneBatch) {
  auto first = batch(0, 5'000);
  ModelRows rows{"counters", {}};
  for (int i = 0; i < 5'000; ++i) {
    first.journal.push_back(record(i, static_cast<std::uint64_t>(i) + 1, "c" + std::to_string(i)));
    first.streams.push_back({"ws", "issue/" + std::to_string(i), 1, std::string(100, 's'), false});
    rows.rows.put(counters(), counter(std::to_string(i), std::string(200, 't'), {}, std::int64_t{1}, {}));
  }
  first.heads.emplace_back("ws", events::WorkspaceHead{5'000, 7, hash_of(1)});
  first.models = {rows};
  apply(first);
  FetchRequest request;
  for (int i = 0; i < 5'000; ++i) {
    request.streams.push_back({"ws", "issue/" + std::to_string(i)});
    request.commit_ids.emplace_back("ws", "c" + std::to_string(i));
  }
  const auto fetched = *store_->fetch(request);
  EXPECT_EQ(fetched.streams.size(), 5'000u);
  EXPECT_EQ(fetched.accepted.size(), 5'000u);
}

INSTANTIATE_TEST_SUITE_P(Memory, ProjectionStoreContract, testing::Values(&memory_system));
INSTANTIATE_TEST_SUITE_P(Postgres, ProjectionStoreContract, testing::Values(&postgres_system));

}  // namespace
}  // namespace dossier::projections
