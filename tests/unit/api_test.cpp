// The API's parts without a database: routes, problems, cursors, limits, wake-ups, the OpenAPI document.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "api/access.hpp"
#include "api/blob_store.hpp"
#include "api/change_hub.hpp"
#include "api/commanding.hpp"
#include "api/openapi.hpp"
#include "api/page.hpp"
#include "api/problem.hpp"
#include "api/reply_cache.hpp"
#include "api/resources.hpp"
#include "api/router.hpp"
#include "api/sign_in_limiter.hpp"
#include "api/sse.hpp"
#include "base/encoding.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dossier::api {
namespace {

TEST(Problem, EveryCodeHasAStatusATitleAndItsOwnName) {
  std::set<std::string> types;
  for (int i = 0; i < kCodeCount; ++i) {
    const Code code = static_cast<Code>(i);
    const http::Response response = problem(make_error(code, "why", "where"));
    auto body = json::parse(response.body);
    ASSERT_TRUE(body.has_value()) << response.body;
    EXPECT_GE(response.status, 202) << to_string(code);
    EXPECT_LE(response.status, 504) << to_string(code);
    EXPECT_EQ(body->integer_or("status", 0), response.status);
    EXPECT_EQ(body->text("code"), to_string(code));
    EXPECT_EQ(body->text("field"), "where");
    EXPECT_FALSE(body->text("title").empty());
    EXPECT_TRUE(types.insert(body->text("type")).second);
    EXPECT_EQ(response.header("Retry-After") != nullptr, is_transient(code)) << to_string(code);
    // What the client got wrong is 4xx, what may work later is not 4xx but for 429.
    if (is_transient(code) && code != Code::too_many_requests && code != Code::undecided) {
      EXPECT_GE(response.status, 503) << to_string(code);
    }
  }
}

TEST(Routes, AreFoundByMethodAndPath) {
  const Router router(routes());
  const auto match = router.find("GET", "/v1/issues/iss_1/comments");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->operation, "listComments");
  ASSERT_EQ(match.path.size(), 1u);
  EXPECT_EQ(match.path[0].first, "id");
  EXPECT_EQ(match.path[0].second, "iss_1");
  EXPECT_EQ(router.find("HEAD", "/v1/issues/x").route, router.find("GET", "/v1/issues/x").route);
  EXPECT_EQ(router.find("DELETE", "/v1/issues/x").route, nullptr);
  EXPECT_EQ(router.find("DELETE", "/v1/issues/x").allow, "GET, HEAD, PATCH, OPTIONS");
  for (const char* path : {"", "/", "/v1", "/v1/issues/", "/v1/issues/x/", "//v1/me", "/v1/issues/%00", "/v1/issues/%zz", "/v1/me/x"})
    EXPECT_TRUE(router.find("GET", path).allow.empty()) << path;
  EXPECT_EQ(router.find("GET", "/v1/workspaces/a%2Fb").path[0].second, "a/b");
  EXPECT_TRUE(router.find("GET", std::string(100'000, '/')).allow.empty());
}

TEST(Routes, TheTableIsConsistent) {
  std::set<std::string_view> operations;
  for (const Route& route : routes()) {
    EXPECT_TRUE(operations.insert(route.operation).second) << route.operation;
    EXPECT_FALSE(route.summary.empty()) << route.operation;
    EXPECT_EQ(route.scope == Scope::workspace, route.path.find("{ws}") != std::string_view::npos) << route.operation;
    EXPECT_EQ(route.auth == Auth::none, route.scope == Scope::none) << route.operation;
    EXPECT_EQ(route.status == 204, route.response == nullptr && route.response_type == "application/json") << route.operation;
    if (const auto* command = std::get_if<Command>(&route.answer)) {
      EXPECT_NE(route.method, "GET") << route.operation;
      EXPECT_TRUE(command->render != nullptr || command->show != nullptr) << route.operation;
    }
    if (std::holds_alternative<Read>(route.answer)) {
      EXPECT_EQ(route.method, "GET") << route.operation;
    }
  }
}

// Collects every $ref of a document.
void references(const json::Value& value, std::set<std::string>& out) {
  if (const auto* members = value.object())
    for (const auto& [name, member] : *members) {
      if (name == "$ref" && member.string() != nullptr) out.insert(*member.string());
      references(member, out);
    }
  if (const auto* items = value.array())
    for (const auto& item : *items) references(item, out);
}

TEST(OpenApi, HoldsEveryRouteAndItsReferencesResolve) {
  auto document = json::parse(openapi::document(routes()));
  ASSERT_TRUE(document.has_value()) << document.error().message;
  EXPECT_EQ(document->text("openapi"), "3.1.0");
  for (const Route& route : routes()) {
    const json::Value* path = document->find("paths")->find(route.path);
    ASSERT_NE(path, nullptr) << route.path;
    std::string method;
    for (char c : route.method) method += static_cast<char>(c + 32);
    const json::Value* operation = path->find(method);
    ASSERT_NE(operation, nullptr) << route.operation;
    EXPECT_EQ(operation->text("operationId"), route.operation);
    EXPECT_NE(operation->find("responses")->find(std::to_string(route.status)), nullptr) << route.operation;
  }
  std::set<std::string> found;
  references(*document, found);
  EXPECT_GT(found.size(), 10u);
  for (const std::string& reference : found) {
    const json::Value* place = &*document;
    std::string_view rest = std::string_view(reference).substr(2);
    while (place != nullptr && !rest.empty()) {
      const std::string_view step = rest.substr(0, rest.find('/'));
      place = place->find(step);
      rest.remove_prefix(std::min(rest.size(), step.size() + 1));
    }
    EXPECT_NE(place, nullptr) << reference;
  }
}

Call call_with(http::Query query) {
  Call call;
  call.request.query = std::move(query);
  return call;
}

TEST(Pages, ACursorIsItsKeyAgain) {
  const auto page = read_page(call_with({{"cursor", make_cursor(-5, "a|b")}, {"limit", "7"}}));
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->limit, 7);
  EXPECT_EQ(page->number, -5);
  EXPECT_EQ(page->text, "a|b");
  EXPECT_FALSE(page->is_first);
}

TEST(Pages, ACursorFromElsewhereIsRefused) {
  for (const std::string& cursor : {std::string("!!"), to_base64url("no bar"), to_base64url("x|y"), to_base64url("1|\xff"),
                                    to_base64url(std::string("1|\0", 3)), to_base64url("99999999999999999999|"), std::string(500, 'A')}) {
    const auto page = read_page(call_with({{"cursor", cursor}}));
    ASSERT_FALSE(page.has_value()) << cursor;
    EXPECT_EQ(page.error().field, "cursor");
  }
}

TEST(Pages, TheNextCursorIsThereWhileMoreIs) {
  ListReply full(2);
  EXPECT_TRUE(full.add("1", 1, {}));
  EXPECT_TRUE(full.add("2", 2, {}));
  EXPECT_FALSE(full.add("3", 3, {}));
  EXPECT_EQ(std::move(full).finish(9).body, R"({"items":[1,2],"next_cursor":")" + make_cursor(2, {}) + R"(","seq":9})");
  ListReply last(2);
  EXPECT_TRUE(last.add("1", 1, {}));
  EXPECT_EQ(std::move(last).finish(9).body, R"({"items":[1],"next_cursor":null,"seq":9})");
}

TEST(BearerToken, IsTakenFromTheHeaderAndNothingElse) {
  http::Request request;
  EXPECT_EQ(bearer_token(request).error().code, Code::unauthenticated);
  for (const char* text : {"", "Bearer", "Bearer ", "Basic dst_x", "Bearer x", "dst_x"}) {
    request.headers = {{"authorization", text}};
    EXPECT_FALSE(bearer_token(request).has_value()) << text;
  }
  request.headers = {{"authorization", "Bearer dst_abc"}};
  EXPECT_EQ(*bearer_token(request), crypto::sha256("dst_abc"));
  request.headers = {{"authorization", "Bearer dst_" + std::string(300, 'x')}};
  EXPECT_FALSE(bearer_token(request).has_value());
}

TEST(RequestKey, IsTheClientsOrAFreshOne) {
  http::Request request;
  const auto one = request_key(request);
  const auto two = request_key(request);
  ASSERT_TRUE(one.has_value() && two.has_value());
  EXPECT_TRUE(one->is_fresh);
  EXPECT_NE(one->text, two->text);
  request.headers = {{"idempotency-key", std::string(200, 'k')}};
  EXPECT_FALSE(request_key(request)->is_fresh);
  request.headers = {{"idempotency-key", std::string(201, 'k')}};
  EXPECT_FALSE(request_key(request).has_value());
}

TEST(Fingerprint, IsOfTheMeaningAndNotOfTheWhiteSpace) {
  http::Request a;
  a.method = "POST";
  a.path = "/v1/x";
  a.body = R"({"a":1,"b":"x"})";
  http::Request b = a;
  b.body = "{ \"a\" : 1,\n\"b\":\"x\" }";
  EXPECT_EQ(request_fingerprint(a), request_fingerprint(b));
  EXPECT_EQ(request_fingerprint(a).size(), 32u);
  b.body = R"({"a":2,"b":"x"})";
  EXPECT_NE(request_fingerprint(a), request_fingerprint(b));
  b = a;
  b.path = "/v1/y";
  EXPECT_NE(request_fingerprint(a), request_fingerprint(b));
}

TEST(SignInLimiter, GivesTenTriesAndThenOneEverySixSeconds) {
  SignInLimiter limiter;
  std::int64_t now = 1'000'000'000;
  for (int i = 0; i < SignInLimiter::kTries; ++i) EXPECT_EQ(limiter.take("ada", now), 0) << i;
  EXPECT_EQ(limiter.take("ada", now), SignInLimiter::kRefillUs);
  EXPECT_EQ(limiter.take("bob", now), 0);
  now += SignInLimiter::kRefillUs;
  EXPECT_EQ(limiter.take("ada", now), 0);
  EXPECT_GT(limiter.take("ada", now), 0);
  limiter.forgive("ada");
  EXPECT_EQ(limiter.take("ada", now), 0);
}

TEST(SignInLimiter, ForgetsTheLeastRecentLoginWhenItIsFull) {
  SignInLimiter limiter;
  for (int i = 0; i < SignInLimiter::kTries; ++i) limiter.take("first", 0);
  for (std::size_t i = 1; i < SignInLimiter::kMaxLogins; ++i) limiter.take("login " + std::to_string(i), 0);
  EXPECT_GT(limiter.take("first", 0), 0);  // still known, and now the most recent
  limiter.take("one more", 0);
  EXPECT_GT(limiter.take("first", 0), 0);
}

std::shared_ptr<const CachedReply> reply_of(std::size_t bytes) {
  auto reply = std::make_shared<CachedReply>();
  reply->response.body = std::string(bytes, 'x');
  return reply;
}

TEST(ReplyCache, IsBoundedAndDropsWhatWasNotUsedForLongest) {
  ReplyCache cache(64'000);
  for (int i = 0; i < 100; ++i) {
    cache.put("k" + std::to_string(i), reply_of(2'000));
    EXPECT_NE(cache.find("k0"), nullptr);  // used all the time
    EXPECT_LE(cache.bytes(), 64'000u);
  }
  EXPECT_EQ(cache.find("k1"), nullptr);
  EXPECT_NE(cache.find("k99"), nullptr);
  cache.put("huge", reply_of(5'000));
  EXPECT_EQ(cache.find("huge"), nullptr);
  cache.put("k99", reply_of(10));
  EXPECT_EQ(cache.find("k99")->response.body.size(), 10u);
}

TEST(ChangeHub, WakesWhoListensAndNobodyAfterItsEnd) {
  ChangeHub hub;
  int commits = 0;
  int activity = 0;
  {
    const auto one = hub.on_commits(3, [&] { ++commits; });
    const auto two = hub.on_activity("ses_1", [&] { ++activity; });
    hub.applied(3);
    hub.applied(4);
    hub.activity("ses_1");
    hub.activity("ses_2");
  }
  hub.applied(3);
  hub.activity("ses_1");
  EXPECT_EQ(commits, 1);
  EXPECT_EQ(activity, 1);
}

TEST(Sse, AMessageIsThreeLinesAndAnEmptyOne) {
  EXPECT_EQ(sse_message("1-7", "commit", R"({"a":"b\nc"})"), "id: 1-7\nevent: commit\ndata: {\"a\":\"b\\nc\"}\n\n");
}

TEST(Blobs, AppearWholeOrNotAtAll) {
  const test::TemporaryFolder folder("blobs");
  const std::string name = to_hex(crypto::view(crypto::sha256("hello")));
  const auto files = [&] {
    int count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) count += entry.is_regular_file() ? 1 : 0;
    return count;
  };
  {
    auto writer = BlobWriter::open(folder.path(), "ws_1", name);
    ASSERT_TRUE(writer.has_value());
    ASSERT_TRUE((*writer)->write("hel").has_value());
    EXPECT_EQ(open_blob(folder.path(), "ws_1", name).error().code, Code::not_found);
  }
  EXPECT_EQ(files(), 0);  // given up
  auto writer = BlobWriter::open(folder.path(), "ws_1", name);
  ASSERT_TRUE(writer.has_value());
  ASSERT_TRUE((*writer)->write("hel").has_value());
  ASSERT_TRUE((*writer)->write("lo").has_value());
  ASSERT_TRUE((*writer)->commit().has_value());
  auto source = open_blob(folder.path(), "ws_1", name);
  ASSERT_TRUE(source.has_value());
  EXPECT_EQ((*source)->size(), 5u);
  EXPECT_EQ(*(*source)->read(3), "hel");
  EXPECT_EQ(*(*source)->read(3), "lo");
  EXPECT_EQ(open_blob(folder.path(), "ws_2", name).error().code, Code::not_found);
  auto wrong = BlobWriter::open(folder.path(), "ws_1", std::string(64, '0'));
  ASSERT_TRUE((*wrong)->write("hello").has_value());
  EXPECT_EQ((*wrong)->commit().error().field, "sha256");
}

TEST(Blobs, NamesAreHashesAndNoPaths) {
  EXPECT_TRUE(is_blob_name(std::string(64, 'a')));
  for (const std::string& name : {std::string(63, 'a'), std::string(64, 'A'), "../" + std::string(61, 'a'), std::string()})
    EXPECT_FALSE(is_blob_name(name)) << name;
}

}  // namespace
}  // namespace dossier::api
