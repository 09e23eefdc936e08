// One switch over the kinds of events.
#include "worker/agent_activity.hpp"

#include "worker/text/text.hpp"

namespace dossier::worker {
namespace {

constexpr std::size_t kMaxField = 16 * 1024;  // of a tool's input or output: its lines are there in full
constexpr std::size_t kMaxName = 256;

void lines(ActivityStream& activity, const char* stream, const std::string& text) {
  LineSplitter splitter(kMaxAgentLine);
  const auto take = [&](std::string_view line) { activity.log_line(stream, line); };
  splitter.feed(text, take);
  splitter.finish(take);
}

}  // namespace

void record_event(ActivityStream& activity, const AgentEvent& event) {
  v1::ActivityEvent record;
  switch (event.kind) {
    // NOLINTNEXTLINE(bugprone-branch-clone): for different reasons
    case AgentEvent::Kind::session_started:
    case AgentEvent::Kind::turn_started:
    case AgentEvent::Kind::steered:
    case AgentEvent::Kind::turn_ended: return;         // facts of the session, reported as such
    case AgentEvent::Kind::command_execution: return;  // its words came as tool_use and log lines
    case AgentEvent::Kind::approval_requested:
    case AgentEvent::Kind::approval_resolved:
      record.mutable_approval_note()->set_provider_item(clean_text(event.item, kMaxName));
      if (event.approval) record.mutable_approval_note()->set_provider_request(clean_text(event.approval->request, kMaxName));
      record.mutable_approval_note()->set_decision(clean_text(event.name, kMaxName));
      break;
    case AgentEvent::Kind::system:
    case AgentEvent::Kind::ended: return lines(activity, "system", event.text);
    case AgentEvent::Kind::log_line: return activity.log_line(event.name, event.text);
    case AgentEvent::Kind::message: return lines(activity, "agent", event.text);
    case AgentEvent::Kind::reasoning: return lines(activity, "reasoning", event.text);
    case AgentEvent::Kind::plan: return lines(activity, "plan", event.text);
    case AgentEvent::Kind::file_change: return lines(activity, "file", event.text);
    case AgentEvent::Kind::error: return lines(activity, "system", event.text);
    case AgentEvent::Kind::text_delta:
      record.mutable_text_delta()->set_provider_item(clean_text(event.item, kMaxName));
      record.mutable_text_delta()->mutable_text()->set_plain(clean_text(event.text, kMaxField));
      break;
    case AgentEvent::Kind::tool_use:
      record.mutable_tool_use()->set_provider_item(clean_text(event.item, kMaxName));
      record.mutable_tool_use()->set_tool(clean_text(event.name, kMaxName));
      record.mutable_tool_use()->mutable_input()->set_plain(clean_text(event.text, kMaxField));
      break;
    case AgentEvent::Kind::tool_result:
      record.mutable_tool_result()->set_provider_item(clean_text(event.item, kMaxName));
      record.mutable_tool_result()->mutable_output()->set_plain(clean_text(event.text, kMaxField));
      record.mutable_tool_result()->set_failed(event.failed);
      break;
    case AgentEvent::Kind::token_usage:
      record.mutable_token_usage()->set_tokens_in(event.tokens_in);
      record.mutable_token_usage()->set_tokens_out(event.tokens_out);
      break;
    case AgentEvent::Kind::raw_item:
      record.mutable_agent_item()->set_kind(clean_text(event.name, kMaxName));
      record.mutable_agent_item()->set_provider_item(clean_text(event.item, kMaxName));
      record.mutable_agent_item()->mutable_raw()->set_plain(clean_text(event.text, ActivityStream::kMaxTextBytes));
      break;
  }
  activity.add(std::move(record));
}

}  // namespace dossier::worker
