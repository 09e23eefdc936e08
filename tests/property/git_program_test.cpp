// What libgit2 and ours say of names and trees is what the git program says.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <random>

#include "base/check.hpp"
#include "platform/git/git.hpp"
#include "platform/git/names.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dossier::git {
namespace {

namespace fs = std::filesystem;

std::string random_name(std::mt19937_64& random) {
  // Pieces that the rules are about come often enough to meet.
  static const std::vector<std::string> kPieces{"a",    "B",        "x1",   "/",    "/", ".", "..", ".lock", ".lo", "@",  "@{",    "{",
                                                "-",    "~",        "^",    ":",    "?", "*", "[",  "]",     "\\",  " ",  "\t",    "\x7f",
                                                "\x01", "\xc3\xa9", "\xff", "HEAD", "!", "#", "%",  "&",     "'",   "\"", "heads", "refs"};
  std::string name;
  for (std::size_t pieces = 1 + random() % 5; pieces > 0; --pieces) name += kPieces[random() % kPieces.size()];
  return name;
}

// One process for all names: a line "0" or "1" for each.
std::vector<bool> judged_by_git(const std::string& folder, const std::vector<std::string>& names) {
  std::string script =
      "#!/bin/bash\nwhile IFS= read -r -d '' name; do git check-ref-format --branch \"$name\" >/dev/null 2>&1 && echo 1 || echo 0; done\n";
  test::write_file(folder + "/judge.sh", script);
  std::string all;
  for (const auto& name : names) all += name + std::string(1, '\0');
  test::write_file(folder + "/names", all);
  std::FILE* pipe = ::popen(("cd '" + folder + "' && GIT_CEILING_DIRECTORIES='" + folder + "' bash judge.sh <names").c_str(), "r");
  CHECK(pipe != nullptr);
  std::vector<bool> verdicts;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe))
    if (c != '\n') verdicts.push_back(c == '1');
  CHECK(::pclose(pipe) == 0);
  return verdicts;
}

TEST(BranchNames, are_valid_where_git_check_ref_format_says_so) {
  const test::TemporaryFolder folder("names");
  std::mt19937_64 random(20'240'517);
  std::vector<std::string> names{"HEAD", "@", "-", "a", "a/b", "refs/heads/a", "a/.b", "a.lock/b", "a/@", "@/a", "a@{b", "a{", "--", "-a", "a-"};
  while (names.size() < 1'500) names.push_back(random_name(random));
  const auto verdicts = judged_by_git(folder.path(), names);
  ASSERT_EQ(verdicts.size(), names.size());
  std::size_t valid = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(branch_name_is_valid(names[i]), verdicts[i]) << ::testing::PrintToString(names[i]);
    valid += verdicts[i] ? 1 : 0;
  }
  EXPECT_GT(valid, 100u);  // both answers were met
  EXPECT_LT(valid, names.size() - 100);
}

// Random work in a directory, snapshot after each few steps, compared with `git add -A && git write-tree` through an index
// of git's own that starts at the commit each time. (libgit2 1.5 passes over a "!" pattern that takes back one of an outer
// .gitignore, and lets one take back what lies in an ignored folder; neither is drawn here.)
class RandomWork {
 public:
  RandomWork(std::string path, std::uint64_t seed) : path_(std::move(path)), random_(seed) {}
  void step() {
    const std::string path = pick();
    std::error_code failed;
    switch (random_() % 9) {
      case 0:
      case 1:
      case 2: write(path, std::string(random_() % 40, static_cast<char>('a' + random_() % 3)) + "\n"); break;
      case 3: fs::remove_all(path_ + "/" + path, failed); break;
      case 4:
        fs::remove_all(path_ + "/" + path, failed);
        make_parent(path);
        fs::create_symlink(random_() % 2 == 0 ? "/etc" : pick(), path_ + "/" + path, failed);
        break;
      case 5:
        if (fs::is_regular_file(fs::symlink_status(path_ + "/" + path, failed)))
          fs::permissions(path_ + "/" + path, fs::perms::owner_exec, random_() % 2 == 0 ? fs::perm_options::add : fs::perm_options::remove, failed);
        break;
      case 6: fs::rename(path_ + "/" + path, path_ + "/" + pick(), failed); break;
      case 7: write(random_() % 2 == 0 ? ".gitignore" : "d0/.gitignore", random_() % 2 == 0 ? "f1\n*.o\nd2/\n" : "f*\n!f1\n"); break;
      case 8: write(path, std::string("\0\1\2", 3) + std::to_string(random_() % 3)); break;
    }
  }

 private:
  std::string pick() {
    std::string path;
    for (std::size_t depth = random_() % 3; depth > 0; --depth) path += "d" + std::to_string(random_() % 3) + "/";
    return path + "f" + std::to_string(random_() % 4) + (random_() % 5 == 0 ? ".o" : "");
  }
  // Over a file or link that is in the way of a folder.
  void make_parent(const std::string& path) {
    std::error_code failed;
    for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      const fs::path folder = path_ + "/" + path.substr(0, slash);
      if (!fs::is_directory(fs::symlink_status(folder, failed))) {
        fs::remove(folder, failed);
        fs::create_directory(folder, failed);
      }
    }
  }
  void write(const std::string& path, const std::string& content) {
    std::error_code failed;
    make_parent(path);
    if (!fs::is_regular_file(fs::symlink_status(path_ + "/" + path, failed))) fs::remove_all(path_ + "/" + path, failed);
    test::write_file(path_ + "/" + path, content);
  }

  std::string path_;
  std::mt19937_64 random_;
};

TEST(Snapshots, of_random_work_are_the_trees_that_git_writes) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const test::TemporaryFolder folder("trees");
    test::GitRepository source(folder.path() + "/source");
    RandomWork work(source.path(), seed);
    for (int i = 0; i < 30; ++i) work.step();
    source.git("add -A");
    source.git("commit -q --allow-empty -m second");
    auto repository = Repository::open(source.path() + "/.git");
    ASSERT_TRUE(repository);
    const std::string head = *repository->resolve("HEAD");
    for (int round = 0; round < 12; ++round) {
      for (int i = 0; i < 4; ++i) work.step();
      const auto snapshot = repository->snapshot(source.path(), folder.path() + "/ours.index", head);
      ASSERT_TRUE(snapshot) << snapshot.error().message;
      const std::string by_git =
          test::run_git(source.path(), "read-tree --index-output='" + folder.path() + "/git.index' HEAD && export GIT_INDEX_FILE='" + folder.path() +
                                           "/git.index' && git -c safe.directory='*' add -A && git -c safe.directory='*' write-tree");
      EXPECT_TRUE(snapshot->left_out.empty()) << snapshot->left_out[0];
      ASSERT_EQ(snapshot->tree, by_git) << "seed " << seed << ", round " << round << "\n"
                                        << source.git("diff-tree -r " + by_git + " " + snapshot->tree);
    }
  }
}

}  // namespace
}  // namespace dossier::git
