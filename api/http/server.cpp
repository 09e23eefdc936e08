// Accepting, and the drain.
#include "api/http/server.hpp"

#include "api/http/server_state.hpp"
#include "base/log.hpp"

namespace dossier::api::http {
namespace {

constexpr auto kAcceptPause = std::chrono::milliseconds(100);  // after a failure (no file descriptors left)
constexpr auto kSweep = std::chrono::milliseconds(100);

// One connection too many: says so, as far as the socket's buffer takes it, and closes.
void turn_away(ServerState& state, tcp::socket& socket) {
  state.stats.turned_away.fetch_add(1, std::memory_order_relaxed);
  static constexpr std::string_view kAnswer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(kAnswer.data(), kAnswer.size()), ignored);
  socket.close(ignored);
}

asio::awaitable<void> accept_loop(StatePtr state) {
  asio::steady_timer pause(state->io);
  while (!state->draining) {
    boost::system::error_code error;
    tcp::socket socket = co_await state->acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted || state->draining) break;
    if (error) {
      log::warn("api.http", "can't accept a connection: " + error.message());
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    if (state->connections.size() >= state->options.max_connections) {
      turn_away(*state, socket);
      continue;
    }
    state->stats.accepted.fetch_add(1, std::memory_order_relaxed);
    socket.set_option(tcp::no_delay(true), error);
    start_connection(state, std::move(socket));
  }
}

// One timer for the deadlines of all connections: they are kept at most kSweep too late.
asio::awaitable<void> sweep_loop(StatePtr state) {
  while (!state->draining || !state->connections.empty()) {
    boost::system::error_code error;
    state->sweep_timer.expires_after(kSweep);
    co_await state->sweep_timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    const auto now = std::chrono::steady_clock::now();
    for (Connection* connection : state->connections) connection->expire(now);
  }
}

void begin_drain(const StatePtr& state, std::int64_t drain_ms) {
  if (state->draining) return;
  state->draining = true;
  boost::system::error_code ignored;
  state->acceptor.close(ignored);
  const auto open = state->connections;  // drain() may end a connection, which leaves the set
  for (Connection* connection : open)
    if (state->connections.contains(connection)) connection->drain();
  state->sweep_timer.cancel();
  if (state->connections.empty()) return;
  state->drain_timer.expires_after(std::chrono::milliseconds(drain_ms));
  state->drain_timer.async_wait([state](const boost::system::error_code& error) {
    if (error) return;
    const auto left = state->connections;
    for (Connection* connection : left)
      if (state->connections.contains(connection)) connection->cut();
    const auto waits = state->waits;  // of requests whose handler has not answered
    for (const auto& [id, give_up] : waits) give_up();
  });
}

void report(std::exception_ptr failure) {
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    log::error("api.http", std::string("a loop of the server ended: ") + error.what());
  }
}

Error cant_listen(const ServerOptions& options, const boost::system::error_code& error) {
  return make_error(Code::io, "can't listen on " + options.address + ":" + std::to_string(options.port) + ": " + error.message() +
                                  "; choose another with --listen");
}

}  // namespace

Result<std::unique_ptr<Server>> Server::open(Handler& handler, Executor& executor, ServerOptions options) {
  auto state = std::make_shared<ServerState>(handler, executor, std::move(options));
  boost::system::error_code error;
  const auto address = asio::ip::make_address(state->options.address, error);
  if (error) return cant_listen(state->options, error);
  const tcp::endpoint endpoint(address, state->options.port);
  state->acceptor.open(endpoint.protocol(), error);
  if (!error) state->acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) state->acceptor.bind(endpoint, error);
  if (!error) state->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return cant_listen(state->options, error);
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::shared_ptr<ServerState> state) : state_(std::move(state)) {
  asio::co_spawn(state_->io, accept_loop(state_), report);
  asio::co_spawn(state_->io, sweep_loop(state_), report);
}

Server::~Server() = default;

std::uint16_t Server::port() const {
  boost::system::error_code ignored;
  return state_->acceptor.local_endpoint(ignored).port();
}

const ServerStats& Server::stats() const { return state_->stats; }

void Server::describe(MetricsText& out) const {
  const ServerStats& stats = state_->stats;
  const auto count = [&](std::string_view name, std::string_view help, const std::atomic<std::uint64_t>& value) {
    out.counter(name, help, value.load(std::memory_order_relaxed));
  };
  const auto gauge = [&](std::string_view name, std::string_view help, const std::atomic<std::int64_t>& value) {
    out.gauge(name, help, static_cast<double>(value.load(std::memory_order_relaxed)));
  };
  gauge("dossier_http_connections", "Open connections.", stats.connections);
  gauge("dossier_http_event_streams", "Open event streams.", stats.event_streams);
  gauge("dossier_http_in_handlers", "Requests whose response is not there yet.", stats.in_handlers);
  count("dossier_http_connections_accepted_total", "Connections accepted.", stats.accepted);
  count("dossier_http_connections_turned_away_total", "Connections over the limit.", stats.turned_away);
  count("dossier_http_received_total", "Requests whose head was read.", stats.requests);
  count("dossier_http_malformed_total", "What was no request, or over a limit.", stats.malformed);
  count("dossier_http_timeouts_total", "Heads and bodies that came too slowly.", stats.timeouts);
  count("dossier_http_slow_clients_total", "Clients dropped because they read too slowly.", stats.dropped);
  count("dossier_http_no_room_total", "Requests refused because the handlers' queue was full.", stats.no_room);
}

void Server::run() { state_->io.run(); }

void Server::stop(std::int64_t drain_ms) {
  asio::post(state_->io, [state = state_, drain_ms] { begin_drain(state, drain_ms); });
}

}  // namespace dossier::api::http
