// The HTTP client against servers that behave, and against ones that do not.
#include "platform/http_client/http_client.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "tests/support/raw_server.hpp"

namespace dossier::http_client {
namespace {

using test_support::RawConnection;
using test_support::RawServer;
namespace fs = std::filesystem;

Client client_of(const RawServer& server, std::int64_t request_timeout_ms = 5'000, std::size_t max_response_bytes = 1u << 20) {
  auto client = Client::make({.base_url = server.url(),
                              .bearer_token = "dst_secret",
                              .connect_timeout_ms = 5'000,
                              .request_timeout_ms = request_timeout_ms,
                              .max_response_bytes = max_response_bytes,
                              .user_agent = "test"});
  EXPECT_TRUE(client);
  return std::move(*client);
}

std::string answer(std::string_view body, std::string_view more_headers = {}, std::string_view status = "200 OK") {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more_headers) + "\r\n" +
         std::string(body);
}

RawServer::Script replies(std::vector<std::string> answers) {
  return [answers](RawConnection& connection) {
    for (const auto& bytes : answers) {
      if (connection.read_request().empty()) return;
      connection.send(bytes);
    }
  };
}

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("dossier-http-client-" + std::to_string(::getpid()))) { fs::create_directories(path_); }
  ~Folder() { fs::remove_all(path_); }
  std::string file(std::string_view name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

std::string contents(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(HttpClient, sends_the_method_target_token_and_body_and_reads_the_answer) {
  RawServer server({replies({answer("{}", "Dossier-Seq: 7\r\n", "201 Created")})});
  auto client = client_of(server);
  auto response = client.request("POST", "/v1/things?x=1", "{\"a\":1}", {{"idempotency-key", "k1"}});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "{}");
  EXPECT_EQ(response->header("dossier-seq"), "7");
  EXPECT_EQ(response->header("absent"), "");
  ASSERT_EQ(server.requests().size(), 1u);
  const auto request = server.requests()[0];
  EXPECT_EQ(request.substr(0, request.find("\r\n")), "POST /v1/things?x=1 HTTP/1.1");
  EXPECT_NE(request.find("Authorization: Bearer dst_secret\r\n"), std::string::npos);
  EXPECT_NE(request.find("idempotency-key: k1\r\n"), std::string::npos);
  EXPECT_NE(request.find("Content-Length: 7\r\n"), std::string::npos);
  EXPECT_EQ(request.substr(request.size() - 7), "{\"a\":1}");
}

TEST(HttpClient, puts_the_path_of_the_base_url_before_each_target) {
  RawServer server({replies({answer("")})});
  auto client = Client::make({.base_url = server.url() + "/dossier/"});
  ASSERT_TRUE(client);
  ASSERT_TRUE(client->request("GET", "/health"));
  EXPECT_EQ(server.requests()[0].substr(0, 28), "GET /dossier/health HTTP/1.1");
}

TEST(HttpClient, uses_one_connection_for_many_requests) {
  RawServer server({replies({answer("one"), answer("two"), answer("three")})});
  auto client = client_of(server);
  EXPECT_EQ(client.request("GET", "/1")->body, "one");
  EXPECT_EQ(client.request("POST", "/2", "x")->body, "two");
  EXPECT_EQ(client.request("GET", "/3")->body, "three");
}

TEST(HttpClient, reads_a_chunked_body_that_is_split_anywhere) {
  const std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nTrailer: t\r\n\r\n";
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    RawServer server({[&](RawConnection& connection) {
      connection.read_request();
      connection.send(bytes.substr(0, cut));
      connection.send(bytes.substr(cut));
    }});
    auto response = client_of(server).request("GET", "/");
    ASSERT_TRUE(response) << "cut at " << cut << ": " << response.error().message;
    EXPECT_EQ(response->body, "hello, world") << "cut at " << cut;
  }
}

TEST(HttpClient, sends_again_when_the_kept_connection_had_been_closed) {
  RawServer server({replies({answer("first")}), replies({answer("second")})});
  auto client = client_of(server);
  EXPECT_EQ(client.request("POST", "/", "body")->body, "first");
  auto again = client.request("POST", "/", "body");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->body, "second");
}

