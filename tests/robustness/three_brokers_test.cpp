// Three brokers, replication 3, two must have a record before it counts. The leader of the workspace's partition is killed,
// and the one that follows it, and so on, while clients go on: nothing acknowledged is lost, nothing happens twice.
#include <gtest/gtest.h>

#include <cstdio>
#include <iostream>

#include "events/names.hpp"
#include "tests/robustness/evidence.hpp"
#include "tests/robustness/follower.hpp"
#include "tests/robustness/load.hpp"
#include "tests/support/broker_trio.hpp"
#include "tests/support/eventually.hpp"

namespace dossier::test {
namespace {

constexpr int kClients = 4;
constexpr std::int64_t kPauseMs = 100;
constexpr std::int64_t kGoesOnMs = 60'000;
constexpr std::int64_t kInSyncMs = 90'000;

TEST(ThreeBrokers, commits_go_on_while_leaders_are_killed_in_turn) {
  BrokerTrio brokers;
  Installation at(brokers.clusters());
  at.start_server();
  at.bootstrap();
  Recorder recorder(at.folder() + "/history.ndjson");
  const std::string topic = events::Topics{at.prefix()}.events();
  const auto partition = static_cast<std::size_t>(events::partition_of(at.workspace(), 12));
  LoadPlace place{{at.url()}, at.api().token(), at.api().get("/v1/me").at("user", "id"), at.workspace(), "", ""};
  {
    Follower follower("follower", place.urls, place.token, place.workspace, recorder);
    Load load(place, recorder, 1, kClients, kPauseMs);
    std::vector<int> killed;
    while (killed.size() < 3) {
      ASSERT_TRUE(eventually(kInSyncMs, [&] { return brokers.all_in_sync(topic); })) << "the brokers are not in sync again";
      const int leader = brokers.partitions(topic).at(partition).leader;
      const auto before = load.settled();
      brokers.kill(leader);
      recorder.note("broker " + std::to_string(leader) + " was killed");
      EXPECT_TRUE(eventually(kGoesOnMs, [&] { return load.settled() >= before + 20; })) << "no commits without broker " << leader;
      brokers.start(leader);
      killed.push_back(leader);
    }
    EXPECT_TRUE(load.finish(kGoesOnMs));
    const auto last = static_cast<std::uint64_t>(at.api().get(at.in_workspace("/issues?limit=1")).body.integer_or("seq", 0));
    EXPECT_TRUE(eventually(kGoesOnMs, [&] { return follower.last_seq() >= last; })) << "the follower saw " << follower.last_seq() << " of " << last;
  }
  LogJudge judge;
  EXPECT_EQ(check_evidence(at, recorder.commands(), judge), "");
  for (const auto& fault : recorder.faults()) ADD_FAILURE() << fault;
  std::printf("%s\n", recorder.summary().c_str());
  if (::testing::Test::HasFailure()) std::cerr << at.logs();
}

}  // namespace
}  // namespace dossier::test
