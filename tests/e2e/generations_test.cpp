// Generations of read models under a running server: folded anew by other code, rebuilt and switched back while people go
// on writing, and dropped.
#include "platform/postgres/migrate.hpp"
#include "platform/postgres/pool.hpp"
#include "projections/code_version.hpp"
#include "projections/generation_compare.hpp"
#include "tests/e2e/fixture.hpp"

namespace dossier::test {
namespace {

constexpr std::int32_t kPartitions = 12;

class Generations : public EndToEnd {
 protected:
  std::vector<postgres::Generation> generations() { return *postgres::generations(at().database_url()); }
  std::int64_t number_of(postgres::GenerationState state) {
    for (const auto& one : generations())
      if (one.state == state) return one.number;
    return 0;
  }
  std::int64_t live() { return number_of(postgres::GenerationState::live); }
  postgres::Pool pool(std::size_t size = 1) { return postgres::Pool({.connection = {.url = at().database_url()}, .size = size}); }
  // Whether both hold the same rows, once both stand at the same place.
  bool equal(std::int64_t one, std::int64_t other) {
    std::set<std::int32_t> all;
    for (std::int32_t partition = 0; partition < kPartitions; ++partition) all.insert(partition);
    const auto compared = projections::compare_generations(at().database_url(), one, other, all, kPartitions);
    return compared && compared->moving.empty() && compared->differences.empty();
  }
  bool stand_alike(std::int64_t one, std::int64_t other) {
    return *projections::generation_positions(at().database_url(), one) == *projections::generation_positions(at().database_url(), other);
  }
  Reply post_issue(const std::string& title) { return api().post(at().in_workspace("/issues"), object({{"title", title}})); }
  std::size_t issues() {
    const Reply read = api().get(at().in_workspace("/issues"));
    return read.status == 200 ? read.items().size() : 0;
  }
};

TEST_F(Generations, a_server_of_other_code_builds_the_successor_while_reads_go_on_and_takes_it_over) {
  begin(0);
  for (int number = 0; number < 5; ++number) ASSERT_EQ(post_issue("Issue " + std::to_string(number)).status, 201);
  at().server().kill();
  const std::int64_t before = live();
  auto hand = pool(2);
  ASSERT_TRUE(hand.write_one("UPDATE dossier.generations SET digest = 'of other code' WHERE state = 'live'"));
  {
    auto held = hand.write();  // the successor can't be built before this ends
    ASSERT_TRUE(held);
    ASSERT_TRUE(held->query("LOCK TABLE dossier.journal IN SHARE MODE"));
    at().launch_server();
    ASSERT_TRUE(eventually(60'000, [&] { return issues() == 5; })) << "reads";
    ASSERT_TRUE(eventually(20'000, [&] { return number_of(postgres::GenerationState::building) != 0; }));
    // A server that began a moment ago may say 503 first, which a client tries again.
    EXPECT_TRUE(eventually(20'000, [&] { return post_issue("Recorded while nobody judges").status == 202; }));
    // Until too much is open: then commands are refused before they are decided.
    EXPECT_TRUE(eventually(30'000, [&] { return post_issue("Too late").status == 503; }));
    EXPECT_EQ(issues(), 5U);
    EXPECT_EQ(live(), before);
  }
  ASSERT_TRUE(eventually(60'000, [&] { return live() != before; })) << "the successor was never made live";
  for (const auto& one : generations())
    if (one.number == live()) {
      EXPECT_TRUE(projections::is_of_code(one.digest, projections::code_digest()));
    }
  EXPECT_TRUE(eventually(20'000, [&] { return issues() >= 6; })) << "what was recorded meanwhile";
  ASSERT_TRUE(eventually(20'000, [&] { return post_issue("Afterwards").status == 201; })) << "commands go on";
  EXPECT_TRUE(at().wait_until_ready());
}

TEST_F(Generations, after_a_rebuild_the_old_one_stays_warm_and_is_gone_back_to_while_writing_goes_on) {
  begin(0);
  for (int number = 0; number < 5; ++number) ASSERT_EQ(post_issue("Before " + std::to_string(number)).status, 201);
  const std::int64_t first = live();
  const auto rebuilt = at().dossier({"admin", "rebuild"});
  ASSERT_EQ(rebuilt.exit_code, 0) << rebuilt.err;
  const std::int64_t second = live();
  ASSERT_NE(second, first);
  for (int number = 0; number < 5; ++number) ASSERT_EQ(post_issue("Between " + std::to_string(number)).status, 201);
  EXPECT_EQ(issues(), 10U);
  EXPECT_TRUE(eventually(20'000, [&] { return stand_alike(first, second); })) << "the old one is not kept warm";
  EXPECT_TRUE(equal(first, second));

  const auto back = at().dossier({"admin", "rebuild", "--back"});
  ASSERT_EQ(back.exit_code, 0) << back.err;
  EXPECT_EQ(live(), first);
  for (int number = 0; number < 5; ++number) ASSERT_EQ(post_issue("After " + std::to_string(number)).status, 201);
  EXPECT_EQ(issues(), 15U);
  EXPECT_TRUE(eventually(20'000, [&] { return stand_alike(first, second) && equal(first, second); }));

  const auto listed = at().dossier({"admin", "generations", "list", "--json"});
  EXPECT_EQ(listed.exit_code, 0) << listed.err;
  EXPECT_NE(listed.out.find("\"old\""), std::string::npos) << listed.out;
  EXPECT_NE(at().dossier({"admin", "generations", "drop", std::to_string(first)}).exit_code, 0) << "it is live";
  const auto dropped = at().dossier({"admin", "generations", "drop", std::to_string(second)});
  EXPECT_EQ(dropped.exit_code, 0) << dropped.err;
  EXPECT_EQ(generations().size(), 1U);
  EXPECT_NE(at().dossier({"admin", "rebuild", "--back"}).exit_code, 0) << "there is nothing to go back to";
  EXPECT_EQ(post_issue("With one generation").status, 201);
}

TEST_F(Generations, a_program_that_was_superseded_takes_its_generation_back_once_it_is_alone) {
  begin(0);
  ASSERT_EQ(post_issue("By the one").status, 201);
  const std::int64_t ours = live();
  at().server().kill();
  auto hand = pool();
  // What other code would have left behind: its own generation, live.
  ASSERT_TRUE(hand.write_one("UPDATE dossier.generations SET digest = 'mine' WHERE number = " + std::to_string(ours)));
  const auto made = postgres::create_generation(at().database_url(), "of other code");
  ASSERT_TRUE(made);
  ASSERT_TRUE(hand.write_one("UPDATE dossier.generations SET state = 'old', digest = '" + projections::code_digest() +
                             "' WHERE number = " + std::to_string(ours)));
  ASSERT_TRUE(hand.write_one("UPDATE dossier.generations SET state = 'live' WHERE number = " + std::to_string(made->number)));
  ASSERT_TRUE(hand.write_one("INSERT INTO dossier.processes VALUES ('projector', 'other-of other code', clock_timestamp() + interval '1 hour')"));
  at().launch_server();
  // While the other runs, nothing is built and nothing switched.
  ASSERT_TRUE(eventually(60'000, [&] { return at().server().log().find("taken over") != std::string::npos; }));
  EXPECT_EQ(live(), made->number);
  EXPECT_EQ(generations().size(), 2U);
  ASSERT_TRUE(hand.write_one("DELETE FROM dossier.processes WHERE process LIKE 'other%'"));
  ASSERT_TRUE(eventually(30'000, [&] { return live() == ours; }));
  ASSERT_TRUE(eventually(20'000, [&] { return post_issue("By the one again").status == 201; }));
  EXPECT_EQ(issues(), 2U);
}

}  // namespace
}  // namespace dossier::test
