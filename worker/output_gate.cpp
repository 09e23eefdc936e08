// One switch over the kinds of events: which are output, and which facts.
#include "worker/output_gate.hpp"

namespace dossier::worker {
namespace {

// The stream under which an event stands in the file; nullptr: it is no output.
const char* stream_of(const AgentEvent& event) {
  switch (event.kind) {
    case AgentEvent::Kind::session_started:
    case AgentEvent::Kind::turn_started:
    case AgentEvent::Kind::turn_ended:
    case AgentEvent::Kind::approval_requested:
    case AgentEvent::Kind::approval_resolved:
    case AgentEvent::Kind::steered:
    case AgentEvent::Kind::token_usage:
    case AgentEvent::Kind::ended: return nullptr;
    case AgentEvent::Kind::message: return "agent";
    case AgentEvent::Kind::text_delta: return "delta";
    case AgentEvent::Kind::reasoning: return "reasoning";
    case AgentEvent::Kind::plan: return "plan";
    case AgentEvent::Kind::tool_use:
    case AgentEvent::Kind::tool_result: return "tool";
    case AgentEvent::Kind::file_change: return "file";
    case AgentEvent::Kind::command_execution: return "command";
    case AgentEvent::Kind::log_line: return event.name.c_str();
    case AgentEvent::Kind::raw_item: return "raw";
    case AgentEvent::Kind::error:
    case AgentEvent::Kind::system: return "system";
  }
  return nullptr;
}

}  // namespace

void OutputGate::take(AgentEvent event, const Sinks& sinks) {
  const char* const stream = stream_of(event);
  if (stream == nullptr) return sinks.pass(std::move(event));
  const auto reached = account_.add_output(event.text.size());
  if (reached) sinks.reached(*reached);
  if (!account_.is_reached(limits::Limit::output_bytes)) return sinks.pass(std::move(event));
  // The finished message has the same words as its pieces.
  if (event.kind != AgentEvent::Kind::text_delta) file_.line(stream, event.text);
}

}  // namespace dossier::worker
