// The command line's client of the API: retries that are safe, problems as errors, lists over pages, numbers as ids.
#include "app/cli/api_client.hpp"

#include <gtest/gtest.h>

#include "app/cli/output.hpp"
#include "app/cli/watch.hpp"
#include "tests/support/raw_server.hpp"

namespace dossier::cli {
namespace {

using test_support::RawConnection;
using test_support::RawServer;

std::string answer(int status, std::string_view body, std::string_view more_headers = {}) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more_headers) + "\r\n" +
         std::string(body);
}

std::vector<RawServer::Script> one_connection(std::vector<std::string> answers) {
  return {[answers = std::move(answers)](RawConnection& connection) {
    for (const auto& bytes : answers) {
      if (connection.read_request().empty()) return;
      connection.send(bytes);
    }
  }};
}

struct Fixture {
  explicit Fixture(std::vector<RawServer::Script> scripts)
      : server(std::move(scripts)),
        client(*http_client::Client::make({.base_url = server.url(), .bearer_token = "dst_x"}), server.url(),
               [this](std::int64_t ms) { pauses.push_back(ms); }) {}
  std::vector<std::int64_t> pauses;
  RawServer server;
  ApiClient client;
};

std::string header_of(const std::string& request, const std::string& name) {
  const auto at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto from = at + name.size() + 4;
  return request.substr(from, request.find("\r\n", from) - from);
}

Invocation invocation_of(std::map<std::string, std::string, std::less<>> values) {
  Invocation in;
  in.values = std::move(values);
  return in;
}

TEST(ApiClient, sends_a_post_again_under_the_same_key_until_the_server_can) {
  Fixture f(one_connection(
      {answer(503, R"({"code":"overloaded"})", "Retry-After: 2\r\n"), answer(503, "{}"), answer(202, "{}"), answer(201, R"({"id":"iss_1"})")}));
  auto reply = f.client.post("/v1/x", json::Value::Object{{"title", "T"}});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body.text("id"), "iss_1");
  const auto requests = f.server.requests();
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_FALSE(header_of(requests[0], "idempotency-key").empty());
  for (const auto& request : requests) EXPECT_EQ(header_of(request, "idempotency-key"), header_of(requests[0], "idempotency-key"));
  EXPECT_EQ(f.pauses, (std::vector<std::int64_t>{2'000, 400, 800}));
}

TEST(ApiClient, sends_the_key_that_it_was_given) {
  Fixture f(one_connection({answer(201, "{}")}));
  ASSERT_TRUE(f.client.post("/v1/x", json::Value::Object{}, "mine"));
  EXPECT_EQ(header_of(f.server.requests()[0], "idempotency-key"), "mine");
}

TEST(ApiClient, gives_up_after_so_many_attempts_and_says_what_the_server_said) {
  Fixture f(one_connection(std::vector<std::string>(ApiClient::kMaxAttempts,
                                                    answer(503, R"({"code":"log_unavailable","detail":"Kafka is away"})", "Retry-After: 600\r\n"))));
  auto reply = f.client.get("/v1/x");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::log_unavailable);
  EXPECT_EQ(reply.error().message, "Kafka is away");
  EXPECT_EQ(f.pauses, std::vector<std::int64_t>(ApiClient::kMaxAttempts - 1, ApiClient::kMaxPauseMs));
}

TEST(ApiClient, does_not_repeat_what_was_refused) {
  Fixture f(one_connection({answer(409, R"({"code":"working_copy_busy","detail":"busy","field":"body"})")}));
  auto reply = f.client.post("/v1/x", json::Value::Object{});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::working_copy_busy);
  EXPECT_EQ(reply.error().field, "body");
  EXPECT_TRUE(f.pauses.empty());
}

TEST(ApiClient, makes_an_error_of_a_status_where_the_problem_says_nothing) {
  for (const auto& [status, code] : {std::pair{401, Code::unauthenticated},
                                     {403, Code::forbidden},
                                     {404, Code::not_found},
                                     {409, Code::conflict},
                                     {413, Code::payload_too_large},
                                     {418, Code::invalid_field},
                                     {500, Code::internal}}) {
    Fixture f(one_connection({answer(status, "<html>")}));
    EXPECT_EQ(f.client.get("/").error().code, code) << status;
  }
}

TEST(ApiClient, says_how_to_start_a_server_where_none_is) {
  std::string url;
  {
    url = RawServer({}).url();
  }
  std::vector<std::int64_t> pauses;
  ApiClient client(*http_client::Client::make({.base_url = url}), url, [&](std::int64_t ms) { pauses.push_back(ms); });
  auto reply = client.get("/v1/me");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::io);
  EXPECT_NE(reply.error().message.find("start it with ./dev up, or set DOSSIER_URL"), std::string::npos) << reply.error().message;
  EXPECT_EQ(pauses.size(), 2u);
}

TEST(ApiClient, wants_json) {
  Fixture f(one_connection({answer(200, "hello")}));
  EXPECT_EQ(f.client.get("/").error().code, Code::io);
}

