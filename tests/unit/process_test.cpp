// Children, their pipes, and the end of their whole family.
#include "platform/process/process.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "platform/crypto/crypto.hpp"
#include "platform/process/family.hpp"
#include "tests/support/eventually.hpp"

namespace dossier::process {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::int64_t kDeadlineMs = 20'000;

SpawnOptions shell(std::string script) {
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", std::move(script)};
  options.working_directory = "/tmp";
  options.environment = {{"PATH", "/usr/bin:/bin"}};
  options.family = "test-" + crypto::random_uuid_hex();
  return options;
}

struct Finished {
  std::string output, error;
  Exit exit;
};

Finished run_to_end(Process& process) {
  Finished finished;
  const auto until = Clock::now() + std::chrono::milliseconds(kDeadlineMs);
  while (Clock::now() < until) {
    const Ready ready = process.poll(100);
    if (ready.output) process.read_output(finished.output, 65536);
    if (ready.error) process.read_error(finished.error, 65536);
    if (!process.output_open() && !process.error_open())
      if (const auto exit = process.try_wait()) {
        finished.exit = *exit;
        return finished;
      }
  }
  ADD_FAILURE() << "the child did not end";
  return finished;
}

TEST(Process, gives_its_output_its_errors_and_its_exit_status) {
  auto process = Process::spawn(shell("echo out; echo err >&2; exit 7"));
  ASSERT_TRUE(process) << process.error().message;
  const Finished finished = run_to_end(*process);
  EXPECT_EQ(finished.output, "out\n");
  EXPECT_EQ(finished.error, "err\n");
  EXPECT_EQ(finished.exit.code, 7);
  EXPECT_EQ(finished.exit.signal, 0);
}

TEST(Process, has_exactly_the_environment_it_was_given) {
  ::setenv("DOSSIER_TOKEN", "msw_secret", 1);
  auto options = shell("env | grep -v '^_=' | grep -v '^PWD=' | sort");
  options.environment.push_back({"ONE", "1"});
  auto process = Process::spawn(options);
  ASSERT_TRUE(process) << process.error().message;
  EXPECT_EQ(run_to_end(*process).output, "DOSSIER_FAMILY=" + options.family + "\nONE=1\nPATH=/usr/bin:/bin\n");
  ::unsetenv("DOSSIER_TOKEN");
}

TEST(Process, reads_what_is_written_to_it_until_its_input_is_closed) {
  auto process = Process::spawn(shell("cat"));
  ASSERT_TRUE(process) << process.error().message;
  ASSERT_TRUE(process->write_input("a line\n"));
  process->close_input();
  EXPECT_EQ(run_to_end(*process).output, "a line\n");
}

TEST(Process, writing_to_a_child_that_closed_its_input_is_an_error_and_no_signal) {
  auto process = Process::spawn(shell("exec <&-; echo closed; exec sleep 30"));
  ASSERT_TRUE(process) << process.error().message;
  std::string output;
  ASSERT_TRUE(test::eventually(kDeadlineMs, [&] {
    process->read_output(output, 100);
    return output == "closed\n";
  }));
  const auto written = process->write_input("too late");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::io);
  EXPECT_FALSE(process->input_open());
}

TEST(Process, names_a_program_and_a_directory_that_do_not_exist) {
  auto options = shell("true");
  options.argv = {"no-such-program-here"};
  auto missing = Process::spawn(options);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
  EXPECT_NE(missing.error().message.find("no-such-program-here"), std::string::npos);
  options = shell("true");
  options.working_directory = "/no/such/directory";
  auto nowhere = Process::spawn(options);
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message.find("/no/such/directory"), std::string::npos);
}

TEST(Process, kills_children_grandchildren_and_daemons_that_left_the_session) {
  adopt_orphans();
  // A grandchild, and a double fork into a session of its own whose parent is gone.
  auto options = shell("sleep 300 & setsid sh -c 'sleep 301 & sleep 302' & (setsid sleep 303 &) ; echo ready; exec sleep 304");
  auto process = Process::spawn(options);
  ASSERT_TRUE(process) << process.error().message;
  std::string output;
  ASSERT_TRUE(test::eventually(kDeadlineMs, [&] {
    process->read_output(output, 100);
    return output == "ready\n";
  }));
  const pid_t pid = process->pid();
  ASSERT_TRUE(test::eventually(kDeadlineMs, [&] { return family_members(pid, options.family).members.size() >= 6; }));
  EXPECT_TRUE(process->kill_family());
  EXPECT_TRUE(family_members(pid, options.family).members.empty());
  EXPECT_TRUE(marked_processes(options.family).members.empty());
}

TEST(Process, is_killed_with_its_family_by_the_destructor) {
  auto options = shell("sleep 300 & exec sleep 301");
  {
    auto process = Process::spawn(options);
    ASSERT_TRUE(process) << process.error().message;
    ASSERT_TRUE(test::eventually(kDeadlineMs, [&] { return marked_processes(options.family).members.size() == 2; }));
  }
  EXPECT_TRUE(marked_processes(options.family).members.empty());
}

