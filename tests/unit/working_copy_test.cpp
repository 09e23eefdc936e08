// One working copy an issue: gone on with, fenced, mended, cleaned up.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/eventually.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/workdir/workdir.hpp"

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

class WorkingCopies : public ::testing::Test {
 protected:
  WorkingCopies() : source_(folder_.path() + "/source"), store_(std::make_unique<WorkdirStore>(root(), std::nullopt)) {
    EXPECT_TRUE(store_->repair());
    request_.project_id = "prj_1";
    request_.issue_id = "iss_1";
    request_.session_id = "ses_aaaaaaaaaaaa";
    request_.offer = 1;
    request_.copy_generation = 1;
    request_.issue_number = 7;
    request_.issue_title = "Fix it";
    request_.source.set_local_path(source_.path());
  }
  std::string root() const { return folder_.path() + "/workroot"; }
  Workdir prepare() {
    auto workdir = store_->prepare(request_, kGoOn);
    EXPECT_TRUE(workdir) << workdir.error().message;
    return workdir ? *workdir : Workdir{};
  }
  void next_session() {
    request_.session_id = "ses_bbbbbbbbbbbb";
    ++request_.copy_generation;
    request_.offer = 1;
  }
  Captured capture(const Workdir& workdir) {
    diff_.clear();
    auto captured = store_->capture(workdir, "Work\n", kAgent, [&](std::string_view piece) {
      diff_ += piece;
      return true;
    });
    EXPECT_TRUE(captured) << captured.error().message;
    return captured ? *captured : Captured{};
  }
  // A first session that leaves one.txt on the branch.
  Workdir first_session() {
    const Workdir workdir = prepare();
    write_file(workdir.path + "/one.txt", "1\n");
    commit_ = capture(workdir).commit;
    store_->release(workdir);
    return workdir;
  }
  void restart() {
    store_ = std::make_unique<WorkdirStore>(root(), std::nullopt);
    ASSERT_TRUE(store_->repair());
  }
  static std::string states(const Workdir& workdir) {
    std::string all;
    for (const auto& recovery : workdir.recovered) all += recovery.state + ";";
    return all;
  }

  TemporaryFolder folder_{"copy"};
  GitRepository source_;
  std::unique_ptr<WorkdirStore> store_;
  WorkdirRequest request_;
  std::string diff_, commit_;
};

TEST_F(WorkingCopies, the_next_session_of_the_issue_goes_on_where_the_last_one_ended) {
  const Workdir first = first_session();
  write_file(first.path + "/loose.txt", "not captured\n");
  next_session();
  const Workdir second = prepare();
  EXPECT_TRUE(second.continued);
  EXPECT_EQ(second.path, first.path);
  EXPECT_EQ(second.branch, first.branch);
  EXPECT_EQ(second.generation, 2u);
  EXPECT_EQ(states(second), "");
  EXPECT_EQ(read_file(second.path + "/loose.txt"), "not captured\n");
  EXPECT_EQ(run_git(second.path, "log -1 --format=%H"), commit_);
  EXPECT_EQ(run_git(second.path, "status --porcelain"), "?? loose.txt");
}

TEST_F(WorkingCopies, a_later_offer_of_the_session_goes_on_too_also_after_a_restart) {
  const Workdir first = prepare();
  write_file(first.path + "/half.txt", "half\n");
  restart();
  request_.offer = 2;
  const Workdir second = prepare();
  EXPECT_EQ(second.path, first.path);
  EXPECT_EQ(read_file(second.path + "/half.txt"), "half\n");
}

TEST_F(WorkingCopies, another_issue_gets_a_copy_of_its_own) {
  const Workdir first = first_session();
  next_session();
  request_.issue_id = "iss_2";
  const Workdir second = prepare();
  EXPECT_FALSE(second.continued);
  EXPECT_NE(second.path, first.path);
  EXPECT_FALSE(fs::exists(second.path + "/one.txt"));
}

