// Submodules of worktrees, on real repositories: what is checked out, what is refused, and what an agent may do to them.
#include "worker/workdir/submodules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "tests/support/eventually.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/raw_server.hpp"
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
using test::write_file;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Submodules : public ::testing::Test {
 protected:
  Submodules() {
    EXPECT_TRUE(store_.repair());
    request_.project_id = "prj_1";
    request_.session_id = "ses_0123456789abcdef";
    request_.offer = 1;
    request_.issue_number = 7;
    request_.issue_title = "Fix it";
    request_.source.set_local_path(source_.path());
  }
  void add(const GitRepository& to, const std::string& address, const std::string& path) {
    to.git("-c protocol.file.allow=always submodule --quiet add '" + address + "' " + path);
    to.commit_all("with a submodule");
  }
  // As it is after a push by somebody who wrote .gitmodules by hand.
  void add_by_hand(const std::string& name, const std::string& address, const std::string& path) {
    write_file(source_.path() + "/.gitmodules", "[submodule \"" + name + "\"]\n\tpath = " + path + "\n\turl = \"" + address + "\"\n");
    source_.git("add .gitmodules");
    source_.git("update-index --add --cacheinfo 160000," + library_.git("rev-parse HEAD") + "," + path);
    source_.git("commit -q -m 'with a submodule'");
  }
  Workdir prepare() {
    auto workdir = store_.prepare(request_, kGoOn);
    EXPECT_TRUE(workdir) << workdir.error().message;
    return workdir ? *workdir : Workdir{};
  }
  Error refused(const git::ShouldStop& should_stop = kGoOn) {
    auto workdir = store_.prepare(request_, should_stop);
    EXPECT_FALSE(workdir) << "prepared";
    return workdir ? Error{} : workdir.error();
  }
  Captured capture(const Workdir& workdir) {
    auto captured = store_.capture(workdir, "Work\n", kAgent, [](std::string_view) { return true; });
    EXPECT_TRUE(captured) << captured.error().message;
    return captured ? *captured : Captured{};
  }
  std::string copy() const { return folder_.path() + "/workroot/workdirs/prj_1/ses_0123456789abcdef-o1"; }
  std::vector<std::string> names_below(const std::string& folder) const {
    std::vector<std::string> names;
    for (const auto& item : fs::directory_iterator(folder)) names.push_back(item.path().filename());
    return names;
  }
  bool exists_any(const std::string& prefix) const {
    for (const std::string& name : names_below(fs::path(prefix).parent_path()))
      if (name.starts_with(fs::path(prefix).filename().string())) return true;
    return false;
  }

  test::TemporaryFolder folder_{"submodules"};
  GitRepository source_{folder_.path() + "/source"};
  GitRepository library_{folder_.path() + "/library"};
  WorkdirStore store_{folder_.path() + "/workroot", std::nullopt};
  WorkdirRequest request_;
};

TEST_F(Submodules, are_checked_out_and_so_are_those_within_them) {
  const GitRepository inner(folder_.path() + "/inner");
  add(library_, inner.path(), "deep");
  add(source_, library_.path(), "libs/one");
  const Workdir workdir = prepare();
  EXPECT_EQ(read_file(workdir.path + "/libs/one/README.md"), "hello\n");
  EXPECT_EQ(read_file(workdir.path + "/libs/one/deep/README.md"), "hello\n");
  EXPECT_EQ(run_git(workdir.path + "/libs/one", "rev-parse HEAD"), library_.git("rev-parse HEAD"));
  EXPECT_EQ(run_git(workdir.path, "status --porcelain"), "");
  EXPECT_EQ(run_git(workdir.path, "-c submodule.active=. submodule status").front(), ' ') << "as an agent sees it";
}

TEST_F(Submodules, leave_nothing_of_their_making_and_nothing_in_the_settings_of_the_mirror) {
  add(source_, library_.path(), "lib");
  const Workdir workdir = prepare();
  EXPECT_THAT(read_file(workdir.repository + "/config"), Not(HasSubstr("[submodule")));
  EXPECT_FALSE(fs::exists(workdir.path + ".submodules.making"));
}

TEST_F(Submodules, with_an_address_relative_to_the_source_are_found) {
  add(source_, "../library", "lib");
  EXPECT_EQ(read_file(prepare().path + "/lib/README.md"), "hello\n");
}

