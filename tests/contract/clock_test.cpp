// The contract of Clock, held against the machine's clock and the one that tests move.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "tests/support/eventually.hpp"

namespace dossier {
namespace {

// A clock and how its time goes on.
struct Running {
  virtual ~Running() = default;
  virtual const Clock& clock() const = 0;
  virtual void go_on() = 0;  // some time passes
};
struct SystemRunning final : Running {
  const Clock& clock() const override { return clock_; }
  void go_on() override {
    // Of both times: they need not pass a microsecond together.
    const std::int64_t boot = clock_.boot_us(), wall = clock_.wall_us();
    ASSERT_TRUE(test::eventually(5'000, [&] { return clock_.boot_us() > boot && clock_.wall_us() > wall; }));
  }
  SystemClock clock_;
};
struct ManualRunning final : Running {
  const Clock& clock() const override { return clock_; }
  void go_on() override { clock_.advance_us(1'000); }
  ManualClock clock_;
};

using MakeRunning = std::unique_ptr<Running> (*)();
std::unique_ptr<Running> system_clock() { return std::make_unique<SystemRunning>(); }
std::unique_ptr<Running> manual_clock() { return std::make_unique<ManualRunning>(); }

class Clocks : public testing::TestWithParam<MakeRunning> {
 protected:
  void SetUp() override { running_ = GetParam()(); }
  const Clock& clock() const { return running_->clock(); }
  std::unique_ptr<Running> running_;
};

// Who keeps a time of boot_us may take 0 as "never".
TEST_P(Clocks, BootTimeIsPositiveAndGoesOnlyForward) {
  std::int64_t last = clock().boot_us();
  EXPECT_GT(last, 0);
  for (int i = 0; i < 100; ++i) {
    const std::int64_t now = clock().boot_us();
    EXPECT_GE(now, last);
    last = now;
    running_->go_on();
    EXPECT_GT(clock().boot_us(), last);
  }
}

TEST_P(Clocks, WallTimeCountsMicrosecondsSinceTheEpoch) {
  constexpr std::int64_t kYear2020Us = 1'577'836'800'000'000, kYear2100Us = 4'102'444'800'000'000;
  EXPECT_GT(clock().wall_us(), kYear2020Us);
  EXPECT_LT(clock().wall_us(), kYear2100Us);
  const std::int64_t before = clock().wall_us();
  running_->go_on();
  EXPECT_GT(clock().wall_us(), before);
}

TEST_P(Clocks, ManyThreadsReadItWhileItGoesOn) {
  std::atomic<bool> stop{false};
  std::atomic<int> went_back{0};
  std::vector<std::thread> readers;
  readers.reserve(4);
  for (int i = 0; i < 4; ++i)
    readers.emplace_back([&] {
      for (std::int64_t last = 0; !stop.load();) {
        const std::int64_t now = clock().boot_us();
        if (now < last || clock().wall_us() <= 0) went_back.fetch_add(1);
        last = now;
      }
    });
  for (int i = 0; i < 100; ++i) running_->go_on();
  stop.store(true);
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(went_back.load(), 0);
}

INSTANTIATE_TEST_SUITE_P(System, Clocks, testing::Values(&system_clock));
INSTANTIATE_TEST_SUITE_P(Manual, Clocks, testing::Values(&manual_clock));

TEST(SystemClockAlone, ItsWallTimeIsTheMachines) {
  using std::chrono::duration_cast, std::chrono::microseconds;
  const auto before = duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const auto now = SystemClock().wall_us();
  const auto after = duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LE(before, now);
  EXPECT_LE(now, after);
}

TEST(ManualClockAlone, ItsWallTimeJumpsBothWaysAndItsBootTimeStays) {
  ManualClock clock;
  const std::int64_t wall = clock.wall_us(), boot = clock.boot_us();
  clock.jump_wall_us(-5'000'000);
  EXPECT_EQ(clock.wall_us(), wall - 5'000'000);
  clock.jump_wall_us(7'000'000);
  EXPECT_EQ(clock.wall_us(), wall + 2'000'000);
  EXPECT_EQ(clock.boot_us(), boot);
}

TEST(ManualClockAlone, ItMovesBothTimesAlike) {
  ManualClock clock(10'000'000);
  const std::int64_t boot = clock.boot_us();
  clock.advance_us(0);
  clock.advance_us(3);
  EXPECT_EQ(clock.wall_us(), 10'000'003);
  EXPECT_EQ(clock.boot_us(), boot + 3);
}

TEST(ManualClockAloneDeathTest, ItsBootTimeCantBeTurnedBack) {
  ManualClock clock;
  EXPECT_DEATH(clock.advance_us(-1), "by_us >= 0");
}

}  // namespace
}  // namespace dossier
