// Sources over SSH, from a real server with keys that are made for each test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "platform/git/git.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/program.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dossier::git {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SshRemote : public ::testing::Test {
 protected:
  void SetUp() override {
    // The system's Python has the system's paramiko; another one first in the PATH may have none.
    const std::vector<std::string> python{"/usr/bin/python3", "-c", "import paramiko, cryptography"};
    if (test::run_command(python, {}, folder_.path()).exit_code != 0) GTEST_SKIP() << "no paramiko here: apt install python3-paramiko";
    const std::uint16_t port = test::free_port();
    server_ = std::make_unique<test::Program>(
        std::vector<std::string>{"/usr/bin/python3", std::string(DOSSIER_SOURCE_DIR) + "/tests/support/ssh_git_server.py", std::to_string(port),
                                 folder_.path()},
        test::EnvironmentChanges{}, folder_.path() + "/server.log");
    ASSERT_TRUE(test::serves(port)) << log();
    const std::string url = "ssh://git@127.0.0.1:" + std::to_string(port) + source_.path();
    auto made = Repository::create_mirror(folder_.path() + "/mirror.git", url);
    ASSERT_TRUE(made) << made.error().message;
    mirror_ = std::make_unique<Repository>(*std::move(made));
  }

  Result<std::string> fetch(const Credentials& credentials) {
#ifdef __SANITIZE_ADDRESS__
    const __lsan::ScopedDisabler disabler;  // libgit2 1.5 and libssh2 1.10 keep some bytes of each list of known hosts
#endif
    return mirror_->fetch([] { return false; }, credentials);
  }
  Credentials with_key(const std::string& name) const {
    Credentials credentials;
    credentials.ssh_key = file(name);
    credentials.ssh_host_key = file("host_fingerprint");
    return credentials;
  }
  std::string file(const std::string& name) const { return test::read_whole_file(folder_.path() + "/" + name); }
  std::string log() const { return file("server.log"); }

  const test::TemporaryFolder folder_{"ssh"};
  const test::GitRepository source_{folder_.path() + "/source"};
  std::unique_ptr<test::Program> server_;
  std::unique_ptr<Repository> mirror_;
};

TEST_F(SshRemote, is_fetched_with_a_key_that_lies_in_no_file) {
  const auto branch = fetch(with_key("client_key"));
  ASSERT_TRUE(branch) << branch.error().message << "\n" << log();
  EXPECT_EQ(*branch, "main");
  EXPECT_TRUE(mirror_->has_remote_branch("main"));
  EXPECT_THAT(log(), HasSubstr("git-upload-pack " + source_.path()));
  const std::string key = file("client_key"), line = key.substr(key.find('\n') + 1, 60);
  for (const auto& item : std::filesystem::recursive_directory_iterator(folder_.path() + "/mirror.git"))
    if (item.is_regular_file()) {
      EXPECT_THAT(test::read_whole_file(item.path().string()), Not(HasSubstr(line))) << item.path();
    }
}

TEST_F(SshRemote, is_fetched_with_a_key_under_a_passphrase) {
  Credentials credentials = with_key("client_key.locked");
  credentials.ssh_passphrase = "open sesame";
  const auto branch = fetch(credentials);
  EXPECT_TRUE(branch) << branch.error().message << "\n" << log();
}

TEST_F(SshRemote, refuses_a_strangers_key_and_says_so_without_it) {
  const auto refused = fetch(with_key("stranger_key"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::forbidden) << refused.error().message;
  EXPECT_THAT(refused.error().message, Not(HasSubstr("BEGIN")));
  EXPECT_THAT(log(), HasSubstr("no\n"));
}

TEST_F(SshRemote, that_is_not_the_one_pinned_gets_no_key_at_all) {
  Credentials credentials = with_key("client_key");
  credentials.ssh_host_key = "SHA256:" + std::string(43, 'A');
  const auto refused = fetch(credentials);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("the host key is " + file("host_fingerprint")));
  EXPECT_THAT(log(), Not(HasSubstr("yes")));
}

TEST_F(SshRemote, that_nobody_knows_is_refused_and_the_error_says_how_to_pin_it) {
  Credentials credentials = with_key("client_key");
  credentials.ssh_host_key.clear();
  const auto refused = fetch(credentials);
  ASSERT_FALSE(refused) << "this account's known_hosts can't know a key that was made a moment ago";
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("the host key " + file("host_fingerprint")), HasSubstr("--host-key")));
  EXPECT_THAT(log(), Not(HasSubstr("yes")));
}

}  // namespace
}  // namespace dossier::git