TEST_F(Submodules, that_can_not_be_reached_are_named_and_nothing_is_left_of_the_worktree) {
  add(source_, library_.path(), "lib");
  fs::remove_all(library_.path());
  const Error error = refused();
  EXPECT_EQ(error.code, Code::io);
  EXPECT_EQ(error.field, "source");
  EXPECT_THAT(error.message, AllOf(HasSubstr("can't check out the submodule lib: "), HasSubstr(library_.path()), HasSubstr(".gitmodules")));
  EXPECT_FALSE(exists_any(copy()));
  const std::string mirror = folder_.path() + "/workroot/repos";
  EXPECT_EQ(run_git(mirror + "/" + names_below(mirror).at(0), "branch --list"), "");
}

TEST_F(Submodules, whose_commit_was_not_pushed_are_refused) {
  add(source_, library_.path(), "lib");
  run_git(source_.path() + "/lib", "commit -q --allow-empty -m 'here alone'");
  source_.commit_all("a link to it");
  const Error error = refused();
  EXPECT_EQ(error.code, Code::invalid_field) << error.message;
  EXPECT_THAT(error.message, AllOf(HasSubstr("submodule lib"), HasSubstr(run_git(source_.path() + "/lib", "rev-parse HEAD"))));
}

TEST_F(Submodules, are_refused_by_name_where_there_is_no_program_git) {
  add(source_, library_.path(), "lib");
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", folder_.path().c_str(), 1);
  const Error error = refused();
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(error.code, Code::invalid_field);
  EXPECT_EQ(error.field, "source");
  EXPECT_THAT(error.message, AllOf(HasSubstr("submodules (lib)"), HasSubstr("install git")));
}

TEST_F(Submodules, that_would_run_a_command_are_refused) {
  const std::string mark = folder_.path() + "/owned";
  for (const std::string& address :
       {"ext::touch " + mark, "--upload-pack=touch " + mark, "-u touch " + mark, "ssh://-oProxyCommand=touch " + mark + "/x"}) {
    add_by_hand("lib", address, "lib");
    const Error error = refused();
    EXPECT_EQ(error.field, "source") << address;
    EXPECT_THAT(error.message, HasSubstr("submodule lib")) << address;
    EXPECT_FALSE(fs::exists(mark)) << address;
    source_.git("reset -q --hard HEAD~1");
  }
}

TEST_F(Submodules, of_an_unknown_protocol_are_refused_for_good) {
  add_by_hand("lib", "ext::sh -c true", "lib");
  const Error error = refused();
  EXPECT_EQ(error.code, Code::invalid_field) << error.message;
  EXPECT_THAT(error.message, HasSubstr("'ext' not allowed"));
}

TEST_F(Submodules, whose_name_leads_out_are_refused) {
  add_by_hand("../../../../../owned", library_.path(), "lib");
  const Error error = refused();
  EXPECT_EQ(error.code, Code::invalid_field) << error.message;
  EXPECT_FALSE(fs::exists(folder_.path() + "/owned"));
}

TEST_F(Submodules, behind_a_link_are_refused) {
  fs::create_directories(folder_.path() + "/elsewhere");
  add_by_hand("lib", library_.path(), "way/lib");
  // A tree can't have both, but the checkout of the worktree may be made to by letters of either case or by a second name.
  const Workdir workdir = [&] {
    source_.git("rm -q --cached way/lib");
    source_.git("commit -q -m without");
    return prepare();
  }();
  fs::create_directory_symlink(folder_.path() + "/elsewhere", workdir.path + "/way");
  run_git(workdir.path, "update-index --add --cacheinfo 160000," + library_.git("rev-parse HEAD") + ",way/lib");
  git::Content content;
  content.submodules = {"way/lib"};
  content.submodule_count = 1;
  git::Remote source;
  source.url = source_.path();
  source.local = true;
  const Status made = check_out_submodules({workdir.repository, workdir.worktree, workdir.path, workdir.path + ".scratch"}, content, source, kGoOn);
  ASSERT_FALSE(made);
  EXPECT_THAT(names_below(folder_.path() + "/elsewhere"), IsEmpty());
}

