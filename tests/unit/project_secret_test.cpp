// Secrets of projects: what may be set, what a set replaces, what a worker makes of them, and that a seal fits one place.
#include <gtest/gtest.h>

#include "events/fold.hpp"
#include "events/names.hpp"
#include "events/project.hpp"
#include "platform/crypto/crypto.hpp"
#include "producers/commands/workspace.hpp"
#include "tests/support/office.hpp"
#include "worker/masking/masker.hpp"
#include "worker/project_secrets.hpp"

namespace dossier {
namespace {

using Kind = v1::ProjectSecretSet::Kind;

v1::ProjectSecretSet secret(const std::string& id, Kind kind, const std::string& name) {
  v1::ProjectSecretSet set;
  set.set_secret_id(id);
  set.set_kind(kind);
  set.set_name(name);
  return set;
}

class ProjectSecret : public ::testing::Test {
 protected:
  ProjectSecret() { state_.set_project_id("prj_1"); }
  // The facts' names, and folds them.
  std::string set(const v1::ProjectSecretSet& given) {
    const auto facts = events::set_project_secret(state_, given);
    if (!facts) return facts.error().field.empty() ? std::string(to_string(facts.error().code)) : facts.error().field;
    std::string names;
    for (const auto& fact : *facts) {
      names += fact.has_project_secret_set() ? "set " + fact.project_secret_set().secret_id() + " "
                                             : "removed " + fact.project_secret_removed().secret_id() + " ";
      EXPECT_TRUE(events::evolve(state_, fact));
    }
    return names;
  }
  v1::ProjectState state_;
};

TEST_F(ProjectSecret, replaces_the_one_of_its_name_and_twice_says_nothing) {
  EXPECT_EQ(set(secret("sec_1", v1::ProjectSecretSet::GIT_HTTPS, "git_https")), "set sec_1 ");
  EXPECT_EQ(set(secret("sec_1", v1::ProjectSecretSet::GIT_HTTPS, "git_https")), "");
  EXPECT_EQ(set(secret("sec_2", v1::ProjectSecretSet::VALUE, "API_KEY")), "set sec_2 ");
  EXPECT_EQ(set(secret("sec_3", v1::ProjectSecretSet::GIT_HTTPS, "git_https")), "removed sec_1 set sec_3 ");
  ASSERT_EQ(state_.secrets_size(), 2);
  EXPECT_EQ(state_.secrets(0).secret_id(), "sec_2");
  EXPECT_EQ(state_.secrets(1).secret_id(), "sec_3");
  const auto removed = events::remove_project_secret(state_, "sec_2");
  ASSERT_TRUE(removed && removed->has_value());
  EXPECT_TRUE(events::evolve(state_, **removed));
  EXPECT_EQ(state_.secrets_size(), 1);
  EXPECT_FALSE(events::remove_project_secret(state_, "sec_2")->has_value());
  EXPECT_FALSE(events::remove_project_secret(state_, "sec_1")->has_value());
}

TEST_F(ProjectSecret, has_a_name_that_a_variable_could_have) {
  for (const std::string& name : {std::string(), std::string("1A"), std::string("a-b"), std::string("a b"), std::string("git_ssh"),
                                  std::string("git_https"), std::string(events::kMaxSecretNameBytes + 1, 'a')})
    EXPECT_EQ(set(secret("sec_1", v1::ProjectSecretSet::VALUE, name)), "name") << name;
  EXPECT_EQ(set(secret("sec_1", v1::ProjectSecretSet::GIT_SSH, "other")), "name");
  EXPECT_EQ(set(secret("sec_1", v1::ProjectSecretSet::KIND_UNSPECIFIED, "a")), "kind");
  EXPECT_EQ(set(secret("sec_1", v1::ProjectSecretSet::VALUE, std::string(events::kMaxSecretNameBytes, 'a'))), "set sec_1 ");
}

TEST_F(ProjectSecret, there_are_so_many_and_no_more_but_each_can_be_replaced) {
  for (int i = 0; i < events::kMaxProjectSecrets; ++i)
    EXPECT_EQ(set(secret("sec_" + std::to_string(i), v1::ProjectSecretSet::VALUE, "N" + std::to_string(i))), "set sec_" + std::to_string(i) + " ");
  EXPECT_EQ(set(secret("sec_more", v1::ProjectSecretSet::VALUE, "more")), "conflict");
  EXPECT_EQ(set(secret("sec_new", v1::ProjectSecretSet::VALUE, "N0")), "removed sec_0 set sec_new ");
  state_.set_removed(true);
  EXPECT_EQ(set(secret("sec_x", v1::ProjectSecretSet::VALUE, "N1")), "project_id");
}

TEST(ProjectSecretCommand, is_an_admins_and_expects_that_its_row_was_not_given_up) {
  test::Office office;
  producers::commands::SetProjectSecret command{office.project, SecretId("sec_" + std::string(32, '5')), v1::ProjectSecretSet::VALUE, "API_KEY"};
  const auto refused = office.log.decide(producers::commands::set_project_secret(command), office.member, "by a member");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::forbidden);
  const auto decided = office.log.decide(producers::commands::set_project_secret(command), office.owner, "by the owner");
  ASSERT_TRUE(decided) << decided.error().message;
  ASSERT_EQ(decided->events.size(), 1u);
  bool expects_row = false;
  for (const auto& expect : decided->expects)
    expects_row = expects_row || (expect.stream() == events::secret_stream(command.secret) && expect.version() == 0);
  EXPECT_TRUE(expects_row);
}

TEST(Seal, opens_with_its_key_at_its_place_and_nowhere_else) {
  const std::string key(32, 'k'), other(32, 'o');
  const std::string sealed = crypto::seal(key, "the value", "here");
  EXPECT_EQ(sealed.find("value"), std::string::npos);
  EXPECT_NE(sealed, crypto::seal(key, "the value", "here"));
  EXPECT_EQ(crypto::unseal(key, sealed, "here"), "the value");
  EXPECT_EQ(crypto::unseal(key, crypto::seal(key, "", "here"), "here"), "");
  EXPECT_FALSE(crypto::unseal(other, sealed, "here"));
  EXPECT_FALSE(crypto::unseal(key, sealed, "there"));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string damaged = sealed;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(crypto::unseal(key, damaged, "here")) << i;
    EXPECT_FALSE(crypto::unseal(key, sealed.substr(0, i), "here")) << i;
  }
}

