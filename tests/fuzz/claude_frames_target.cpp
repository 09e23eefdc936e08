// The lines of a whole conversation with Claude Code: each as a frame, and all of them through a session whose host accepts
// whatever it is asked.
#include "base/check.hpp"
#include "tests/fuzz/targets.hpp"
#include "worker/agents/claude_session.hpp"
#include "worker/text/text.hpp"

namespace dossier::fuzz {
namespace {

namespace claude = worker::claude;

// What we say are lines of JSON, whatever was said to us.
void check_claude_output(const std::string& output) {
  CHECK(output.empty() || output.back() == '\n');
  worker::LineSplitter lines(1 << 20);
  lines.feed(output, [](std::string_view line) { CHECK(json::parse(line).has_value()); });
}

}  // namespace

void run_claude_frames(std::string_view bytes) {
  claude::SessionSetup setup;
  setup.worktree = "/w";
  setup.session_id = "s";
  setup.approvals = worker::ApprovalMode::on_request;
  claude::Session session(setup);
  session.start(1, {{"msg_1", "do it"}});
  std::uint32_t turns = 1;
  worker::LineSplitter lines(1 << 16);
  const auto answer = [&](const worker::AgentEvent& event) {
    worker::AgentCommand command;
    if (event.kind == worker::AgentEvent::Kind::approval_requested) {
      CHECK(event.approval.has_value());
      command.kind = worker::AgentCommand::Kind::resolve;
      command.request = event.approval->request;
      command.decision = "accept_for_session";
      command.answer = R"({"q":["a"]})";
    } else if (event.kind == worker::AgentEvent::Kind::turn_ended) {
      command.kind = worker::AgentCommand::Kind::next_turn;
      command.turn = ++turns;
      command.inputs = {{"in", "go on"}};
    } else {
      return;
    }
    session.on_command(command);
  };
  const auto take = [&](std::string_view line) {
    session.on_line(line);
    for (const auto& event : session.take_events()) answer(event);
    check_claude_output(session.take_output());
  };
  lines.feed(bytes, take);
  lines.finish(take);
  session.interrupt();
  session.on_end("it was stopped");
  CHECK(session.ended());
  check_claude_output(session.take_output());
}

}  // namespace dossier::fuzz