TEST(HttpClient, sends_no_request_twice_that_must_not_be) {
  RawServer server({replies({answer("first")}), replies({answer("second")})});
  auto client = client_of(server);
  EXPECT_EQ(client.request("POST", "/", "body")->body, "first");
  auto again = client.request("POST", "/", "body", {}, false);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::io);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(HttpClient, does_not_send_again_once_an_answer_had_begun) {
  RawServer server({[](RawConnection& connection) {
                      connection.read_request();
                      connection.send(answer("first"));
                      connection.read_request();
                      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
                    },
                    replies({answer("never")})});
  auto client = client_of(server);
  EXPECT_EQ(client.request("GET", "/")->body, "first");
  auto cut = client.request("GET", "/");
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Code::io);
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST(HttpClient, follows_connection_close) {
  RawServer server({replies({answer("bye", "Connection: close\r\n")}), replies({answer("again")})});
  auto client = client_of(server);
  EXPECT_EQ(client.request("GET", "/")->body, "bye");
  EXPECT_EQ(client.request("GET", "/", {}, {}, false)->body, "again");
}

TEST(HttpClient, reads_a_body_that_ends_with_the_connection) {
  RawServer server({replies({"HTTP/1.0 200 OK\r\n\r\nuntil the end"})});
  EXPECT_EQ(client_of(server).request("GET", "/")->body, "until the end");
}

TEST(HttpClient, passes_over_100_continue) {
  RawServer server({replies({"HTTP/1.1 100 Continue\r\n\r\n" + answer("real")})});
  EXPECT_EQ(client_of(server).request("POST", "/", "x")->body, "real");
}

TEST(HttpClient, has_no_body_for_204_304_and_HEAD) {
  RawServer server({replies({"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", answer("end")})});
  auto client = client_of(server);
  EXPECT_EQ(client.request("DELETE", "/")->status, 204);
  EXPECT_EQ(client.request("GET", "/")->status, 304);
  EXPECT_EQ(client.request("HEAD", "/")->body, "");
  EXPECT_EQ(client.request("GET", "/")->body, "end");
}

TEST(HttpClient, gives_up_on_a_server_that_says_nothing) {
  RawServer server({[](RawConnection& connection) {
    connection.read_request();
    connection.wait_for_close();
  }});
  const auto begin = std::chrono::steady_clock::now();
  auto response = client_of(server, 80).request("GET", "/");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
}

TEST(HttpClient, gives_up_on_a_server_that_drips) {
  RawServer server({[](RawConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\na");
    connection.wait_for_close();
  }});
  auto response = client_of(server, 80).request("GET", "/");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::timeout);
}

TEST(HttpClient, says_so_when_nobody_listens) {
  std::string url;
  {
    url = RawServer({}).url();
  }
  auto client = Client::make({.base_url = url});
  auto response = client->request("GET", "/");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::io);
  EXPECT_NE(response.error().message.find("can't connect to 127.0.0.1:"), std::string::npos) << response.error().message;
}

