// A server for tests of HTTP clients: a listening socket on a free loopback port, and one script a connection which says
// byte for byte what happens on it. No HTTP in here, so that it can be as wrong as a test wants.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace dossier::test_support {

class RawServer;

// One accepted connection, used by the script on the server's thread.
class RawConnection {
 public:
  RawConnection(int fd, RawServer& server) : fd_(fd), server_(server) {}
  // Reads a request: its head and as many body bytes as Content-Length says. Empty: the client closed first.
  std::string read_request();
  // Sends all of it at once; the client may be gone.
  void send(std::string_view bytes);
  // Waits until the client closes its side (bounded: 10 s).
  void wait_for_close();

 private:
  int fd_;
  RawServer& server_;
  std::string pending_;
};

class RawServer {
 public:
  using Script = std::function<void(RawConnection&)>;
  // The n-th connection runs the n-th script and is closed after it; there is one thread, so they run one after another.
  // After the last script the port is closed.
  explicit RawServer(std::vector<Script> scripts);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // What the scripts read, in order.
  std::vector<std::string> requests() const;

 private:
  friend class RawConnection;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace dossier::test_support
