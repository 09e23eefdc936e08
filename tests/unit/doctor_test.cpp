// What `dossier worker doctor` makes of what it sees.
#include <gmock/gmock.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/temporary_folder.hpp"
#include "worker/doctor.hpp"
#include "worker/work_root.hpp"

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

TEST(Doctor, an_account_that_does_not_get_to_the_work_root_is_told_which_folder_keeps_it_out) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can run agents as another account";
  const test::TemporaryFolder folder("doctor");
  const std::string closed = folder.path() + "/closed";
  const std::string root = closed + "/worker/root";
  std::filesystem::create_directories(root);
  std::filesystem::permissions(folder.path(), std::filesystem::perms::others_exec, std::filesystem::perm_options::add);
  const auto nobody = process::find_account("nobody");
  ASSERT_TRUE(nobody.has_value());
  std::filesystem::permissions(closed, std::filesystem::perms::owner_all);
  const Status kept_out = check_reachable(root, *nobody);
  ASSERT_FALSE(kept_out.has_value());
  EXPECT_EQ(kept_out.error().code, Code::forbidden);
  EXPECT_THAT(kept_out.error().message, HasSubstr("can't pass through " + closed + ":"));

  DoctorOptions options;
  options.url = "http://127.0.0.1:1";
  options.account = "nobody";
  options.work_root = root + "/not/yet";
  const auto findings = examine(options);
  const auto account = std::find_if(findings.begin(), findings.end(), [](const Finding& finding) { return finding.check == "account"; });
  ASSERT_NE(account, findings.end());
  EXPECT_EQ(account->state, State::failed);
  EXPECT_THAT(account->detail, HasSubstr(closed));

  process::Account in_no_way = *nobody;
  in_no_way.uid = static_cast<uid_t>(-1);  // the kernel takes no such id
  EXPECT_THAT(check_reachable(root, in_no_way).error().message, HasSubstr("nothing runs as nobody"));

  std::filesystem::permissions(closed, std::filesystem::perms::others_exec, std::filesystem::perm_options::add);
  EXPECT_TRUE(check_reachable(root, *nobody).has_value());
}

}  // namespace
}  // namespace dossier::worker