TEST_F(Submodules, run_no_hook_of_this_machine) {
  const std::string home = folder_.path() + "/home";
  write_file(home + "/hooks/post-checkout", "#!/bin/sh\ntouch '" + folder_.path() + "/owned'\n");
  fs::permissions(home + "/hooks/post-checkout", fs::perms::owner_all);
  write_file(home + "/.gitconfig", "[core]\n\thooksPath = " + home + "/hooks\n");
  add(source_, library_.path(), "lib");
  const std::string before = std::getenv("HOME") == nullptr ? "" : std::getenv("HOME");
  ::setenv("HOME", home.c_str(), 1);
  const Workdir workdir = prepare();
  ::setenv("HOME", before.c_str(), 1);
  EXPECT_TRUE(fs::exists(workdir.path + "/lib/README.md"));
  EXPECT_FALSE(fs::exists(folder_.path() + "/owned"));
}

TEST_F(Submodules, beyond_a_number_are_refused_by_it) {
  std::string links;
  for (std::size_t i = 0; i <= git::kMaxSubmodules; ++i) links += "160000 " + library_.git("rev-parse HEAD") + "\\tlib" + std::to_string(i) + "\\n";
  run_git(source_.path(), "--version >/dev/null; printf '" + links + "' | git update-index --index-info");
  source_.git("commit -q -m 'with submodules'");
  const Error error = refused();
  EXPECT_EQ(error.code, Code::invalid_field);
  EXPECT_THAT(error.message, HasSubstr("has 101 submodules"));
}

// A server that takes a connection and says nothing.
class SilentSubmodule : public Submodules {
 protected:
  SilentSubmodule() { add_by_hand("lib", server_.url() + "/lib.git", "lib"); }
  test_support::RawServer server_{{[](test_support::RawConnection& connection) {
    connection.read_request();
    connection.wait_for_close();
  }}};
};

TEST_F(SilentSubmodule, is_broken_off_when_asked) {
  const Error error = refused([this] { return !server_.requests().empty(); });
  EXPECT_EQ(error.code, Code::shutting_down) << error.message;
  EXPECT_FALSE(exists_any(copy()));
}

TEST_F(SilentSubmodule, is_given_up_when_its_time_is_over) {
  auto mirror = git::Repository::create_mirror(folder_.path() + "/mirror.git", source_.path());
  ASSERT_TRUE(mirror);
  ASSERT_TRUE(mirror->fetch(kGoOn));
  ASSERT_TRUE(mirror->create_branch("work", source_.git("rev-parse HEAD")));
  ASSERT_TRUE(mirror->add_worktree("copy", folder_.path() + "/copy", "work"));
  git::Remote source;
  source.url = source_.path();
  const Status made = check_out_submodules({folder_.path() + "/mirror.git", "copy", folder_.path() + "/copy", folder_.path() + "/scratch"},
                                           *mirror->content(source_.git("rev-parse HEAD")), source, kGoOn, 300);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::io);
  EXPECT_THAT(made.error().message, AllOf(HasSubstr("submodule lib"), HasSubstr("longer")));
}

TEST_F(Submodules, keep_their_link_whatever_an_agent_does_in_them_and_the_report_says_what_is_left_out) {
  add(source_, library_.path(), "lib");
  const Workdir workdir = prepare();
  write_file(workdir.path + "/new.txt", "x\n");
  const Captured clean = capture(workdir);
  EXPECT_THAT(clean.left_out, IsEmpty());
  write_file(workdir.path + "/lib/README.md", "changed\n");
  write_file(workdir.path + "/lib/new.txt", "x\n");
  run_git(workdir.path + "/lib", "commit -q -a -m changed");
  const Captured captured = capture(workdir);
  ASSERT_EQ(captured.files.size(), 1u);
  EXPECT_EQ(captured.files[0].path, "new.txt");
  EXPECT_EQ(run_git(workdir.repository, "rev-parse " + captured.commit + ":lib"), library_.git("rev-parse HEAD"));
  EXPECT_THAT(captured.left_out, ElementsAre(AllOf(HasSubstr("lib: "), HasSubstr("submodule"))));
  const auto tree = store_.snapshot(workdir, "");
  ASSERT_TRUE(tree);
  EXPECT_THAT(tree->left_out, ElementsAre(HasSubstr("lib: ")));
}

TEST_F(Submodules, which_an_agent_took_away_are_captured_as_gone) {
  add(source_, library_.path(), "lib");
  const Workdir workdir = prepare();
  fs::remove_all(workdir.path + "/lib");
  const Captured captured = capture(workdir);
  ASSERT_EQ(captured.files.size(), 1u);
  EXPECT_EQ(captured.files[0].path, "lib");
  EXPECT_EQ(captured.files[0].change, "deleted");
  EXPECT_THAT(captured.left_out, IsEmpty());
}

