// What a replay prints, to the byte: the sample issue's story and its ndjson, with and without activity. A difference is a
// change of what auditors see; where it is meant, run with DOSSIER_WRITE_GOLDEN=1 and look at the difference.
#include <gtest/gtest.h>

#include <clocale>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include "replay/activity.hpp"
#include "replay/story.hpp"
#include "replay/workspace_scan.hpp"
#include "tests/support/sample_log.hpp"

namespace dossier::replay {
namespace {

struct Sample {
  Sample() {
    log.tell_story();
    timeline.workspace = log.workspace();
    timeline.issue = log.issue;
    WorkspaceScan scan(log.workspace(), log.partition());
    for (const auto& record : log.records()) {
      const auto judged = scan.feed(record.offset, record.value);
      if (!*judged || (*judged)->judgement.verdict != events::Verdict::accepted) continue;
      const auto& judgement = (*judged)->judgement;
      append_entries(timeline.entries, (*judged)->envelope.record.commit(), judgement.seq, judgement.time_us, judgement.versions, log.issue);
    }
    for (const auto& record : log.activity()) {
      v1::SignedActivity message;
      message.ParseFromString(record.value);
      activity.emplace_back().ParseFromString(message.body());
    }
  }
  test::SampleLog log;
  Timeline timeline;
  std::vector<v1::ActivityRecord> activity;
};

void expect_golden(const std::string& name, const std::string& text) {
  const std::string file = std::string(DOSSIER_SOURCE_DIR) + "/tests/golden/" + name;
  if (std::getenv("DOSSIER_WRITE_GOLDEN") != nullptr) std::ofstream(file, std::ios::binary) << text;
  std::ifstream stream(file, std::ios::binary);
  ASSERT_TRUE(stream) << file;
  EXPECT_EQ(text, std::string(std::istreambuf_iterator<char>(stream), {}));
}

TEST(GoldenReplay, tells_the_story) {
  Sample sample;
  expect_golden("replay_story.txt", to_story(sample.timeline, interleave(sample.timeline, {}, {})));
}

TEST(GoldenReplay, tells_the_story_with_activity) {
  Sample sample;
  expect_golden("replay_story_activity.txt", to_story(sample.timeline, interleave(sample.timeline, sample.activity, {})));
}

TEST(GoldenReplay, prints_ndjson_with_activity) {
  Sample sample;
  expect_golden("replay_activity.ndjson", to_ndjson(interleave(sample.timeline, sample.activity, {})));
}

TEST(GoldenReplay, is_the_same_in_any_time_zone_and_locale) {
  Sample sample;
  const auto before = to_story(sample.timeline, interleave(sample.timeline, sample.activity, {}));
  ::setenv("TZ", "Pacific/Chatham", 1);
  ::tzset();
  std::setlocale(LC_ALL, "");
  const auto after = to_story(sample.timeline, interleave(sample.timeline, sample.activity, {}));
  std::setlocale(LC_ALL, "C");
  ::unsetenv("TZ");
  ::tzset();
  EXPECT_EQ(before, after);
}

}  // namespace
}  // namespace dossier::replay
