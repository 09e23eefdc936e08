// Recordings of the real Claude Code (tests/golden/claude/*.ndjson: what it said, and what the host did meanwhile) give the
// answers and events in *.story. With DOSSIER_GOLDEN_OUT=<folder> what the code says now is written there, to be read and
// copied by hand.
#include "worker/agents/claude_session.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/support/agent_story.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker::claude {
namespace {

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

AgentCommand command_of(const json::Value& host) {
  AgentCommand command;
  const std::string kind = host.text("kind");
  command.kind = kind == "next_turn"   ? AgentCommand::Kind::next_turn
                 : kind == "steer"     ? AgentCommand::Kind::steer
                 : kind == "resolve"   ? AgentCommand::Kind::resolve
                 : kind == "interrupt" ? AgentCommand::Kind::interrupt
                                       : AgentCommand::Kind::finish;
  command.turn = static_cast<std::uint32_t>(host.integer_or("turn", 0));
  if (const json::Value& inputs = member(host, "inputs"); inputs.array() != nullptr)
    for (const auto& input : *inputs.array()) command.inputs.push_back({input.text("id"), input.text("text")});
  command.request = host.text("request");
  command.decision = host.text("decision");
  command.reason = host.text("reason");
  command.answer = host.text("answer");
  return command;
}

// A recording played to a session; everything that the session says, in order.
class Playback {
 public:
  explicit Playback(ApprovalMode approvals, bool resumed) : session_(setup(approvals, resumed)) {
    session_.start(1, {{"msg_1", "do it"}});
    tell();
  }

  void line(std::string_view text) {
    const auto frame = json::parse(text);
    ASSERT_TRUE(frame) << text;
    if (const json::Value& host = member(*frame, "host"); !host.is_null()) {
      story_ += "host " + host.text("kind") + "\n";
      if (host.text("kind") != "start") session_.on_command(command_of(host));
    } else {
      session_.on_line(filled_in(std::string(text)));
    }
    tell();
  }

  std::string end() {
    if (!session_.ended() && !session_.finished()) {
      session_.on_end("signal 9");
      tell();
    }
    story_ += test::describe_result(session_.result());
    if (session_.resume_refused()) story_ += "resume refused\n";
    if (session_.is_idle()) story_ += "idle\n";
    return std::move(story_);
  }

 private:
  static SessionSetup setup(ApprovalMode approvals, bool resumed) {
    SessionSetup setup;
    setup.worktree = "/w";
    setup.approvals = approvals;
    setup.session_id = "wanted";
    setup.resumed = resumed;
    setup.uuid_seed = "tsk_1-o1";
    return setup;
  }

  void tell() {
    for (const auto& event : session_.take_events()) story_ += test::describe_event(event);
    LineSplitter lines(1 << 20);
    lines.feed(session_.take_output(), [&](std::string_view line) {
      story_ += "send " + std::string(line) + "\n";
      const auto frame = json::parse(line);
      if (frame && frame->text("type") == "control_request") requests_.push_back(frame->text("request_id"));
      if (frame && frame->text("type") == "user") messages_.push_back(frame->text("uuid"));
    });
  }

  std::string filled_in(std::string line) const {
    for (std::size_t number = requests_.size(); number > 0; --number) replace(line, "$request-" + std::to_string(number), requests_[number - 1]);
    for (std::size_t number = messages_.size(); number > 0; --number) replace(line, "$message-" + std::to_string(number), messages_[number - 1]);
    return line;
  }
  static void replace(std::string& text, const std::string& mark, const std::string& name) {
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) text.replace(at, mark.size(), name);
  }

  Session session_;
  std::string story_;
  std::vector<std::string> requests_, messages_;
};

struct Recording {
  const char* file;
  const char* story;
  ApprovalMode approvals = ApprovalMode::on_request;
  bool resumed = false;
};

class ClaudeGolden : public ::testing::TestWithParam<Recording> {};

TEST_P(ClaudeGolden, a_recording_gives_the_same_story) {
  const std::string folder = std::string(DOSSIER_SOURCE_DIR) + "/tests/golden/claude/";
  const std::string recording = read_file(folder + GetParam().file + ".ndjson");
  ASSERT_FALSE(recording.empty()) << GetParam().file;
  Playback playback(GetParam().approvals, GetParam().resumed);
  LineSplitter lines(1 << 20);
  lines.feed(recording, [&](std::string_view line) { playback.line(line); });
  const std::string story = playback.end();
  if (const char* out = std::getenv("DOSSIER_GOLDEN_OUT"))
    std::ofstream(std::string(out) + "/" + GetParam().story + ".story", std::ios::binary) << story;
  EXPECT_EQ(story, read_file(folder + GetParam().story + ".story"));
}

INSTANTIATE_TEST_SUITE_P(Recordings, ClaudeGolden,
                         ::testing::Values(Recording{"allow_decline", "allow_decline"}, Recording{"edits_and_question", "edits_and_question"},
                                           Recording{"edits_and_question", "nobody_asked", ApprovalMode::never}, Recording{"steered", "steered"},
                                           Recording{"interrupted", "interrupted"}, Recording{"model_failed", "model_failed"},
                                           Recording{"killed", "killed"},
                                           Recording{"unknown_session", "unknown_session", ApprovalMode::on_request, true}),
                         [](const auto& info) { return std::string(info.param.story); });

}  // namespace
}  // namespace dossier::worker::claude
