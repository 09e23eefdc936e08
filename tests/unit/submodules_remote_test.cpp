// Submodules over HTTP and SSH: whom the project's credentials go to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <sstream>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "tests/support/git_repository.hpp"
#include "tests/support/git_server.hpp"
#include "tests/support/program.hpp"
#include "tests/support/raw_server.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/workdir/git_access.hpp"
#include "worker/workdir/workdir.hpp"

namespace dossier::worker {
namespace {

namespace fs = std::filesystem;
using test::GitRepository;
using test::read_file;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class RemoteSubmodules : public ::testing::Test {
 protected:
  RemoteSubmodules() {
    EXPECT_TRUE(store_.repair());
    request_.project_id = "prj_1";
    request_.session_id = "ses_0123456789abcdef";
    request_.offer = 1;
    request_.issue_number = 7;
    request_.issue_title = "Fix it";
  }
  void name_submodule(const std::string& address) {
    test::write_file(source_.path() + "/.gitmodules", "[submodule \"lib\"]\n\tpath = lib\n\turl = " + address + "\n");
    source_.git("add .gitmodules");
    source_.git("update-index --add --cacheinfo 160000," + library_.git("rev-parse HEAD") + ",lib");
    source_.git("commit -q -m 'with a submodule'");
  }
  Result<Workdir> prepare() {
#ifdef __SANITIZE_ADDRESS__
    const __lsan::ScopedDisabler disabler;  // libgit2 1.5 and libssh2 1.10 keep some bytes of each list of known hosts
#endif
    return store_.prepare(request_, [] { return false; });
  }
  void expect_nowhere_on_disk(const std::string& secret) {
    for (const auto& item : fs::recursive_directory_iterator(folder_.path() + "/workroot"))
      if (item.is_regular_file()) {
        EXPECT_THAT(read_file(item.path()), Not(HasSubstr(secret))) << item.path();
      }
  }

  test::TemporaryFolder folder_{"submodules"};
  GitRepository source_{folder_.path() + "/served/app"};
  GitRepository library_{folder_.path() + "/served/library"};
  WorkdirStore store_{folder_.path() + "/workroot", std::nullopt};
  WorkdirRequest request_;
};

class HttpSubmodules : public RemoteSubmodules {
 protected:
  HttpSubmodules() {
    fs::create_directories(folder_.path() + "/other");
    fs::create_directory_symlink(library_.path(), folder_.path() + "/other/library");
    request_.source.set_git_url(server_.url() + "/app/.git");
    request_.credentials.username = "robot";
    request_.credentials.password = "open'\"$sesame";
  }
  test::GitServer server_{folder_.path() + "/served", "robot", "open'\"$sesame"};
  // Knows the same password, so that it would be found out where it was sent there.
  test::GitServer other_{folder_.path() + "/other", "robot", "open'\"$sesame"};
};

TEST_F(HttpSubmodules, get_the_projects_credentials_on_the_sources_own_host) {
  name_submodule("../../library/.git");
  const auto workdir = prepare();
  ASSERT_TRUE(workdir) << workdir.error().message;
  EXPECT_EQ(read_file(workdir->path + "/lib/README.md"), "hello\n");
  expect_nowhere_on_disk("sesame");
}

TEST_F(HttpSubmodules, get_none_on_another_host) {
  name_submodule(other_.url() + "/library/.git");
  const auto workdir = prepare();
  ASSERT_FALSE(workdir);
  EXPECT_EQ(workdir.error().code, Code::forbidden) << workdir.error().message;
  EXPECT_THAT(workdir.error().message, AllOf(HasSubstr("submodule lib"), Not(HasSubstr("sesame"))));
  EXPECT_THAT(other_.log(), AllOf(HasSubstr(" 401"), Not(HasSubstr(" 200"))));
}

// One that asks for nothing and answers at once is where a configured header of git's would go in the end.
TEST_F(HttpSubmodules, get_none_on_another_host_that_the_sources_own_sends_them_to) {
  const auto line = [](const std::string& text) {
    const std::string hex = "0123456789abcdef";
    return std::string("00") + hex[(text.size() + 4) / 16] + hex[(text.size() + 4) % 16] + text;
  };
  const std::string body = line("# service=git-upload-pack\n") + "0000" +
                           line(library_.git("rev-parse HEAD") + " refs/heads/main" + std::string(1, '\0') + "ofs-delta\n") + "0000";
  const auto answer = [&](test_support::RawConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: " + std::to_string(body.size()) +
                    "\r\n\r\n" + body);
    connection.read_request();  // what would follow on it
  };
  const test_support::RawServer stranger({answer});
  name_submodule(server_.url() + "/to/" + stranger.url().substr(stranger.url().rfind(':') + 1) + "/library/.git");
  ASSERT_FALSE(prepare());
  ASSERT_FALSE(stranger.requests().empty());
  for (const std::string& request : stranger.requests()) EXPECT_THAT(request, Not(HasSubstr("uthorization")));
}

TEST_F(HttpSubmodules, of_a_remote_source_are_not_read_from_this_machine) {
  for (const std::string& address : {library_.path(), "file://" + library_.path()}) {
    name_submodule(address);
    const auto workdir = prepare();
    ASSERT_FALSE(workdir) << address;
    EXPECT_EQ(workdir.error().code, Code::invalid_field);
    EXPECT_THAT(workdir.error().message, AllOf(HasSubstr("submodule lib"), HasSubstr("'file' not allowed")));
    source_.git("reset -q --hard HEAD~1");
  }
}

class SshSubmodules : public RemoteSubmodules {
 protected:
  void SetUp() override {
    const std::vector<std::string> python{"/usr/bin/python3", "-c", "import paramiko, cryptography"};
    if (test::run_command(python, {}, folder_.path()).exit_code != 0) GTEST_SKIP() << "no paramiko here: apt install python3-paramiko";
    if (test::run_command({"ssh", "-V"}, {}, folder_.path()).exit_code != 0) GTEST_SKIP() << "no ssh here: apt install openssh-client";
    const std::uint16_t port = test::free_port();
    server_ = std::make_unique<test::Program>(
        std::vector<std::string>{"/usr/bin/python3", std::string(DOSSIER_SOURCE_DIR) + "/tests/support/ssh_git_server.py", std::to_string(port),
                                 folder_.path()},
        test::EnvironmentChanges{}, folder_.path() + "/server.log");
    ASSERT_TRUE(test::serves(port)) << server_->log();
    port_ = std::to_string(port);
    request_.source.set_git_url("ssh://git@127.0.0.1:" + port_ + source_.path());
    request_.credentials.ssh_key = file("client_key");
    request_.credentials.ssh_host_key = file("host_fingerprint");
  }
  std::string file(const std::string& name) const { return test::read_whole_file(folder_.path() + "/" + name); }
  // ssh as git starts it for these credentials; what it prints.
  std::string ssh(std::vector<std::string> arguments) {
    const std::string folder = folder_.path() + "/access" + std::to_string(++accesses_);
    fs::create_directories(folder);
    git::Remote source;
    source.url = request_.source.git_url();
    source.credentials = request_.credentials;
    EXPECT_TRUE(git_access(source, folder));
    arguments.insert(arguments.begin(), {"ssh", "-F", folder + "/ssh_config"});
    const auto result = test::run_command(arguments, {}, folder_.path());
    return result.out + result.err;
  }

