// Worktrees and branches of sessions, on real repositories.
#include "worker/workdir/workdir.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "tests/support/eventually.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;
using test::GitRepository;
using test::kAgent;
using test::kGoOn;
using test::read_file;
using test::run_git;
using test::TemporaryFolder;
using test::write_file;

class WorkdirTest : public ::testing::Test {
 protected:
  WorkdirTest() : source_(folder_.path() + "/source"), store_(folder_.path() + "/workroot", std::nullopt) {
    EXPECT_TRUE(store_.repair());
    request_.project_id = "prj_1";
    request_.session_id = "ses_0123456789abcdef";
    request_.offer = 1;
    request_.issue_number = 7;
    request_.issue_title = "Fix the *parser*, please!";
    request_.source.set_local_path(source_.path() + "/src");  // inside it: resolved to its root
  }
  Workdir prepare() { return prepare(request_); }
  Workdir prepare(const WorkdirRequest& request) {
    auto workdir = store_.prepare(request, kGoOn);
    EXPECT_TRUE(workdir) << workdir.error().message;
    return workdir ? *workdir : Workdir{};
  }
  Captured capture(const Workdir& workdir) {
    diff_.clear();
    auto captured = store_.capture(workdir, "Work\n\nDossier-Session: ses_1\n", kAgent, [&](std::string_view piece) {
      diff_ += piece;
      return true;
    });
    EXPECT_TRUE(captured) << captured.error().message;
    return captured ? *captured : Captured{};
  }
  // In the cached repository.
  std::string cached(const Workdir& workdir, const std::string& arguments) { return run_git(workdir.repository, arguments); }

  TemporaryFolder folder_{"workdir"};
  GitRepository source_;
  WorkdirStore store_;
  WorkdirRequest request_;
  std::string diff_;
};

TEST(BranchSlug, is_short_lower_case_ascii) {
  EXPECT_EQ(branch_slug("Fix the *parser*, please!"), "fix-the-parser-please");
  EXPECT_EQ(branch_slug("\xc3\x89t\xc3\xa9"), "t");
  EXPECT_EQ(branch_slug("..--.."), "issue");
  EXPECT_EQ(branch_slug(std::string(100, 'x')).size(), 40u);
}

TEST_F(WorkdirTest, a_session_gets_a_worktree_and_a_branch) {
  const Workdir workdir = prepare();
  EXPECT_EQ(workdir.branch, "dossier/7-fix-the-parser-please");
  EXPECT_EQ(workdir.base_branch, "main");
  EXPECT_EQ(workdir.base_commit, source_.git("rev-parse HEAD"));
  EXPECT_EQ(read_file(workdir.path + "/README.md"), "hello\n");
  EXPECT_EQ(run_git(workdir.path, "branch --show-current"), workdir.branch);
  EXPECT_NE(workdir.path.find("/workdirs/prj_1/ses_0123456789abcdef-o1"), std::string::npos);
  EXPECT_EQ(store_.cached_projects(), std::vector<std::string>{"prj_1"});
}

