// Commands that share their reads.
#include "producers/shared_reads.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "tests/support/step_executor.hpp"

namespace dossier::producers {
namespace {

const WorkspaceId kWorkspace("ws_00000000000000000000000000000001");

// Notes how many asked in each read; what happens while one is on its way is the test's.
class SlowStore final : public StateStore {
 public:
  Result<std::vector<StatesRead>> read(std::span<const StatesWanted> wanted) override {
    reads.push_back(wanted.size());
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    if (fails) return make_error(Code::database_unavailable, "away");
    std::vector<StatesRead> out(wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      for (const auto& stream : wanted[i].streams) out[i].states.push_back({1, "state of " + stream, false});
    return out;
  }
  Result<std::unique_ptr<Snapshot>> snapshot() override { return make_error(Code::internal, "not asked for here"); }

  std::vector<std::size_t> reads;
  std::function<void()> meanwhile;
  bool fails = false;
};

class SharedReadsTest : public ::testing::Test {
 protected:
  void ask(const std::string& stream) {
    reads_->read({kWorkspace, {stream}, std::nullopt}, [this, stream](const Result<StatesRead>& read) {
      answers_.push_back(read ? read->states.at(0).state : std::string(to_string(read.error().code)));
    });
  }
  void run() {
    while (executor_.step()) {
    }
  }

  ManualClock clock_;
  test::StepExecutor executor_{clock_};
  SlowStore store_;
  std::shared_ptr<SharedReads> reads_ = std::make_shared<SharedReads>(store_, executor_);
  std::vector<std::string> answers_;
};

TEST_F(SharedReadsTest, one_asker_is_answered_at_once_by_a_read_of_its_own) {
  ask("a");
  EXPECT_EQ(answers_, std::vector<std::string>{"state of a"});
  EXPECT_EQ(store_.reads, std::vector<std::size_t>{1});
}

TEST_F(SharedReadsTest, who_asks_while_all_reads_are_on_their_way_shares_the_next_one) {
  store_.meanwhile = [this] {
    store_.meanwhile = [this] {
      for (const char* stream : {"c", "d", "e"}) ask(stream);
    };
    ask("b");  // the second read that may be on its way
  };
  ask("a");
  run();
  EXPECT_EQ(store_.reads, (std::vector<std::size_t>{1, 1, 3}));
  EXPECT_EQ(answers_.size(), 5u);
  for (const char* stream : {"a", "b", "c", "d", "e"})
    EXPECT_EQ(std::count(answers_.begin(), answers_.end(), std::string("state of ") + stream), 1) << stream;
}

TEST_F(SharedReadsTest, a_read_is_bounded_and_the_rest_goes_with_the_one_after) {
  store_.meanwhile = [this] {
    store_.meanwhile = [this] {
      for (std::size_t i = 0; i <= SharedReads::kMostTogether; ++i) ask("s" + std::to_string(i));
    };
    ask("b");
  };
  ask("a");
  run();
  EXPECT_EQ(store_.reads, (std::vector<std::size_t>{1, 1, SharedReads::kMostTogether, 1}));
  EXPECT_EQ(answers_.size(), SharedReads::kMostTogether + 3);
}

TEST_F(SharedReadsTest, an_error_goes_to_everyone_who_asked) {
  store_.fails = true;
  ask("a");
  ask("b");
  EXPECT_EQ(answers_, (std::vector<std::string>{"database_unavailable", "database_unavailable"}));
}

TEST_F(SharedReadsTest, who_waits_is_answered_also_by_an_executor_that_takes_no_more) {
  store_.meanwhile = [this] {
    store_.meanwhile = [this] {
      ask("c");
      executor_.stop();
    };
    ask("b");
  };
  ask("a");
  EXPECT_EQ(answers_.size(), 3u);
}

TEST(SharedSnapshot, notes_what_it_lacks_each_once_and_what_needs_a_snapshot_of_its_own) {
  const std::vector<std::string> streams = {"issue/1"};
  const std::vector<StreamState> states = {{7, "seven", false}};
  SharedSnapshot snapshot(kWorkspace, streams, states);
  EXPECT_EQ(snapshot.stream(kWorkspace, "issue/1")->version, 7u);
  EXPECT_TRUE(snapshot.missing().empty());
  EXPECT_FALSE(snapshot.load(kWorkspace, {"issue/1", "issue/2", "issue/2", "issue/3"}).has_value());
  EXPECT_EQ(snapshot.missing(), (std::vector<std::string>{"issue/2", "issue/3"}));
  EXPECT_FALSE(snapshot.needs_its_own());
  EXPECT_FALSE(snapshot.seq(kWorkspace).has_value());
  EXPECT_TRUE(snapshot.needs_its_own());
}

}  // namespace
}  // namespace dossier::producers