TEST(ApiClient, joins_the_pages_of_a_list_up_to_the_limit) {
  Fixture f(one_connection(
      {answer(200, R"({"items":[{"n":1},{"n":2}],"next_cursor":"a b","seq":5})"), answer(200, R"({"items":[{"n":3}],"next_cursor":"c","seq":6})")}));
  auto list = f.client.list("/v1/x?status=open", 3);
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(json::write(*list), R"({"items":[{"n":1},{"n":2},{"n":3}],"next_cursor":"c","seq":6})");
  EXPECT_EQ(f.server.requests()[0].substr(0, 31), "GET /v1/x?status=open&limit=3 H");
  EXPECT_EQ(f.server.requests()[1].substr(0, 44), "GET /v1/x?status=open&limit=1&cursor=a%20b H");
}

TEST(ApiClient, finds_an_issue_by_its_number) {
  const std::string workspace = "ws_" + std::string(32, '1');
  Fixture f(one_connection({answer(200, R"({"items":[{"id":"iss_b","number":9}],"next_cursor":"x"})"),
                            answer(200, R"({"items":[{"id":"iss_a","number":3}],"next_cursor":null})")}));
  const auto in = invocation_of({{"--workspace", workspace}});
  EXPECT_EQ(*f.client.issue(in, "#3"), "iss_a");
  const std::string id = "iss_" + std::string(32, 'f');
  EXPECT_EQ(*f.client.issue(in, id), id);
  EXPECT_EQ(f.client.issue(in, "three").error().code, Code::usage);
  EXPECT_EQ(f.client.issue(in, "#").error().code, Code::usage);
}

TEST(ApiClient, knows_the_workspace_by_id_slug_or_as_the_only_one) {
  const std::string me = R"({"workspaces":[{"id":"ws_1","slug":"one"},{"id":"ws_2","slug":"two"}]})";
  Fixture f(one_connection({answer(200, me), answer(200, me), answer(200, me), answer(200, R"({"workspaces":[{"id":"ws_1","slug":"one"}]})"),
                            answer(200, R"({"workspaces":[]})")}));
  EXPECT_EQ(*f.client.workspace(invocation_of({{"--workspace", "two"}})), "ws_2");
  EXPECT_EQ(f.client.workspace(invocation_of({{"--workspace", "three"}})).error().code, Code::not_found);
  EXPECT_EQ(f.client.workspace(invocation_of({})).error().message, "which workspace (--workspace, $DOSSIER_WORKSPACE)? Yours: one, two");
  EXPECT_EQ(*f.client.workspace(invocation_of({})), "ws_1");
  EXPECT_EQ(f.client.workspace(invocation_of({})).error().code, Code::usage);
}

TEST(ApiClient, without_a_token_says_to_sign_in) {
  auto client = ApiClient::make(invocation_of({{"--url", "http://127.0.0.1:1"}}));
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, Code::unauthenticated);
  EXPECT_EQ(ApiClient::make(invocation_of({{"--url", "nowhere"}, {"--token", "x"}})).error().code, Code::usage);
}

TEST(Output, aligns_columns_by_characters_and_leaves_no_space_at_the_end) {
  EXPECT_EQ(table({{"N", true}, {"NAME"}, {"LAST"}}, {{"1", "\xc3\x89lodie", ""}, {"10", "Bo", "x"}}),
            " N  NAME    LAST\n"
            " 1  \xc3\x89lodie\n"
            "10  Bo      x\n");
}

TEST(Output, shows_members_of_every_kind) {
  const auto object = *json::parse("{\"s\":\"a\\u001bb\",\"n\":7,\"b\":true,\"z\":null}");
  EXPECT_EQ(cell(object, "s"), "a\\x1bb");
  EXPECT_EQ(cell(object, "n"), "7");
  EXPECT_EQ(cell(object, "b"), "true");
  EXPECT_EQ(cell(object, "z"), "");
  EXPECT_EQ(cell(object, "absent"), "");
}

TEST(Watch, shows_the_events_of_its_issue_and_no_other) {
  const auto commit =
      *json::parse(R"({"seq":7,"commit_id":"cmm_1","time":"2026-11-21T03:04:05.123456Z","actor":{"kind":"user","id":"usr_0123456789"},"events":[)"
                   R"({"index":0,"stream":"comment/cmt_1","version":1,"issue_id":"iss_1","type":"comment_added","data":{"body":"hi\nthere"}},)"
                   R"({"index":1,"stream":"task/tsk_1","version":1,"issue_id":"iss_2","type":"task_queued","data":{}}]})");
  const auto events = events_of_issue(commit, "iss_1");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(event_text(events[0]), "7  03:04:05.123  user usr_01234567: comment_added\n    | hi\n    | there\n");
}

TEST(Watch, shows_what_agents_say_and_not_their_raw_frames) {
  const auto text_of = [](const char* item) { return activity_text(*json::parse(item)); };
  EXPECT_EQ(text_of(R"({"type":"log_line","time":"2026-11-21T03:04:05.123456Z","data":{"stream":"agent","text":"hi\u001b[2J"}})"),
            "    03:04:05.123  [agent] hi\\x1b[2J\n");
  EXPECT_EQ(text_of(R"({"type":"tool_use","time":"2026-11-21T03:04:05.123456Z","data":{"tool":"shell","input":"ls"}})"),
            "    03:04:05.123  [shell] ls\n");
  EXPECT_EQ(text_of(R"({"type":"log_line","time":"x","data":{"stream":"codex-raw","text":"{}"}})"), "");
  EXPECT_EQ(text_of(R"({"type":"token_usage","time":"x","data":{"tokens_in":1}})"), "");
}

}  // namespace
}  // namespace dossier::cli
