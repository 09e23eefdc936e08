// The file system of Kafka, then that of Postgres, is full to the last byte: nothing is acknowledged that is not kept, and
// once there is room again all goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <iostream>

#include "tests/robustness/evidence.hpp"
#include "tests/support/cluster_processes.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/installation.hpp"

namespace dossier::test {
namespace {

using ::testing::IsSupersetOf;

class DiskFull : public ::testing::Test {
 protected:
  static constexpr int kKafkaMb = 96;
  static constexpr int kPostgresMb = 192;
  static constexpr int kMostTries = 3'000;  // commands until the disk is full: what is allocated in advance is written first
  static constexpr std::int64_t kResumeDeadlineMs = 90'000;

  static void SetUpTestSuite() {
    if (SmallDisk::why_not().empty()) own_ = new OwnClusters({.kafka_disk_mb = kKafkaMb, .postgres_disk_mb = kPostgresMb});
  }
  static void TearDownTestSuite() {
    delete own_;
    own_ = nullptr;
  }
  void begin() {
    if (own_ == nullptr) GTEST_SKIP() << SmallDisk::why_not();
    at_ = std::make_unique<Installation>(own_->clusters());
    at_->start_server();
    at_->bootstrap();
  }
  void TearDown() override {
    if (HasFailure() && at_ != nullptr) std::cerr << at_->logs();
    at_.reset();
  }

  // A command of some weight, so that the disk is full soon.
  Reply open(const std::string& title) {
    return at_->api().post(at_->in_workspace("/issues"), object({{"title", title}, {"body", std::string(20'000, 'x')}}));
  }
  // Opens issues until one is not accepted. False if the disk never was full.
  bool open_until_refused() {
    for (int number = 0; number < kMostTries; ++number) {
      const auto title = "Issue " + std::to_string(accepted_.size());
      refused_ = open(title);
      if (refused_.status != 201) return true;
      accepted_.push_back(title);
    }
    return false;
  }
  void expect_honest_answer() const {
    EXPECT_TRUE(refused_.status == 503 || refused_.status == 202 || refused_.status == 504) << refused_.status << refused_.raw << refused_.problem;
  }
  // What has ended meanwhile is started again, as whoever runs it does: `revive` is called until a command is accepted.
  void expect_all_goes_on(const std::function<void()>& revive) {
    EXPECT_TRUE(eventually(kResumeDeadlineMs, [&] {
      revive();
      const auto title = "Again " + std::to_string(accepted_.size());
      const bool done = open(title).status == 201;
      if (done) accepted_.push_back(title);
      return done;
    }));
    std::vector<std::string> found;
    std::string cursor;
    do {
      const auto page = at_->api().get(at_->in_workspace("/issues?limit=200") + (cursor.empty() ? "" : "&cursor=" + cursor));
      for (const auto& issue : page.items()) found.push_back(issue.text("title"));
      cursor = page.text("next_cursor");
    } while (!cursor.empty());
    EXPECT_THAT(found, IsSupersetOf(accepted_));
    LogJudge judge;
    EXPECT_EQ(check_evidence(*at_, {}, judge), "");
  }

  static inline OwnClusters* own_ = nullptr;
  std::unique_ptr<Installation> at_;
  std::vector<std::string> accepted_;
  Reply refused_;
};

TEST_F(DiskFull, of_kafka) {
  begin();
  if (IsSkipped()) return;
  ASSERT_EQ(open("before").status, 201);
  accepted_.emplace_back("before");
  own_->kafka_disk()->fill();
  ASSERT_TRUE(open_until_refused()) << "the disk of Kafka did not fill";
  expect_honest_answer();
  EXPECT_EQ(at_->api().get(at_->in_workspace("/issues")).status, 200) << "reads go on";
  EXPECT_TRUE(at_->server().running());

  own_->kafka_disk()->empty();
  // A broker that could not write to its only disk ends, some at once and some while they still try to stop.
  eventually(10'000, [&] { return kafka_processes(own_->folder()).empty(); });
  kill_all(kafka_processes(own_->folder()));
  expect_all_goes_on([] {
    if (kafka_processes(own_->folder()).empty()) own_->start_kafka();
  });
}

TEST_F(DiskFull, of_postgres) {
  begin();
  if (IsSkipped()) return;
  ASSERT_EQ(open("before").status, 201);
  accepted_.emplace_back("before");
  own_->postgres_disk()->fill();
  ASSERT_TRUE(open_until_refused()) << "the disk of Postgres did not fill";
  expect_honest_answer();
  EXPECT_TRUE(at_->server().running());

  own_->postgres_disk()->empty();
  expect_all_goes_on([] {  // it panics where its write-ahead log has no room
    if (postgres_processes(own_->folder()).empty()) own_->start_postgres();
  });
}

}  // namespace
}  // namespace dossier::test