TEST(HttpClient, refuses_a_body_over_the_limit_and_takes_one_at_it) {
  RawServer server({replies({answer(std::string(1000, 'x'))}), replies({answer(std::string(1001, 'x'))}),
                    replies({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x') + "\r\n0\r\n\r\n"})});
  auto at_limit = client_of(server, 5'000, 1000).request("GET", "/");
  ASSERT_TRUE(at_limit) << at_limit.error().message;
  EXPECT_EQ(at_limit->body.size(), 1000u);
  EXPECT_EQ(client_of(server, 5'000, 1000).request("GET", "/").error().code, Code::payload_too_large);
  EXPECT_EQ(client_of(server, 5'000, 1000).request("GET", "/").error().code, Code::payload_too_large);
}

TEST(HttpClient, refuses_a_header_without_end) {
  RawServer server({[](RawConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x') + "\r\n\r\n");
  }});
  auto response = client_of(server).request("GET", "/");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::payload_too_large);
}

TEST(HttpClient, is_an_io_error_when_the_answer_is_no_http) {
  RawServer server({replies({"SSH-2.0-OpenSSH\r\n\r\n"})});
  EXPECT_EQ(client_of(server).request("GET", "/").error().code, Code::io);
}

TEST(HttpClient, lets_nothing_through_that_would_add_a_line_to_the_request) {
  RawServer server({});
  auto client = client_of(server);
  EXPECT_EQ(client.request("GET", "/a b").error().code, Code::invalid_field);
  EXPECT_EQ(client.request("GET", "/a\r\nX: y").error().code, Code::invalid_field);
  EXPECT_EQ(client.request("GET", "relative").error().code, Code::invalid_field);
  EXPECT_EQ(client.request("GET", "/", {}, {{"x", "a\r\ny: b"}}).error().code, Code::invalid_field);
  EXPECT_EQ(Client::make({.base_url = server.url(), .bearer_token = "a\nb"}).error().field, "bearer_token");
}

TEST(HttpClient, reads_the_refusal_of_a_body_that_the_server_did_not_want) {
  RawServer server({[](RawConnection& connection) {
    connection.send(answer("too large", "Connection: close\r\n", "413 Payload Too Large"));
    connection.wait_for_close();
  }});
  Folder folder;
  const auto file = folder.file("big");
  std::ofstream(file, std::ios::binary) << std::string(200'000, 'x');
  auto response = client_of(server).upload("/blob", file);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 413);
  EXPECT_EQ(response->body, "too large");
}

TEST(HttpClient, uploads_a_file_and_downloads_it_again) {
  std::string bytes;
  for (int i = 0; i < 300'000; ++i) bytes += static_cast<char>(i * 7);
  RawServer server({replies({answer("", {}, "201 Created"), answer(bytes), answer("no", {}, "404 Not Found")})});
  Folder folder;
  const auto up = folder.file("up"), down = folder.file("down");
  std::ofstream(up, std::ios::binary) << bytes;
  auto client = client_of(server);
  ASSERT_EQ(client.upload("/blob", up)->status, 201);
  const auto request = server.requests()[0];
  EXPECT_EQ(request.substr(request.find("\r\n\r\n") + 4), bytes);
  ASSERT_EQ(client.download("/blob", down)->status, 200);
  EXPECT_EQ(contents(down), bytes);
  auto missing = client.download("/other", folder.file("missing"));
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(missing->body, "no");
  EXPECT_FALSE(fs::exists(folder.file("missing")));
}

TEST(HttpClient, leaves_no_file_of_a_download_that_was_cut) {
  RawServer server({replies({"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"})});
  Folder folder;
  auto response = client_of(server).download("/blob", folder.file("cut"));
  ASSERT_FALSE(response);
  EXPECT_FALSE(fs::exists(folder.file("cut")));
  EXPECT_FALSE(fs::exists(folder.file("cut.part")));
}

TEST(HttpClient, hands_over_events_as_they_come_and_stops_when_told) {
  RawServer server({[](RawConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    connection.send("id: 1-1\ndata: a\n\n: beat\n\nid: 1-2\ndata: b\n\n");
    connection.wait_for_close();
  }});
  auto client = client_of(server);
  std::vector<std::string> seen;
  auto response = client.events("/events", {{"last-event-id", "1-0"}}, 5'000, [&](const ServerEvent& event) {
    seen.push_back(event.id + "=" + event.data);
    return event.id != "1-2";
  });
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(seen, (std::vector<std::string>{"1-1=a", "1-2=b"}));
  EXPECT_NE(server.requests()[0].find("last-event-id: 1-0\r\n"), std::string::npos);
}

TEST(HttpClient, tells_a_stream_that_ended_from_one_that_fell_silent) {
  RawServer server({replies({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n0\r\n\r\n"}), [](RawConnection& connection) {
                      connection.read_request();
                      connection.send("HTTP/1.1 200 OK\r\n\r\ndata: a\n\n");
                      connection.wait_for_close();
                    }});
  auto client = client_of(server);
  int count = 0;
  const auto on_event = [&](const ServerEvent&) { return ++count > 0; };
  EXPECT_EQ(client.events("/", {}, 5'000, on_event).error().code, Code::io);
  EXPECT_EQ(client.events("/", {}, 60, on_event).error().code, Code::timeout);
  EXPECT_EQ(count, 2);
}

TEST(HttpClient, gives_back_the_refusal_of_a_stream) {
  RawServer server({replies({answer("{\"code\":\"unauthenticated\"}", {}, "401 Unauthorized")})});
  auto response = client_of(server).events("/", {}, 5'000, [](const ServerEvent&) { return true; });
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 401);
  EXPECT_EQ(response->body, "{\"code\":\"unauthenticated\"}");
}

}  // namespace
}  // namespace dossier::http_client