TEST_F(WorkingCopies, a_stale_generation_overwrites_nothing) {
  const Workdir first = first_session();
  next_session();
  const Workdir second = prepare();
  write_file(second.path + "/two.txt", "2\n");
  const auto stale = store_->capture(first, "Late\n", kAgent, [](std::string_view) { return true; });
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, Code::conflict);
  EXPECT_EQ(stale.error().message.substr(0, 6), "stale:");
  EXPECT_FALSE(store_->snapshot(first, ""));
  store_->release(first);  // nor does it give the copy away
  EXPECT_EQ(run_git(second.repository, "rev-parse refs/heads/" + second.branch), commit_);
  request_.session_id = first.worktree.substr(0, 16);
  request_.copy_generation = 1;
  const auto late = store_->prepare(request_, kGoOn);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::conflict);
  EXPECT_EQ(capture(second).ahead, 2u);
}

TEST_F(WorkingCopies, a_copy_that_a_run_still_has_is_waited_for) {
  const Workdir first = prepare();
  request_.offer = 2;
  int looks = 0;
  const auto stopped = store_->prepare(request_, [&] { return ++looks > 2; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::shutting_down);
  std::thread run([&] { store_->release(first); });
  EXPECT_EQ(prepare().path, first.path);
  run.join();
}

TEST_F(WorkingCopies, worktree_missing_is_mended_from_the_branch) {
  const Workdir first = first_session();
  fs::remove_all(first.path);
  next_session();
  const Workdir second = prepare();
  EXPECT_EQ(states(second), "worktree_missing;");
  EXPECT_EQ(read_file(second.path + "/one.txt"), "1\n");
  EXPECT_EQ(run_git(second.path, "status --porcelain"), "");
}

TEST_F(WorkingCopies, one_whose_making_was_broken_off_is_made_again_and_loses_no_file) {
  const Workdir first = first_session();
  fs::remove(first.path + "/one.txt");  // not checked out yet when the worker died
  write_file(first.repository + "/worktrees/" + first.worktree + "/locked", "not checked out yet\n");
  next_session();
  const Workdir second = prepare();
  EXPECT_EQ(states(second), "worktree_missing;");
  EXPECT_EQ(read_file(second.path + "/one.txt"), "1\n");
  EXPECT_EQ(run_git(second.path, "status --porcelain"), "");
}

TEST_F(WorkingCopies, one_that_somebody_locked_keeps_its_files) {
  const Workdir first = first_session();
  write_file(first.path + "/loose.txt", "x\n");
  run_git(first.path, "worktree lock " + first.path);
  next_session();
  EXPECT_EQ(run_git(prepare().path, "status --porcelain"), "?? loose.txt");
}

TEST_F(WorkingCopies, a_lost_registration_is_mended_and_keeps_the_files) {
  const Workdir first = first_session();
  write_file(first.path + "/loose.txt", "x\n");
  fs::remove_all(first.repository + "/worktrees/" + first.worktree);
  next_session();
  const Workdir second = prepare();
  EXPECT_EQ(states(second), "worktree_missing;");
  EXPECT_EQ(run_git(second.path, "status --porcelain"), "?? loose.txt");
}

TEST_F(WorkingCopies, branch_mismatch_is_mended_and_commits_that_follow_ours_are_kept) {
  const Workdir first = first_session();
  run_git(first.path, "checkout -q -b elsewhere");
  write_file(first.path + "/two.txt", "2\n");
  run_git(first.path, "add -A");
  run_git(first.path, "commit -q -m mine");
  next_session();
  const Workdir second = prepare();
  EXPECT_EQ(states(second), "branch_mismatch;");
  EXPECT_EQ(run_git(second.path, "branch --show-current"), second.branch);
  EXPECT_EQ(run_git(second.path, "log -1 --format=%s"), "mine");
  EXPECT_EQ(run_git(second.path, "status --porcelain"), "");
}

TEST_F(WorkingCopies, head_mismatch_puts_the_captured_work_back_and_keeps_what_was_there) {
  const Workdir first = first_session();
  run_git(first.path, "reset -q --hard HEAD~1");
  write_file(first.path + "/other.txt", "x\n");
  run_git(first.path, "add -A");
  run_git(first.path, "commit -q -m other");
  const std::string other = run_git(first.path, "rev-parse HEAD");
  next_session();
  const Workdir second = prepare();
  EXPECT_EQ(states(second), "head_mismatch;");
  EXPECT_EQ(run_git(second.path, "rev-parse HEAD"), commit_);
  EXPECT_EQ(run_git(second.repository, "for-each-ref --format='%(objectname)' refs/dossier/kept"), other);
  EXPECT_EQ(read_file(second.path + "/other.txt"), "x\n");
}

TEST_F(WorkingCopies, probe_failed_is_reported_and_the_session_gets_a_fresh_copy) {
  const Workdir first = first_session();
  std::string record = read_file(first.path + ".copy.json");
  record.replace(record.find(commit_), commit_.size(), std::string(40, '1'));
  write_file(first.path + ".copy.json", record);
  restart();
  next_session();
  const Workdir second = prepare();
  EXPECT_EQ(states(second), "probe_failed;");
  EXPECT_NE(second.path, first.path);
  EXPECT_TRUE(fs::exists(first.path + "/one.txt"));
  store_->release(second);
  next_session();
  EXPECT_EQ(prepare().path, second.path);
}

TEST_F(WorkingCopies, a_capture_tells_the_tree_and_how_far_the_default_branch_is) {
  const Workdir workdir = prepare();
  write_file(workdir.path + "/one.txt", "1\n");
  write_file(source_.path() + "/others.txt", "o\n");
  source_.commit_all("meanwhile");
  const Captured captured = capture(workdir);
  EXPECT_EQ(captured.merge_base, workdir.base_commit);
  EXPECT_EQ(captured.base_commit, workdir.base_commit);
  EXPECT_EQ(captured.ahead, 1u);
  EXPECT_EQ(captured.behind, 1u);
  EXPECT_EQ(captured.tree, run_git(workdir.repository, "rev-parse " + captured.commit + "^{tree}"));
  EXPECT_EQ(captured.generation, 1u);
  EXPECT_EQ(run_git(workdir.path, "status --porcelain"), "");
  EXPECT_EQ(diff_.find("others.txt"), std::string::npos);
}

TEST_F(WorkingCopies, what_the_agent_merged_from_the_default_branch_is_no_part_of_its_diff) {
  const Workdir workdir = prepare();
  write_file(workdir.path + "/one.txt", "1\n");
  write_file(source_.path() + "/others.txt", "o\n");
  const std::string newer = source_.commit_all("meanwhile");
  run_git(workdir.path, "fetch -q");
  run_git(workdir.path, "merge -q origin/main");
  const Captured captured = capture(workdir);
  EXPECT_EQ(captured.base_commit, newer);
  EXPECT_EQ(captured.behind, 0u);
  ASSERT_EQ(captured.files.size(), 1u);
  EXPECT_EQ(captured.files[0].path, "one.txt");
}

TEST_F(WorkingCopies, a_history_without_a_common_ancestor_is_captured_all_the_same) {
  const Workdir workdir = prepare();
  run_git(workdir.path, "checkout -q --orphan fresh");
  run_git(workdir.path, "commit -q -m alone");
  run_git(workdir.path, "branch -q -f " + workdir.branch + " fresh");
  const Captured captured = capture(workdir);
  EXPECT_EQ(captured.merge_base, "");
  EXPECT_EQ(captured.base_commit, workdir.base_commit);
}

TEST_F(WorkingCopies, a_branch_that_the_agent_removed_comes_back_with_the_work) {
  const Workdir workdir = prepare();
  run_git(workdir.path, "checkout -q --detach");
  run_git(workdir.path, "branch -q -D " + workdir.branch);
  write_file(workdir.path + "/one.txt", "1\n");
  const Captured captured = capture(workdir);
  EXPECT_EQ(run_git(workdir.repository, "rev-parse refs/heads/" + workdir.branch), captured.commit);
  EXPECT_EQ(run_git(workdir.path, "branch --show-current"), workdir.branch);
}

TEST_F(WorkingCopies, the_branch_takes_the_name_that_the_agent_proposes) {
  const Workdir workdir = prepare();
  write_file(workdir.path + "/.dossier/session/branch-name.json", R"({"branch": "fix/it"})");
  write_file(workdir.path + "/one.txt", "1\n");
  const Captured captured = capture(workdir);
  EXPECT_EQ(captured.branch, "fix/it");
  EXPECT_EQ(captured.proposal_refused, "");
  ASSERT_EQ(captured.files.size(), 1u);  // the proposal is no part of the work
  EXPECT_EQ(run_git(workdir.path, "branch --show-current"), "fix/it");
  EXPECT_EQ(run_git(workdir.repository, "for-each-ref --format='%(refname)' refs/heads"), "refs/heads/fix/it");
  EXPECT_EQ(capture(workdir).branch, "fix/it");
  store_->release(workdir);
  next_session();
  EXPECT_EQ(prepare().branch, "fix/it");
}

TEST_F(WorkingCopies, a_proposal_that_can_not_be_followed_is_told_and_fails_nothing) {
  source_.git("branch taken");
  const Workdir workdir = prepare();
  const auto with = [&](const std::string& json) {
    write_file(workdir.path + "/.dossier/session/branch-name.json", json);
    return capture(workdir);
  };
  EXPECT_NE(with(R"({"branch": "a..b"})").proposal_refused, "");
  EXPECT_NE(with(R"({"branch": "taken/it"})").proposal_refused.find("\"taken\" is in the way"), std::string::npos);
  EXPECT_EQ(with(R"({"branch": "taken/it"})").branch, workdir.branch);
  EXPECT_EQ(with(R"({"branch": "taken"})").branch, "taken-aaaaaaaa");
  EXPECT_EQ(with(R"({"branch": "taken"})").branch, "taken-aaaaaaaa");  // the same one again
  fs::remove(workdir.path + "/.dossier/session/branch-name.json");
  write_file(folder_.path() + "/outside.json", R"({"branch": "outside"})");
  fs::create_symlink(folder_.path() + "/outside.json", workdir.path + "/.dossier/session/branch-name.json");
  const Captured linked = capture(workdir);
  EXPECT_EQ(linked.branch, "taken-aaaaaaaa");
  EXPECT_NE(linked.proposal_refused, "");
}

TEST_F(WorkingCopies, snapshots_tell_what_changed_between_two_moments) {
  const Workdir workdir = prepare();
  const auto before = store_->snapshot(workdir, "");
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_TRUE(before->files.empty());
  write_file(workdir.path + "/one.txt", "1\n");
  const auto after = store_->snapshot(workdir, before->tree);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->parent_tree, before->tree);
  ASSERT_EQ(after->files.size(), 1u);
  EXPECT_EQ(after->files[0].path, "one.txt");
  EXPECT_EQ(capture(workdir).tree, after->tree);
}