namespace w = worker;

v1::ProjectSource git_source(const std::string& url) {
  v1::ProjectSource source;
  source.set_git_url(url);
  return source;
}

TEST(ProjectSecrets, give_each_scheme_its_credentials_and_mask_all_values) {
  const auto secrets = w::read_project_secrets(
      R"({"secrets":[{"id":"1","kind":"git_https","name":"git_https","value":{"username":"me","password":"token-1"}},)"
      R"({"id":"2","kind":"git_ssh","name":"git_ssh","value":{"private_key":"KEY","passphrase":"phrase-2","host_key":"SHA256:x"}},)"
      R"({"id":"3","kind":"value","name":"A","value":{"value":"value-3"}},)"
      R"({"id":"4","kind":"of tomorrow","name":"B","value":{"seed":"seed-4"}}]})");
  ASSERT_TRUE(secrets) << secrets.error().message;
  EXPECT_EQ(secrets->values, (std::vector<std::string>{"token-1", "KEY", "phrase-2", "value-3", "seed-4"}));
  EXPECT_EQ(w::credentials_for(*secrets, git_source("https://h/a")).password, "token-1");
  EXPECT_EQ(w::credentials_for(*secrets, git_source("https://h/a")).username, "me");
  EXPECT_TRUE(w::credentials_for(*secrets, git_source("https://h/a")).ssh_key.empty());
  for (const char* url : {"ssh://git@h/a", "git@h:a"}) {
    EXPECT_EQ(w::credentials_for(*secrets, git_source(url)).ssh_key, "KEY") << url;
    EXPECT_EQ(w::credentials_for(*secrets, git_source(url)).ssh_passphrase, "phrase-2");
    EXPECT_EQ(w::credentials_for(*secrets, git_source(url)).ssh_host_key, "SHA256:x");
    EXPECT_TRUE(w::credentials_for(*secrets, git_source(url)).password.empty());
  }
  for (const char* url : {"git://h/a", "file:///a", ""}) {
    EXPECT_TRUE(w::credentials_for(*secrets, git_source(url)).password.empty()) << url;
    EXPECT_TRUE(w::credentials_for(*secrets, git_source(url)).ssh_key.empty()) << url;
  }
}

TEST(ProjectSecrets, an_answer_that_is_none_is_refused_without_its_words) {
  for (const char* body : {"", "[]", "{}", R"({"secrets":7})", R"({"secrets":[{"kind":"value"}]})", R"({"secrets":[{"value":"hunter2-hunter2"}]})"}) {
    const auto refused = w::read_project_secrets(body);
    ASSERT_FALSE(refused) << body;
    EXPECT_EQ(refused.error().message.find("hunter2"), std::string::npos);
  }
}

TEST(ProjectSecrets, as_many_and_as_long_as_may_be_can_all_be_masked) {
  std::vector<std::string> values{std::string(16'384, '"')};
  for (int i = 1; i < events::kMaxProjectSecrets; ++i) values.push_back(std::string(4'090, '"') + std::to_string(100'000 + i));
  const auto made = w::masking::Secrets::make(values);
  EXPECT_TRUE(made) << made.error().message;
}

TEST(ProjectSecrets, are_asked_for_again_while_that_may_help_with_growing_pauses) {
  std::vector<std::int64_t> pauses;
  int left = 7;
  const auto pause = [&](std::int64_t ms) { pauses.push_back(ms); };
  const auto get = [&]() -> Result<w::ProjectSecrets> {
    if (left-- > 0) return make_error(left % 2 == 0 ? Code::overloaded : Code::io, "away");
    return w::ProjectSecrets{};
  };
  EXPECT_TRUE(w::get_until(get, [] { return false; }, pause));
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{250, 500, 1'000, 2'000, 4'000, 5'000, 5'000}));
  int asked = 0;
  const auto refused = w::get_until(
      [&]() -> Result<w::ProjectSecrets> {
        ++asked;
        return make_error(Code::unauthenticated, "revoked");
      },
      [] { return false; }, pause);
  EXPECT_EQ(refused.error().code, Code::unauthenticated);
  EXPECT_EQ(asked, 1);
  left = 1'000;
  const auto stopped = w::get_until(get, [&] { return left < 998; }, pause);
  EXPECT_EQ(stopped.error().message, "can't get the project's secrets: away");
}

}  // namespace
}  // namespace dossier
