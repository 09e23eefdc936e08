// Connections with deadlines. Every operation is asynchronous underneath and the loop runs for it alone; one that is out
// of time closes the socket, so its memory is never touched afterwards.
#include "platform/http_client/wire.hpp"

namespace dossier::http_client {

using net::ip::tcp;
using std::chrono::steady_clock;

Wire::~Wire() {
  error_code ignored;
  socket_.close(ignored);
}

error_code Wire::wait(const bool& done, error_code& result) {
  const Time deadline = idle_ms_ > 0 ? steady_clock::now() + std::chrono::milliseconds(idle_ms_) : deadline_;
  loop_.restart();
  while (!done) {
    if (interrupted_ || steady_clock::now() >= deadline || loop_.run_one_until(deadline) == 0) {
      if (done) break;
      const bool interrupted = interrupted_;
      error_code ignored;
      socket_.close(ignored);
      loop_.restart();
      while (!done && loop_.run_one() > 0) {
      }
      return interrupted ? error_code(net::error::operation_aborted) : error_code(net::error::timed_out);
    }
  }
  return result;
}

// The empty job wakes the loop, which then sees the flag.
void Wire::interrupt() {
  interrupted_ = true;
  net::post(loop_, [] {});
}

std::size_t Wire::read(net::mutable_buffer buffer, error_code& ec) {
  bool done = false;
  error_code result;
  std::size_t moved = 0;
  auto finish = [&](error_code failed, std::size_t n) { result = failed, moved = n, done = true; };
  if (tls_)
    tls_->async_read_some(net::mutable_buffers_1(buffer), finish);
  else
    socket_.async_read_some(net::mutable_buffers_1(buffer), finish);
  ec = wait(done, result);
  bytes_read_ += moved;
  // A peer that closes TCP without a TLS goodbye may have been cut off: only a length or a last chunk makes a body whole,
  // and Beast checks those, so this is an end like any other.
  if (ec == net::ssl::error::stream_truncated) ec = net::error::eof;
  return moved;
}

std::size_t Wire::write(const Gathered& buffers, error_code& ec) {
  bool done = false;
  error_code result;
  std::size_t moved = 0;
  auto finish = [&](error_code failed, std::size_t n) { result = failed, moved = n, done = true; };
  if (tls_)
    tls_->async_write_some(buffers, finish);
  else
    socket_.async_write_some(buffers, finish);
  ec = wait(done, result);
  return moved;
}

Status Wire::connect(const Url& url, Time deadline) {
  set_deadline(deadline);
  const auto failed = [&](std::string_view step, const error_code& ec) {
    const bool late = ec == net::error::timed_out;
    return make_error(late ? Code::timeout : Code::io,
                      "can't " + std::string(step) + " " + url.host + ":" + url.port + ": " + (late ? "no answer in time" : ec.message()));
  };

  tcp::resolver resolver(loop_);
  tcp::resolver::results_type found;
  bool done = false;
  error_code result;
  resolver.async_resolve(url.host, url.port,
                         [&](error_code ec, tcp::resolver::results_type results) { result = ec, found = std::move(results), done = true; });
  // A name server that does not answer can't be interrupted, only left: wait() would otherwise wait for the handler.
  loop_.run_until(deadline);
  if (!done) {
    resolver.cancel();
    loop_.restart();
    loop_.run();  // the system's resolver has its own limit (30 s by default)
    return failed("resolve", net::error::timed_out);
  }
  if (result) return failed("resolve", result);

  done = false;
  net::async_connect(socket_, found, [&](error_code ec, const tcp::endpoint&) { result = ec, done = true; });
  if (auto ec = wait(done, result)) return failed("connect to", ec);
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  if (!url.tls) return {};

  error_code ec;
  auto& context = tls_context_.emplace(net::ssl::context::tls_client);
  context.set_options(net::ssl::context::default_workarounds | net::ssl::context::no_sslv2 | net::ssl::context::no_sslv3 |
                          net::ssl::context::no_tlsv1 | net::ssl::context::no_tlsv1_1,
                      ec);
  if (!ec) context.set_default_verify_paths(ec);
  if (!ec) context.set_verify_mode(net::ssl::verify_peer, ec);
  if (!ec) context.set_verify_callback(net::ssl::host_name_verification(url.host), ec);
  if (ec) return failed("prepare TLS for", ec);
  tls_.emplace(socket_, context);
  // The name for virtual hosts; an address in it would break the standard (RFC 6066), so only names go.
  error_code no_address;
  (void)net::ip::make_address(url.host, no_address);
  if (no_address && SSL_set_tlsext_host_name(tls_->native_handle(), url.host.c_str()) != 1)
    return make_error(Code::io, "can't set the TLS server name " + url.host);
  done = false;
  tls_->async_handshake(net::ssl::stream_base::client, [&](error_code failure) { result = failure, done = true; });
  if (auto failure = wait(done, result)) return failed("agree on TLS with", failure);
  return {};
}

}  // namespace dossier::http_client
