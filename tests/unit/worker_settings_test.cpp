// Settings of a worker: labels, and those that don't go together.
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"
#include "worker/capabilities.hpp"
#include "worker/daemon.hpp"

namespace dossier::worker {
namespace {

TEST(WorkerLabels, are_capabilities_that_are_strings) {
  EXPECT_EQ(with_labels("", "site=cellar,disk=ssd").value(), R"({"site":"cellar","disk":"ssd"})");
  EXPECT_EQ(with_labels(R"({"gpu":true,"site":"roof"})", "site=cellar").value(), R"({"gpu":true,"site":"cellar"})");
  EXPECT_EQ(with_labels("", "url=http://x?a=b").value(), R"({"url":"http://x?a=b"})");
}

TEST(WorkerLabels, without_any_the_capabilities_are_as_given) {
  EXPECT_EQ(with_labels("", "").value(), "");
  EXPECT_EQ(with_labels(R"({"gpu":true})", "").value(), R"({"gpu":true})");
}

TEST(WorkerLabels, that_are_no_names_with_values_are_refused_by_name) {
  for (const char* labels : {"gpu", "=x", "gpu=", "a=1,", ",a=1", "a=1,,b=2"}) {
    const auto merged = with_labels("", labels);
    ASSERT_FALSE(merged) << labels;
    EXPECT_EQ(merged.error().code, Code::usage);
    EXPECT_NE(merged.error().message.find("--labels"), std::string::npos);
  }
  EXPECT_EQ(with_labels("[1]", "a=1").error().code, Code::usage);
}

class WorkerSettings : public ::testing::Test {
 protected:
  WorkerSettings() {
    options_.url = "http://127.0.0.1:1";
    options_.token = "msw_x";
    options_.work_root = folder_.path() + "/work";
  }
  std::string refused() {
    StopSignal stop;
    stop.request();
    const Status status = run_worker(options_, stop);
    return status ? "" : std::string(to_string(status.error().code)) + ": " + status.error().message;
  }
  test::TemporaryFolder folder_{"settings"};
  WorkerOptions options_;
};

TEST_F(WorkerSettings, fewer_agents_than_slots_are_refused) {
  options_.slots = 3;
  options_.max_agents = 2;
  EXPECT_NE(refused().find("--max-agents"), std::string::npos);
  options_.max_agents = kMaxAgents + 1;
  EXPECT_NE(refused().find("--max-agents"), std::string::npos);
}

TEST_F(WorkerSettings, one_task_takes_one_slot) {
  options_.once = true;
  options_.slots = 2;
  EXPECT_NE(refused().find("--once"), std::string::npos);
}

TEST_F(WorkerSettings, a_negative_time_is_refused) {
  options_.warm_ms = -1;
  EXPECT_NE(refused().find("--warm-seconds"), std::string::npos);
}

TEST_F(WorkerSettings, good_ones_are_taken_and_a_stop_before_the_registration_is_no_error) {
  options_.max_agents = 4;
  options_.warm_ms = 0;
  EXPECT_EQ(refused(), "");
}

}  // namespace
}  // namespace dossier::worker
