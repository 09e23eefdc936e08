// The text of a response's head, and what is done to a response on its way out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/http/message.hpp"

namespace dossier::api::http {

struct Framing {
  bool keep_alive = true;
  bool chunked = false;
  std::optional<std::uint64_t> length;  // absent: no Content-Length
};

// Status line, Date, framing, the response's headers, and the empty line.
std::string response_head(const Response& response, const Framing& framing);
std::string_view reason_phrase(int status);
// One chunk of a stream; the text as it is where the client takes no chunks (HTTP/1.0).
std::string event_chunk(std::string_view text, bool chunked);
// Compresses a body of text of at least `from_bytes`, and says so.
void compress(Response& response, std::size_t from_bytes);

}  // namespace dossier::api::http
