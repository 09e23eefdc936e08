// Timelines, time travel and their text, on the sample log.
#include <gtest/gtest.h>

#include "platform/json/json.hpp"
#include "replay/activity.hpp"
#include "replay/entry.hpp"
#include "replay/record_peek.hpp"
#include "replay/story.hpp"
#include "replay/text.hpp"
#include "replay/time_travel.hpp"
#include "replay/workspace_scan.hpp"
#include "tests/support/sample_log.hpp"

namespace dossier::replay {
namespace {

using test::SampleLog;

SampleLog told() {
  SampleLog log;
  log.tell_story();
  return log;
}

Timeline timeline_of(const SampleLog& log, const Until& until = {}) {
  Timeline timeline{.workspace = log.workspace(), .issue = log.issue, .entries = {}, .worker_keys = {}};
  WorkspaceScan scan(log.workspace(), log.partition());
  for (const auto& record : log.records()) {
    auto judged = scan.feed(record.offset, record.value);
    EXPECT_TRUE(judged) << judged.error().message;
    if (!*judged || (*judged)->judgement.verdict != events::Verdict::accepted) continue;
    const auto& judgement = (*judged)->judgement;
    if (!until.includes(judgement.seq, judgement.time_us)) break;
    append_entries(timeline.entries, (*judged)->envelope.record.commit(), judgement.seq, judgement.time_us, judgement.versions, log.issue);
  }
  return timeline;
}

std::vector<v1::ActivityRecord> activity_of(const SampleLog& log) {
  std::vector<v1::ActivityRecord> records;
  for (const auto& record : log.activity()) {
    v1::SignedActivity message;
    EXPECT_TRUE(message.ParseFromString(record.value));
    EXPECT_TRUE(records.emplace_back().ParseFromString(message.body()));
  }
  return records;
}

TEST(WorkspaceScan, judges_as_the_whole_partition_is_judged) {
  const auto log = told();
  const auto journal = log.journal();
  WorkspaceScan scan(log.workspace(), log.partition());
  int passed_over = 0;
  for (std::size_t i = 0; i < log.records().size(); ++i) {
    auto judged = scan.feed(log.records()[i].offset, log.records()[i].value);
    ASSERT_TRUE(judged) << judged.error().message;
    if (!*judged) {
      EXPECT_NE(journal[i].workspace, log.workspace().str());
      ++passed_over;
      continue;
    }
    EXPECT_EQ((*judged)->judgement.verdict, journal[i].verdict) << i;
    EXPECT_EQ((*judged)->judgement.seq, journal[i].seq) << i;
    EXPECT_EQ((*judged)->judgement.chain, journal[i].chain) << i;
  }
  EXPECT_EQ(passed_over, 2);
}

TEST(WorkspaceScan, stops_where_a_record_is_missing) {
  const auto log = told();
  WorkspaceScan scan(log.workspace(), log.partition());
  ASSERT_TRUE(scan.feed(0, log.records()[0].value));
  EXPECT_EQ(scan.feed(2, log.records()[2].value).error().code, Code::corrupt);
}

TEST(WorkspaceScan, wants_a_genesis_first) {
  const auto log = told();
  WorkspaceScan scan(WorkspaceId("ws_" + std::string(32, 'e')), log.partition());
  EXPECT_EQ(scan.feed(0, log.records()[1].value).error().code, Code::log_mismatch);
}

TEST(RecordPeek, names_the_workspace_of_a_commit_and_of_nothing_else) {
  const auto log = told();
  for (const auto& record : log.records()) {
    const auto envelope = events::decode(record.value);
    const bool commit = envelope.decoded && envelope.record.has_commit();
    EXPECT_EQ(peek_workspace(record.value), commit ? envelope.record.commit().workspace_id() : "") << record.offset;
  }
}

TEST(RecordPeek, leaves_what_is_odd_to_the_decoder) {
  const auto log = told();
  const std::string good = log.records()[1].value;
  v1::Record record;
  ASSERT_TRUE(record.ParseFromString(good));
  record.set_envelope_version(2);
  EXPECT_EQ(peek_workspace(record.SerializeAsString()), "");
  record.set_envelope_version(0);
  EXPECT_EQ(peek_workspace(record.SerializeAsString()), "");
  EXPECT_EQ(peek_workspace(good + good), "");  // protobuf would merge the two
  EXPECT_EQ(peek_workspace(good.substr(0, good.size() - 1)), "");
  EXPECT_EQ(peek_workspace(""), "");
}

TEST(Timeline, has_the_issue_s_events_in_order_with_their_versions) {
  const auto log = told();
  const auto timeline = timeline_of(log);
  std::vector<std::string> types;
  for (const auto& entry : timeline.entries) {
    std::string item;
    append_item_json(item, entry);
    auto json = json::parse(item);
    ASSERT_TRUE(json) << item;
    types.push_back(json->text("type") + "@" + std::to_string(json->integer_or("seq", 0)) + "." + std::to_string(json->integer_or("index", -1)) +
                    "v" + std::to_string(json->integer_or("version", 0)));
  }
  EXPECT_EQ(types, (std::vector<std::string>{"issue_opened@3.0v1",
                                             "issue_numbered@3.1v2",
                                             "project_attached@3.2v2",
                                             "project_use_added@3.3v1",
                                             "comment_added@4.0v1",
                                             "session_requested@4.1v1",
                                             "working_copy_reserved@4.2v1",
                                             "task_queued@4.3v1",
                                             "task_offered@5.0v2",
                                             "task_offer_lapsed@6.0v3",
                                             "task_offered@7.0v4",
                                             "task_claimed@8.0v5",
                                             "session_started@9.0v2",
                                             "task_started@9.1v6",
                                             "source_captured@10.0v3",
                                             "session_ended@10.1v3",
                                             "task_completed@10.2v7",
                                             "activity_sealed@11.0v4",
                                             "unknown@12.0v5",
                                             "issue_status_changed@13.0v6",
                                             "comment_edited@13.1v2",
                                             "comment_removed@14.0v3"}));
}

TEST(TimeTravel, at_every_seq_is_the_fold_of_the_events_up_to_it) {
  const auto log = told();
  const auto whole = timeline_of(log);
  for (std::uint64_t seq = 0; seq <= 15; ++seq) {
    IssueFold prefix(log.workspace(), log.issue), travelled(log.workspace(), log.issue);
    for (const auto& entry : whole.entries)
      if (entry.seq <= seq) prefix.apply(entry);
    for (const auto& entry : timeline_of(log, Until{seq, std::nullopt}).entries) travelled.apply(entry);
    std::string a, b;
    append_json(a, prefix.document());
    append_json(b, travelled.document());
    EXPECT_EQ(a, b) << seq;
    EXPECT_EQ(prefix.exists(), seq >= 3) << seq;
  }
}

TEST(TimeTravel, goes_to_the_last_commit_not_after_a_time) {
  const auto log = told();
  const auto all = timeline_of(log);
  const std::int64_t comment_us = all.entries[4].time_us;
  EXPECT_EQ(timeline_of(log, Until{std::nullopt, comment_us}).entries.size(), 8u);
  EXPECT_EQ(timeline_of(log, Until{std::nullopt, comment_us - 1}).entries.size(), 4u);
}

TEST(TimeTravel, has_the_document_of_the_issue) {
  const auto log = told();
  IssueFold fold(log.workspace(), log.issue);
  for (const auto& entry : timeline_of(log, Until{4, std::nullopt}).entries) fold.apply(entry);
  std::string json;
  append_json(json, fold.document());
  EXPECT_EQ(json, "{\"id\":\"" + log.issue.str() + "\",\"workspace_id\":\"" + log.workspace().str() +
                      "\",\"number\":2,\"title\":\"Greet by \\\"name\\\"\",\"body\":\"The greeting is always the same.\\n\\nIt "
                      "should name who is greeted: "
                      "\xc3\x89lodie.\\n\",\"status\":\"open\",\"project_id\":\"" +
                      log.project + "\",\"author_id\":\"usr_" + std::string(32, 'a') +
                      "\",\"created_at\":\"2026-11-18T11:06:43.000000Z\",\"updated_at\":\"2026-11-18T11:06:44.000000Z\",\"seq\":4,"
                      "\"comment_count\":1,"
                      "\"comments\":[{\"id\":\"" +
                      log.comment + "\",\"issue_id\":\"" + log.issue.str() + "\",\"author_id\":\"usr_" + std::string(32, 'a') +
                      "\",\"body\":\"@greeter "
                      "please\",\"created_at\":\"2026-11-18T11:06:44.000000Z\",\"edited\":false,\"removed\":false,\"seq\":4}]}");
}

TEST(TimeTravel, counts_no_removed_comment_and_keeps_none_of_its_words) {
  const auto log = told();
  IssueFold fold(log.workspace(), log.issue);
  for (const auto& entry : timeline_of(log).entries) fold.apply(entry);
  EXPECT_EQ(fold.document().comment_count, 0);
  ASSERT_EQ(fold.document().comments.size(), 1u);
  EXPECT_TRUE(fold.document().comments[0].removed);
  EXPECT_TRUE(fold.document().comments[0].edited);
  EXPECT_EQ(fold.document().comments[0].body_json, "null");
  EXPECT_EQ(fold.document().status, "closed");
}

TEST(Until, is_a_seq_or_a_time) {
  EXPECT_EQ(parse_until("42", "until")->seq, 42u);
  EXPECT_EQ(parse_until("2026-11-18T11:06:40Z", "until")->time_us, SampleLog::kStartUs);
  EXPECT_EQ(parse_until("2026-11-18T12:06:40.5+01:00", "until")->time_us, SampleLog::kStartUs + 500'000);
  EXPECT_EQ(parse_until("2026-11-18T11:06:40.1234567Z", "until")->time_us, SampleLog::kStartUs + 123'456);
  EXPECT_EQ(parse_until("2024-02-29T00:00:00Z", "until")->time_us, 1'709'164'800'000'000);
  for (const char* text : {"", "-1", "42x", "2026-11-18", "2026-11-18T11:06:40", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
                           "2026-11-18T24:00:00Z", "2026-11-18T11:06:40.Z", "2026-11-18T11:06:40Zx", "99999999999999999999"}) {
    const auto parsed = parse_until(text, "until");
    EXPECT_EQ(parsed.has_value() ? "accepted" : parsed.error().field, "until") << text;
  }
}

std::vector<std::string> places(const std::vector<Moment>& moments) {
  std::vector<std::string> out;
  out.reserve(moments.size());
  for (const auto& moment : moments)
    out.push_back(moment.entry != nullptr ? std::to_string(moment.entry->seq) + "." + std::to_string(moment.entry->index)
                                          : "line " + std::to_string(moment.line.sequence));
  return out;
}

TEST(Activity, stands_after_its_claim_and_before_the_end_of_its_offer) {
  const auto log = told();
  const auto timeline = timeline_of(log, Until{11, std::nullopt});
  const auto records = activity_of(log);
  const auto order = places(interleave(timeline, records, Until{11, std::nullopt}));
  EXPECT_EQ(order, (std::vector<std::string>{"3.0", "3.1",    "3.2", "3.3", "4.0",    "4.1",    "4.2",  "4.3",  "5.0",    "6.0",  "7.0",
                                             "8.0", "line 1", "9.0", "9.1", "line 2", "line 3", "10.0", "10.1", "line 4", "10.2", "11.0"}));
}

TEST(Activity, is_the_same_whatever_order_the_records_came_in) {
  const auto log = told();
  const auto timeline = timeline_of(log);
  auto records = activity_of(log);
  const auto order = places(interleave(timeline, records, {}));
  std::swap(records[0], records[1]);
  records.push_back(records[0]);
  EXPECT_EQ(places(interleave(timeline, records, {})), order);
}

TEST(Activity, of_a_worker_without_the_claim_is_left_out) {
  const auto log = told();
  const auto timeline = timeline_of(log);
  auto records = activity_of(log);
  records[0].set_worker_id("wkr_" + std::string(32, 'f'));
  records[1].set_offer(1);
  EXPECT_EQ(places(interleave(timeline, records, {})), places(interleave(timeline, {}, {})));
}

TEST(Activity, ends_where_the_replay_ends) {
  const auto log = told();
  const Until until{9, std::nullopt};
  const auto order = places(interleave(timeline_of(log, until), activity_of(log), until));
  EXPECT_EQ(order.back(), "9.1");
}

TEST(Text, of_others_can_t_move_the_cursor) {
  std::string out;
  append_printable(out,
                   "a\x1b[2J\tb\r\n\x7f\xc2\x9b"
                   "1m \xff\xe2\x82\xac");
  EXPECT_EQ(out, "a\\x1b[2J\tb\\x0d\\x0a\\x7f\\xc2\\x9b1m \\xff\xe2\x82\xac");
}

TEST(Text, is_cut_after_its_lines_and_says_so) {
  std::string out;
  append_block(out, "| ", "1\n2\r\n3\n4\n", 2);
  EXPECT_EQ(out, "| 1\n| 2\n| (2 more lines)\n");
  out.clear();
  append_block(out, "| ", "1\n\n3", 3);
  EXPECT_EQ(out, "| 1\n|\n| 3\n");
  out.clear();
  append_block(out, "| ", "", 3);
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace dossier::replay
