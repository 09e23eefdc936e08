// A directory as a tree, through a private index.
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "platform/git/git.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dossier::git {
namespace {

namespace fs = std::filesystem;
using test::GitRepository;
using test::run_git;
using test::TemporaryFolder;
using test::write_file;

class GitSnapshot : public ::testing::Test {
 protected:
  GitSnapshot()
      : source_(folder_.path() + "/source"), repository_(*Repository::open(source_.path() + "/.git")), head_(*repository_.resolve("HEAD")) {}
  Snapshot take(const SnapshotLimits& limits = {}) {
    auto snapshot = repository_.snapshot(source_.path(), index_, head_, limits);
    EXPECT_TRUE(snapshot) << snapshot.error().message;
    return snapshot ? *std::move(snapshot) : Snapshot{};
  }
  std::string list(const std::string& tree) { return source_.git("ls-tree -r --name-only " + tree); }
  // As the git program sees it from scratch.
  std::string by_git() {
    source_.git("read-tree --index-output=.git/judge.index HEAD");
    const std::string tree = run_git(source_.path(),
                                     "--git-dir=.git rev-parse HEAD >/dev/null; export GIT_INDEX_FILE=.git/judge.index; git -c safe.directory='*' "
                                     "add -A; git -c safe.directory='*' write-tree");
    fs::remove(source_.path() + "/.git/judge.index");
    return tree;
  }

  TemporaryFolder folder_{"snapshot"};
  GitRepository source_;
  Repository repository_;
  std::string head_;
  std::string index_ = folder_.path() + "/private.index";
};

TEST_F(GitSnapshot, of_an_untouched_directory_is_the_commits_tree) {
  EXPECT_EQ(take().tree, *repository_.tree_of(head_));
  EXPECT_EQ(take().tree, *repository_.tree_of(head_));
}

TEST_F(GitSnapshot, holds_what_is_untracked_changed_removed_and_executable_as_git_would) {
  write_file(source_.path() + "/README.md", "hello world\n");
  write_file(source_.path() + "/new/deep/file.txt", "x\n");
  write_file(source_.path() + "/run.sh", "#!/bin/sh\n");
  fs::permissions(source_.path() + "/run.sh", fs::perms::owner_all);
  fs::remove(source_.path() + "/src/main.txt");
  fs::create_symlink("nowhere", source_.path() + "/link");
  EXPECT_EQ(take().tree, by_git());
}

TEST_F(GitSnapshot, leaves_the_repositorys_own_index_alone) {
  write_file(source_.path() + "/new.txt", "x\n");
  take();
  EXPECT_EQ(source_.git("status --porcelain"), "?? new.txt");
}

TEST_F(GitSnapshot, sees_a_change_of_the_same_size_right_after_the_one_before) {
  for (int i = 0; i < 50; ++i) {
    write_file(source_.path() + "/README.md", "hello" + std::to_string(10 + i) + "\n");
    const auto snapshot = take();
    ASSERT_EQ(source_.git("cat-file -p " + snapshot.tree + ":README.md"), "hello" + std::to_string(10 + i));
  }
}

TEST_F(GitSnapshot, opens_no_file_that_did_not_change_since_the_one_before) {
  take();
  write_file(source_.path() + "/changed.txt", "x\n");
  take();
  const int watch = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  ASSERT_GE(watch, 0);
  const int same = ::inotify_add_watch(watch, (source_.path() + "/src/main.txt").c_str(), IN_OPEN);
  const int changed = ::inotify_add_watch(watch, (source_.path() + "/changed.txt").c_str(), IN_OPEN);
  ASSERT_GE(same, 0);
  write_file(source_.path() + "/changed.txt", "xy\n");
  take();
  alignas(inotify_event) char buffer[4096];
  std::set<int> opened;
  for (ssize_t got = ::read(watch, buffer, sizeof buffer), at = 0; at < got;) {
    const auto& event = *reinterpret_cast<const inotify_event*>(buffer + at);
    opened.insert(event.wd);
    at += static_cast<ssize_t>(sizeof event + event.len);
  }
  ::close(watch);
  EXPECT_EQ(opened, std::set<int>{changed});
}

TEST_F(GitSnapshot, follows_no_link_out_of_the_directory) {
  write_file(folder_.path() + "/secret/main.txt", "secret\n");
  fs::remove_all(source_.path() + "/src");
  fs::create_symlink(folder_.path() + "/secret", source_.path() + "/src");
  fs::create_symlink(folder_.path() + "/secret/main.txt", source_.path() + "/file");
  const auto snapshot = take();
  EXPECT_EQ(list(snapshot.tree), "README.md\nfile\nsrc");
  EXPECT_EQ(source_.git("cat-file -p " + snapshot.tree + ":file"), folder_.path() + "/secret/main.txt");
}

TEST_F(GitSnapshot, passes_over_pipes_and_names_what_is_too_large) {
  ASSERT_EQ(::mkfifo((source_.path() + "/pipe").c_str(), 0600), 0);
  write_file(source_.path() + "/large.bin", std::string(101, 'x'));
  write_file(source_.path() + "/fits.bin", std::string(100, 'x'));
  SnapshotLimits limits;
  limits.file_bytes = 100;
  const auto snapshot = take(limits);
  EXPECT_EQ(list(snapshot.tree), "README.md\nfits.bin\nsrc/main.txt");
  ASSERT_EQ(snapshot.left_out.size(), 1u);
  EXPECT_EQ(snapshot.left_out[0].substr(0, 10), "large.bin:");
}

TEST_F(GitSnapshot, refuses_more_changes_than_its_limit_and_says_what_to_do) {
  for (int i = 0; i < 4; ++i) write_file(source_.path() + "/new" + std::to_string(i), "x");
  SnapshotLimits limits;
  limits.files = 3;
  const auto refused = repository_.snapshot(source_.path(), index_, head_, limits);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::payload_too_large);
  EXPECT_NE(refused.error().message.find(".gitignore"), std::string::npos);
  limits.files = 4;
  EXPECT_TRUE(repository_.snapshot(source_.path(), index_, head_, limits));
}

