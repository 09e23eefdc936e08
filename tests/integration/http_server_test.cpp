// The HTTP server over real sockets: what clients do wrong, and what it promises when they do.
#include "api/http/server.hpp"

#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <thread>

#include "base/thread_pool.hpp"
#include "tests/support/raw_client.hpp"

namespace dossier::api::http {
namespace {

using test_support::RawClient;
using test_support::RawResponse;

// Says n messages, then waits to be told more.
class Counting final : public EventSource {
 public:
  Result<std::string> next(std::size_t) override {
    const std::lock_guard lock(mutex_);
    if (sent_ == ready_) return std::string();
    return "data: " + std::to_string(++sent_) + "\n\n";
  }
  void subscribe(std::function<void()> wake) override {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
  }
  std::int64_t poll_ms() const override { return 60'000; }
  void tell(int ready) {
    std::function<void()> wake;
    {
      const std::lock_guard lock(mutex_);
      ready_ = ready;
      wake = wake_;
    }
    if (wake) wake();
  }

 private:
  std::mutex mutex_;
  int sent_ = 0;
  int ready_ = 1;
  std::function<void()> wake_;
};

class Endless final : public EventSource {
 public:
  Result<std::string> next(std::size_t max_bytes) override { return "data: " + std::string(max_bytes, 'x') + "\n\n"; }
  void subscribe(std::function<void()>) override {}
  std::int64_t poll_ms() const override { return 1'000; }
};

class Numbers final : public BodySource {
 public:
  explicit Numbers(bool breaks) : breaks_(breaks) {}
  std::uint64_t size() const override { return 1'000'000; }
  Result<std::string> read(std::size_t max_bytes) override {
    if (breaks_ && sent_ > 500'000) return make_error(Code::corrupt, "the bytes do not verify");
    const std::size_t size = std::min<std::size_t>(max_bytes, 1'000'000 - sent_);
    sent_ += size;
    return std::string(size, '7');
  }

 private:
  bool breaks_;
  std::size_t sent_ = 0;
};

// Echoes; knows a few paths that misbehave on purpose.
class Echo final : public Handler {
 public:
  std::shared_ptr<Counting> counting = std::make_shared<Counting>();
  std::mutex mutex;
  std::vector<Responder> held;
  std::atomic<std::size_t> uploaded{0};

