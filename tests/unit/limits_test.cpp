// What a task may use: the account of it, and those who look.
#include "worker/limits/limits.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/encoding.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/process/process.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/limits/output_file.hpp"
#include "worker/limits/resource_watch.hpp"
#include "worker/output_gate.hpp"

namespace dossier::worker::limits {
namespace {

namespace fs = std::filesystem;

TEST(LimitAccount, tells_of_each_limit_once_and_only_above_it) {
  Account account({.wall_time_ms = 1'000, .output_bytes = 10, .processes = 3, .disk_bytes = 100});
  EXPECT_FALSE(account.observe(Limit::processes, 3));
  const auto reached = account.observe(Limit::processes, 5);
  ASSERT_TRUE(reached);
  EXPECT_EQ(to_string(reached->limit), "processes");
  EXPECT_EQ(reached->allowed, 3u);
  EXPECT_EQ(reached->observed, 5u);
  EXPECT_EQ(to_string(reached->action), "stopped");
  EXPECT_EQ(describe(*reached), "5 processes run, 3 are allowed");
  EXPECT_FALSE(account.observe(Limit::processes, 50));
  EXPECT_TRUE(account.observe(Limit::disk, 101));
  EXPECT_TRUE(account.observe(Limit::wall_time, 1'001));
  EXPECT_EQ(account.stopped_by(), Limit::processes);
}

TEST(LimitAccount, output_adds_up_and_does_not_stop_the_run) {
  Account account({.output_bytes = 10});
  EXPECT_FALSE(account.add_output(4));
  EXPECT_FALSE(account.add_output(6));
  const auto reached = account.add_output(1);
  ASSERT_TRUE(reached);
  EXPECT_EQ(reached->observed, 11u);
  EXPECT_EQ(to_string(reached->action), "kept_as_blob");
  EXPECT_FALSE(account.add_output(100));
  EXPECT_EQ(account.stopped_by(), std::nullopt);
  EXPECT_TRUE(account.is_reached(Limit::output_bytes));
  EXPECT_FALSE(account.is_reached(Limit::disk));
}

TEST(TaskLimits, a_profile_lowers_and_never_raises) {
  const TaskLimits worker{.wall_time_ms = 1'000, .output_bytes = 1'000, .processes = 100, .disk_bytes = 1'000};
  const TaskLimits asked{.wall_time_ms = 500, .output_bytes = 2'000, .processes = 0, .disk_bytes = 1'000};
  const TaskLimits limits = lowered(worker, asked);
  EXPECT_EQ(limits.of(Limit::wall_time), 500u);
  EXPECT_EQ(limits.of(Limit::output_bytes), 1'000u);
  EXPECT_EQ(limits.of(Limit::processes), 100u);
  EXPECT_EQ(limits.of(Limit::disk), 1'000u);
}

TEST(OutputFile, holds_the_lines_and_is_gone_with_its_object) {
  const test::TemporaryFolder folder("output");
  const std::string path = folder.path() + "/session.output";
  {
    OutputFile file(path);
    EXPECT_FALSE(file.is_used());
    EXPECT_FALSE(fs::exists(path));
    file.line("agent", "one");
    file.line("stderr", "");
    ASSERT_TRUE(file.finish());
    EXPECT_EQ(test::read_file(path), "agent: one\nstderr: \n");
    EXPECT_EQ(file.size(), 20u);
    EXPECT_EQ(file.sha256_hex(), to_hex(crypto::view(crypto::sha256("agent: one\nstderr: \n"))));
    EXPECT_EQ(file.lost(), 0u);
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(OutputFile, that_cant_be_written_says_so_and_counts_what_is_lost) {
  const test::TemporaryFolder folder("output");
  OutputFile file(folder.path() + "/no/such/folder");
  file.line("agent", "one");
  file.line("agent", "two");
  const Status status = file.finish();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::io);
  EXPECT_EQ(file.lost(), 22u);
}

AgentEvent event(AgentEvent::Kind kind, std::string text, std::string name = {}) {
  AgentEvent made;
  made.kind = kind;
  made.text = std::move(text);
  made.name = std::move(name);
  return made;
}

TEST(OutputGate, output_beyond_the_limit_goes_into_the_file_and_facts_pass) {
  const test::TemporaryFolder folder("gate");
  Account account({.output_bytes = 10});
  OutputFile file(folder.path() + "/output");
  OutputGate gate(account, file);
  std::string passed;
  std::vector<Reached> reached;
  const OutputGate::Sinks sinks{[&](AgentEvent given) { passed += given.text + "|"; }, [&](const Reached& now) { reached.push_back(now); }};
  using Kind = AgentEvent::Kind;
  gate.take(event(Kind::log_line, "0123456789", "agent"), sinks);
  EXPECT_TRUE(reached.empty());
  gate.take(event(Kind::log_line, "x", "stderr"), sinks);
  gate.take(event(Kind::tool_result, "result"), sinks);
  gate.take(event(Kind::text_delta, "pie"), sinks);
  gate.take(event(Kind::message, "pieces"), sinks);
  gate.take(event(Kind::turn_ended, "completed"), sinks);
  gate.take(event(Kind::approval_requested, ""), sinks);
  EXPECT_EQ(passed, "0123456789|completed||");
  ASSERT_EQ(reached.size(), 1u);
  EXPECT_EQ(reached[0].observed, 11u);
  ASSERT_TRUE(file.finish());
  EXPECT_EQ(test::read_file(file.path()), "stderr: x\ntool: result\nagent: pieces\n");
}

TEST(DiskUsage, counts_what_is_on_disk_once_and_follows_no_link) {
  const test::TemporaryFolder folder("disk");
  const std::string inside = folder.path() + "/inside";
  test::write_file(folder.path() + "/outside/large", std::string(2'000'000, 'x'));
  test::write_file(inside + "/a/file", std::string(1'000'000, 'x'));
  const std::uint64_t plain = disk_usage(inside);
  EXPECT_GE(plain, 1'000'000u);
  EXPECT_LT(plain, 1'200'000u);
  fs::create_symlink(folder.path() + "/outside", inside + "/link");
  fs::create_hard_link(inside + "/a/file", inside + "/again");
  test::write_file(inside + "/sparse", "");
  fs::resize_file(inside + "/sparse", 1u << 30);
  EXPECT_LT(disk_usage(inside), plain + 100'000);
  EXPECT_EQ(disk_usage(folder.path() + "/not/there"), 0u);
}

TEST(ResourceWatch, sees_processes_of_the_family_and_the_growing_folder) {
  const test::TemporaryFolder folder("watch");
  const std::string family = "test-watch-" + crypto::random_uuid_hex();
  process::Wakeup wakeup;
  ResourceWatch watch({family, {folder.path()}, 10, 10}, [&] { wakeup.notify(); });
  EXPECT_TRUE(wakeup.wait(60'000));
  EXPECT_EQ(watch.processes(), 0u);

  process::SpawnOptions options;
  options.argv = {"/bin/sh", "-c", "(setsid sleep 300 &); sleep 301 & env -i sleep 302 & wait"};
  options.working_directory = "/";
  options.environment = {{"PATH", "/usr/bin:/bin"}};
  options.family = family;
  {
    auto process = process::Process::spawn(options);
    ASSERT_TRUE(process) << process.error().message;
    EXPECT_TRUE(test::eventually(60'000, [&] { return watch.processes() == 4; })) << watch.processes();
  }
  EXPECT_TRUE(test::eventually(60'000, [&] { return watch.processes() == 0; })) << watch.processes();
  test::write_file(folder.path() + "/file", std::string(3'000'000, 'x'));
  EXPECT_TRUE(test::eventually(60'000, [&] { return watch.disk_bytes() >= 3'000'000; })) << watch.disk_bytes();
}

}  // namespace
}  // namespace dossier::worker::limits
