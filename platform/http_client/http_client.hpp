// A small synchronous HTTP/1.1 client on Boost.Beast for the CLI, the worker and tests: keep-alive, TLS for https,
// bounded times and sizes, and a reader for server-sent events. One thread per object, but for interrupt().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace dossier::http_client {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Options {
  std::string base_url;           // http://host:port or https://…
  std::string bearer_token = {};  // empty: none
  std::int64_t connect_timeout_ms = 5'000;
  std::int64_t request_timeout_ms = 30'000;
  std::size_t max_response_bytes = 64u << 20;
  std::string user_agent = "dossier";
};

struct Response {
  int status = 0;
  Headers headers;  // names in lower case
  std::string body;
  std::string header(std::string_view lower_case_name) const;  // empty if absent
};

struct ServerEvent {
  std::string id;
  std::string event;
  std::string data;
};

class Client {
 public:
  static Result<Client> make(Options options);  // invalid_field: base_url
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // Any HTTP status is a Response. Errors: io (can't connect, broken), timeout, payload_too_large. A request which failed
  // on a kept-alive connection before any byte came back is sent once more if `idempotent`.
  Result<Response> request(std::string_view method, std::string_view target, std::string_view body = {}, const Headers& headers = {},
                           bool idempotent = true);
  // GET of an event stream. Calls on_event until it returns false (success), the server ends (io), or `silence_ms` pass
  // without a byte (timeout; the server sends comments as heartbeats). A status other than 200 comes back as that Response.
  Result<Response> events(std::string_view target, const Headers& headers, std::int64_t silence_ms,
                          const std::function<bool(const ServerEvent&)>& on_event);
  // Streams a file up (PUT) or a body down into a file, without holding it in memory. request_timeout_ms bounds each wait
  // for the other side here, and not the whole transfer. A download appears under its name when it is whole: until then it
  // is "<file>.part"; a status that is no success comes back with its body and leaves no file.
  Result<Response> upload(std::string_view target, const std::string& file, const Headers& headers = {});
  Result<Response> download(std::string_view target, const std::string& file, const Headers& headers = {});

  // Thread-safe, unlike the rest: the call in progress, and every later one, fails with shutting_down.
  void interrupt();

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dossier::http_client
