// Records of activity: their chain, their bounds, and what happens when the log does not take them.
#include "worker/activity.hpp"

#include <gtest/gtest.h>

#include "platform/crypto/crypto.hpp"

namespace dossier::worker {
namespace {

const crypto::KeyPair kKeys = crypto::key_pair_from_seed(std::string(32, 's'));

// Keeps what it is given; answers when told to.
class HeldWriter final : public topic::Writer {
 public:
  void append(topic::Outgoing record, Done done) override {
    values.push_back(record.value);
    records.push_back(std::move(record));
    if (answer)
      done(*answer);
    else
      waiting.push_back(std::move(done));
  }
  bool flush(std::int64_t) override { return true; }
  bool healthy() const override { return true; }
  void answer_all(const topic::Appended& with) {
    for (auto& done : std::exchange(waiting, {})) done(with);
  }

  std::optional<topic::Appended> answer;
  std::vector<topic::Outgoing> records;
  std::vector<std::string> values;
  std::vector<Done> waiting;
};

const topic::Appended kAcknowledged{topic::Outcome::acknowledged, 1, Code::internal, ""};
const topic::Appended kUnknown{topic::Outcome::unknown, -1, Code::log_unavailable, "gone"};

class WorkerActivity : public ::testing::Test {
 protected:
  ActivityStream make() {
    return ActivityStream({"ws_1", "wkr_1", "boot", kKeys.secret_key}, "ses_1", "tsk_1", 3, {"t.activity", 5, "ses_1"}, writer_, clock_, wakeup_);
  }
  v1::ActivityRecord record(std::size_t i) {
    v1::SignedActivity outer;
    EXPECT_TRUE(outer.ParseFromString(writer_.values.at(i)));
    EXPECT_TRUE(crypto::verify(kKeys.public_key, std::string("dossier.activity") + '\0' + outer.body(), outer.signature()));
    v1::ActivityRecord record;
    EXPECT_TRUE(record.ParseFromString(outer.body()));
    return record;
  }
  HeldWriter writer_;
  ManualClock clock_;
  process::Wakeup wakeup_;
};

TEST_F(WorkerActivity, records_are_signed_dense_and_chained) {
  auto stream = make();
  stream.log_line("agent", "one");
  stream.log_line("stderr", "two");
  EXPECT_EQ(stream.last_sequence(), 0u);
  stream.flush();
  const std::string first_root = stream.root();
  stream.log_line("agent", "three");
  stream.flush();
  stream.flush();  // nothing there: no record
  ASSERT_EQ(writer_.values.size(), 2u);
  EXPECT_EQ(record(0).first_sequence(), 1u);
  EXPECT_EQ(record(0).previous_sha256(), "");
  EXPECT_EQ(record(0).events(1).log_line().stream(), "stderr");
  EXPECT_EQ(record(0).events(1).at_us(), clock_.wall_us());
  EXPECT_EQ(record(1).first_sequence(), 3u);
  EXPECT_EQ(record(1).previous_sha256(), crypto::view(crypto::sha256(writer_.values[0])));
  EXPECT_EQ(first_root, record(1).previous_sha256());
  EXPECT_EQ(stream.root(), crypto::view(crypto::sha256(writer_.values[1])));
  EXPECT_EQ(stream.last_sequence(), 3u);
  EXPECT_EQ(record(1).offer(), 3u);
  EXPECT_EQ(writer_.records[0].partition, 5);
  EXPECT_EQ(writer_.records[0].key, "ses_1");
}

TEST_F(WorkerActivity, a_record_goes_out_when_its_first_event_is_twenty_milliseconds_old) {
  auto stream = make();
  stream.log_line("agent", "one");
  clock_.advance_us(ActivityStream::kLingerUs - 1'000);
  EXPECT_EQ(stream.pump(), 1'000);
  EXPECT_TRUE(writer_.values.empty());
  clock_.advance_us(1'000);
  stream.pump();
  EXPECT_EQ(writer_.values.size(), 1u);
}

TEST_F(WorkerActivity, a_record_never_grows_beyond_its_bounds) {
  auto stream = make();
  for (int i = 0; i < ActivityStream::kMaxRecordEvents + 1; ++i) stream.log_line("agent", "x");
  ASSERT_EQ(writer_.values.size(), 1u);
  EXPECT_EQ(record(0).events_size(), ActivityStream::kMaxRecordEvents);
  for (int i = 0; i < 20; ++i) stream.log_line("agent", std::string(ActivityStream::kMaxTextBytes, 'y'));
  stream.flush();
  for (const auto& value : writer_.values) EXPECT_LE(value.size(), ActivityStream::kMaxRecordBytes + 1'024);
}

TEST_F(WorkerActivity, text_is_made_fit_and_cut) {
  auto stream = make();
  stream.log_line("agent", std::string_view("a\0\xff", 3));
  stream.log_line("agent", std::string(2 * ActivityStream::kMaxTextBytes, '\xff'));
  stream.flush();
  EXPECT_EQ(record(0).events(0).log_line().text().plain(), "a\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_LE(record(0).events(1).log_line().text().plain().size(), ActivityStream::kMaxTextBytes);
}

TEST_F(WorkerActivity, is_congested_when_the_log_does_not_answer_and_free_again_when_it_does) {
  auto stream = make();
  std::size_t written = 0;
  while (!stream.congested()) {
    stream.log_line("agent", std::string(ActivityStream::kMaxTextBytes, 'z'));
    written += ActivityStream::kMaxTextBytes;
    ASSERT_LT(written, 2 * ActivityStream::kMaxInFlightBytes);
  }
  wakeup_.drain();
  writer_.answer_all(kAcknowledged);
  EXPECT_FALSE(stream.congested());
  EXPECT_TRUE(wakeup_.wait(0));
}

TEST_F(WorkerActivity, what_the_log_did_not_take_is_sent_again_with_the_same_bytes_in_order) {
  auto stream = make();
  for (const char* text : {"one", "two", "three"}) {
    stream.log_line("agent", text);
    stream.flush();
  }
  auto waiting = std::exchange(writer_.waiting, {});
  waiting[0](kUnknown);
  waiting[1](kAcknowledged);
  waiting[2](kUnknown);
  stream.pump();
  EXPECT_EQ(writer_.values.size(), 3u);  // after a pause only
  clock_.advance_us(ActivityStream::kRetryPauseUs);
  stream.pump();
  ASSERT_EQ(writer_.values.size(), 5u);
  EXPECT_EQ(writer_.values[3], writer_.values[0]);
  EXPECT_EQ(writer_.values[4], writer_.values[2]);
  writer_.answer_all(kAcknowledged);
  EXPECT_TRUE(stream.drain(0));
}

TEST_F(WorkerActivity, draining_says_when_something_is_still_on_the_way) {
  auto stream = make();
  stream.log_line("agent", "one");
  EXPECT_FALSE(stream.drain(0));
  EXPECT_EQ(writer_.values.size(), 1u);
}

TEST_F(WorkerActivity, an_answer_after_the_streams_end_is_harmless) {
  {
    auto stream = make();
    stream.log_line("agent", "one");
    stream.flush();
  }
  wakeup_.drain();
  writer_.answer_all(kUnknown);
  EXPECT_FALSE(wakeup_.wait(0));
}

}  // namespace
}  // namespace dossier::worker
