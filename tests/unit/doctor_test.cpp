// What `dossier worker doctor` makes of what it sees.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/support/temporary_folder.hpp"
#include "worker/doctor.hpp"

namespace dossier::worker {
namespace {

using State = Finding::State;
using ::testing::HasSubstr;

TEST(Doctor, a_disk_is_fine_short_or_too_full) {
  EXPECT_EQ(judge_disk("/w", 100ull << 30, 1'000'000).state, State::ok);
  EXPECT_EQ(judge_disk("/w", kDiskWarnBytes, 1'000'000).state, State::ok);
  EXPECT_EQ(judge_disk("/w", kDiskWarnBytes - 1, 1'000'000).state, State::warning);
  EXPECT_EQ(judge_disk("/w", kDiskFailBytes - 1, 1'000'000).state, State::failed);
  EXPECT_THAT(judge_disk("/w", 100ull << 30, 12).detail, HasSubstr("room for 12 files"));
  EXPECT_EQ(judge_disk("/w", 100ull << 30, 0).state, State::ok);  // a file system that does not count them
}

TEST(Doctor, a_clock_is_compared_with_the_servers) {
  constexpr std::int64_t kMoment = 1'764'144'000'000'000;  // Wed, 26 Nov 2025 08:00:00 GMT
  EXPECT_EQ(judge_clock("Wed, 26 Nov 2025 08:00:00 GMT", kMoment).state, State::ok);
  EXPECT_EQ(judge_clock("Wed, 26 Nov 2025 08:00:00 GMT", kMoment - 5'000'000).state, State::warning);
  const Finding ahead = judge_clock("Wed, 26 Nov 2025 08:00:00 GMT", kMoment + 3'600'500'000);
  EXPECT_EQ(ahead.state, State::warning);
  EXPECT_THAT(ahead.detail, HasSubstr("3600 s away"));
  EXPECT_EQ(judge_clock("", kMoment).state, State::warning);
  EXPECT_EQ(judge_clock("yesterday", kMoment).state, State::warning);
}

TEST(Doctor, tells_what_keeps_a_worker_from_its_server_and_what_to_do) {
  const test::TemporaryFolder folder("doctor");
  DoctorOptions options;
  options.url = "http://127.0.0.1:1";
  options.work_root = folder.path() + "/not/yet";
  const auto findings = examine(options);
  const auto find = [&](const char* check) {
    return std::find_if(findings.begin(), findings.end(), [&](const Finding& finding) { return finding.check == check; });
  };
  ASSERT_NE(find("folder"), findings.end());
  EXPECT_EQ(find("folder")->state, State::ok) << find("folder")->detail;
  ASSERT_NE(find("server"), findings.end());
  EXPECT_EQ(find("server")->state, State::failed);
  EXPECT_THAT(find("server")->remedy, HasSubstr("--url"));
  EXPECT_EQ(find("brokers"), findings.end());  // not asked without a server
}

}  // namespace
}  // namespace dossier::worker