class SubmodulesOfAnIssue : public Submodules {
 protected:
  SubmodulesOfAnIssue() {
    request_.issue_id = "iss_1";
    request_.copy_generation = 1;
    add(source_, library_.path(), "lib");
    first_ = prepare();
    write_file(first_.path + "/work.txt", "x\n");
    capture(first_);
    write_file(first_.path + "/lib/README.md", "the agent's\n");
    store_.release(first_);
    request_.copy_generation = 2;
  }
  Workdir first_;
};

TEST_F(SubmodulesOfAnIssue, are_left_as_the_agent_left_them) {
  const Workdir second = prepare();
  EXPECT_TRUE(second.continued);
  EXPECT_EQ(read_file(second.path + "/lib/README.md"), "the agent's\n");
}

TEST_F(SubmodulesOfAnIssue, are_checked_out_where_the_worktree_is_made_again) {
  fs::remove_all(first_.path);
  const Workdir second = prepare();
  EXPECT_EQ(second.path, first_.path);
  EXPECT_EQ(read_file(second.path + "/work.txt"), "x\n");
  EXPECT_EQ(read_file(second.path + "/lib/README.md"), "hello\n");
}

TEST_F(SubmodulesOfAnIssue, that_can_not_be_reached_for_a_while_cost_the_issue_nothing) {
  fs::remove_all(first_.path);
  fs::rename(library_.path(), library_.path() + ".away");
  EXPECT_EQ(refused().code, Code::io);
  fs::rename(library_.path() + ".away", library_.path());
  const Workdir second = prepare();
  EXPECT_EQ(second.path, first_.path);
  EXPECT_EQ(second.branch, first_.branch);
  EXPECT_EQ(read_file(second.path + "/lib/README.md"), "hello\n");
}

TEST_F(SubmodulesOfAnIssue, that_a_crash_left_half_made_are_made_again) {
  fs::remove_all(first_.path + "/lib");
  write_file(first_.path + ".submodules.making/key", "secret");
  WorkdirStore restarted(folder_.path() + "/workroot", std::nullopt);
  ASSERT_TRUE(restarted.repair());
  EXPECT_FALSE(fs::exists(first_.path + ".submodules.making"));
  auto second = restarted.prepare(request_, kGoOn);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->path, first_.path);
  EXPECT_EQ(read_file(second->path + "/lib/README.md"), "hello\n");
}

TEST_F(SubmodulesOfAnIssue, go_with_their_worktree) {
  const std::string registered = first_.repository + "/worktrees/" + first_.worktree;
  ASSERT_TRUE(fs::exists(registered + "/modules/lib/HEAD"));
  ASSERT_TRUE(fs::exists(first_.path + ".submodules"));
  CopyFolder folder(folder_.path() + "/workroot");
  auto record = folder.load(first_.path);
  ASSERT_TRUE(record);
  record->state = CopyRecord::State::removing;
  ASSERT_TRUE(folder.save(*record));
  WorkdirStore restarted(folder_.path() + "/workroot", std::nullopt);
  ASSERT_TRUE(restarted.repair());
  restarted.clean_up(1'900'000'000'000'000);
  EXPECT_FALSE(fs::exists(registered));
  EXPECT_FALSE(fs::exists(first_.path));
  EXPECT_FALSE(fs::exists(first_.path + ".submodules"));
}

TEST_F(Submodules, belong_to_the_agents_account_where_there_is_one) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: only root can give files away";
  add(source_, library_.path(), "lib");
  auto nobody = process::find_account("nobody");
  ASSERT_TRUE(nobody);
  WorkdirStore store(folder_.path() + "/work2", *nobody);
  ASSERT_TRUE(store.repair());
  auto workdir = store.prepare(request_, kGoOn);
  ASSERT_TRUE(workdir) << workdir.error().message;
  EXPECT_EQ(run_git("/", "--version >/dev/null; stat -c %U " + workdir->path + "/lib/README.md"), "nobody");
  auto tree = store.snapshot(*workdir, "");
  ASSERT_TRUE(tree);
  EXPECT_THAT(tree->left_out, IsEmpty());
}

}  // namespace
}  // namespace dossier::worker
