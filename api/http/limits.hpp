// Every bound of the HTTP server, by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace dossier::api::http {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8787;            // 0: any free one, see Server::port()
  std::size_t max_connections = 1'024;  // one more is answered 503 and closed
  std::uint32_t max_header_bytes = 16 * 1'024;
  std::int64_t header_time_ms = 10'000;       // from a request's first byte to the end of its head
  std::int64_t body_time_ms = 30'000;         // for a body that is held in memory
  std::int64_t upload_time_ms = 15 * 60'000;  // for a streamed body in all
  std::int64_t chunk_time_ms = 30'000;        // for each chunk of a streamed body
  std::int64_t idle_time_ms = 75'000;         // between two requests
  std::int64_t write_time_ms = 20'000;        // for each write: who reads more slowly is dropped
  std::int64_t heartbeat_ms = 15'000;         // of event streams
  std::size_t stream_chunk_bytes = 256 * 1'024;
  std::size_t gzip_from_bytes = 8 * 1'024;  // smaller bodies are sent as they are
};

}  // namespace dossier::api::http
