// The lines of a whole conversation with `codex app-server`: each as a frame, and all of them through a session.
#include "base/check.hpp"
#include "tests/fuzz/targets.hpp"
#include "worker/agents/codex_frames.hpp"
#include "worker/agents/codex_session.hpp"
#include "worker/text/text.hpp"

namespace dossier::fuzz {
namespace {

namespace codex = worker::codex;

// What we say are lines of JSON, whatever was said to us.
void check_codex_output(const std::string& output) {
  CHECK(output.empty() || output.back() == '\n');
  worker::LineSplitter lines(1 << 20);
  lines.feed(output, [](std::string_view line) { CHECK(json::parse(line).has_value()); });
}

}  // namespace

void run_codex_frames(std::string_view bytes) {
  codex::Settings settings;
  settings.worktree = "/w";
  settings.approvals = worker::ApprovalMode::on_request;
  codex::Session session(settings);
  session.start();
  session.begin(1, {{"tsk_1-o1", "do it"}}, settings.approvals);
  std::int64_t now_ms = 0;
  std::uint32_t turn = 1;
  worker::LineSplitter lines(1 << 16);
  const auto take = [&](std::string_view line) {
    if (const auto frame = codex::read_frame(line)) {
      (void)codex::own_id(*frame);
      if (frame->kind == codex::Frame::Kind::request) check_codex_output(codex::refusal_line(*frame, codex::find_version(line)));
    }
    session.on_line(line);
    session.on_time(now_ms += 100);
    // Every third line somebody decides what is open; each turn is followed by another.
    for (const auto& event : session.take_events()) {
      if (event.kind != worker::AgentEvent::Kind::approval_requested || now_ms % 300 != 0) continue;
      worker::AgentCommand answer;
      answer.kind = worker::AgentCommand::Kind::resolve;
      answer.request = event.approval->request;
      answer.decision = "accept";
      answer.answer = line;
      session.on_command(answer);
    }
    if (session.idle()) {
      worker::AgentCommand next;
      next.kind = worker::AgentCommand::Kind::next_turn;
      next.turn = ++turn;
      next.inputs = {{"fup_1", std::string(line.substr(0, 100))}};
      session.on_command(next);
    }
    check_codex_output(session.take_output());
  };
  lines.feed(bytes, take);
  lines.finish(take);
  session.stop();
  session.on_end("it was stopped");
  CHECK(session.ended() || session.idle());
  check_codex_output(session.take_output());
}

}  // namespace dossier::fuzz
