// What the HTTP client reads without a network: base URLs and event streams.
#include <gtest/gtest.h>

#include "platform/http_client/event_stream.hpp"
#include "platform/http_client/url.hpp"

namespace dossier::http_client {
namespace {

TEST(Url, is_taken_apart) {
  auto plain = parse_url("http://127.0.0.1:8787");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->host, "127.0.0.1");
  EXPECT_EQ(plain->port, "8787");
  EXPECT_EQ(plain->path, "");
  auto full = parse_url("https://dossier.example/team/");
  ASSERT_TRUE(full);
  EXPECT_TRUE(full->tls);
  EXPECT_EQ(full->port, "443");
  EXPECT_EQ(full->path, "/team");
  auto six = parse_url("http://[::1]:80");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->host, "::1");
  EXPECT_EQ(six->authority, "[::1]:80");
}

TEST(Url, is_refused_where_it_is_none) {
  for (const char* text : {"", "localhost:8787", "ftp://x", "http://", "http://:80", "http://x:", "http://x:0", "http://x:65536", "http://x:80a",
                           "http://user@x", "http://x/?q", "http://x/#f", "http://x/a b", "http://[::1", "http://[::1]x", "http://a b"})
    EXPECT_EQ(parse_url(text).has_value() ? "accepted" : parse_url(text).error().field, "base_url") << text;
}

struct Seen {
  std::vector<std::string> events;
  bool operator==(const Seen&) const = default;
};

Seen parse_split(std::string_view bytes, std::size_t cut) {
  Seen seen;
  EventStreamParser parser;
  const auto on_event = [&](const ServerEvent& event) {
    seen.events.push_back(event.id + "|" + event.event + "|" + event.data);
    return true;
  };
  EXPECT_TRUE(parser.feed(bytes.substr(0, cut), on_event));
  EXPECT_TRUE(parser.feed(bytes.substr(cut), on_event));
  return seen;
}

TEST(EventStream, is_the_same_wherever_it_is_split) {
  const std::string bytes =
      "\xef\xbb\xbf: hello\n\nid: 1-1\nevent: commit\ndata: {\"a\":1}\n\nretry: 100\r\ndata:two\r\ndata:  lines\r\n\r\n"
      "id\rdata\r\revent: nothing\n\ndata: \xe2\x82\xac\n\ndata: unfinished";
  const Seen whole = parse_split(bytes, 0);
  EXPECT_EQ(whole.events, (std::vector<std::string>{"1-1|commit|{\"a\":1}", "1-1||two\n lines", "||", "||\xe2\x82\xac"}));
  for (std::size_t cut = 1; cut <= bytes.size(); ++cut) EXPECT_EQ(parse_split(bytes, cut), whole) << "cut at " << cut;
}

TEST(EventStream, stops_where_the_reader_wants_no_more) {
  EventStreamParser parser;
  int count = 0;
  auto more = parser.feed("data: 1\n\ndata: 2\n\ndata: 3\n\n", [&](const ServerEvent&) { return ++count < 2; });
  ASSERT_TRUE(more);
  EXPECT_FALSE(*more);
  EXPECT_EQ(count, 2);
}

TEST(EventStream, bounds_an_event_that_never_ends) {
  const auto never = [](const ServerEvent&) { return true; };
  EventStreamParser at_limit;
  EXPECT_TRUE(at_limit.feed(std::string(EventStreamParser::kMaxEventBytes, 'x'), never));
  EXPECT_FALSE(at_limit.feed("x", never));
  EventStreamParser in_lines;
  Status failed;
  for (std::size_t sent = 0; failed && sent <= 2 * EventStreamParser::kMaxEventBytes; sent += 1 << 20)
    if (auto fed = in_lines.feed("data:" + std::string(1 << 20, 'x') + "\n", never); !fed) failed = fed.error();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::payload_too_large);
}

}  // namespace
}  // namespace dossier::http_client
