// Load from many clients while everything is killed, frozen and cut off, by a schedule from a seed. Afterwards all comes to
// rest, and the checkers of the simulation judge the history. DOSSIER_CHAOS_SEED=N draws the same schedule again;
// DOSSIER_CHAOS_SECONDS says how long the harm goes on (./dev chaos sets both).
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "tests/robustness/chaos_system.hpp"
#include "tests/robustness/evidence.hpp"
#include "tests/robustness/follower.hpp"
#include "tests/robustness/turned_clock.hpp"
#include "tests/support/eventually.hpp"

namespace dossier::test {
namespace {

constexpr std::int64_t kStormS = 40;          // in every ./dev test
constexpr std::int64_t kLongStormS = 8 * 60;  // with --all
constexpr std::int64_t kPatientStormS = 3 * 60;
constexpr int kClients = 8;
constexpr std::int64_t kPauseMs = 200;              // between two commands of a client
constexpr std::int64_t kAnswerDeadlineMs = 90'000;  // for what is under way when the storm ends
constexpr std::int64_t kRestDeadlineMs = 180'000;   // three attempts at a task, each with a lease to run out

std::int64_t number_from(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == 0 ? otherwise : std::atoll(text);
}

std::int64_t storm_s() {
  const char* all = std::getenv("DOSSIER_TEST_ALL");
  return number_from("DOSSIER_CHAOS_SECONDS", all != nullptr ? kLongStormS : kStormS);
}

class Chaos : public ::testing::Test {
 protected:
  // The history outlives the run where it is to be looked at: in DOSSIER_CHAOS_DIR, or with what ./dev test keeps.
  Chaos() {
    const char* named = std::getenv("DOSSIER_CHAOS_DIR");
    const auto folder = named != nullptr ? std::filesystem::path(named) : std::filesystem::temp_directory_path();
    recorder_ = std::make_unique<Recorder>((folder / ("chaos-" + std::to_string(seed_) + ".ndjson")).string());
  }

  void endure(ChaosSystem& system, const std::vector<ChaosStep>& plan) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(storm_s());
    for (const ChaosStep& step : plan) {
      if (std::chrono::steady_clock::now() >= end) break;
      ++steps_;
      std::printf("%7lld ms  %s\n", static_cast<long long>(recorder_->now_ms()), describe(step).c_str());
      std::fflush(stdout);
      system.suffer(step);
    }
    system.mend();
    recorder_->note("the storm is over");
  }

  const std::uint64_t seed_ = static_cast<std::uint64_t>(number_from("DOSSIER_CHAOS_SEED", 1));
  std::unique_ptr<Recorder> recorder_;
  int steps_ = 0;
};

TEST_F(Chaos, keeps_every_promise_while_everything_fails) {
  const ChaosCast cast{.servers = 2, .workers = 4, .clock_server = why_no_turned_clock().empty() ? 1 : -1, .patient = storm_s() >= kPatientStormS};
  const auto plan = draw_chaos(seed_, cast, static_cast<std::size_t>(storm_s()));
  std::printf("chaos: seed %llu, %lld s; history in %s\n", static_cast<unsigned long long>(seed_), static_cast<long long>(storm_s()),
              recorder_->file().c_str());
  ChaosSystem system(cast, *recorder_);
  const LoadPlace place = system.place();
  std::uint64_t last_seq = 0;
  {
    Follower first("follower-1", {place.urls[0], place.urls[1]}, place.token, place.workspace, *recorder_);
    Follower second("follower-2", {place.urls[1], place.urls[0]}, place.token, place.workspace, *recorder_);
    Load load(place, *recorder_, seed_, kClients, kPauseMs);
    endure(system, plan);
    EXPECT_TRUE(load.finish(kAnswerDeadlineMs)) << "a command had no final answer long after the storm";
    std::string open;
    EXPECT_TRUE(all_tasks_end(system.at(), kRestDeadlineMs, open)) << open;
    last_seq = static_cast<std::uint64_t>(system.at().api().get(system.at().in_workspace("/issues?limit=1")).body.integer_or("seq", 0));
    EXPECT_TRUE(eventually(kAnswerDeadlineMs, [&] { return first.last_seq() >= last_seq && second.last_seq() >= last_seq; }))
        << "of " << last_seq << " followers saw " << first.last_seq() << " and " << second.last_seq();
  }
  LogJudge judge;
  EXPECT_EQ(check_evidence(system.at(), recorder_->commands(), judge), "");
  EXPECT_EQ(judge.open_tasks(), std::vector<std::string>{});
  for (const auto& fault : recorder_->faults()) ADD_FAILURE() << fault;
  EXPECT_GE(last_seq, 20U) << "too little happened to call this a test";
  std::printf("chaos: %d steps, seq %llu; %s\n", steps_, static_cast<unsigned long long>(last_seq), recorder_->summary().c_str());
  if (HasFailure()) std::printf("again: ./dev chaos --seed %llu\n%s\n", static_cast<unsigned long long>(seed_), system.logs().c_str());
}

}  // namespace
}  // namespace dossier::test
