// A request and a response as plain values: what handlers and their tests see. No sockets, no Beast.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace dossier::api::http {

using Headers = std::vector<std::pair<std::string, std::string>>;
using Query = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  // "GET"
  std::string path;    // as sent, percent-encoded, without the query
  Query query;         // decoded, in order
  Headers headers;     // names in lower case
  std::string body;
  std::string peer;  // address of the client, for logs and limits

  // First value, or nullptr. Names in lower case.
  const std::string* header(std::string_view name) const;
  const std::string* parameter(std::string_view name) const;
};

// Splits a request target. invalid_field: a broken percent escape, NUL, or bytes that are no UTF-8 after decoding.
Status parse_target(std::string_view target, Request& request);
// Percent-decodes one path segment or query value; nullopt as above.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

// Bytes of a response that are too many for memory. Called on pool threads, one call at a time.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual std::uint64_t size() const = 0;
  // The next bytes, at most max_bytes; empty at the end. An error breaks the connection before size() bytes were sent, so
  // that the client sees it.
  virtual Result<std::string> read(std::size_t max_bytes) = 0;
};

// A long-lived stream of server-sent events, pulled: the connection asks for what is there, writes it, and sleeps until
// it is woken, or poll_ms pass. So a slow client holds one chunk, never a queue, and a lost wake-up is made good.
class EventSource {
 public:
  virtual ~EventSource() = default;
  // On a pool thread, one call at a time: the text of whole messages, about max_bytes at most; empty: nothing new. An
  // error ends the stream.
  virtual Result<std::string> next(std::size_t max_bytes) = 0;
  // `wake` is thread-safe and stays callable after the stream's end. Called once, before the first next().
  virtual void subscribe(std::function<void()> wake) = 0;
  virtual std::int64_t poll_ms() const = 0;
};

struct Response {
  int status = 200;
  Headers headers;  // names as sent; Content-Length, Date and Connection are the connection's business
  std::string body;
  std::shared_ptr<BodySource> source;   // set: instead of body
  std::shared_ptr<EventSource> events;  // set: an event stream, instead of both

  void set(std::string name, std::string value) { headers.emplace_back(std::move(name), std::move(value)); }
  const std::string* header(std::string_view name) const;  // any case
};

// Completes a request: exactly once, from any thread, at once or later. The connection holds no thread meanwhile.
using Responder = std::function<void(Response)>;

// Takes a body that is streamed. Called on pool threads, one call at a time. Dropped without finish(): the upload broke.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual Status write(std::string_view bytes) = 0;
  virtual Response finish() = 0;
};

// What becomes of a request's body, known from its head.
struct BodyPlan {
  std::uint64_t max_bytes = 1u << 20;
  bool streamed = false;  // through Handler::open instead of Request::body
};

// The application behind a server. Thread-safe.
class Handler {
 public:
  virtual ~Handler() = default;
  // On the connection's thread: quick, no I/O.
  virtual BodyPlan plan(const Request& head) = 0;
  // On a pool thread. The responder is kept as long as the request takes.
  virtual void handle(Request request, Responder responder) = 0;
  // On a pool thread, for a streamed body, before its first byte is taken: a sink, or the refusal.
  struct Opened {
    std::unique_ptr<BodySink> sink;
    Response refusal;
  };
  virtual Opened open(const Request& head) = 0;
  // The response to what never became a request, or found no room. On the connection's thread.
  virtual Response refuse(const Error& error) = 0;
};

}  // namespace dossier::api::http
