// Addresses, local paths, and credentials of sources.
#include <gtest/gtest.h>

#include <filesystem>

#include "platform/git/git.hpp"
#include "tests/support/git_repository.hpp"
#include "tests/support/raw_server.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/workdir/source.hpp"

namespace dossier::git {
namespace {

namespace fs = std::filesystem;
using test::GitRepository;
using test::kGoOn;
using test::TemporaryFolder;
using test::write_file;
using test_support::RawConnection;
using test_support::RawServer;

TEST(Remote, credentials_are_taken_out_of_the_address) {
  const auto remote = parse_remote("https://me%40work:s%2fcret@host.invalid/a/b.git");
  ASSERT_TRUE(remote);
  EXPECT_EQ(remote->url, "https://host.invalid/a/b.git");
  EXPECT_EQ(remote->credentials.username, "me@work");
  EXPECT_EQ(remote->credentials.password, "s/cret");
  EXPECT_EQ(parse_remote("https://token@host.invalid/a")->credentials.password, "token");
  EXPECT_EQ(parse_remote("ssh://git:secret@host.invalid/a")->url, "ssh://git@host.invalid/a");
  EXPECT_EQ(parse_remote("git@host.invalid:a/b.git")->url, "git@host.invalid:a/b.git");
  EXPECT_EQ(parse_remote("https://host.invalid/a@b")->url, "https://host.invalid/a@b");
  EXPECT_TRUE(parse_remote("/srv/a")->local);
}

TEST(Remote, addresses_that_run_programs_or_are_none_are_refused) {
  for (const char* address : {"", "ext::sh -c id", "relative/path", "ftp://host/a", "-oProxyCommand=id:a", "https://host/\nx", "a"}) {
    const auto refused = parse_remote(address);
    ASSERT_FALSE(refused) << address;
    EXPECT_EQ(refused.error().field, "source");
    EXPECT_EQ(refused.error().code, Code::invalid_field);
  }
}

TEST(FindRoot, resolves_a_path_inside_a_repository_also_by_a_link_to_the_repository) {
  const TemporaryFolder folder("root");
  const GitRepository source(folder.path() + "/source");
  const std::string root = fs::canonical(source.path());
  EXPECT_EQ(*find_root(source.path() + "/src"), root);
  fs::create_directory_symlink(source.path(), folder.path() + "/alias");
  EXPECT_EQ(*find_root(folder.path() + "/alias/src"), root);
  EXPECT_EQ(find_root("source").error().code, Code::invalid_field);
  EXPECT_EQ(find_root(folder.path() + "/none").error().code, Code::not_found);
  EXPECT_FALSE(find_root(folder.path()));
}

TEST(FindRoot, refuses_a_link_that_leads_out_of_the_repository) {
  const TemporaryFolder folder("root");
  const GitRepository source(folder.path() + "/source"), other(folder.path() + "/other");
  fs::create_directory_symlink(other.path() + "/src", source.path() + "/out");
  EXPECT_EQ(find_root(source.path() + "/out").error().code, Code::forbidden);
  fs::create_directory(folder.path() + "/third");
  fs::create_directory_symlink(other.path() + "/.git", folder.path() + "/third/.git");
  EXPECT_EQ(find_root(folder.path() + "/third").error().code, Code::forbidden);
}

TEST(CheckSource, names_what_can_not_be_mirrored) {
  const TemporaryFolder folder("source");
  const GitRepository source(folder.path() + "/source");
  EXPECT_TRUE(check_source(source.path()));
  source.git("clone -q --depth 1 'file://" + source.path() + "' '" + folder.path() + "/shallow'");
  EXPECT_NE(check_source(folder.path() + "/shallow").error().message.find("a shallow clone"), std::string::npos);
  source.git("config uploadpack.allowFilter true");
  source.git("clone -q --filter=blob:none 'file://" + source.path() + "' '" + folder.path() + "/partial'");
  const auto partial = check_source(folder.path() + "/partial");
  ASSERT_FALSE(partial);
  EXPECT_EQ(partial.error().code, Code::invalid_field);
  EXPECT_NE(partial.error().message.find("a partial clone"), std::string::npos);
}

TEST(CheckContent, names_a_file_in_lfs_and_lists_submodules) {
  const TemporaryFolder folder("content");
  const GitRepository source(folder.path() + "/source");
  const auto repository = Repository::open(source.path() + "/.git");
  ASSERT_TRUE(repository);
  write_file(source.path() + "/big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
  const std::string no_filter = source.commit_all("looks like one");
  EXPECT_TRUE(worker::check_content(*repository, no_filter));
  write_file(source.path() + "/.gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
  const std::string with_filter = source.commit_all("is one");
  const auto refused = worker::check_content(*repository, with_filter);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_field);
  EXPECT_NE(refused.error().message.find("big.bin in Git LFS"), std::string::npos);
  const GitRepository library(folder.path() + "/library");
  source.git("-c protocol.file.allow=always submodule --quiet add '" + library.path() + "' lib");
  EXPECT_EQ(repository->content(source.commit_all("submodule"))->submodules, std::vector<std::string>{"lib"});
}

std::string http(const std::string& head) { return "HTTP/1.1 " + head + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"; }

TEST(FetchCredentials, are_offered_once_and_are_in_no_error_and_no_file) {
  const TemporaryFolder folder("credentials");
  const auto unauthorized = [](RawConnection& connection) {
    connection.read_request();
    connection.send(http("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\""));
  };
  RawServer server({unauthorized, unauthorized, unauthorized, unauthorized});
  auto repository = Repository::create_mirror(folder.path() + "/mirror.git", server.url() + "/a.git");
  ASSERT_TRUE(repository);
  Credentials credentials;
  credentials.username = "me";
  credentials.password = "s3cret-token";
  const auto refused = repository->fetch(kGoOn, credentials);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::forbidden) << refused.error().message;
  EXPECT_EQ(refused.error().message.find("s3cret"), std::string::npos);
  const auto requests = server.requests();
  ASSERT_GE(requests.size(), 2u);
  EXPECT_EQ(requests[0].find("Authorization"), std::string::npos);
  EXPECT_NE(requests[1].find("Authorization: Basic bWU6czNjcmV0LXRva2Vu"), std::string::npos);
  EXPECT_EQ(test::read_file(folder.path() + "/mirror.git/config").find("s3cret"), std::string::npos);
}

TEST(FetchCredentials, are_not_given_to_a_host_that_the_remote_redirects_to) {
  const TemporaryFolder folder("credentials");
  RawServer elsewhere({[](RawConnection& connection) {
    connection.read_request();
    connection.send(http("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\""));
  }});
  RawServer server({[&](RawConnection& connection) {
    connection.read_request();
    connection.send(http("302 Found\r\nLocation: " + elsewhere.url() + "/a.git/info/refs?service=git-upload-pack"));
  }});
  auto repository = Repository::create_mirror(folder.path() + "/mirror.git", server.url() + "/a.git");
  ASSERT_TRUE(repository);
  Credentials credentials;
  credentials.password = "s3cret-token";
  const auto refused = repository->fetch(kGoOn, credentials);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::forbidden);
  EXPECT_NE(refused.error().message.find("another host"), std::string::npos) << refused.error().message;
  for (const auto& request : elsewhere.requests()) EXPECT_EQ(request.find("Authorization"), std::string::npos);
}

}  // namespace
}  // namespace dossier::git
