// Sockets for scripted connections.
#include "tests/support/raw_server.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "base/check.hpp"
#include "tests/support/loopback.hpp"

namespace dossier::test_support {
namespace {

constexpr int kPatienceMs = 10'000;

// False: nothing came in time.
bool readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, kPatienceMs) > 0;
}

}  // namespace

std::string RawConnection::read_request() {
  std::size_t wanted = std::string::npos;
  for (;;) {
    if (wanted == std::string::npos) {
      if (const auto end = pending_.find("\r\n\r\n"); end != std::string::npos) {
        wanted = end + 4;
        if (const auto length = pending_.find("Content-Length: "); length != std::string::npos && length < end)
          wanted += std::strtoull(pending_.c_str() + length + 16, nullptr, 10);
      }
    }
    if (wanted != std::string::npos && pending_.size() >= wanted) {
      std::string request = pending_.substr(0, wanted);
      pending_.erase(0, wanted);
      std::lock_guard lock(server_.mutex_);
      server_.requests_.push_back(request);
      return request;
    }
    char bytes[65536];
    if (!readable(fd_)) return {};
    const auto n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) return {};
    pending_.append(bytes, static_cast<std::size_t>(n));
  }
}

void RawConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void RawConnection::wait_for_close() {
  char bytes[4096];
  while (readable(fd_) && ::recv(fd_, bytes, sizeof bytes, 0) > 0) {
  }
}

RawServer::RawServer(std::vector<Script> scripts) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = test::loopback(0);
  socklen_t size = sizeof address;
  CHECK(listener_ >= 0 && ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listener_, 16) == 0 &&
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this, scripts = std::move(scripts)] {
    for (const auto& script : scripts) {
      const int fd = readable(listener_) ? ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC) : -1;
      if (fd < 0) break;
      RawConnection connection(fd, *this);
      script(connection);
      ::close(fd);
    }
    ::shutdown(listener_, SHUT_RDWR);
  });
}

// A test that is over leaves no connection to wait for: shutdown wakes the thread from accept.
RawServer::~RawServer() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::vector<std::string> RawServer::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

}  // namespace dossier::test_support
