// Server-sent events out of bytes.
#include "platform/http_client/event_stream.hpp"

namespace dossier::http_client {

void EventStreamParser::take_line() {
  std::string_view line = line_;
  if (at_start_ && line.substr(0, 3) == "\xef\xbb\xbf") line.remove_prefix(3);
  at_start_ = false;
  const auto colon = line.find(':');
  if (colon == 0) return;  // a comment: the server's heartbeat
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.event = value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    event_.id = value;
  }
}

Result<bool> EventStreamParser::feed(std::string_view bytes, const std::function<bool(const ServerEvent&)>& on_event) {
  for (char c : bytes) {
    if (c == '\n' && after_cr_) {
      after_cr_ = false;
      continue;
    }
    after_cr_ = c == '\r';
    if (c != '\n' && c != '\r') {
      line_ += c;
      if (line_.size() + event_.data.size() > kMaxEventBytes)
        return make_error(Code::payload_too_large, "an event of the stream is larger than " + std::to_string(kMaxEventBytes) + " bytes");
      continue;
    }
    if (!line_.empty()) {
      take_line();
      line_.clear();
      continue;
    }
    at_start_ = false;
    const bool whole = has_data_;
    ServerEvent event = whole ? event_ : ServerEvent{};
    event_.event.clear();
    event_.data.clear();
    has_data_ = false;
    if (whole && !on_event(event)) return false;
  }
  return true;
}

}  // namespace dossier::http_client