TEST_F(WorkdirTest, everything_that_changed_is_captured_but_what_is_ignored) {
  write_file(source_.path() + "/.gitignore", "*.log\n");
  write_file(source_.path() + "/old.txt", std::string(200, 'a') + "\nsame\nsame\n");
  source_.commit_all("second");
  const Workdir workdir = prepare();
  write_file(workdir.path + "/README.md", "hello\nworld\n");
  write_file(workdir.path + "/new/file.txt", "a\nb\nc\n");
  write_file(workdir.path + "/data.bin", std::string("\0\1\2\xff", 4));
  write_file(workdir.path + "/noise.log", "ignored");
  fs::remove(workdir.path + "/src/main.txt");
  fs::rename(workdir.path + "/old.txt", workdir.path + "/moved.txt");
  const Captured captured = capture(workdir);
  EXPECT_EQ(captured.base_commit, workdir.base_commit);
  EXPECT_NE(captured.commit, workdir.base_commit);
  std::string listed;
  for (const auto& file : captured.files)
    listed += file.change + " " + file.path + " " + file.old_path + " +" + std::to_string(file.insertions) + " -" + std::to_string(file.deletions) +
              (file.binary ? " binary" : "") + "\n";
  EXPECT_EQ(listed,
            "modified README.md  +1 -0\n"
            "added data.bin  +0 -0 binary\n"
            "renamed moved.txt old.txt +0 -0\n"
            "added new/file.txt  +3 -0\n"
            "deleted src/main.txt  +0 -10\n");
  EXPECT_NE(diff_.find("diff --git a/README.md b/README.md"), std::string::npos);
  EXPECT_NE(diff_.find("@@ -1 +1,2 @@\n hello\n+world\n"), std::string::npos);
  EXPECT_EQ(diff_.find("noise.log"), std::string::npos);
  EXPECT_EQ(cached(workdir, "log -1 --format=%an:%ae " + captured.commit), "codex:codex@agents.invalid");
  EXPECT_EQ(cached(workdir, "log -1 --format='%(trailers:key=Dossier-Session,valueonly)' " + captured.commit), "ses_1");
  EXPECT_EQ(cached(workdir, "rev-parse refs/heads/" + workdir.branch), captured.commit);
}

TEST_F(WorkdirTest, the_captured_diff_applies_to_the_base_and_gives_the_same_tree) {
  const Workdir workdir = prepare();
  write_file(workdir.path + "/README.md", "no newline at the end");
  write_file(workdir.path + "/new.txt", "x\n");
  const Captured captured = capture(workdir);
  write_file(folder_.path() + "/it.patch", diff_);
  source_.git("apply --index '" + (folder_.path() + "/it.patch") + "'");
  EXPECT_EQ(source_.git("write-tree"), cached(workdir, "rev-parse " + captured.commit + "^{tree}"));
}

TEST_F(WorkdirTest, nothing_changed_means_the_base_commit_and_no_files) {
  const Workdir workdir = prepare();
  const Captured captured = capture(workdir);
  EXPECT_EQ(captured.commit, workdir.base_commit);
  EXPECT_TRUE(captured.files.empty());
  EXPECT_EQ(diff_, "");
}

TEST_F(WorkdirTest, commits_which_the_agent_made_itself_are_kept_below_the_rest) {
  const Workdir workdir = prepare();
  write_file(workdir.path + "/one.txt", "1\n");
  run_git(workdir.path, "add -A");
  run_git(workdir.path, "commit -q -m 'by the agent'");
  write_file(workdir.path + "/two.txt", "2\n");
  const Captured captured = capture(workdir);
  EXPECT_EQ(captured.files.size(), 2u);
  EXPECT_EQ(cached(workdir, "log -2 --format=%s " + captured.commit), "Work\nby the agent");
}

TEST_F(WorkdirTest, capturing_does_not_believe_the_worktrees_own_git_file) {
  const Workdir workdir = prepare();
  GitRepository elsewhere(folder_.path() + "/elsewhere");
  write_file(workdir.path + "/.git", "gitdir: " + elsewhere.path() + "/.git\n");
  write_file(workdir.path + "/new.txt", "x\n");
  const Captured captured = capture(workdir);
  EXPECT_EQ(captured.files.size(), 1u);
  EXPECT_EQ(cached(workdir, "rev-parse refs/heads/" + workdir.branch), captured.commit);
  EXPECT_EQ(elsewhere.git("rev-list --count HEAD"), "1");
}

TEST_F(WorkdirTest, a_repository_which_the_agent_cloned_into_its_worktree_does_not_break_the_capture) {
  const Workdir workdir = prepare();
  GitRepository nested(workdir.path + "/vendor/thing");
  fs::create_directories(workdir.path + "/vendor/empty");
  run_git(workdir.path + "/vendor/empty", "init -q -b main");
  write_file(workdir.path + "/new.txt", "x\n");
  const Captured captured = capture(workdir);
  EXPECT_NE(captured.commit, workdir.base_commit);
  EXPECT_TRUE(std::any_of(captured.files.begin(), captured.files.end(), [](const auto& file) { return file.path == "new.txt"; }));
}

