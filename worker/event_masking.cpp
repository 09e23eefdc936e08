// Which texts of an event are masked, and how.
#include "worker/event_masking.hpp"

#include <algorithm>

namespace dossier::worker {
namespace {

AgentEvent delta(const std::string& item, std::string text) {
  AgentEvent event;
  event.kind = AgentEvent::Kind::text_delta;
  event.item = item;
  event.text = std::move(text);
  return event;
}

}  // namespace

masking::Masker& EventMasker::stream(bool is_delta, const std::string& name, const Sink& sink) {
  const auto found = std::find_if(streams_.begin(), streams_.end(), [&](const Stream& s) { return s.is_delta == is_delta && s.name == name; });
  if (found != streams_.end()) {
    streams_.splice(streams_.begin(), streams_, found);
  } else {
    if (streams_.size() == kMaxStreams) give_up(std::prev(streams_.end()), sink);
    streams_.push_front({is_delta, name, masking::Masker(secrets_)});
  }
  return streams_.front().masker;
}

void EventMasker::give_up(std::list<Stream>::iterator stream, const Sink& sink) {
  std::string rest;
  stream->masker.finish(rest);
  masked_ += stream->masker.masked();
  const bool is_delta = stream->is_delta;
  const std::string name = std::move(stream->name);
  streams_.erase(stream);
  if (is_delta && !rest.empty()) sink(delta(name, std::move(rest)));
}

void EventMasker::end_delta(const std::string& item, const Sink& sink) {
  const auto found = std::find_if(streams_.begin(), streams_.end(), [&](const Stream& s) { return s.is_delta && s.name == item; });
  if (found != streams_.end()) give_up(found, sink);
}

void EventMasker::flush(const Sink& sink) {
  while (!streams_.empty()) give_up(std::prev(streams_.end()), sink);
}

std::string EventMasker::text(std::string_view text) { return masking::mask_text(secrets_, text, &masked_); }

AgentResult EventMasker::result(AgentResult result) {
  result.result = text(result.result);
  result.error = text(result.error);
  return result;
}

void EventMasker::mask_texts(AgentEvent& event) {
  for (std::string* part : {&event.name, &event.text})
    if (!part->empty()) *part = text(*part);
  for (std::string& path : event.paths) path = text(path);
  if (!event.approval) return;
  for (std::string* part : {&event.approval->command, &event.approval->patch, &event.approval->cwd, &event.approval->reason, &event.approval->detail})
    if (!part->empty()) *part = text(*part);
  for (std::string& path : event.approval->paths) path = text(path);
}

void EventMasker::take(AgentEvent event, const Sink& sink) {
  switch (event.kind) {
    case AgentEvent::Kind::log_line: {
      masking::Masker& masker = stream(false, event.name, sink);
      // A line as long as lines may be goes on in the next event.
      const std::string_view line = masker.line(event.text, event.text.size() + 4 > kMaxAgentLine);
      if (line.data() != event.text.data()) event.text = line;
      break;
    }
    case AgentEvent::Kind::text_delta: {
      std::string out;
      stream(true, event.item, sink).feed(event.text, out);
      if (out.empty()) return;
      event.text = std::move(out);
      break;
    }
    case AgentEvent::Kind::message:
    case AgentEvent::Kind::reasoning:
    case AgentEvent::Kind::plan:
      end_delta(event.item, sink);
      mask_texts(event);
      break;
    case AgentEvent::Kind::turn_ended:
    case AgentEvent::Kind::ended:
      flush(sink);
      mask_texts(event);
      break;
    case AgentEvent::Kind::session_started:
    case AgentEvent::Kind::turn_started:
    case AgentEvent::Kind::tool_use:
    case AgentEvent::Kind::tool_result:
    case AgentEvent::Kind::file_change:
    case AgentEvent::Kind::command_execution:
    case AgentEvent::Kind::approval_requested:
    case AgentEvent::Kind::approval_resolved:
    case AgentEvent::Kind::steered:
    case AgentEvent::Kind::token_usage:
    case AgentEvent::Kind::raw_item:
    case AgentEvent::Kind::error:
    case AgentEvent::Kind::system: mask_texts(event); break;
  }
  sink(std::move(event));
}

std::uint64_t EventMasker::masked() const {
  std::uint64_t all = masked_;
  for (const Stream& stream : streams_) all += stream.masker.masked();
  return all;
}

}  // namespace dossier::worker
