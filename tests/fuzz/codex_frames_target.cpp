// The lines of a whole conversation with `codex app-server`: each as a frame, and all of them through a session.
#include "base/check.hpp"
#include "tests/fuzz/targets.hpp"
#include "worker/agents/codex_frames.hpp"
#include "worker/agents/codex_session.hpp"

namespace dossier::fuzz {
namespace {

namespace codex = worker::codex;

// What we say are lines of JSON, whatever was said to us.
void check_output(const std::string& output) {
  CHECK(output.empty() || output.back() == '\n');
  worker::LineSplitter lines(1 << 20);
  lines.feed(output, [](std::string_view line) { CHECK(json::parse(line).has_value()); });
}

}  // namespace

void run_codex_frames(std::string_view bytes) {
  codex::Turn turn;
  turn.worktree = "/w";
  turn.prompt = "do it";
  turn.message_id = "tsk_1-o1";
  codex::Session session(turn);
  session.start();
  worker::LineSplitter lines(1 << 16);
  const auto take = [&](std::string_view line) {
    if (const auto frame = codex::read_frame(line)) {
      (void)codex::own_id(*frame);
      if (frame->kind == codex::Frame::Kind::request) check_output(codex::refusal_line(*frame));
    }
    if (!session.ended()) session.on_line(line);
    check_output(session.take_output());
    (void)session.take_events();
  };
  lines.feed(bytes, take);
  lines.finish(take);
  session.interrupt();
  session.on_end("it was stopped");
  CHECK(session.ended());
  check_output(session.take_output());
}

}  // namespace dossier::fuzz
