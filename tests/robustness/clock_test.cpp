// The wall clock of one server is hours ahead, then hours behind, while the other processes' are right: commands are answered
// by both servers, tasks run under their first offer, no lease expires.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "tests/robustness/turned_clock.hpp"
#include "tests/support/installation.hpp"

namespace dossier::test {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Not;

constexpr std::int64_t kTwoHoursS = 7'200;

class TurnedClock : public ::testing::Test {
 protected:
  // A server whose clock is right unless `only_wrong`, one whose clock can be turned, and a worker.
  void begin(bool only_wrong) {
    if (const auto why = why_no_turned_clock(); !why.empty()) GTEST_SKIP() << why;
    at_ = std::make_unique<Installation>(Clusters::shared());
    turn(0);
    at_->start_server(0, only_wrong ? turned_clock(clock()) : EnvironmentChanges{});
    if (!only_wrong) at_->start_server(1, turned_clock(clock()));
    at_->bootstrap();
    at_->start_worker("w1", 2);
    project_ = at_->make_project("clock");
    at_->make_agent({.name = "worker", .command = {"/bin/sh", at_->copy_script("tests/robustness/agents/work.sh")}});
  }
  void TearDown() override {
    if (HasFailure() && at_ != nullptr) std::cerr << at_->logs();
    at_.reset();
  }

  std::string clock() const { return at_->folder() + "/clock"; }
  void turn(std::int64_t seconds) { set_turned_clock(clock(), seconds); }
  void expect_work_goes_on(const std::vector<int>& servers) {
    for (int round = 0; round < 3; ++round)
      for (const int number : servers) {
        Api api = at_->api_of(number);
        const Reply made = api.post(at_->in_workspace("/issues"), object({{"title", "on time"}}));
        EXPECT_EQ(made.status, 201) << "server " << number << ": " << made.raw << made.problem;
      }
    const Asked asked = at_->ask(at_->open_issue("Work", project_), "@worker please");
    EXPECT_EQ(at_->wait_for_task(asked.task, {"completed", "failed", "cancelled"}, 60'000), "completed") << at_->task(asked.task).raw;
    EXPECT_EQ(at_->task(asked.task).body.integer_or("offer", 0), 1);
    EXPECT_THAT(at_->timeline_types(asked.issue), Not(Contains(AnyOf("task_offer_lapsed", "task_lease_expired"))));
  }

  std::unique_ptr<Installation> at_;
  std::string project_;
};

TEST_F(TurnedClock, one_server_of_two_has_a_wrong_clock_and_nobody_notices) {
  begin(false);
  if (IsSkipped()) return;
  turn(kTwoHoursS);
  expect_work_goes_on({0, 1});
  turn(-kTwoHoursS);
  expect_work_goes_on({0, 1});
}

TEST_F(TurnedClock, a_server_alone_whose_clock_is_wrong_goes_on_working) {
  begin(true);
  if (IsSkipped()) return;
  turn(kTwoHoursS);
  expect_work_goes_on({0});
  turn(-kTwoHoursS);
  expect_work_goes_on({0});
}

}  // namespace
}  // namespace dossier::test
