// Server-sent events out of bytes, sans-IO: feed it what arrives, in pieces of any size.
// Source: WHATWG HTML, 9.2.6 "Interpreting an event stream".
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "platform/http_client/http_client.hpp"

namespace dossier::http_client {

class EventStreamParser {
 public:
  // A line or an event beyond this is payload_too_large: a commit has at most 900,000 bytes, JSON may make six of one.
  static constexpr std::size_t kMaxEventBytes = 8u << 20;

  // Calls on_event for each event that is whole; stops where it answers false. True: go on, false: it wanted no more.
  // The id of an event is the last one that was sent, as the standard has it.
  Result<bool> feed(std::string_view bytes, const std::function<bool(const ServerEvent&)>& on_event);

 private:
  void take_line();

  std::string line_;
  ServerEvent event_;
  bool has_data_ = false;
  bool after_cr_ = false;  // a LF that follows a CR belongs to it
  bool at_start_ = true;   // a byte order mark may come
};

}  // namespace dossier::http_client
