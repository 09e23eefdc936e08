// A TCP client that sends exactly the bytes it is told, for what no HTTP client would send. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dossier::test_support {

struct RawResponse {
  int status = 0;    // 0: the server closed, or said nothing in time
  std::string head;  // status line and headers
  std::string body;
  std::string header(std::string_view name) const;  // any case; empty if absent
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool send(std::string_view bytes);
  // The next response: its head, and the body by Content-Length (none for `to_head`). Waits at most timeout_ms.
  RawResponse response(std::int64_t timeout_ms = 5'000, bool to_head = false);
  RawResponse request(std::string_view bytes) {
    send(bytes);
    return response();
  }
  // Reads until `text` was seen, everything up to its end is returned; empty: not within timeout_ms.
  std::string read_until(std::string_view text, std::int64_t timeout_ms = 5'000);
  // True once the server closed, within timeout_ms; what it sent before is thrown away.
  bool closed(std::int64_t timeout_ms = 5'000);

 private:
  bool more(std::int64_t deadline_ms);
  int socket_ = -1;
  std::string buffer_;
};

}  // namespace dossier::test_support