TEST_F(WorkdirTest, links_are_captured_as_links) {
  const Workdir workdir = prepare();
  ASSERT_EQ(::symlink("/etc/passwd", (workdir.path + "/link").c_str()), 0);
  const Captured captured = capture(workdir);
  EXPECT_EQ(cached(workdir, "cat-file -p " + captured.commit + ":link"), "/etc/passwd");
}

TEST_F(WorkdirTest, a_branch_name_that_is_taken_gets_the_sessions_id) {
  prepare();
  WorkdirRequest second = request_;
  second.session_id = "ses_fedcba9876543210";
  EXPECT_EQ(prepare(second).branch, "dossier/7-fix-the-parser-please-fedcba98");
  source_.git("branch dossier/8-fix-the-parser-please");
  WorkdirRequest third = request_;
  third.offer = 2;
  third.issue_number = 8;
  EXPECT_EQ(prepare(third).branch, "dossier/8-fix-the-parser-please-01234567");
}

TEST_F(WorkdirTest, the_same_offer_prepared_again_starts_from_nothing) {
  const Workdir first = prepare();
  write_file(first.path + "/left.txt", "half\n");
  store_.release(first);
  const Workdir second = prepare();
  EXPECT_EQ(second.path, first.path);
  EXPECT_NE(second.branch, first.branch);
  EXPECT_FALSE(fs::exists(second.path + "/left.txt"));
  EXPECT_EQ(cached(second, "worktree list --porcelain | grep -c ^branch"), "1");
}

TEST_F(WorkdirTest, the_next_session_sees_what_was_pushed_meanwhile_and_removed_branches_go) {
  source_.git("branch gone");
  prepare();
  write_file(source_.path() + "/README.md", "newer\n");
  const std::string newer = source_.commit_all("newer");
  source_.git("branch -q -D gone");
  request_.offer = 2;
  const Workdir second = prepare();
  EXPECT_EQ(second.base_commit, newer);
  EXPECT_EQ(cached(second, "branch -r --list origin/gone"), "");
  EXPECT_EQ(cached(second, "branch --list 'dossier/*' | wc -l"), "2");
}

TEST_F(WorkdirTest, a_source_that_is_as_it_was_is_not_fetched_again) {
  const std::string fetched = prepare().repository + "/FETCH_HEAD";
  ASSERT_TRUE(fs::remove(fetched));
  request_.offer = 2;
  prepare();
  EXPECT_FALSE(fs::exists(fetched));
  source_.git("branch another");
  request_.offer = 3;
  EXPECT_EQ(cached(prepare(), "branch -r --list origin/another"), "  origin/another");
  source_.git("branch -q -D another");
  request_.offer = 4;
  EXPECT_EQ(cached(prepare(), "branch -r --list origin/another"), "");
}

TEST_F(WorkdirTest, what_a_crash_left_half_made_is_removed_at_start) {
  const Workdir whole = prepare();
  request_.offer = 2;
  const Workdir half = prepare();
  write_file(half.repository + "/worktrees/" + half.worktree + "/locked", "");
  fs::remove(half.path + ".copy.json");  // written when all is made
  request_.offer = 3;
  const Workdir gone = prepare();
  fs::remove_all(gone.path);
  fs::remove(gone.path + ".copy.json");
  fs::create_directories(folder_.path() + "/workroot/repos/abc.making/objects");
  WorkdirStore restarted(folder_.path() + "/workroot", std::nullopt);
  ASSERT_TRUE(restarted.repair());
  EXPECT_TRUE(fs::exists(whole.path));
  EXPECT_FALSE(fs::exists(half.path));
  EXPECT_FALSE(fs::exists(folder_.path() + "/workroot/repos/abc.making"));
  EXPECT_EQ(cached(whole, "worktree list --porcelain | grep -c ^branch"), "1");
}

