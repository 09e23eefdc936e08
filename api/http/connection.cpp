// One connection: reads requests, hands them to the handler, writes responses, until either side ends it.
// The one place that knows Beast.
#include "api/http/server_state.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <array>
#include <optional>

#include "api/http/gzip.hpp"
#include "api/http/response_head.hpp"
#include "base/log.hpp"

namespace dossier::api::http {
namespace {

namespace beast = boost::beast;
namespace bh = boost::beast::http;
using boost::system::error_code;
using Milliseconds = std::chrono::milliseconds;

constexpr std::size_t kFirstRead = 4'096;
constexpr std::size_t kLingerBytes = 1u << 20;  // read and thrown away so that a refusal reaches a client that still sends
constexpr std::int64_t kLingerMs = 1'000;
constexpr auto kNoRoomPause = Milliseconds(100);  // of an event stream that found the pool full

std::string text_of(beast::string_view text) { return std::string(text.data(), text.size()); }

class Link final : public Connection {
 public:
  Link(StatePtr state_in, tcp::socket socket_in) : state(std::move(state_in)), socket(std::move(socket_in)), wake_timer(state->io) {
    state->connections.insert(this);
    state->stats.connections.fetch_add(1, std::memory_order_relaxed);
    error_code ignored;
    const auto endpoint = socket.remote_endpoint(ignored);
    if (!ignored) peer = endpoint.address().to_string();
  }
  ~Link() override {
    state->connections.erase(this);
    state->stats.connections.fetch_sub(1, std::memory_order_relaxed);
    if (!state->draining || !state->connections.empty()) return;
    state->drain_timer.cancel();
    state->sweep_timer.cancel();
  }
  void drain() override {
    error_code ignored;
    if (idle) socket.cancel(ignored);
    wake();
  }
  void cut() override {
    error_code ignored;
    socket.close(ignored);
    wake();
  }
  void expire(std::chrono::steady_clock::time_point now) override {
    if (now < deadline) return;
    expires_never();
    timed_out = true;
    error_code ignored;
    socket.cancel(ignored);  // what waits ends with operation_aborted
  }
  // The deadline of the reads and writes that follow. Not a stream's own timeout: that would close the socket, and no
  // response could say why.
  void expires_at(std::chrono::steady_clock::time_point at) {
    deadline = at;
    timed_out = false;
  }
  void expires_after(std::int64_t ms) { expires_at(std::chrono::steady_clock::now() + Milliseconds(ms)); }
  void expires_never() { expires_at(std::chrono::steady_clock::time_point::max()); }
  // Event streams: something may be there.
  void wake() {
    woken = true;
    wake_timer.cancel();
  }

