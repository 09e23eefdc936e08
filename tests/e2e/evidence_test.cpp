// `dossier verify` on real parts: an honest log passes, and one changed byte, in Kafka or in Postgres, is found and named.
#include "platform/postgres/connection.hpp"
#include "tests/e2e/fixture.hpp"

namespace dossier::test {
namespace {

using ::testing::HasSubstr;

class Evidence : public EndToEnd {};

TEST_F(Evidence, verify_passes_on_what_really_happened) {
  begin(1);
  const Asked asked = ask("editor");
  ASSERT_EQ(at().wait_for_task(asked.task, {"completed", "failed", "cancelled"}), "completed");
  const auto issue = at().dossier({"verify", "--issue", asked.issue});
  EXPECT_EQ(issue.exit_code, 0) << issue.out << issue.err;
  const auto workspace = at().dossier({"verify", "--workspace", at().workspace()});
  EXPECT_EQ(workspace.exit_code, 0) << workspace.out << workspace.err;
}

TEST_F(Evidence, verify_names_the_record_whose_byte_was_changed_in_the_journal) {
  begin(0);
  const auto issue = at().open_issue("A title that somebody will change", project_);
  at().open_issue("Another", project_);
  auto connection = postgres::Connection::open({.url = at().database_url(), .reads_by_default = false});
  ASSERT_TRUE(connection) << connection.error().message;
  auto changed =
      (*connection)
          ->query(
              "UPDATE dossier.journal SET value = overlay(value placing '\\x42'::bytea from position('A title that'::bytea in value) for 1) "
              "WHERE position('A title that'::bytea in value) > 0 RETURNING partition, \"offset\"");
  ASSERT_TRUE(changed) << changed.error().message;
  ASSERT_EQ(changed->size(), 1);
  const std::string offset = std::to_string(changed->front().int64(1));

  const auto verified = at().dossier({"verify", "--workspace", at().workspace()});
  EXPECT_EQ(verified.exit_code, 1) << verified.out << verified.err;
  EXPECT_THAT(verified.out + verified.err, HasSubstr("offset " + offset));
  const auto of_issue = at().dossier({"verify", "--issue", issue});
  EXPECT_EQ(of_issue.exit_code, 1) << of_issue.out << of_issue.err;
}

TEST_F(Evidence, verify_names_the_record_whose_byte_was_changed_in_kafka) {
  OwnClusters& own = own_clusters();
  begin(0, own.clusters());
  at().open_issue("A title that somebody will change", project_);
  at().open_issue("Another", project_);
  own.stop_kafka();
  // The checksum of the batch is mended too: what finds the change is our chain, not Kafka's CRC.
  const auto changed = run_command({"python3", std::string(DOSSIER_SOURCE_DIR) + "/tests/support/change_segment.py", own.folder() + "/kafka/data",
                                    at().prefix() + ".events", "A title that", "B title that"},
                                   {}, at().folder());
  ASSERT_EQ(changed.exit_code, 0) << changed.err;
  std::string offset = changed.out.substr(0, changed.out.find('\n'));  // "partition 3, offset 9"
  std::erase(offset, ',');
  own.start_kafka();
  CommandResult verified;
  ASSERT_TRUE(eventually(60'000,
                         [&] {
                           verified = at().dossier({"verify", "--workspace", at().workspace()});
                           return verified.exit_code == 1;
                         }))
      << verified.out << verified.err;
  EXPECT_THAT(verified.out + verified.err, HasSubstr(offset));
}

}  // namespace
}  // namespace dossier::test
