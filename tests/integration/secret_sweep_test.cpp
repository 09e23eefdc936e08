// Leftover secrets of a real PostgreSQL are swept, and everything that people and workers sign in with stays.
#include <gtest/gtest.h>

#include "producers/secret_sweeper.hpp"
#include "tests/support/api_rig.hpp"

namespace dossier {
namespace {

class SecretSweep : public testing::Test {
 protected:
  void SetUp() override { rig_.bootstrap(); }
  void put_token(const SecretId& id, producers::TokenKind kind, const std::string& subject) {
    ASSERT_TRUE(rig_.secrets().put_token({id, kind, subject, crypto::sha256(id.str()), "dst_x", 0}));
  }
  bool has_token(const SecretId& id) { return rig_.secrets().find_token(crypto::sha256(id.str()))->has_value(); }
  void make_old() {
    for (const char* table : {"password_hashes", "token_hashes", "project_secrets"})
      ASSERT_TRUE(rig_.pool().write_one("UPDATE dossier." + std::string(table) + " SET created = created - interval '2 hours'"));
  }
  producers::SecretSweeper sweeper() { return producers::SecretSweeper(rig_.secrets(), rig_.runner(), clock_); }

  SystemClock clock_;
  test::ApiRig rig_;
  const SecretId user_token_{"sec_" + std::string(32, '1')};
  const SecretId worker_token_{"sec_" + std::string(32, '2')};
  const SecretId password_{"sec_" + std::string(32, '3')};
};

TEST_F(SecretSweep, LeftoversGoAndWhatEventsNameStays) {
  const auto issued = rig_.post(rig_.in_workspace("/worker-tokens"), R"({"label":"l"})");
  ASSERT_EQ(issued.status(), 201) << issued.response.body;
  put_token(user_token_, producers::TokenKind::user, rig_.user);
  put_token(worker_token_, producers::TokenKind::worker, rig_.workspace);
  ASSERT_TRUE(rig_.secrets().put_password(password_, "$argon2id$x"));
  auto sweeping = sweeper();
  EXPECT_EQ(sweeping.step()->removed, 0) << "they are young";
  make_old();
  const auto swept = sweeping.step();
  ASSERT_TRUE(swept) << swept.error().message;
  EXPECT_EQ(swept->removed, 3);
  EXPECT_FALSE(swept->more);
  EXPECT_FALSE(has_token(user_token_));
  EXPECT_FALSE(has_token(worker_token_));
  EXPECT_FALSE(rig_.secrets().password(password_)->has_value());

  EXPECT_EQ(rig_.get(rig_.in_workspace("/issues")).status(), 200);
  EXPECT_TRUE(rig_.secrets().find_token(crypto::sha256(issued.text("token")))->has_value());
  rig_.token.clear();
  EXPECT_EQ(rig_.post("/v1/auth/sign-in", R"({"login":"ada","password":"correct horse"})").status() / 100, 2);
  EXPECT_EQ(sweeping.step()->removed, 0);
}

TEST_F(SecretSweep, TheValueOfAProjectsSecretGoesOnceItIsRemovedOrReplaced) {
  const auto project = rig_.post(rig_.in_workspace("/projects"), R"({"name":"p","local_path":"/srv/p"})").text("id");
  const auto set = [&](const std::string& name) {
    const auto made = rig_.post("/v1/projects/" + project + "/secrets", R"({"kind":"value","name":")" + name + R"(","value":"a value to mask"})");
    EXPECT_EQ(made.status(), 201) << made.response.body;
    return SecretId(made.text("id"));
  };
  const SecretId first = set("A"), second = set("A"), kept = set("B"), removed = set("C");
  EXPECT_EQ(rig_.ask("DELETE", "/v1/projects/" + project + "/secrets/" + removed.str()).status(), 204);
  make_old();
  auto sweeping = sweeper();
  ASSERT_TRUE(test::eventually(20'000, [&] { return sweeping.step()->removed == 2; }));
  EXPECT_FALSE(rig_.secrets().project_secret(first)->has_value());
  EXPECT_FALSE(rig_.secrets().project_secret(removed)->has_value());
  EXPECT_TRUE(rig_.secrets().project_secret(second)->has_value());
  EXPECT_TRUE(rig_.secrets().project_secret(kept)->has_value());
}

TEST_F(SecretSweep, NothingIsRemovedBeforeTheVerdictThatNoEventCanNameItAnyMore) {
  put_token(user_token_, producers::TokenKind::user, rig_.user);
  make_old();
  rig_.stop_projecting();
  auto sweeping = sweeper();
  EXPECT_EQ(sweeping.step()->removed, 0);
  EXPECT_TRUE(has_token(user_token_));
  rig_.start_projecting();
  ASSERT_TRUE(test::eventually(20'000, [&] { return sweeping.step()->removed == 1; }));
  EXPECT_FALSE(has_token(user_token_));
}

TEST_F(SecretSweep, NothingIsRemovedWhileRowsThatCouldNameItAreParked) {
  put_token(user_token_, producers::TokenKind::user, rig_.user);
  make_old();
  ASSERT_TRUE(rig_.pool().write_one(
      "INSERT INTO dossier.parked (generation, read_model, workspace, stream, partition, \"offset\", event_index, error, value) "
      "SELECT number, 'identity', 'identity', 'user/x', 0, 0, 0, 'e', '' FROM dossier.generations WHERE state = 'live'"));
  auto sweeping = sweeper();
  EXPECT_EQ(sweeping.step()->removed, 0);
  EXPECT_TRUE(has_token(user_token_));
  ASSERT_TRUE(rig_.pool().write_one("DELETE FROM dossier.parked"));
  EXPECT_EQ(sweeping.step()->removed, 1);
}

}  // namespace
}  // namespace dossier