TEST_F(WorkdirTest, errors_name_the_repository_and_the_branch) {
  WorkdirRequest request = request_;
  request.source.set_local_path(folder_.path() + "/nowhere");
  auto missing = store_.prepare(request, kGoOn);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
  request = request_;
  request.default_branch = "trunk";
  auto branch = store_.prepare(request, kGoOn);
  ASSERT_FALSE(branch);
  EXPECT_EQ(branch.error().code, Code::not_found);
  EXPECT_NE(branch.error().message.find("trunk"), std::string::npos);
  fs::create_directories(folder_.path() + "/empty");
  run_git(folder_.path() + "/empty", "init -q -b main");
  request = request_;
  request.source.set_git_url(folder_.path() + "/empty");
  auto empty = store_.prepare(request, kGoOn);
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, Code::not_found);
  request = request_;
  request.session_id = "../../etc";
  EXPECT_FALSE(store_.prepare(request, kGoOn));
}

TEST_F(WorkdirTest, preparing_is_broken_off_when_asked) {
  auto stopped = store_.prepare(request_, [] { return true; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::shutting_down);
}

TEST_F(WorkdirTest, finished_worktrees_are_kept_up_to_a_bound_and_branches_with_work_for_ever) {
  std::vector<Workdir> all;
  for (std::uint32_t offer = 1; offer <= WorkdirStore::kMaxIdle + 2; ++offer) {
    request_.offer = offer;
    all.push_back(prepare());
    if (offer == 1) {
      write_file(all.back().path + "/work.txt", "x\n");
      capture(all.back());
    }
    store_.release(all.back());
  }
  EXPECT_TRUE(test::eventually(10'000, [&] { return !fs::exists(all[0].path) && !fs::exists(all[1].path); }));
  EXPECT_TRUE(test::eventually(10'000, [&] { return cached(all[0], "branch --list " + all[1].branch).empty(); }));
  EXPECT_TRUE(fs::exists(all[2].path));
  EXPECT_NE(cached(all[0], "branch --list " + all[0].branch), "");
}

TEST_F(WorkdirTest, sessions_on_one_repository_may_prepare_at_the_same_time) {
  std::vector<std::thread> threads;
  std::vector<Workdir> made(4);
  threads.reserve(made.size());
  for (std::uint32_t i = 0; i < made.size(); ++i)
    threads.emplace_back([&, i] {
      WorkdirRequest request = request_;
      request.offer = i + 1;
      auto workdir = store_.prepare(request, kGoOn);
      if (workdir) made[i] = *workdir;
    });
  for (auto& thread : threads) thread.join();
  for (const auto& workdir : made) EXPECT_TRUE(fs::exists(workdir.path + "/README.md"));
}

TEST_F(WorkdirTest, the_worktree_belongs_to_the_agents_account_where_there_is_one) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: only root can give files away";
  auto nobody = process::find_account("nobody");
  ASSERT_TRUE(nobody);
  WorkdirStore store(folder_.path() + "/work2", *nobody);
  ASSERT_TRUE(store.repair());
  auto workdir = store.prepare(request_, kGoOn);
  ASSERT_TRUE(workdir) << workdir.error().message;
  EXPECT_EQ(run_git("/", "--version >/dev/null; stat -c %U " + workdir->path + "/src/main.txt"), "nobody");
}

TEST_F(WorkdirTest, only_the_worker_and_its_agents_account_get_to_repositories_and_worktrees) {
  const auto mode = [](const std::string& path) { return run_git("/", "--version >/dev/null; stat -c '%a %G' " + path); };
  EXPECT_EQ(mode(folder_.path() + "/workroot/repos").substr(0, 3), "700");
  if (::geteuid() != 0) return;  // only root has agents of another account
  const auto nobody = process::find_account("nobody");
  ASSERT_TRUE(nobody);
  WorkdirStore store(folder_.path() + "/work2", *nobody);
  ASSERT_TRUE(store.repair());
  EXPECT_EQ(mode(folder_.path() + "/work2/repos"), "750 nogroup");
  EXPECT_EQ(mode(folder_.path() + "/work2/workdirs"), "750 nogroup");
}

}  // namespace
}  // namespace dossier::worker
