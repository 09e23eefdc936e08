// Recordings of the real Codex (tests/golden/codex/*.ndjson: what the server said in one turn) give the answers and events
// in *.story. With DOSSIER_GOLDEN_OUT=<folder> what the code says now is written there, to be read and copied by hand.
#include "worker/agents/codex_session.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "worker/text/text.hpp"

namespace dossier::worker::codex {
namespace {

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

const char* name_of(AgentEvent::Kind kind) {
  switch (kind) {
    case AgentEvent::Kind::session_started: return "session_started";
    case AgentEvent::Kind::turn_started: return "turn_started";
    case AgentEvent::Kind::turn_ended: return "turn_ended";
    case AgentEvent::Kind::message: return "message";
    case AgentEvent::Kind::text_delta: return "text_delta";
    case AgentEvent::Kind::reasoning: return "reasoning";
    case AgentEvent::Kind::plan: return "plan";
    case AgentEvent::Kind::tool_use: return "tool_use";
    case AgentEvent::Kind::tool_result: return "tool_result";
    case AgentEvent::Kind::file_change: return "file_change";
    case AgentEvent::Kind::token_usage: return "token_usage";
    case AgentEvent::Kind::log_line: return "log_line";
    case AgentEvent::Kind::raw_item: return "raw_item";
    case AgentEvent::Kind::error: return "error";
  }
  return "";
}

std::string one_line(const std::string& text) {
  std::string line;
  json::append_string(line, text);
  return line;
}

std::string describe(const AgentEvent& event) {
  std::string line = std::string("event ") + name_of(event.kind);
  if (!event.item.empty()) line += " item=" + event.item;
  if (!event.name.empty()) line += " name=" + event.name;
  // The frame itself is in the recording; what counts here is that it is kept.
  if (event.kind == AgentEvent::Kind::raw_item) return line + "\n";
  if (!event.text.empty()) line += " text=" + one_line(event.text);
  if (event.failed) line += " failed";
  if (event.tokens_in + event.tokens_out > 0) line += " tokens=" + std::to_string(event.tokens_in) + "/" + std::to_string(event.tokens_out);
  return line + "\n";
}

// Everything that the session says, in order, for a recording.
std::string play(const std::string& recording) {
  Turn turn;
  turn.worktree = "/w";
  turn.model = "gpt-5.1-codex";
  turn.instructions = "Be brief.";
  turn.prompt = "do it";
  turn.message_id = "tsk_1-o1";
  Session session(turn);
  std::string story;
  const auto tell = [&] {
    for (const auto& event : session.take_events()) story += describe(event);
    LineSplitter lines(1 << 20);
    const auto take = [&](std::string_view line) { story += "send " + std::string(line) + "\n"; };
    lines.feed(session.take_output(), take);
  };
  session.start();
  tell();
  LineSplitter lines(1 << 20);
  lines.feed(recording, [&](std::string_view line) {
    session.on_line(line);
    tell();
  });
  if (!session.ended()) {
    session.on_end("signal 9");
    tell();
  }
  const AgentResult& result = session.result();
  story += std::string("result ") +
           (result.kind == AgentResult::Kind::completed ? "completed " + one_line(result.result)
            : result.kind == AgentResult::Kind::failed  ? "failed " + result.code + (result.retryable ? " retryable " : " ") + one_line(result.error)
                                                        : "stopped") +
           "\n";
  return story;
}

class CodexGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(CodexGolden, a_recording_gives_the_same_story) {
  const std::string stem = std::string(DOSSIER_SOURCE_DIR) + "/tests/golden/codex/" + GetParam();
  const std::string recording = read_file(stem + ".ndjson");
  ASSERT_FALSE(recording.empty()) << stem;
  const std::string story = play(recording);
  if (const char* folder = std::getenv("DOSSIER_GOLDEN_OUT"))
    std::ofstream(std::string(folder) + "/" + GetParam() + ".story", std::ios::binary) << story;
  EXPECT_EQ(story, read_file(stem + ".story"));
}

INSTANTIATE_TEST_SUITE_P(Recordings, CodexGolden,
                         ::testing::Values("patch_command_decline", "commands", "interrupted", "model_failed", "killed", "older_version_with_plan"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace dossier::worker::codex