  StatePtr state;
  tcp::socket socket;
  beast::flat_buffer buffer;
  std::string peer;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  bool timed_out = false;
  bool idle = false;  // between two requests
  bool gone = false;  // an event stream's client closed
  bool woken = false;
  asio::steady_timer wake_timer;
};
using LinkPtr = std::shared_ptr<Link>;
using HeadParser = bh::request_parser<bh::empty_body>;

void copy_head(const HeadParser& parser, Request& request) {
  const auto& message = parser.get();
  request.method = text_of(message.method_string());
  for (const auto& field : message) {
    std::string name = text_of(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    request.headers.emplace_back(std::move(name), text_of(field.value()));
  }
}

Response refusal(const Link& link, Code code, std::string message, int status = 0) {
  Response response = link.state->handler.refuse(make_error(code, std::move(message)));
  if (status != 0) response.status = status;
  return response;
}

// The response to a head or body that could not be read; nullopt: nobody is there to read one.
std::optional<Response> unreadable(const Link& link, const error_code& error) {
  if (link.timed_out) {
    link.state->stats.timeouts.fetch_add(1, std::memory_order_relaxed);
    return refusal(link, Code::timeout, "the request did not arrive in time", 408);
  }
  if (error == bh::error::end_of_stream || error == asio::error::operation_aborted || error == asio::error::eof ||
      error == asio::error::connection_reset || error == bh::error::partial_message)
    return std::nullopt;
  link.state->stats.malformed.fetch_add(1, std::memory_order_relaxed);
  if (error == bh::error::header_limit) return refusal(link, Code::payload_too_large, "the request's head is too large", 431);
  if (error == bh::error::body_limit) return refusal(link, Code::payload_too_large, "the request's body is too large");
  return refusal(link, Code::invalid_field, "not an HTTP/1.1 request: " + error.message());
}

// False: the client is gone or too slow.
asio::awaitable<bool> write_text(LinkPtr link, std::shared_ptr<const std::string> text) {
  error_code error;
  link->expires_after(link->state->options.write_time_ms);
  co_await asio::async_write(link->socket, asio::buffer(*text), asio::redirect_error(asio::use_awaitable, error));
  if (link->timed_out) link->state->stats.dropped.fetch_add(1, std::memory_order_relaxed);
  link->expires_never();
  co_return !error;
}

asio::awaitable<bool> write_head_and_body(LinkPtr link, std::shared_ptr<const std::string> head, std::shared_ptr<const std::string> body) {
  error_code error;
  const std::array<asio::const_buffer, 2> parts = {asio::buffer(*head), asio::buffer(*body)};
  link->expires_after(link->state->options.write_time_ms);
  co_await asio::async_write(link->socket, parts, asio::redirect_error(asio::use_awaitable, error));
  if (link->timed_out) link->state->stats.dropped.fetch_add(1, std::memory_order_relaxed);
  co_return !error;
}

// Sends a source's bytes. False: it broke before its promised end; so must the connection.
asio::awaitable<bool> write_source(LinkPtr link, std::shared_ptr<BodySource> source) {
  std::uint64_t left = source->size();
  const std::size_t chunk = link->state->options.stream_chunk_bytes;
  while (left > 0) {
    auto read = on_pool<Result<std::string>>(
        link->state, [source, chunk] { return source->read(chunk); }, [] { return Result<std::string>(make_error(Code::overloaded, "no room")); });
    Result<std::string> bytes = co_await std::move(read);
    if (!bytes || bytes->empty() || bytes->size() > left) {
      if (!bytes) log::warn("api.http", "a streamed response broke: " + bytes.error().message);
      co_return false;
    }
    left -= bytes->size();
    auto text = std::make_shared<const std::string>(*std::move(bytes));
    if (!co_await write_text(link, std::move(text))) co_return false;
  }
  co_return true;
}

// Sees the client of an event stream close, so that the stream ends before its next heartbeat.
asio::awaitable<void> watch_client(LinkPtr link) {
  std::array<char, 256> ignored;
  error_code error;
  while (!error) {
    co_await link->socket.async_read_some(asio::buffer(ignored), asio::redirect_error(asio::use_awaitable, error));
  }
  link->gone = true;
  link->wake();
}

asio::awaitable<void> write_events(LinkPtr link, std::shared_ptr<EventSource> source, bool chunked) {
  const ServerOptions& options = link->state->options;
  link->state->stats.event_streams.fetch_add(1, std::memory_order_relaxed);
  source->subscribe([weak = std::weak_ptr<Link>(link), state = std::weak_ptr<ServerState>(link->state)] {
    const StatePtr server = state.lock();
    if (server == nullptr) return;
    asio::post(server->io, [weak] {
      if (const LinkPtr target = weak.lock()) target->wake();
    });
  });
  asio::co_spawn(link->state->io, watch_client(link), asio::detached);
  auto last_write = std::chrono::steady_clock::now();
  while (!link->gone && !link->state->draining) {
    link->woken = false;
    bool no_room = false;
    auto pull = on_pool<std::optional<Result<std::string>>>(
        link->state, [source, most = options.stream_chunk_bytes] { return std::optional(source->next(most)); },
        [] { return std::optional<Result<std::string>>(); });
    std::optional<Result<std::string>> messages = co_await std::move(pull);
    if (!messages) {
      no_room = true;
    } else if (!messages->has_value()) {
      log::info("api.http", "an event stream ended: " + messages->error().message);
      break;
    } else if (!(*messages)->empty()) {
      if (!co_await write_text(link, std::make_shared<const std::string>(event_chunk(**messages, chunked)))) break;
      last_write = std::chrono::steady_clock::now();
      continue;  // more may be there
    }
    const auto heartbeat = last_write + Milliseconds(options.heartbeat_ms);
    if (std::chrono::steady_clock::now() >= heartbeat) {
      if (!co_await write_text(link, std::make_shared<const std::string>(event_chunk(": heartbeat\n\n", chunked)))) break;
      last_write = std::chrono::steady_clock::now();
      continue;
    }
    if (link->woken) continue;
    const auto poll = std::chrono::steady_clock::now() + (no_room ? kNoRoomPause : Milliseconds(source->poll_ms()));
    link->wake_timer.expires_at(std::min(poll, heartbeat));
    error_code ignored;
    co_await link->wake_timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (!link->gone && chunked) co_await write_text(link, std::make_shared<const std::string>("0\r\n\r\n"));
  link->state->stats.event_streams.fetch_sub(1, std::memory_order_relaxed);
  error_code ignored;
  link->socket.close(ignored);  // ends watch_client
}

// Writes a response. True: the connection can take the next request.
asio::awaitable<bool> write_response(LinkPtr link, Response response, bool is_head, bool keep_alive, unsigned version) {
  if (response.events != nullptr && !is_head) {
    const bool chunked = version >= 11;
    auto head = std::make_shared<const std::string>(response_head(response, Framing{.keep_alive = false, .chunked = chunked, .length = {}}));
    if (co_await write_text(link, std::move(head))) co_await write_events(link, std::move(response.events), chunked);
    co_return false;
  }
  std::shared_ptr<BodySource> source = std::move(response.source);
  const bool has_length = response.status != 204 && response.status != 304;
  const std::uint64_t length = source != nullptr ? source->size() : response.body.size();
  Framing framing;
  framing.keep_alive = keep_alive;
  if (has_length) framing.length = length;
  auto head = std::make_shared<const std::string>(response_head(response, framing));
  if (source != nullptr && !is_head) {
    if (!co_await write_text(link, std::move(head))) co_return false;
    co_return co_await write_source(link, std::move(source)) && keep_alive;
  }
  auto body = std::make_shared<const std::string>(is_head || !has_length ? std::string() : std::move(response.body));
  const bool written = co_await write_head_and_body(link, std::move(head), std::move(body));
  co_return written&& keep_alive;
}

// After a refusal with an unread body: closing at once would reset the connection before the client has read why.
asio::awaitable<void> linger(LinkPtr link) {
  error_code error;
  link->socket.shutdown(tcp::socket::shutdown_send, error);
  std::array<char, 4'096> waste;
  std::size_t seen = 0;
  link->expires_after(kLingerMs);
  while (!error && seen < kLingerBytes)
    seen += co_await link->socket.async_read_some(asio::buffer(waste), asio::redirect_error(asio::use_awaitable, error));
}

asio::awaitable<bool> refuse_and_close(LinkPtr link, Response response, bool is_head) {
  co_await write_response(link, std::move(response), is_head, false, 11);
  co_await linger(link);
  co_return false;
}

asio::awaitable<Response> ask_handler(LinkPtr link, Request request) {
  const StatePtr& state = link->state;
  const std::string* accept = request.header("accept-encoding");
  const bool may_compress = accept != nullptr && accepts_gzip(*accept);
  const std::size_t from = state->options.gzip_from_bytes;
  auto shared = std::make_shared<Request>(std::move(request));
  ServerState* server = state.get();
  return suspend<Response>(
      state,
      [server, shared, may_compress, from](std::function<void(Response)> done) {
        const bool taken = server->executor.post([server, shared, may_compress, from, done] {
          server->handler.handle(std::move(*shared), [may_compress, from, done](Response response) {
            if (may_compress) compress(response, from);  // here, not on the io thread
            done(std::move(response));
          });
        });
        if (taken) return;
        server->stats.no_room.fetch_add(1, std::memory_order_relaxed);
        Error error = make_error(Code::overloaded, "the server has no room for another request");
        error.retry_after_ms = 1'000;
        done(server->handler.refuse(error));
      },
      [server] { return server->handler.refuse(make_error(Code::internal, "the request was lost: a bug of the server")); });
}

using Opened = std::shared_ptr<Handler::Opened>;

asio::awaitable<Opened> open_sink(LinkPtr link, Request request) {
  Handler& handler = link->state->handler;
  auto shared = std::make_shared<Request>(std::move(request));
  return on_pool<Opened>(
      link->state, [&handler, shared] { return std::make_shared<Handler::Opened>(handler.open(*shared)); },
      [&handler] {
        auto opened = std::make_shared<Handler::Opened>();
        opened->refusal = handler.refuse(make_error(Code::overloaded, "the server has no room for another upload"));
        return opened;
      });
}

asio::awaitable<bool> expect_continue(LinkPtr link, const std::string* expect) {
  if (expect == nullptr || *expect != "100-continue") co_return true;
  co_return co_await write_text(link, std::make_shared<const std::string>("HTTP/1.1 100 Continue\r\n\r\n"));
}

// Feeds a streamed body to its sink.
asio::awaitable<bool> take_upload(LinkPtr link, std::shared_ptr<HeadParser> head, Request request, BodyPlan plan, bool keep_alive) {
  const ServerOptions& options = link->state->options;
  const std::string expect = request.header("expect") == nullptr ? std::string() : *request.header("expect");
  link->expires_never();
  const Opened opened = co_await open_sink(link, std::move(request));
  if (opened->sink == nullptr) co_return co_await refuse_and_close(link, std::move(opened->refusal), false);
  if (!co_await expect_continue(link, &expect)) co_return false;

  const auto deadline = std::chrono::steady_clock::now() + Milliseconds(options.upload_time_ms);
  bh::request_parser<bh::buffer_body> parser(std::move(*head));
  parser.body_limit(plan.max_bytes);
  auto chunk = std::make_shared<std::string>(options.stream_chunk_bytes, '\0');
  while (!parser.is_done()) {
    parser.get().body().data = chunk->data();
    parser.get().body().size = chunk->size();
    error_code error;
    link->expires_at(std::min(deadline, std::chrono::steady_clock::now() + Milliseconds(options.chunk_time_ms)));
    co_await bh::async_read(link->socket, link->buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    if (error && error != bh::error::need_buffer) {
      auto response = unreadable(*link, error);
      if (!response) co_return false;
      co_return co_await refuse_and_close(link, *std::move(response), false);
    }
    link->expires_never();
    const std::size_t size = chunk->size() - parser.get().body().size;
    if (size == 0) continue;
    auto write = on_pool<std::shared_ptr<Status>>(
        link->state, [opened, chunk, size] { return std::make_shared<Status>(opened->sink->write(std::string_view(chunk->data(), size))); },
        [] { return std::make_shared<Status>(make_error(Code::overloaded, "the server has no room for this upload")); });
    const std::shared_ptr<Status> written = co_await std::move(write);
    if (!written->has_value()) co_return co_await refuse_and_close(link, link->state->handler.refuse(written->error()), false);
  }
  Handler& handler = link->state->handler;
  auto finish = on_pool<Response>(
      link->state, [opened] { return opened->sink->finish(); },
      [&handler] { return handler.refuse(make_error(Code::overloaded, "the server has no room for this upload")); });
  Response response = co_await std::move(finish);
  co_return co_await write_response(link, std::move(response), false, keep_alive, 11);
}

// One request and its response. False: the connection ends.
asio::awaitable<bool> serve_one(LinkPtr link) {
  const StatePtr& state = link->state;
  const ServerOptions& options = state->options;
  error_code error;
  if (link->buffer.size() == 0) {
    link->idle = true;
    link->expires_after(options.idle_time_ms);
    const std::size_t size =
        co_await link->socket.async_read_some(link->buffer.prepare(kFirstRead), asio::redirect_error(asio::use_awaitable, error));
    link->idle = false;
    if (error) co_return false;
    link->buffer.commit(size);
  }
  if (state->draining) co_return false;

  const auto head = std::make_shared<HeadParser>();
  head->header_limit(options.max_header_bytes);
  head->body_limit(UINT64_MAX);  // the plan's limit follows
  link->expires_after(options.header_time_ms);
  co_await bh::async_read_header(link->socket, link->buffer, *head, asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    auto response = unreadable(*link, error);
    if (!response) co_return false;
    co_return co_await refuse_and_close(link, *std::move(response), false);
  }
  state->stats.requests.fetch_add(1, std::memory_order_relaxed);
  Request request;
  request.peer = link->peer;
  copy_head(*head, request);
  const bool is_head = request.method == "HEAD";
  const bool keep_alive = head->get().keep_alive();
  const unsigned version = head->get().version();
  if (const Status parsed = parse_target(std::string_view(head->get().target().data(), head->get().target().size()), request); !parsed)
    co_return co_await refuse_and_close(link, state->handler.refuse(parsed.error()), is_head);

  const BodyPlan plan = state->handler.plan(request);
  const auto length = head->content_length();
  if (length && *length > plan.max_bytes) {
    state->stats.malformed.fetch_add(1, std::memory_order_relaxed);
    co_return co_await refuse_and_close(
        link, refusal(*link, Code::payload_too_large, "the body may have at most " + std::to_string(plan.max_bytes) + " bytes"), is_head);
  }
  if (plan.streamed) co_return co_await take_upload(link, head, std::move(request), plan, keep_alive);
  if (!head->is_done()) {
    if (!co_await expect_continue(link, request.header("expect"))) co_return false;
    bh::request_parser<bh::string_body> whole(std::move(*head));
    whole.body_limit(plan.max_bytes);
    link->expires_after(options.body_time_ms);
    co_await bh::async_read(link->socket, link->buffer, whole, asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      auto response = unreadable(*link, error);
      if (!response) co_return false;
      co_return co_await refuse_and_close(link, *std::move(response), is_head);
    }
    request.body = std::move(whole.get().body());
  }
  link->expires_never();  // the handler's waits have bounds of their own
  state->stats.in_handlers.fetch_add(1, std::memory_order_relaxed);
  Response response = co_await ask_handler(link, std::move(request));
  state->stats.in_handlers.fetch_sub(1, std::memory_order_relaxed);
  const bool stays = keep_alive && !state->draining;
  co_return co_await write_response(link, std::move(response), is_head, stays, version);
}

asio::awaitable<void> serve(LinkPtr link) {
  while (co_await serve_one(link)) {
  }
  error_code ignored;
  link->socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void report(std::exception_ptr failure) {
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    log::warn("api.http", std::string("a connection ended: ") + error.what());
  }
}

}  // namespace

void start_connection(StatePtr state, tcp::socket socket) {
  asio::io_context& io = state->io;
  auto link = std::make_shared<Link>(std::move(state), std::move(socket));
  asio::co_spawn(io, serve(std::move(link)), report);
}

}  // namespace dossier::api::http
