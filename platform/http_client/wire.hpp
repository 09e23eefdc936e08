// A TCP or TLS connection that reads and writes synchronously, but never past a deadline. Private to this folder: it
// satisfies Beast's SyncStream, so that Beast is instantiated once, for both kinds.
#pragma once

#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "platform/http_client/url.hpp"

namespace dossier::http_client {

namespace net = boost::asio;
using boost::system::error_code;

class Wire {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Before connect(): an interrupt that comes while it connects finds the object there.
  Wire() = default;
  // Resolves, connects, and for https does the handshake with the host's name verified, all before `deadline`.
  Status connect(const Url& url, Time deadline);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // Every read and write from here on fails with net::error::timed_out once the time is past. With `idle_ms` not 0 each
  // of them has that long, counted from its own start: for streams whose whole length nobody knows.
  void set_deadline(Time deadline) {
    deadline_ = deadline;
    idle_ms_ = 0;
  }
  void set_idle(std::int64_t idle_ms) { idle_ms_ = idle_ms; }
  std::uint64_t bytes_read() const { return bytes_read_; }
  // Thread-safe. What waits now, and all that comes later, ends with net::error::operation_aborted.
  void interrupt();

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, error_code& ec) {
    for (auto it = net::buffer_sequence_begin(buffers); it != net::buffer_sequence_end(buffers); ++it) {
      const net::mutable_buffer buffer(*it);
      if (buffer.size() > 0) return read(buffer, ec);
    }
    ec = {};
    return 0;
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& ec) {
    Gathered gathered;
    for (auto it = net::buffer_sequence_begin(buffers); it != net::buffer_sequence_end(buffers) && gathered.count < kGather; ++it) {
      const net::const_buffer buffer(*it);
      if (buffer.size() > 0) gathered.buffers[gathered.count++] = buffer;
    }
    ec = {};
    return gathered.count == 0 ? 0 : write(gathered, ec);
  }
  // Beast's throwing overloads: named by the concept, never called by us.
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    error_code ec;
    const auto n = read_some(buffers, ec);
    if (ec) throw boost::system::system_error(ec);
    return n;
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers) {
    error_code ec;
    const auto n = write_some(buffers, ec);
    if (ec) throw boost::system::system_error(ec);
    return n;
  }

 private:
  static constexpr std::size_t kGather = 16;
  struct Gathered {
    using value_type = net::const_buffer;
    using const_iterator = const net::const_buffer*;
    net::const_buffer buffers[kGather];
    std::size_t count = 0;
    const_iterator begin() const { return buffers; }
    const_iterator end() const { return buffers + count; }
  };

  std::size_t read(net::mutable_buffer buffer, error_code& ec);
  std::size_t write(const Gathered& buffers, error_code& ec);
  // Runs the loop until `done`, or gives up: at the deadline with timed_out, when interrupted with operation_aborted.
  error_code wait(const bool& done, error_code& result);

  net::io_context loop_{1};
  net::ip::tcp::socket socket_{loop_};
  std::optional<net::ssl::context> tls_context_;
  std::optional<net::ssl::stream<net::ip::tcp::socket&>> tls_;
  Time deadline_{};
  std::int64_t idle_ms_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::atomic<bool> interrupted_{false};
};

}  // namespace dossier::http_client