TEST_F(GitSnapshot, what_becomes_ignored_later_leaves_the_tree_again) {
  write_file(source_.path() + "/build/out.o", "x");
  EXPECT_EQ(list(take().tree), "README.md\nbuild/out.o\nsrc/main.txt");
  write_file(source_.path() + "/.gitignore", "build/\n");
  EXPECT_EQ(list(take().tree), ".gitignore\nREADME.md\nsrc/main.txt");
}

TEST_F(GitSnapshot, leaves_out_a_repository_inside_and_keeps_files_of_ours_around_one) {
  GitRepository nested(source_.path() + "/vendor/thing");
  run_git(source_.path() + "/src", "init -q -b main");  // by mistake, in a folder with files of ours
  write_file(source_.path() + "/src/main.txt", "changed\n");
  const auto snapshot = take();
  EXPECT_EQ(list(snapshot.tree), "README.md\nsrc/main.txt");
  EXPECT_EQ(source_.git("cat-file -p " + snapshot.tree + ":src/main.txt"), "changed");
}

TEST_F(GitSnapshot, a_damaged_or_locked_private_index_costs_time_and_nothing_else) {
  write_file(source_.path() + "/new.txt", "x\n");
  const std::string tree = take().tree;
  write_file(index_, "garbage");
  write_file(index_ + ".lock", "");
  EXPECT_EQ(take().tree, tree);
}

TEST_F(GitSnapshot, changed_files_between_two_trees_are_bounded_and_name_renames_and_binary_files) {
  write_file(source_.path() + "/data.bin", std::string("\0\1", 2));
  fs::rename(source_.path() + "/src/main.txt", source_.path() + "/moved.txt");
  const std::string after = take().tree, before = *repository_.tree_of(head_);
  const auto changes = repository_.changed_files(before, after, 10);
  ASSERT_TRUE(changes) << changes.error().message;
  ASSERT_EQ(changes->files.size(), 2u);
  EXPECT_TRUE(changes->files[0].binary);
  EXPECT_EQ(changes->files[1].change, "renamed");
  EXPECT_EQ(changes->files[1].old_path, "src/main.txt");
  const auto one = repository_.changed_files(before, after, 1);
  EXPECT_EQ(one->files.size(), 1u);
  EXPECT_EQ(one->omitted, 1u);
  EXPECT_TRUE(repository_.changed_files(after, after, 10)->files.empty());
}

TEST_F(GitSnapshot, line_endings_are_stored_as_gitattributes_say) {
  write_file(source_.path() + "/.gitattributes", "*.txt text\n");
  write_file(source_.path() + "/dos.txt", "one\r\ntwo\r\n");
  const auto snapshot = take();
  EXPECT_EQ(snapshot.tree, by_git());
  EXPECT_EQ(source_.git("cat-file -s " + snapshot.tree + ":dos.txt"), "8");
}

}  // namespace
}  // namespace dossier::git
