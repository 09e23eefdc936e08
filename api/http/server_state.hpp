// What the server's coroutines share, and the way from a coroutine to the pool and back. Included by the two
// translation units that instantiate Asio, and by nothing else.
#pragma once

#include <utility>  // before asio/awaitable.hpp: 1.74 forgets it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "api/http/server.hpp"

namespace dossier::api::http {

namespace asio = boost::asio;
using asio::ip::tcp;

// What the server may ask of a connection. On the io thread.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual void drain() = 0;                                            // end when the request in flight is answered, at once where there is none
  virtual void cut() = 0;                                              // end now
  virtual void expire(std::chrono::steady_clock::time_point now) = 0;  // end what is past its deadline
};

struct ServerState {
  ServerState(Handler& handler_in, Executor& executor_in, ServerOptions options_in)
      : handler(handler_in), executor(executor_in), options(std::move(options_in)), acceptor(io), sweep_timer(io), drain_timer(io) {}

  Handler& handler;
  Executor& executor;
  const ServerOptions options;
  ServerStats stats;
  asio::io_context io{1};
  // Of the io thread.
  tcp::acceptor acceptor;
  asio::steady_timer sweep_timer;
  asio::steady_timer drain_timer;
  std::unordered_set<Connection*> connections;
  bool draining = false;
  // Coroutines that wait for another thread: what gives the wait up. Used when the drain has lasted long enough.
  std::unordered_map<std::uint64_t, std::function<void()>> waits;
  std::uint64_t next_wait = 0;
};

using StatePtr = std::shared_ptr<ServerState>;

// The way back from another thread into a waiting coroutine: completes it exactly once, on the io thread; with `lost` if
// it is dropped uncompleted. Keeps the io_context alive and running meanwhile.
template <class T, class Resume>
class Completion {
 public:
  Completion(StatePtr state, Resume resume, std::function<T()> lost)
      : state_(std::move(state)), wait_(state_->next_wait++), work_(state_->io.get_executor()), resume_(std::move(resume)), lost_(std::move(lost)) {}
  ~Completion() { give_up(); }
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;

  // On the io thread, once: lets the drain end this wait.
  static void watch(const std::shared_ptr<Completion>& completion) {
    completion->state_->waits.emplace(completion->wait_, [weak = std::weak_ptr<Completion>(completion)] {
      if (const auto alive = weak.lock()) alive->give_up();
    });
  }
  void give_up() {
    if (!done_.load()) complete(lost_());
  }
  // Thread-safe; calls after the first are ignored.
  void complete(T value) {
    if (done_.exchange(true)) return;
    asio::post(state_->io, [state = state_, wait = wait_, resume = std::move(resume_), value = std::move(value)]() mutable {
      state->waits.erase(wait);
      resume(std::move(value));
    });
    work_.reset();  // whoever keeps the callback does not keep the server
  }

 private:
  StatePtr state_;
  const std::uint64_t wait_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  Resume resume_;
  std::function<T()> lost_;
  std::atomic<bool> done_{false};
};

// Suspends the calling coroutine until `start` (called at once) has its argument called with a value; `lost()` is the
// value if it never is. A plain function: GCC 12 destroys closures inside co_await expressions twice.
template <class T>
asio::awaitable<T> suspend(StatePtr state, std::function<void(std::function<void(T)>)> start, std::function<T()> lost) {
  return asio::async_initiate<const asio::use_awaitable_t<>&, void(T)>(
      [](auto resume, StatePtr server, std::function<void(std::function<void(T)>)> begin, std::function<T()> fallback) {
        auto completion = std::make_shared<Completion<T, decltype(resume)>>(std::move(server), std::move(resume), std::move(fallback));
        decltype(completion)::element_type::watch(completion);
        begin([completion](T value) { completion->complete(std::move(value)); });
      },
      asio::use_awaitable, std::move(state), std::move(start), std::move(lost));
}

// Runs a blocking job on the pool. `lost`: the pool had no room, or it is stopping.
template <class T>
asio::awaitable<T> on_pool(StatePtr state, std::function<T()> job, std::function<T()> lost) {
  Executor& executor = state->executor;
  return suspend<T>(
      std::move(state),
      [&executor, job = std::move(job)](std::function<void(T)> done) {
        // Not taken: `done` is dropped, and its end completes with `lost`.
        (void)executor.post([job, done = std::move(done)] { done(job()); });
      },
      std::move(lost));
}

// Serves one accepted socket until it ends. connection.cpp.
void start_connection(StatePtr state, tcp::socket socket);

}  // namespace dossier::api::http
