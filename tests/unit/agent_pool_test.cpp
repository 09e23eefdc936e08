// Which agents stay warm, for whom, how long, and that no more of them live than may.
#include "worker/agent_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "tests/support/eventually.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dossier::worker {
namespace {

constexpr std::int64_t kMinute = 60'000'000;

// Counts those that live; warm as told.
class CountedAgent final : public Agent {
 public:
  CountedAgent(std::atomic<int>& alive, std::atomic<int>& most, bool warm) : alive_(alive), warm_(warm) { most = std::max(most.load(), ++alive_); }
  ~CountedAgent() override { --alive_; }
  AgentResult run(const AgentRequest&, AgentHost&) override { return {}; }
  bool is_warm() const override { return warm_; }

 private:
  std::atomic<int>& alive_;
  bool warm_;
};

class AgentPoolTest : public ::testing::Test {
 protected:
  AgentPool make(std::size_t max_agents, std::int64_t idle_us = 10 * kMinute) {
    return AgentPool(clock_, {max_agents, idle_us}, [this](std::string_view provider) -> std::unique_ptr<Agent> {
      if (provider == "none") return nullptr;
      return std::make_unique<CountedAgent>(alive_, most_, warm_);
    });
  }
  AgentPlace place(const std::string& session) const { return {"codex", session, folder_.path(), "/home/" + session}; }
  // A run of that session, from its start to its end.
  Agent* run_once(AgentPool& pool, const std::string& session) {
    auto lease = pool.take(place(session));
    Agent* const agent = lease.agent();
    lease.put_back(session);
    return agent;
  }

  ManualClock clock_;
  test::TemporaryFolder folder_{"pool"};
  std::atomic<int> alive_{0}, most_{0};
  bool warm_ = true;
};

TEST_F(AgentPoolTest, the_next_run_of_a_session_gets_its_warm_agent) {
  auto pool = make(2);
  Agent* const first = run_once(pool, "a");
  EXPECT_EQ(pool.idle(), 1u);
  auto lease = pool.take(place("a"));
  EXPECT_EQ(lease.agent(), first);
  EXPECT_EQ(pool.idle(), 0u);
  EXPECT_EQ(pool.in_use(), 1u);
}

TEST_F(AgentPoolTest, an_agent_that_is_not_warm_ends_with_its_run) {
  auto pool = make(2);
  warm_ = false;
  run_once(pool, "a");
  EXPECT_EQ(alive_, 0);
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST_F(AgentPoolTest, one_that_was_not_put_back_ends_with_its_run) {
  auto pool = make(2);
  {
    auto lease = pool.take(place("a"));
  }
  EXPECT_EQ(alive_, 0);
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST_F(AgentPoolTest, one_whose_session_has_no_name_ends_with_its_run) {
  auto pool = make(2);
  auto lease = pool.take(place(""));
  lease.put_back("");
  EXPECT_EQ(alive_, 0);
}

TEST_F(AgentPoolTest, a_session_that_goes_on_elsewhere_gets_a_new_agent_and_the_old_one_ends_first) {
  auto pool = make(3);
  run_once(pool, "a");
  AgentPlace moved = place("a");
  moved.worktree = "/elsewhere";
  auto lease = pool.take(moved);
  EXPECT_EQ(alive_, 1);
  EXPECT_EQ(most_, 1);
}

TEST_F(AgentPoolTest, a_new_folder_of_the_old_name_is_another_place) {
  auto pool = make(3);
  const std::string worktree = folder_.path() + "/tree";
  std::filesystem::create_directory(worktree);
  AgentPlace here{"codex", "a", worktree, "/home/a"};
  {
    auto lease = pool.take(here);
    lease.put_back("a");
  }
  std::filesystem::create_directory(worktree + ".new");  // while the old one is there, so that it has another identity
  std::filesystem::remove(worktree);
  std::filesystem::rename(worktree + ".new", worktree);
  auto lease = pool.take(here);
  EXPECT_EQ(pool.idle(), 0u);
  EXPECT_EQ(most_, 1) << "the old one lived on beside the new one";
}

TEST_F(AgentPoolTest, another_session_in_the_same_home_ends_the_idle_one_there) {
  auto pool = make(3);
  run_once(pool, "a");
  AgentPlace fresh = place("a");
  fresh.provider_session.clear();
  auto lease = pool.take(fresh);
  EXPECT_EQ(alive_, 1);
}

TEST_F(AgentPoolTest, after_its_idle_time_it_is_ended_and_not_before) {
  auto pool = make(2);
  run_once(pool, "a");
  clock_.advance_us(10 * kMinute - 1);
  pool.end_idle();
  EXPECT_EQ(alive_, 1);
  clock_.advance_us(1);
  pool.end_idle();
  EXPECT_EQ(alive_, 0);
}

TEST_F(AgentPoolTest, a_run_begins_its_idle_time_anew) {
  auto pool = make(2);
  run_once(pool, "a");
  clock_.advance_us(9 * kMinute);
  run_once(pool, "a");
  clock_.advance_us(9 * kMinute);
  pool.end_idle();
  EXPECT_EQ(alive_, 1);
}

TEST_F(AgentPoolTest, one_in_use_is_never_ended) {
  auto pool = make(2);
  auto lease = pool.take(place("a"));
  clock_.advance_us(100 * kMinute);
  pool.end_idle();
  pool.close();
  EXPECT_EQ(alive_, 1);
}

TEST_F(AgentPoolTest, when_it_is_full_the_one_idle_longest_makes_room) {
  auto pool = make(2);
  run_once(pool, "a");
  clock_.advance_us(1);
  Agent* const b = run_once(pool, "b");
  auto lease = pool.take(place("c"));
  EXPECT_EQ(alive_, 2);
  EXPECT_EQ(most_, 2);
  lease.put_back("c");
  auto again = pool.take(place("b"));
  EXPECT_EQ(again.agent(), b);
}

TEST_F(AgentPoolTest, with_all_in_use_the_next_waits_for_room) {
  auto pool = make(1);
  auto first = std::make_unique<AgentPool::Lease>(pool.take(place("a")));
  std::atomic<bool> got{false};
  std::thread other([&] {
    auto lease = pool.take(place("b"));
    got = true;
  });
  EXPECT_TRUE(test::always_during(50, [&] { return !got.load(); }));
  first.reset();
  other.join();
  EXPECT_EQ(most_, 1);
}

TEST_F(AgentPoolTest, closed_it_ends_the_idle_ones_and_keeps_no_more) {
  auto pool = make(2);
  run_once(pool, "a");
  auto lease = pool.take(place("b"));
  pool.close();
  EXPECT_EQ(alive_, 1);
  lease.put_back("b");
  EXPECT_EQ(alive_, 0);
}

TEST_F(AgentPoolTest, nothing_survives_it) {
  {
    auto pool = make(2);
    run_once(pool, "a");
  }
  EXPECT_EQ(alive_, 0);
}

TEST_F(AgentPoolTest, an_unknown_provider_has_no_agent_and_takes_no_room) {
  auto pool = make(1);
  {
    AgentPlace place;
    place.provider = "none";
    auto lease = pool.take(place);
    EXPECT_EQ(lease.agent(), nullptr);
    lease.put_back("a");
  }
  EXPECT_EQ(pool.in_use(), 0u);
  EXPECT_EQ(pool.idle(), 0u);
}

}  // namespace
}  // namespace dossier::worker
