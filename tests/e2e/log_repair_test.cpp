// A broker that lost acknowledged records: the server halts and says so, the operator repairs, the server goes on by itself.
#include <filesystem>
#include <map>

#include "events/codec.hpp"
#include "events/ledger.hpp"
#include "events/names.hpp"
#include "platform/kafka/admin.hpp"
#include "platform/kafka/kafka.hpp"
#include "replay/log_source.hpp"
#include "tests/e2e/fixture.hpp"

namespace dossier::test {
namespace {

constexpr std::int32_t kLogPartitions = 12;

class LogRepair : public EndToEnd {
 protected:
  void SetUp() override {
    begin(0);
    cluster_ = kafka::load_cluster("", at().clusters().kafka_properties).value();
    topic_ = at().prefix() + ".events";
    for (int number = 1; number <= 5; ++number) at().open_issue("Issue " + std::to_string(number), project_);
  }
  std::int32_t partition() { return events::partition_of(at().workspace(), kLogPartitions); }
  std::size_t issues() { return api().get(at().in_workspace("/issues")).items().size(); }

  std::map<std::int32_t, std::vector<std::string>> read_log() {
    std::map<std::int32_t, std::vector<std::string>> log;
    const auto reader = kafka::make_reader(cluster_).value();
    for (std::int32_t n = 0; n < kLogPartitions; ++n) {
      const auto read = replay::read_partition(*reader, topic_, n, true, [&](const topic::Record& record) -> Result<bool> {
        log[n].push_back(record.value);
        return true;
      });
      EXPECT_TRUE(read.has_value()) << read.error().message;
    }
    return log;
  }
  void append(std::int32_t to, const std::vector<std::string>& values) {
    const auto writer = kafka::make_writer(cluster_, kafka::WriterKind::commits).value();
    for (const std::string& value : values)
      writer->append({topic_, to, {}, value, {}},
                     [](const topic::Appended& done) { EXPECT_EQ(done.outcome, topic::Outcome::acknowledged) << done.reason; });
    ASSERT_TRUE(writer->flush(30'000));
  }
  // The server stops, and the topic comes back without the last records of the workspace's partition; those.
  std::vector<std::string> lose(std::size_t count) {
    auto log = read_log();
    EXPECT_EQ(at().server().stop(), 0);
    const auto admin = kafka::Admin::make(cluster_).value();
    EXPECT_TRUE(admin->delete_topic(topic_).has_value());
    EXPECT_TRUE(eventually(60'000, [&] { return at().dossier({"admin", "init"}).exit_code == 0; }));
    auto& values = log[partition()];
    const std::vector<std::string> lost(values.end() - static_cast<std::ptrdiff_t>(count), values.end());
    values.resize(values.size() - count);
    for (const auto& [n, all] : log) append(n, all);
    return lost;
  }
  // The server is up, and not ready for this partition.
  void expect_halt() {
    at().launch_server();
    ASSERT_TRUE(eventually(60'000, [&] { return api().get("/ready").raw.find("lost its tail") != std::string::npos; })) << api().get("/ready").raw;
    EXPECT_EQ(api().post(at().in_workspace("/issues"), object({{"title", "refused"}})).status, 503);
  }
  void expect_sound(std::size_t issues_now) {
    ASSERT_TRUE(at().wait_until_ready());
    EXPECT_EQ(issues(), issues_now);
    EXPECT_EQ(api().post_until_decided(at().in_workspace("/issues"), object({{"title", "after"}})).status, 201);
    EXPECT_EQ(issues(), issues_now + 1);
    const CommandResult verified = at().dossier({"verify", "--workspace", at().workspace()});
    EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  }

  kafka::Cluster cluster_;
  std::string topic_;
};

TEST_F(LogRepair, a_lost_tail_comes_back_and_the_server_goes_on_by_itself) {
  EXPECT_EQ(at().dossier({"log", "repair", "--partition", "all"}).exit_code, 5);
  lose(3);
  expect_halt();
  const CommandResult looked = at().dossier({"log", "repair", "--partition", "all", "--dry-run"});
  EXPECT_EQ(looked.exit_code, 0) << looked.err;
  EXPECT_NE(looked.out.find("3 records are to be appended again"), std::string::npos) << looked.out;
  const CommandResult repaired = at().dossier({"log", "repair", "--partition", "all"});
  EXPECT_EQ(repaired.exit_code, 0) << repaired.out << repaired.err;
  expect_sound(5);
}

TEST_F(LogRepair, where_others_wrote_the_lost_commits_are_handed_over_and_a_new_history_begins) {
  const std::string head = std::to_string(api().get(at().in_workspace("/issues")).body.integer_or("seq", 0));
  const auto lost = lose(3);
  // Another writer's commit, which the log as it is now accepts: one of the lost, decided again.
  events::Envelope foreign = events::decode(lost.front());
  foreign.record.mutable_commit()->set_commit_id("cmm_" + std::string(32, 'f'));
  append(partition(), {events::encode(foreign.record)});
  expect_halt();
  const std::string file = at().folder() + "/lost.ndjson";
  const CommandResult repaired = at().dossier({"log", "repair", "--partition", std::to_string(partition()), "--lost-commits", file, "--json"});
  ASSERT_EQ(repaired.exit_code, 0) << repaired.out << repaired.err;
  const auto said = json::parse(repaired.out);
  ASSERT_TRUE(said.has_value()) << repaired.out;
  EXPECT_EQ(said->find("partitions")->array()->at(0).integer_or("lost_accepted", 0), 3);
  const std::string lines = read_whole_file(file);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 3) << lines;
  expect_sound(3);
  const Reply resumed = api().get(at().in_workspace("/events"), {{"last-event-id", "1-" + head}});
  EXPECT_EQ(resumed.status, 412) << "the place of a client that saw what is lost is refused, not continued: " << resumed.raw;
}

}  // namespace
}  // namespace dossier::test
