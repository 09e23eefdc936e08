// Rebuilding the read models beside the live ones, on a real PostgreSQL.
#include "projections/rebuild.hpp"

#include <gtest/gtest.h>

#include <random>

#include "projections/code_version.hpp"
#include "tests/support/projector_rig.hpp"
#include "tests/support/random_history.hpp"
#include "tests/support/test_database.hpp"

namespace dossier::projections {
namespace {

using test::EventScript;

class RebuildTest : public ::testing::Test {
 protected:
  RebuildTest() : other_(5) {}
  void SetUp() override {
    std::mt19937_64 random(11);
    script_ = test::random_history(random, 600);
    for (std::int32_t partition = 0; partition < EventScript::kPartitions; ++partition)
      if (partition != script_.partition() && partition != other_.partition()) quiet_.push_back(std::make_unique<EventScript>(partition));
    database_ = test::TestDatabase::create();
    live_ = database_->make_live_generation(code_digest());
    live_store_ = std::make_unique<PostgresStore>(PostgresStoreOptions{.url = database_->url(), .generation = live_});
    live_reader_ = reader();
    ProjectorOptions options;
    options.log = log();
    projector_ = std::make_unique<Projector>(options, *live_reader_, *live_store_, registry(), clock_);
    std::vector<std::int32_t> all;
    all.reserve(EventScript::kPartitions);
    for (std::int32_t partition = 0; partition < EventScript::kPartitions; ++partition) all.push_back(partition);
    projector_->assign(all);
    project_live();
  }
  static ExpectedLog log() { return {EventScript::kTopic, EventScript::kLogId, EventScript::kPartitions}; }
  std::unique_ptr<test::ScriptReader> reader() {
    std::vector<EventScript*> scripts = {&script_, &other_};
    for (const auto& each : quiet_) scripts.push_back(each.get());
    return std::make_unique<test::ScriptReader>(scripts);
  }
  void project_live() {
    for (int idle = 0; idle < 2;) idle = projector_->step(0).progressed ? 0 : idle + 1;
  }
  RebuildOptions options() { return {.database_url = database_->url(), .log = log()}; }
  // Steps until done or an error; `each` after every step.
  Result<RebuildProgress> finish(Rebuild& rebuild, const std::function<void(const RebuildProgress&)>& each = {}) {
    for (int steps = 0; steps < 5'000; ++steps) {
      auto progress = rebuild.step(0);
      if (!progress || progress->phase == RebuildPhase::done) return progress;
      if (each) each(*progress);
    }
    return make_error(Code::timeout, "not done after 5,000 steps");
  }
  std::int64_t live_now() {
    for (const auto& generation : *postgres::generations(database_->url()))
      if (generation.state == postgres::GenerationState::live) return generation.number;
    return 0;
  }

  EventScript script_, other_;
  std::vector<std::unique_ptr<EventScript>> quiet_;
  std::unique_ptr<test::TestDatabase> database_;
  std::int64_t live_ = 0;
  SystemClock clock_;
  std::unique_ptr<PostgresStore> live_store_;
  std::unique_ptr<test::ScriptReader> live_reader_;
  std::unique_ptr<Projector> projector_;
};

TEST_F(RebuildTest, a_new_generation_equals_the_live_one_and_takes_its_place) {
  auto log_reader = reader();
  auto rebuild = Rebuild::open(options(), *log_reader, clock_);
  ASSERT_TRUE(rebuild.has_value()) << rebuild.error().message;
  const auto done = finish(**rebuild);
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(done->compared, static_cast<std::size_t>(EventScript::kPartitions));
  EXPECT_EQ(done->records, done->records_goal);
  EXPECT_GT((*rebuild)->comparison().rows.at("timeline"), 100);
  EXPECT_EQ(live_now(), (*rebuild)->generation());
  EXPECT_NE(live_now(), live_);
}

TEST_F(RebuildTest, one_that_was_killed_goes_on_where_it_stood) {
  std::int64_t generation = 0;
  std::int64_t records = 0;
  {
    auto log_reader = reader();
    auto first = *Rebuild::open(options(), *log_reader, clock_);
    generation = first->generation();
    for (int steps = 0; steps < 3; ++steps) records = first->step(0)->records;
    ASSERT_GT(records, 0);
  }
  auto log_reader = reader();
  auto second = *Rebuild::open(options(), *log_reader, clock_);
  EXPECT_EQ(second->generation(), generation);
  const auto progress = second->step(0);
  ASSERT_TRUE(progress.has_value());
  EXPECT_GE(progress->records, records) << "nothing is projected twice";
  ASSERT_TRUE(finish(*second).has_value());
  EXPECT_EQ(live_now(), generation);
}

TEST_F(RebuildTest, a_live_generation_that_moves_meanwhile_is_caught_up_with) {
  auto log_reader = reader();
  auto rebuild = *Rebuild::open(options(), *log_reader, clock_);
  std::mt19937_64 random(3);
  int more = 40;
  const auto done = finish(*rebuild, [&](const RebuildProgress&) {
    if (more-- <= 0) return;
    script_.commit({test::random_event(random, script_.workspace())});
    if (more % 3 == 0) project_live();
  });
  project_live();
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(live_now(), rebuild->generation());
}

TEST_F(RebuildTest, a_row_that_was_changed_by_hand_is_found_and_nothing_is_switched) {
  auto connection = *postgres::Connection::open({.url = database_->url(), .reads_by_default = false});
  ASSERT_TRUE(connection
                  ->query("UPDATE g" + std::to_string(live_) + ".timeline SET doc = doc || ' ' WHERE seq = (SELECT max(seq) FROM g" +
                          std::to_string(live_) + ".timeline)")
                  .has_value());
  auto log_reader = reader();
  auto rebuild = *Rebuild::open(options(), *log_reader, clock_);
  const auto done = finish(*rebuild);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, Code::corrupt);
  EXPECT_NE(done.error().message.find("timeline"), std::string::npos) << done.error().message;
  EXPECT_EQ(live_now(), live_);
}

TEST_F(RebuildTest, a_log_that_differs_from_the_journal_stops_the_rebuild) {
  EventScript changed = script_;
  changed.records()[5].value.back() ^= 1;
  std::vector<EventScript*> scripts = {&changed, &other_};
  for (const auto& each : quiet_) scripts.push_back(each.get());
  test::ScriptReader log_reader(scripts);
  auto rebuild = *Rebuild::open(options(), log_reader, clock_);
  const auto done = finish(*rebuild);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, Code::partition_halted);
  EXPECT_NE(done.error().message.find("journal"), std::string::npos) << done.error().message;
  EXPECT_EQ(live_now(), live_);
}

