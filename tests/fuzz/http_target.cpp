// The first line as a request target, a header and a base URL; what follows it as an event stream.
#include <string>
#include <vector>

#include "api/http/gzip.hpp"
#include "api/http/message.hpp"
#include "base/check.hpp"
#include "base/encoding.hpp"
#include "platform/http_client/event_stream.hpp"
#include "platform/http_client/url.hpp"
#include "tests/fuzz/targets.hpp"

namespace dossier::fuzz {
namespace {

void check_target(std::string_view line) {
  api::http::Request request;
  if (!api::http::parse_target(line, request)) return;
  CHECK(!request.path.empty() && request.path.front() == '/');
  for (const auto& [name, value] : request.query) {
    CHECK(is_utf8(name) && is_utf8(value));
    CHECK(request.parameter(name) != nullptr);
  }
}

void check_url(std::string_view line) {
  const auto url = http_client::parse_url(line);
  if (!url) return;
  CHECK(!url->host.empty() && !url->port.empty());
  CHECK(url->path.empty() || (url->path.front() == '/' && url->path.back() != '/'));
  CHECK(http_client::is_safe_target(url->path.empty() ? "/" : url->path));
  CHECK(http_client::is_safe_header("Host", url->authority));
}

struct Stream {
  std::vector<std::string> events;
  bool ok = true;
  friend bool operator==(const Stream&, const Stream&) = default;
};

// The same events, however the bytes come in.
Stream read_stream(std::string_view bytes, std::size_t piece) {
  Stream out;
  http_client::EventStreamParser parser;
  while (!bytes.empty() && out.ok) {
    const std::string_view now = bytes.substr(0, piece);
    bytes.remove_prefix(now.size());
    out.ok = parser
                 .feed(now,
                       [&](const http_client::ServerEvent& event) {
                         out.events.push_back(event.id + '\n' + event.event + '\n' + event.data);
                         return true;
                       })
                 .has_value();
  }
  return out;
}

}  // namespace

void run_http(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  check_target(line);
  check_url(line);
  (void)api::http::accepts_gzip(line);
  (void)http_client::is_safe_header(line.substr(0, line.find(':')), line);
  if (const auto decoded = api::http::percent_decode(line)) CHECK(is_utf8(*decoded));
  const std::string_view rest = bytes.substr(std::min(bytes.size(), line.size() + 1));
  CHECK(read_stream(rest, rest.size() + 1) == read_stream(rest, 3));
}

}  // namespace dossier::fuzz