  std::unique_ptr<test::Program> server_;
  std::string port_;
  int accesses_ = 0;
};

TEST_F(SshSubmodules, are_fetched_with_the_projects_key_which_is_in_no_file_afterwards) {
  name_submodule("../library");
  const auto workdir = prepare();
  ASSERT_TRUE(workdir) << workdir.error().message << "\n" << server_->log();
  EXPECT_EQ(read_file(workdir->path + "/lib/README.md"), "hello\n");
  const std::string key = file("client_key");
  expect_nowhere_on_disk(key.substr(key.find('\n') + 1, 60));
}

TEST_F(SshSubmodules, are_fetched_with_a_key_under_a_passphrase) {
  request_.credentials.ssh_key = file("client_key.locked");
  request_.credentials.ssh_passphrase = "open sesame";
  name_submodule("../library");
  const auto workdir = prepare();
  ASSERT_TRUE(workdir) << workdir.error().message << "\n" << server_->log();
  EXPECT_EQ(read_file(workdir->path + "/lib/README.md"), "hello\n");
}

TEST_F(SshSubmodules, from_a_host_with_another_key_than_the_pinned_one_are_refused) {
  name_submodule("../library");
  ASSERT_TRUE(prepare());
  // The mirror is refused first where its own key is wrong, so ssh is asked alone.
  request_.credentials.ssh_host_key = "SHA256:" + std::string(43, 'A');
  EXPECT_THAT(ssh({"-p", port_, "git@127.0.0.1", "git-upload-pack", library_.path()}), HasSubstr("Host key verification failed"));
}

TEST_F(SshSubmodules, offer_the_projects_key_to_the_sources_own_host_and_to_no_other) {
  const auto identities = [&](const std::string& host) {
    std::istringstream settings(ssh({"-G", host}));
    std::string found;
    for (std::string line; std::getline(settings, line);)
      if (line.starts_with("identityfile ")) found += line.substr(line.rfind('/') + 1) + ";";
    return found;
  };
  EXPECT_EQ(identities("127.0.0.1"), "key;");
  EXPECT_EQ(identities("127.0.0.2"), "identityfile none;");
  EXPECT_EQ(identities("localhost"), "identityfile none;");
}

}  // namespace
}  // namespace dossier::worker