TEST(Process, what_an_earlier_run_left_is_found_by_the_prefix_of_its_mark) {
  adopt_orphans();
  auto options = shell("(setsid sleep 300 &) ; exit 0");
  const std::string root = "root-" + crypto::random_uuid_hex();
  options.family = root + ":one";
  auto process = Process::spawn(options);
  ASSERT_TRUE(process) << process.error().message;
  ASSERT_TRUE(test::eventually(kDeadlineMs, [&] { return process->try_wait().has_value(); }));
  ASSERT_TRUE(test::eventually(kDeadlineMs, [&] { return marked_processes(root + ":").members.size() == 1; }));
  EXPECT_EQ(kill_marked(root + ":"), 1u);
  EXPECT_TRUE(marked_processes(root + ":").members.empty());
}

// A control group knows a member that left everything else behind by which it could be told.
class ProcessGroup : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!why_no_cgroups().empty()) GTEST_SKIP() << "no control groups here: " << why_no_cgroups();
  }

  // Starts a daemon without a mark, whose parent ends at once; its process id.
  static pid_t leave_daemon(Process& process) {
    const Finished finished = run_to_end(process);
    return static_cast<pid_t>(std::strtol(finished.output.c_str(), nullptr, 10));
  }
  static SpawnOptions daemon() { return shell("setsid env -i /bin/sh -c 'exec 2>&-; echo $$; exec 1>&-; exec sleep 300' & exit 0"); }
  static bool lives(pid_t pid) { return ::kill(pid, 0) == 0; }
};

TEST_F(ProcessGroup, a_daemon_without_a_mark_ends_with_its_family) {
  adopt_orphans();
  const auto options = daemon();
  auto process = Process::spawn(options);
  ASSERT_TRUE(process) << process.error().message;
  const pid_t pid = leave_daemon(*process);
  ASSERT_GT(pid, 0);
  ASSERT_TRUE(lives(pid));
  EXPECT_TRUE(marked_processes(options.family).members.empty()) << "nothing but the group tells whose it is";
  EXPECT_EQ(family_size(options.family), 1u);
  EXPECT_TRUE(process->kill_family());
  reap_orphans();
  EXPECT_FALSE(lives(pid));
  EXPECT_FALSE(Cgroup::find(options.family)) << "the group goes with the family";
}

TEST_F(ProcessGroup, groups_that_an_earlier_run_left_are_found_by_the_prefix_of_their_mark) {
  adopt_orphans();
  const std::string root = "root-" + crypto::random_uuid_hex();
  const std::string family = root + ":one/../two";
  {
    const auto options = daemon();
    auto other = Cgroup::make(family);
    ASSERT_TRUE(other);
    EXPECT_TRUE(other.is_empty());
    auto process = Process::spawn(options);
    ASSERT_TRUE(process) << process.error().message;
    const pid_t pid = leave_daemon(*process);
    ASSERT_TRUE(lives(pid));
    const std::string text = std::to_string(pid);
    ASSERT_EQ(::write(other.entry(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    EXPECT_EQ(other.size(), 1u);
    EXPECT_FALSE(Cgroup::make(family)) << "a group in use is nobody else's";
    kill_marked(root + ":");
    reap_orphans();
    EXPECT_FALSE(lives(pid));
  }
  EXPECT_FALSE(Cgroup::find(family));
}

TEST(Process, a_child_whose_output_nobody_reads_stops_writing) {
  auto process = Process::spawn(shell("head -c 10000000 /dev/zero; echo done >&2"));
  ASSERT_TRUE(process) << process.error().message;
  const Ready ready = process->poll(200, nullptr, false);
  EXPECT_FALSE(ready.output);
  EXPECT_FALSE(process->try_wait().has_value());
  const Finished finished = run_to_end(*process);
  EXPECT_EQ(finished.output.size(), 10'000'000u);
  EXPECT_EQ(finished.error, "done\n");
}

TEST(Process, a_poll_is_woken_from_outside) {
  auto process = Process::spawn(shell("exec sleep 300"));
  ASSERT_TRUE(process) << process.error().message;
  Wakeup wakeup;
  wakeup.notify();
  EXPECT_TRUE(process->poll(20'000, &wakeup).woken);
  EXPECT_FALSE(process->poll(0, &wakeup).woken);
}

TEST(Process, runs_as_another_account_where_we_are_root) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: only root can start a process as another account";
  auto account = find_account("nobody");
  ASSERT_TRUE(account) << account.error().message;
  auto options = shell("id -u; id -G");
  options.account = *account;
  auto process = Process::spawn(options);
  ASSERT_TRUE(process) << process.error().message;
  EXPECT_EQ(run_to_end(*process).output, std::to_string(account->uid) + "\n" + std::to_string(account->gid) + "\n");
}

}  // namespace
}  // namespace dossier::process
