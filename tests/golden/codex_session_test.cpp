// Recordings of the real Codex (tests/golden/codex/*.ndjson: what the server said, and between, after "! ", what our side did)
// give the answers and events in *.story. With DOSSIER_GOLDEN_OUT=<folder> what the code says now is written there, to be read
// and copied by hand.
#include "worker/agents/codex_session.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "tests/support/agent_story.hpp"
#include "worker/text/text.hpp"

namespace dossier::worker::codex {
namespace {

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// Everything that the session says, in order, for a recording.
class Player {
 public:
  explicit Player(ApprovalMode approvals) {
    settings_.worktree = "/w";
    settings_.model = "gpt-5.1-codex";
    settings_.instructions = "Be brief.";
    settings_.approvals = approvals;
    begin({{"tsk_1-o1", "do it"}});
  }

  void line(std::string_view line) {
    if (line.substr(0, 2) == "! ")
      act(std::string(line.substr(2)));
    else if (!session_->ended())
      session_->on_line(line);
    tell();
  }

  std::string end() {
    if (!session_->finished()) {
      session_->on_end("signal 9");
      tell();
    }
    if (session_->reusable()) story_ += "warm\n";
    return story_ + test::describe_result(session_->result());
  }

 private:
  void begin(const std::vector<AgentInput>& inputs) {
    session_ = std::make_unique<Session>(settings_);
    session_->start();
    session_->begin(++turn_, inputs, settings_.approvals);
    tell();
  }

  void act(const std::string& what) {
    story_ += "! " + what + "\n";
    AgentCommand command;
    if (what == "killed") {
      session_->on_end("signal 9");
      tell();
      settings_.thread = session_->thread();
      request_.clear();
      return begin({{"tsk_1-o2", "go on"}});
    }
    if (what == "finish") {
      command.kind = AgentCommand::Kind::finish;
    } else if (what == "interrupt") {
      command.kind = AgentCommand::Kind::interrupt;
    } else if (what.substr(0, 5) == "turn ") {
      command.kind = AgentCommand::Kind::next_turn;
      command.turn = ++turn_;
      command.inputs = {{"fup_" + std::to_string(turn_), what.substr(5)}};
    } else {
      command.kind = AgentCommand::Kind::resolve;
      command.request = request_;
      command.decision = what;
    }
    session_->on_command(command);
  }

  void tell() {
    for (const auto& event : session_->take_events()) {
      if (event.kind == AgentEvent::Kind::approval_requested) request_ = event.approval->request;
      story_ += test::describe_event(event);
    }
    LineSplitter lines(1 << 20);
    lines.feed(session_->take_output(), [&](std::string_view line) { story_ += "send " + std::string(line) + "\n"; });
  }

  Settings settings_;
  std::unique_ptr<Session> session_;
  std::uint32_t turn_ = 0;
  std::string request_;  // that was asked last
  std::string story_;
};

struct Recording {
  const char* name;
  ApprovalMode approvals;
};

class CodexGolden : public ::testing::TestWithParam<Recording> {};

TEST_P(CodexGolden, a_recording_gives_the_same_story) {
  const std::string name = GetParam().name;
  const std::string stem = std::string(DOSSIER_SOURCE_DIR) + "/tests/golden/codex/" + name;
  const std::string recording = read_file(stem + ".ndjson");
  ASSERT_FALSE(recording.empty()) << stem;
  Player player(GetParam().approvals);
  LineSplitter lines(1 << 20);
  lines.feed(recording, [&](std::string_view line) { player.line(line); });
  const std::string story = player.end();
  if (const char* folder = std::getenv("DOSSIER_GOLDEN_OUT")) std::ofstream(std::string(folder) + "/" + name + ".story", std::ios::binary) << story;
  EXPECT_EQ(story, read_file(stem + ".story"));
}

INSTANTIATE_TEST_SUITE_P(Recordings, CodexGolden,
                         ::testing::Values(Recording{"patch_command_decline", ApprovalMode::never}, Recording{"commands", ApprovalMode::never},
                                           Recording{"interrupted", ApprovalMode::never}, Recording{"model_failed", ApprovalMode::never},
                                           Recording{"killed", ApprovalMode::never}, Recording{"older_version_with_plan", ApprovalMode::never},
                                           Recording{"all_commands_0_169", ApprovalMode::untrusted},
                                           Recording{"kill9_resume_cancel_0_169", ApprovalMode::untrusted},
                                           Recording{"patch_decline_interrupt_0_169", ApprovalMode::untrusted},
                                           Recording{"patch_plan_interrupt_0_130", ApprovalMode::untrusted},
                                           Recording{"model_failed_0_130", ApprovalMode::untrusted}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace dossier::worker::codex
