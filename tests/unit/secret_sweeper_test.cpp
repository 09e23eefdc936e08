// A leftover secret and the commit that would name it, in every order that an open commit can make of them.
#include "producers/secret_sweeper.hpp"

#include <gtest/gtest.h>

#include "events/names.hpp"
#include "producers/commands/identity.hpp"
#include "producers/memory_secrets.hpp"
#include "tests/support/memory_server.hpp"

namespace dossier::producers {
namespace {

using test::MemoryInstallation;
using test::MemoryServer;
using test::settle;

const SecretId kPassword("sec_" + std::string(32, '1'));

class SecretSweeping : public ::testing::Test {
 protected:
  using Answer = std::shared_ptr<std::optional<Result<Committed>>>;

  void SetUp() override { settle(at, {&server}); }

  // The first admin, whose password is in the row of kPassword: the commit that names it.
  static Command bootstrap(const SecretId& password = kPassword, const std::string& key = "first") {
    commands::BootstrapAdmin admin;
    admin.login = "ada";
    admin.login_stream = events::login_stream("ada", "name key");
    admin.display_name = "Ada";
    admin.password_secret = password;
    admin.workspace_slug = "home";
    admin.workspace_name = "Home";
    Command command;
    command.context.workspace = identity_domain();
    command.context.commit_id = events::derive_commit_id(identity_domain(), "test", "bootstrap", key);
    command.context.fingerprint = std::string(32, 'f');
    command.decide = commands::bootstrap_admin(admin);
    return command;
  }
  Answer send(Command command) {
    auto answer = std::make_shared<std::optional<Result<Committed>>>();
    server.run(std::move(command), [answer](Result<Committed> result) { answer->emplace(std::move(result)); });
    return answer;
  }
  Result<Committed> ask(Command command, std::int64_t within_us = 10'000'000) {
    const Answer answer = send(std::move(command));
    settle(at, {&server}, within_us);
    CHECK(answer->has_value());
    return **answer;
  }
  // The next commit arrives so much later; its sender is told that it is open.
  void delay_next(std::int64_t by_us) {
    at.fates.plan = [by_us, first = true](std::string_view writer, const topic::Outgoing&) mutable {
      memory::AppendPlan plan;
      if (writer.find(".commits") == std::string_view::npos || !std::exchange(first, false)) return plan;
      plan.fate = memory::Fate::late;
      plan.append_delay_us = by_us;
      return plan;
    };
  }
  Secrets::Looked look() { return *secrets.leftovers(at.clock.wall_us() - SecretSweeper::kMinAgeUs, SecretId(), 100); }
  // What SecretSweeper::step does, a step at a time. How many were removed.
  int sweep() {
    std::vector<SecretId> discarded;
    for (const auto& leftover : look().leftovers)
      if (ask(SecretSweeper::discard(leftover))) discarded.push_back(leftover.id);
    return *secrets.sweep(discarded);
  }
  bool is_there(const SecretId& id = kPassword) { return secrets.password(id)->has_value(); }
  bool is_named() {
    auto snapshot = server.states.snapshot();
    return (*snapshot)->stream(identity_domain(), std::string(events::kServerAdminStream))->version > 0;
  }

  MemoryInstallation at;
  MemoryServer server{at, "server"};
  MemorySecrets secrets{at.database, at.clock};
  static constexpr std::int64_t kLongAgoUs = SecretSweeper::kMinAgeUs + 1'000'000;
};

TEST_F(SecretSweeping, a_secret_that_nothing_came_to_name_is_removed_once_it_is_old) {
  ASSERT_TRUE(secrets.put_password(kPassword, "$argon2id$x"));
  EXPECT_EQ(sweep(), 0);
  at.clock.advance_us(kLongAgoUs);
  EXPECT_EQ(sweep(), 1);
  EXPECT_FALSE(is_there());
  EXPECT_TRUE(look().leftovers.empty());
}

TEST_F(SecretSweeping, a_named_secret_stays) {
  ASSERT_TRUE(secrets.put_password(kPassword, "$argon2id$x"));
  ASSERT_TRUE(ask(bootstrap()));
  at.clock.advance_us(kLongAgoUs);
  EXPECT_TRUE(look().leftovers.empty());
  EXPECT_EQ(sweep(), 0);
  EXPECT_TRUE(is_there());
}

TEST_F(SecretSweeping, an_open_commit_that_arrives_before_the_sweep_keeps_its_secret) {
  ASSERT_TRUE(secrets.put_password(kPassword, "$argon2id$x"));
  delay_next(2 * kLongAgoUs);
  EXPECT_EQ(ask(bootstrap()).error().code, Code::unacknowledged);
  at.clock.advance_us(kLongAgoUs);
  const auto seen = look();  // the sweeper looked …
  ASSERT_EQ(seen.leftovers.size(), 1u);
  settle(at, {&server}, 2 * kLongAgoUs);  // … then it arrived …
  ASSERT_TRUE(is_named());
  ASSERT_TRUE(ask(SecretSweeper::discard(seen.leftovers.front())));  // … then the sweeper gave it up
  EXPECT_EQ(*secrets.sweep({kPassword}), 0);
  EXPECT_TRUE(is_there());
}

TEST_F(SecretSweeping, an_open_commit_that_arrives_after_the_sweep_is_void) {
  ASSERT_TRUE(secrets.put_password(kPassword, "$argon2id$x"));
  delay_next(3 * kLongAgoUs);
  EXPECT_EQ(ask(bootstrap()).error().code, Code::unacknowledged);
  at.clock.advance_us(kLongAgoUs);
  EXPECT_EQ(sweep(), 1);
  const auto records = at.events_of(identity_domain()).size();
  settle(at, {&server}, 3 * kLongAgoUs);
  EXPECT_EQ(at.events_of(identity_domain()).size(), records + 1) << "it did arrive";
  EXPECT_FALSE(is_named());
  // The client's next try, with a row of its own, is as good as its first.
  const SecretId second("sec_" + std::string(32, '2'));
  ASSERT_TRUE(secrets.put_password(second, "$argon2id$x"));
  ASSERT_TRUE(ask(bootstrap(second)));
  EXPECT_TRUE(is_named());
  EXPECT_TRUE(is_there(second));
}

TEST_F(SecretSweeping, what_was_given_up_is_never_named_again) {
  ASSERT_TRUE(secrets.put_password(kPassword, "$argon2id$x"));
  at.clock.advance_us(kLongAgoUs);
  EXPECT_EQ(sweep(), 1);
  const auto refused = ask(bootstrap());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::conflict);
}

TEST_F(SecretSweeping, while_nobody_projects_nothing_is_removed) {
  ASSERT_TRUE(secrets.put_password(kPassword, "$argon2id$x"));
  at.clock.advance_us(kLongAgoUs);
  server.projects = false;
  EXPECT_EQ(sweep(), 0);
  EXPECT_TRUE(is_there());
  server.projects = true;
  settle(at, {&server});
  EXPECT_EQ(sweep(), 1);  // the second process or round finds the same commit and goes on
}

}  // namespace
}  // namespace dossier::producers
