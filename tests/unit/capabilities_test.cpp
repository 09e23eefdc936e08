// What a worker offers: what its probes saw, and nothing else. The programs are shell scripts that answer as Codex does.
#include "worker/capabilities.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "platform/process/process.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/agents/codex_probe.hpp"

namespace dossier::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kAnswers = R"(while read -r line; do
  case $line in
    *'"initialize"'*) echo '{"id":0,"result":{"userAgent":"dossier/0.169.0"}}' ;;
    *thread/start*) echo '{"id":1,"result":{"thread":{"id":"t"},"approvalPolicy":"untrusted"}}' ;;
  esac
done
)";

class Capabilities : public ::testing::Test {
 protected:
  Capabilities() { ::setenv("DOSSIER_CLAUDE", "no-such-program", 1); }
  ~Capabilities() override {
    ::unsetenv("DOSSIER_CODEX");
    ::unsetenv("DOSSIER_CLAUDE");
  }
  void install_codex(const std::string& version, const std::string& app_server) {
    const std::string path = folder_.path() + "/codex";
    std::ofstream(path) << "#!/bin/sh\n[ \"$1\" = --version ] && { echo \"codex-cli " << version << "\"; exit 0; }\n" << app_server;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    ::setenv("DOSSIER_CODEX", path.c_str(), 1);
  }
  static json::Value offered(const std::string& overlay = "") {
    const auto found = probe_capabilities(overlay);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : json::Value();
  }
  static bool flag(const json::Value& value, const char* name) {
    const json::Value* found = value.find(name);
    return found != nullptr && found->boolean() != nullptr && *found->boolean();
  }

  test::TemporaryFolder folder_{"capabilities"};
};

TEST_F(Capabilities, offer_codex_with_its_version_once_it_answered) {
  install_codex("0.169.0", kAnswers);
  const json::Value found = offered();
  EXPECT_TRUE(flag(found, "codex"));
  EXPECT_TRUE(flag(found, "codex.approvals"));
  EXPECT_EQ(found.text("codex.version"), "0.169.0");
  EXPECT_EQ(found.text("os"), "linux");
  EXPECT_THAT(providers_of(found), ElementsAre("command", "codex"));
}

TEST_F(Capabilities, offer_no_approvals_where_the_probe_did_not_see_them) {
  install_codex("0.150.0", R"(while read -r line; do
  case $line in
    *'"initialize"'*) echo '{"id":0,"result":{}}' ;;
    *thread/start*) echo '{"id":1,"result":{"thread":{"id":"t"},"approvalPolicy":"never"}}' ;;
  esac
done
)");
  const json::Value found = offered();
  EXPECT_TRUE(flag(found, "codex"));
  EXPECT_EQ(found.find("codex.approvals"), nullptr);
}

TEST_F(Capabilities, refuse_a_codex_that_is_too_old_and_say_so) {
  install_codex("0.129.0", kAnswers);
  const json::Value found = offered();
  EXPECT_FALSE(flag(found, "codex"));
  EXPECT_THAT(found.text("codex.reason"), HasSubstr("0.129.0 is older than 0.130.0"));
  EXPECT_EQ(found.find("codex.version"), nullptr);
  EXPECT_THAT(providers_of(found), ElementsAre("command"));
}

TEST_F(Capabilities, refuse_a_codex_that_does_not_answer_the_handshake) {
  install_codex("0.169.0", "echo 'no such command' >&2; exit 2\n");
  EXPECT_THAT(offered().text("codex.reason"), HasSubstr("does not answer the handshake"));
}

TEST_F(Capabilities, refuse_a_program_without_a_version) {
  install_codex("unknown", kAnswers);
  EXPECT_THAT(offered().text("codex.reason"), HasSubstr("does not say a version"));
}

TEST_F(Capabilities, say_nothing_of_what_is_not_installed) {
  ::setenv("DOSSIER_CODEX", "no-such-program", 1);
  const json::Value found = offered();
  EXPECT_EQ(found.find("codex"), nullptr);
  EXPECT_EQ(found.find("codex.reason"), nullptr);
  EXPECT_EQ(found.find("claude"), nullptr);
}

TEST_F(Capabilities, take_what_is_given_but_for_providers_that_were_not_seen) {
  install_codex("0.169.0", kAnswers);
  EXPECT_EQ(offered(R"({"gpu":"a100"})").text("gpu"), "a100");
  const json::Value lowered = offered(R"({"codex":false})");
  EXPECT_THAT(providers_of(lowered), ElementsAre("command"));
  EXPECT_EQ(lowered.find("codex.version"), nullptr);
  EXPECT_FALSE(flag(offered(R"({"codex.approvals":false})"), "codex.approvals"));
  EXPECT_TRUE(flag(offered(R"({"codex":true})"), "codex"));

  const auto claimed = probe_capabilities(R"({"claude":true})");
  ASSERT_FALSE(claimed);
  EXPECT_EQ(claimed.error().code, Code::usage);
  EXPECT_THAT(claimed.error().message, HasSubstr("claude was not seen on this machine"));
  EXPECT_EQ(probe_capabilities(R"({"codex.version":"9.9.9"})").error().code, Code::usage);
  EXPECT_EQ(probe_capabilities("[]").error().code, Code::usage);
  EXPECT_EQ(probe_capabilities(R"({"a":{}})").error().code, Code::usage);
}

}  // namespace
}  // namespace dossier::worker