TEST_F(WorkingCopies, the_first_snapshot_sees_a_change_of_the_same_size_made_at_once) {
  for (std::uint32_t offer = 1; offer <= 8; ++offer) {
    request_.issue_id = "iss_" + std::to_string(offer);
    request_.offer = offer;
    const Workdir workdir = prepare();
    write_file(workdir.path + "/README.md", "HELLO\n");
    const auto change = store_->snapshot(workdir, "");
    ASSERT_TRUE(change) << change.error().message;
    ASSERT_EQ(change->files.size(), 1u);
    EXPECT_EQ(change->files[0].path, "README.md");
  }
}

TEST_F(WorkingCopies, one_that_was_cleaned_up_comes_back_from_its_branch) {
  const Workdir first = first_session();
  const auto own_issue = request_;
  for (std::size_t i = 0; i < WorkdirStore::kMaxIdle; ++i) {
    request_.issue_id = "iss_other" + std::to_string(i);
    request_.session_id = "ses_other" + std::to_string(i);
    store_->release(prepare());
  }
  ASSERT_TRUE(test::eventually(10'000, [&] { return !fs::exists(first.path); }));
  request_ = own_issue;
  next_session();
  const Workdir second = prepare();
  EXPECT_EQ(states(second), "");
  EXPECT_EQ(read_file(second.path + "/one.txt"), "1\n");
}

TEST_F(WorkingCopies, cleaning_never_leaves_the_managed_root_and_tries_again_later) {
  const Workdir first = first_session();
  const std::string outside = folder_.path() + "/outside";
  write_file(outside + "/" + first.worktree + "/precious.txt", "precious\n");
  const std::string project = fs::path(first.path).parent_path();
  // A link inside the worktree, and one in its place.
  fs::create_symlink(outside, first.path + "/link");
  std::string record = read_file(first.path + ".copy.json");
  record.replace(record.find("\"idle\""), 6, "\"removing\"");
  write_file(first.path + ".copy.json", record);
  fs::rename(project, project + ".aside");
  fs::create_symlink(outside, project);
  write_file(outside + "/" + first.worktree + ".copy.json", record);
  store_->clean_up(2'000'000'000'000'000);
  restart();
  store_->clean_up(2'000'000'000'000'000);
  EXPECT_EQ(read_file(outside + "/" + first.worktree + "/precious.txt"), "precious\n");
  next_session();
  request_.issue_id = "iss_2";
  const auto refused = store_->prepare(request_, kGoOn);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::forbidden);
  fs::remove(project);
  fs::rename(project + ".aside", project);
  restart();
  store_->clean_up(2'000'000'000'000'000);
  EXPECT_TRUE(test::eventually(10'000, [&] { return !fs::exists(first.path); }));
  EXPECT_EQ(read_file(outside + "/" + first.worktree + "/precious.txt"), "precious\n");
}

TEST_F(WorkingCopies, what_can_not_be_cleaned_rests_between_tries_though_its_record_can_not_be_written_either) {
  const Workdir first = first_session();
  for (std::size_t i = 0; i < WorkdirStore::kMaxIdle; ++i) {
    if (i + 1 == WorkdirStore::kMaxIdle) fs::remove_all(fs::path(first.path).parent_path());
    request_.project_id = "prj_other";
    request_.issue_id = "iss_other" + std::to_string(i);
    request_.session_id = "ses_other" + std::to_string(i);
    store_->release(prepare());
  }
  const std::int64_t one = 2'000'000'000'000'000, two = one + 3'600'000'000;
  const std::int64_t first_pause = store_->clean_up(one) - one, second_pause = store_->clean_up(two) - two;
  EXPECT_GE(first_pause, cleaning_pause_us(0));
  EXPECT_GT(second_pause, first_pause);
}

TEST_F(WorkingCopies, a_read_only_module_cache_is_removed_too_and_what_a_killed_run_left_beside_it) {
  const Workdir first = first_session();
  for (const char* suffix : {".diff", ".evidence", ".output"}) write_file(first.path + suffix, "x");
  write_file(first.path + "/go/pkg/mod/thing/file.go", "x");
  fs::permissions(first.path + "/go/pkg/mod/thing", fs::perms::owner_read | fs::perms::owner_exec);
  std::string record = read_file(first.path + ".copy.json");
  record.replace(record.find("\"idle\""), 6, "\"removing\"");
  write_file(first.path + ".copy.json", record);
  restart();
  store_->clean_up(2'000'000'000'000'000);
  for (const char* suffix : {"", ".diff", ".evidence", ".output"}) EXPECT_FALSE(fs::exists(first.path + suffix)) << suffix;
}

TEST_F(WorkingCopies, a_removal_that_fails_is_repeated_with_growing_pauses_from_what_the_disk_says) {
  EXPECT_EQ(cleaning_pause_us(0), 1'000'000);
  EXPECT_EQ(cleaning_pause_us(3), 8'000'000);
  EXPECT_EQ(cleaning_pause_us(11), 2'048'000'000);
  EXPECT_EQ(cleaning_pause_us(12), 3'600'000'000);
  EXPECT_EQ(cleaning_pause_us(4'000'000'000), 3'600'000'000);
  CopyRecord record;
  record.project = "prj_1";
  record.worktree = "ses_x-o1";
  record.repository = "0123.git";
  record.state = CopyRecord::State::removing;
  record.tries = 5;
  record.not_before_us = 77;
  const auto again = parse_copy_record(write_copy_record(record));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->tries, 5u);
  EXPECT_EQ(again->not_before_us, 77);
  record.project = "..";
  EXPECT_FALSE(parse_copy_record(write_copy_record(record)));
}

}  // namespace
}  // namespace dossier::worker
