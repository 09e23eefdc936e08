// The HTTP/1.1 server: one io_context, run by one thread of the caller's; handlers run on the executor (a bounded pool);
// connections are coroutines and hold no thread while a handler, a commit or a client makes them wait.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "api/http/limits.hpp"
#include "api/http/message.hpp"
#include "base/executor.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"

namespace dossier::api::http {

// Each only grows, but the gauges.
struct ServerStats {
  std::atomic<std::int64_t> connections{0};    // gauge
  std::atomic<std::int64_t> event_streams{0};  // gauge
  std::atomic<std::int64_t> in_handlers{0};    // gauge: requests whose response is not there yet
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> turned_away{0};  // over max_connections
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> malformed{0};
  std::atomic<std::uint64_t> timeouts{0};  // slow heads and bodies
  std::atomic<std::uint64_t> dropped{0};   // clients that read too slowly
  std::atomic<std::uint64_t> no_room{0};   // the executor's queue was full
};

struct ServerState;

// Handler and executor must outlive the object.
class Server {
 public:
  // io: the address can't be bound.
  static Result<std::unique_ptr<Server>> open(Handler& handler, Executor& executor, ServerOptions options);
  ~Server();

  std::uint16_t port() const;  // the bound one
  const ServerStats& stats() const;
  void describe(MetricsText& out) const;

  // Serves until stop(); returns once every connection has ended. Once, on the thread that becomes the server's.
  void run();
  // Thread-safe. Stops accepting, closes idle connections and event streams, lets requests in flight finish; what is left
  // after drain_ms is cut off. Before run(): run() returns at once.
  void stop(std::int64_t drain_ms);

 private:
  explicit Server(std::shared_ptr<ServerState> state);
  std::shared_ptr<ServerState> state_;
};

}  // namespace dossier::api::http