TEST_F(RebuildTest, the_way_back_is_open_while_the_old_generation_keeps_up) {
  auto log_reader = reader();
  auto rebuild = *Rebuild::open(options(), *log_reader, clock_);
  ASSERT_TRUE(finish(*rebuild).has_value());
  const auto back = postgres::switch_generation(database_->url(), live_);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(live_now(), live_);
}

TEST_F(RebuildTest, going_back_catches_up_with_what_was_written_since) {
  auto log_reader = reader();
  auto rebuild = *Rebuild::open(options(), *log_reader, clock_);
  ASSERT_TRUE(finish(*rebuild).has_value());
  const std::int64_t second = live_now();
  // The new generation goes on; nobody projects the old one.
  PostgresStore store(PostgresStoreOptions{.url = database_->url(), .generation = second});
  auto second_reader = reader();
  Projector onwards({.log = log(), .memory = {}}, *second_reader, store, registry(), clock_);
  std::vector<std::int32_t> all;
  all.reserve(EventScript::kPartitions);
  for (std::int32_t partition = 0; partition < EventScript::kPartitions; ++partition) all.push_back(partition);
  onwards.assign(all);
  std::mt19937_64 random(5);
  for (int i = 0; i < 40; ++i) script_.commit({test::random_event(random, script_.workspace())});
  for (int idle = 0; idle < 2;) idle = onwards.step(0).progressed ? 0 : idle + 1;
  EXPECT_EQ(postgres::switch_generation(database_->url(), live_).error().code, Code::conflict) << "it is behind";

  auto back_options = options();
  back_options.back = true;
  auto back_reader = reader();
  auto back = Rebuild::open(back_options, *back_reader, clock_);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ((*back)->generation(), live_);
  const auto done = finish(**back);
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(live_now(), live_);
  const auto compared = compare_generations(database_->url(), live_, second, {all.begin(), all.end()}, EventScript::kPartitions);
  ASSERT_TRUE(compared.has_value());
  EXPECT_TRUE(compared->moving.empty());
  EXPECT_TRUE(compared->differences.empty());
}

TEST_F(RebuildTest, without_an_old_generation_of_this_code_there_is_no_way_back) {
  auto back_options = options();
  back_options.back = true;
  auto log_reader = reader();
  const auto none = Rebuild::open(back_options, *log_reader, clock_);
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, Code::conflict);
}

TEST(CodeVersion, a_rebuild_by_the_same_code_is_of_that_code) {
  EXPECT_EQ(code_digest().size(), 32u);
  EXPECT_TRUE(is_of_code(code_digest(), code_digest()));
  EXPECT_TRUE(is_of_code(code_digest() + "#3", code_digest()));
  EXPECT_FALSE(is_of_code("other", code_digest()));
}

}  // namespace
}  // namespace dossier::projections
