// The broker lost the end of a log that was applied: the partition halts and says so, whether the log is only shorter or has
// grown past the place meanwhile. Nothing is guessed, reads go on, and every record that was applied is in the journal.
#include <gmock/gmock.h>

#include "events/names.hpp"
#include "platform/kafka/kafka.hpp"
#include "tests/robustness/breakable.hpp"
#include "tests/support/eventually.hpp"

namespace dossier::test {
namespace {

using ::testing::HasSubstr;

class LostTail : public OnBreakable {
 protected:
  static constexpr std::int64_t kHaltDeadlineMs = 60'000;

  void begin_with_issues() {
    begin();
    for (const std::string title : {"first", "second", "third"}) ASSERT_EQ(open(title).status, 201);
  }
  std::string topic() { return events::Topics{at().prefix()}.events(); }
  std::int32_t partition() { return events::partition_of(at().workspace(), 12); }

  // The workspace's partition without its last batch.
  void lose_tail() {
    OwnClusters& own = Breakable::shared().own();
    own.stop_kafka();
    const auto cut = run_command({"python3", std::string(DOSSIER_SOURCE_DIR) + "/tests/support/truncate_log.py", own.folder() + "/kafka/data",
                                  topic(), std::to_string(partition())},
                                 {}, at().folder());
    ASSERT_EQ(cut.exit_code, 0) << cut.err;
    Breakable::shared().restart_kafka();
  }
  // Another writer, which knows nothing of what was lost, writes there.
  void write_past(int records) {
    const auto cluster = kafka::load_cluster("", at().clusters().server_kafka_properties);
    ASSERT_TRUE(cluster) << cluster.error().message;
    const auto writer = kafka::make_writer(*cluster, kafka::WriterKind::commits);
    ASSERT_TRUE(writer) << writer.error().message;
    std::atomic<int> acknowledged{0};
    for (int record = 0; record < records; ++record)
      (*writer)->append({topic(), partition(), at().workspace(), "written by another " + std::to_string(record), {}},
                        [&](const topic::Appended& appended) { acknowledged += appended.outcome == topic::Outcome::acknowledged ? 1 : 0; });
    ASSERT_TRUE((*writer)->flush(30'000));
    ASSERT_EQ(acknowledged, records);
  }
  // A server whose writer was contradicted by the broker ends, at once or when it writes next; whoever runs it starts it again.
  void keep_running() {
    if (!at().server().running()) at().launch_server();
  }
  void expect_halted(const std::string& reason) {
    Reply refused;
    EXPECT_TRUE(eventually(kHaltDeadlineMs,
                           [&] {
                             keep_running();
                             refused = open("never");
                             return refused.status == 503 && refused.text("code") == "partition_halted";
                           }))
        << refused.status << refused.raw << refused.problem;
    EXPECT_THAT(refused.text("detail"), HasSubstr(reason));
    Reply ready;
    EXPECT_TRUE(eventually(kHaltDeadlineMs, [&] {
      keep_running();
      ready = api().get("/ready");
      return ready.status == 503 && ready.raw.find("halted") != std::string::npos;
    })) << ready.raw;
    // Told at the end of the projector's step, a moment after the command was refused.
    const std::string metric = "dossier_projection_halted{partition=\"" + std::to_string(partition()) + "\"} 1";
    EXPECT_TRUE(eventually(kHaltDeadlineMs, [&] {
      keep_running();
      return api().get("/metrics").raw.find(metric) != std::string::npos;
    })) << metric;
    EXPECT_TRUE(eventually(kHaltDeadlineMs, [&] {
      keep_running();
      return titles().size() == 3;
    }));
    EXPECT_THAT(titles(), ::testing::UnorderedElementsAre("first", "second", "third"));
  }
};

TEST_F(LostTail, a_log_that_is_shorter_than_what_was_applied_halts_the_partition) {
  begin_with_issues();
  lose_tail();
  expect_halted("the log lost its tail");
}

TEST_F(LostTail, a_log_that_grew_past_the_lost_place_halts_the_partition) {
  begin_with_issues();
  at().server().stop();
  lose_tail();
  write_past(3);
  at().launch_server();
  expect_halted("grew past it");
}

TEST_F(LostTail, a_server_that_runs_all_the_while_finds_the_log_grown_past_the_lost_place) {
  begin_with_issues();
  at().server().signal(SIGSTOP);
  lose_tail();
  write_past(3);
  at().server().signal(SIGCONT);
  expect_halted("lost its tail");
}

}  // namespace
}  // namespace dossier::test