  BodyPlan plan(const Request& head) override {
    return {.max_bytes = head.path == "/upload" ? 10'000'000u : 1'000u, .streamed = head.path == "/upload"};
  }
  void handle(Request request, Responder responder) override {
    Response response;
    response.set("Content-Type", "text/plain");
    response.body = request.method + " " + request.path + " " + request.body;
    if (request.path == "/large") response.body = std::string(100'000, 'z');
    if (request.path == "/source") response.source = std::make_shared<Numbers>(false);
    if (request.path == "/broken") response.source = std::make_shared<Numbers>(true);
    if (request.path == "/events") response.events = counting;
    if (request.path == "/endless") response.events = std::make_shared<Endless>();
    if (request.path == "/forgets") return;
    if (request.path == "/later") {
      const std::lock_guard lock(mutex);
      held.push_back(std::move(responder));
      return;
    }
    responder(std::move(response));
  }
  struct Sink final : BodySink {
    explicit Sink(std::atomic<std::size_t>& count) : count_(count) {}
    Status write(std::string_view bytes) override {
      count_ += bytes.size();
      return {};
    }
    Response finish() override {
      Response response;
      response.body = "took " + std::to_string(count_.load());
      return response;
    }
    std::atomic<std::size_t>& count_;
  };
  Opened open(const Request& head) override {
    Opened opened;
    if (head.header("authorization") == nullptr)
      opened.refusal = refuse(make_error(Code::unauthenticated, "who are you"));
    else
      opened.sink = std::make_unique<Sink>(uploaded);
    return opened;
  }
  Response refuse(const Error& error) override {
    Response response;
    response.status = error.code == Code::payload_too_large ? 413 : error.code == Code::overloaded ? 503 : error.code == Code::internal ? 500 : 400;
    response.body = std::string(to_string(error.code));
    return response;
  }
  std::size_t waiting() {
    const std::lock_guard lock(mutex);
    return held.size();
  }
};

// Waits for a condition, with a deadline.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class HttpServer : public ::testing::Test {
 protected:
  void start(std::size_t queue = 64) {
    pool_ = std::make_unique<ThreadPool>(2, queue);
    options_.port = 0;
    auto opened = Server::open(echo_, *pool_, options_);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    server_ = *std::move(opened);
    thread_ = std::thread([this] { server_->run(); });
  }
  void stop(std::int64_t drain_ms = 2'000) {
    if (!thread_.joinable()) return;
    server_->stop(drain_ms);
    thread_.join();
  }
  void TearDown() override {
    stop();
    echo_.held.clear();
    if (pool_) pool_->stop();
  }
  std::uint16_t port() const { return server_->port(); }

  Echo echo_;
  ServerOptions options_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

TEST_F(HttpServer, AnswersSeveralRequestsOnOneConnectionAlsoWhenPipelined) {
  start();
  RawClient client(port());
  client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(client.response().body, "GET /a ");
  EXPECT_EQ(client.response().body, "POST /b abc");
  EXPECT_EQ(client.request("GET /c HTTP/1.1\r\nHost: x\r\n\r\n").body, "GET /c ");
}

TEST_F(HttpServer, ClosesWhereTheClientAsksForIt) {
  start();
  RawClient client(port());
  const RawResponse response = client.request("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(response.header("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServer, AnswersHeadWithTheLengthAndNoBody) {
  start();
  RawClient client(port());
  client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  const RawResponse head = client.response(5'000, true);
  EXPECT_EQ(head.header("content-length"), "8");
  EXPECT_EQ(client.response().body, "GET /b ");
}

TEST_F(HttpServer, CompressesLargeBodiesForWhoAcceptsThat) {
  start();
  RawClient client(port());
  const RawResponse small = client.request("GET /large HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
  EXPECT_EQ(small.header("content-encoding"), "gzip");
  EXPECT_LT(small.body.size(), 10'000u);
  EXPECT_EQ(client.request("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").body.size(), 100'000u);
}

TEST_F(HttpServer, RefusesWhatIsNoHttp) {
  start();
  for (const char* bytes : {"NONSENSE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n",
                            "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "GET /?a=%00 HTTP/1.1\r\nHost: x\r\n\r\n",
                            "GET /?a=%ff HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n"}) {
    RawClient client(port());
    EXPECT_EQ(client.request(bytes).status, 400) << bytes;
    EXPECT_TRUE(client.closed()) << bytes;
  }
}

TEST_F(HttpServer, RefusesAHeadThatIsTooLarge) {
  start();
  RawClient client(port());
  EXPECT_EQ(client.request("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n").status, 431);
}

TEST_F(HttpServer, TheBodyLimitHoldsAtItsEdgeWithAndWithoutALength) {
  start();
  const auto post = [&](const std::string& framing_and_body) {
    RawClient client(port());
    return client.request("POST /a HTTP/1.1\r\nHost: x\r\n" + framing_and_body).status;
  };
  EXPECT_EQ(post("Content-Length: 1000\r\n\r\n" + std::string(1'000, 'a')), 200);
  EXPECT_EQ(post("Content-Length: 1001\r\n\r\n" + std::string(1'001, 'a')), 413);
  EXPECT_EQ(post("Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + std::string(1'000, 'a') + "\r\n0\r\n\r\n"), 200);
  EXPECT_EQ(post("Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1'001, 'a') + "\r\n0\r\n\r\n"), 413);
}

TEST_F(HttpServer, ASlowHeadAndASlowBodyAreCutOff) {
  options_.header_time_ms = 200;
  options_.body_time_ms = 200;
  start();
  RawClient head(port());
  head.send("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(head.response().status, 408);
  EXPECT_TRUE(head.closed());
  RawClient body(port());
  body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(body.response().status, 408);
  EXPECT_EQ(server_->stats().timeouts.load(), 2u);
}

TEST_F(HttpServer, AnIdleConnectionIsClosedWithoutAWord) {
  options_.idle_time_ms = 100;
  start();
  RawClient client(port());
  EXPECT_EQ(client.response(3'000).status, 0);
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServer, OneConnectionTooManyIsTurnedAway) {
  options_.max_connections = 1;
  start();
  RawClient first(port());
  EXPECT_EQ(first.request("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  RawClient second(port());
  const RawResponse refused = second.response();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("retry-after"), "1");
  EXPECT_TRUE(second.closed());
}

TEST_F(HttpServer, AHandlerMayAnswerLaterFromAnotherThreadAndHoldsNoneMeanwhile) {
  start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 10; ++i) {  // more than the pool has threads
    clients.push_back(std::make_unique<RawClient>(port()));
    clients.back()->send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  ASSERT_TRUE(eventually([&] { return echo_.waiting() == 10; }));
  RawClient other(port());
  EXPECT_EQ(other.request("GET /now HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  std::thread answer([&] {
    for (const Responder& responder : echo_.held) {
      Response response;
      response.status = 201;
      responder(response);
      responder(response);  // a second answer is ignored
    }
  });
  for (auto& client : clients) EXPECT_EQ(client->response().status, 201);
  answer.join();
}

TEST_F(HttpServer, ARequestThatAHandlerForgetsIsAnInternalError) {
  start();
  RawClient client(port());
  EXPECT_EQ(client.request("GET /forgets HTTP/1.1\r\nHost: x\r\n\r\n").status, 500);
}

TEST_F(HttpServer, AFullPoolAnswers503) {
  start(1);
  std::promise<void> open;
  auto gate = open.get_future().share();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(eventually([&] { return pool_->post([gate] { gate.wait(); }); }));
  ASSERT_TRUE(eventually([&] { return pool_->queued() == 0; }));
  ASSERT_TRUE(pool_->post([] {}));
  RawClient client(port());
  EXPECT_EQ(client.request("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").status, 503);
  open.set_value();
}

TEST_F(HttpServer, StreamsAnUploadPastTheMemoryLimitAndAsksForItFirst) {
  start();
  RawClient client(port());
  client.send("PUT /upload HTTP/1.1\r\nHost: x\r\nAuthorization: me\r\nExpect: 100-continue\r\nContent-Length: 3000000\r\n\r\n");
  EXPECT_FALSE(client.read_until("HTTP/1.1 100 Continue\r\n\r\n").empty());
  client.send(std::string(3'000'000, 'b'));
  EXPECT_EQ(client.response().body, "took 3000000");
  EXPECT_EQ(client.request("GET /next HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
}

TEST_F(HttpServer, ARefusedUploadIsNotRead) {
  start();
  RawClient client(port());
  client.send("PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\nabc");
  EXPECT_EQ(client.response().body, "unauthenticated");
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(echo_.uploaded.load(), 0u);
}

TEST_F(HttpServer, StreamsAResponseAndBreaksItWhereTheSourceBreaks) {
  start();
  RawClient whole(port());
  EXPECT_EQ(whole.request("GET /source HTTP/1.1\r\nHost: x\r\n\r\n").body.size(), 1'000'000u);
  RawClient broken(port());
  const RawResponse response = broken.request("GET /broken HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(response.header("content-length"), "1000000");
  EXPECT_LT(response.body.size(), 1'000'000u);
}

TEST_F(HttpServer, AnEventStreamIsWokenAndBeatsWhileNothingHappens) {
  options_.heartbeat_ms = 100;
  start();
  RawClient client(port());
  client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(client.read_until("\r\n\r\n").find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_FALSE(client.read_until("data: 1\n\n").empty());
  EXPECT_FALSE(client.read_until(": heartbeat\n\n").empty());
  echo_.counting->tell(3);  // its own poll is a minute away
  EXPECT_FALSE(client.read_until("data: 3\n\n").empty());
}

TEST_F(HttpServer, AnEventStreamNoticesThatItsClientClosed) {
  start();
  {
    RawClient client(port());
    client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_FALSE(client.read_until("data: 1\n\n").empty());
    EXPECT_EQ(server_->stats().event_streams.load(), 1);
  }
  EXPECT_TRUE(eventually([&] { return server_->stats().event_streams.load() == 0 && server_->stats().connections.load() == 0; }));
}

TEST_F(HttpServer, AClientThatDoesNotReadIsDropped) {
  options_.write_time_ms = 200;
  start();
  RawClient client(port());
  client.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return server_->stats().dropped.load() == 1 && server_->stats().connections.load() == 0; }));
}

TEST_F(HttpServer, StoppingFinishesRequestsInFlightAndClosesTheRest) {
  start();
  RawClient idle(port());
  EXPECT_EQ(idle.request("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  RawClient events(port());
  events.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(events.read_until("data: 1\n\n").empty());
  RawClient busy(port());
  busy.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return echo_.waiting() == 1; }));
  server_->stop(10'000);
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(events.closed());
  echo_.held[0](Response{});
  const RawResponse last = busy.response();
  EXPECT_EQ(last.status, 200);
  EXPECT_EQ(last.header("connection"), "close");
  thread_.join();
}

TEST_F(HttpServer, StoppingCutsOffWhatDoesNotFinish) {
  start();
  RawClient busy(port());
  busy.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return echo_.waiting() == 1; }));
  stop(50);
  EXPECT_TRUE(busy.closed());
}

}  // namespace
}  // namespace dossier::api::http
