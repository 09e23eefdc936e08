// An agent's events on their way out, without secrets.
#include "worker/event_masking.hpp"

#include <gtest/gtest.h>

namespace dossier::worker {
namespace {

using Kind = AgentEvent::Kind;
const std::string kSecret = "hunter2-correct-horse";

AgentEvent event(Kind kind, std::string item, std::string text, std::string name = {}) {
  AgentEvent made;
  made.kind = kind;
  made.item = std::move(item);
  made.name = std::move(name);
  made.text = std::move(text);
  return made;
}

class EventMasking : public ::testing::Test {
 protected:
  void take(AgentEvent given) {
    masker_.take(std::move(given), [&](AgentEvent masked) { out_.push_back(std::move(masked)); });
  }
  // Of all text deltas of an item.
  std::string written(const std::string& item) const {
    std::string text;
    for (const auto& masked : out_)
      if (masked.kind == Kind::text_delta && masked.item == item) text += masked.text;
    return text;
  }

  EventMasker masker_{*masking::Secrets::make({kSecret})};
  std::vector<AgentEvent> out_;
};

TEST_F(EventMasking, every_text_of_every_kind_of_event_is_masked) {
  for (int kind = 0; kind <= static_cast<int>(Kind::ended); ++kind) {
    AgentEvent given =
        event(static_cast<Kind>(kind), "item_1", "text " + kSecret, static_cast<Kind>(kind) == Kind::log_line ? "agent" : "name " + kSecret);
    given.paths = {"a/" + kSecret + ".txt"};
    given.approval = AgentApproval{
        "7", "command", "curl -H " + kSecret, "+" + kSecret, "/w/" + kSecret, "because " + kSecret, {"b/" + kSecret}, "{\"x\":\"" + kSecret + "\"}"};
    if (static_cast<Kind>(kind) == Kind::text_delta || static_cast<Kind>(kind) == Kind::log_line)
      given.name = "agent", given.paths = {}, given.approval.reset();
    take(std::move(given));
  }
  take(event(Kind::ended, "", ""));
  ASSERT_GE(out_.size(), static_cast<std::size_t>(Kind::ended) + 1);
  std::string all;
  for (const auto& masked : out_) {
    all += masked.name + masked.text;
    for (const auto& path : masked.paths) all += path;
    if (!masked.approval) continue;
    const AgentApproval& approval = *masked.approval;
    EXPECT_EQ(approval.request, "7");
    EXPECT_EQ(approval.command, "curl -H ***");
    for (const std::string& part : {approval.command, approval.patch, approval.cwd, approval.reason, approval.paths.at(0), approval.detail})
      all += part;
  }
  EXPECT_EQ(all.find("hunter2"), std::string::npos) << all;
  EXPECT_NE(all.find("a/***.txt"), std::string::npos) << all;
}

TEST_F(EventMasking, pieces_of_a_message_hide_a_secret_that_lies_across_them) {
  for (const char* piece : {"it is hun", "ter2-corr", "ect-ho", "rse, and ", "hunt"}) take(event(Kind::text_delta, "item_1", piece));
  EXPECT_EQ(written("item_1"), "it is ***, and ");
  take(event(Kind::message, "item_1", "it is " + kSecret + ", and hunt"));
  EXPECT_EQ(written("item_1"), "it is ***, and hunt");
  EXPECT_EQ(out_.back().kind, Kind::message);
  EXPECT_EQ(out_.back().text, "it is ***, and hunt");
}

TEST_F(EventMasking, texts_that_are_written_at_the_same_time_do_not_mix) {
  take(event(Kind::text_delta, "one", "a hunter2-"));
  take(event(Kind::text_delta, "two", "b correct-horse"));
  take(event(Kind::text_delta, "one", "correct-horse"));
  take(event(Kind::turn_ended, "", "completed"));
  EXPECT_EQ(written("one"), "a ***");
  EXPECT_EQ(written("two"), "b correct-horse");
  EXPECT_EQ(out_.back().kind, Kind::turn_ended);
}

TEST_F(EventMasking, lines_of_two_streams_do_not_mix) {
  take(event(Kind::log_line, "", "begin hunter2-corr", "agent"));
  take(event(Kind::log_line, "", "ect-horse", "stderr"));
  take(event(Kind::log_line, "", "ect-horse end", "agent"));
  EXPECT_EQ(out_.at(0).text, "begin ***");
  EXPECT_EQ(out_.at(1).text, "ect-horse");
  EXPECT_EQ(out_.at(2).text, "*** end");
}

TEST_F(EventMasking, a_secret_on_the_border_of_two_pieces_of_a_long_line_is_masked) {
  const std::string token = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
  std::string line(kMaxAgentLine - 10, ' ');
  take(event(Kind::log_line, "", line + token.substr(0, 10), "agent"));
  take(event(Kind::log_line, "", token.substr(10) + " end", "agent"));
  EXPECT_EQ(out_.at(0).text, line + "***");
  EXPECT_EQ(out_.at(1).text, "*** end");
}

TEST_F(EventMasking, more_texts_than_are_followed_lose_nothing) {
  for (std::size_t i = 0; i < 3 * EventMasker::kMaxStreams; ++i) take(event(Kind::text_delta, "item_" + std::to_string(i), "hunt"));
  masker_.flush([&](AgentEvent masked) { out_.push_back(std::move(masked)); });
  ASSERT_EQ(out_.size(), 3 * EventMasker::kMaxStreams);
  for (std::size_t i = 0; i < 3 * EventMasker::kMaxStreams; ++i) EXPECT_EQ(written("item_" + std::to_string(i)), "hunt");
}

TEST_F(EventMasking, results_and_errors_are_masked_and_all_places_are_counted) {
  AgentResult result;
  result.result = "done with " + kSecret;
  result.error = kSecret + " is wrong";
  result = masker_.result(std::move(result));
  EXPECT_EQ(result.result, "done with ***");
  EXPECT_EQ(result.error, "*** is wrong");
  take(event(Kind::log_line, "", kSecret, "agent"));
  EXPECT_EQ(masker_.masked(), 3u);
}

}  // namespace
}  // namespace dossier::worker
