// The proxy's loop: one poll over the listener and both ends of every link.
#include "tests/support/tcp_proxy.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <vector>

#include "tests/support/loopback.hpp"
#include "tests/support/program.hpp"

namespace dossier::test {
namespace {

constexpr std::size_t kBufferBytes = 64u << 10;

void close_with_reset(int fd) {
  if (fd < 0) return;
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  ::close(fd);
}

void send_at_once(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

}  // namespace

TcpProxy::TcpProxy(std::uint16_t target) : port_(free_port()), target_(target) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = loopback(port_);
  int pipe[2] = {-1, -1};
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 || ::listen(listener_, 128) != 0 ||
      ::pipe2(pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
    ::close(listener_);
    throw std::runtime_error("the proxy can't listen on port " + std::to_string(port_));
  }
  wake_read_ = pipe[0];
  wake_write_ = pipe[1];
  thread_ = std::thread([this] { run(); });
}

TcpProxy::~TcpProxy() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
  for (Link& link : links_) reset(link);
  for (const int fd : {listener_, wake_read_, wake_write_}) ::close(fd);
}

bool TcpProxy::was_woken() {
  std::array<char, 64> words;
  bool woken = false;
  while (::read(wake_read_, words.data(), words.size()) > 0) woken = true;
  return woken;
}

void TcpProxy::wake() { [[maybe_unused]] const auto written = ::write(wake_write_, "x", 1); }

std::size_t TcpProxy::connections() {
  const std::lock_guard lock(mutex_);
  return links_.size();
}

void TcpProxy::cut() {
  const std::lock_guard lock(mutex_);
  for (Link& link : links_) reset(link);
  links_.clear();
  wake();
}

void TcpProxy::pause() {
  const std::lock_guard lock(mutex_);
  paused_ = true;
  wake();
}

void TcpProxy::resume() {
  const std::lock_guard lock(mutex_);
  paused_ = false;
  wake();
}

void TcpProxy::leave_half_open() {
  const std::lock_guard lock(mutex_);
  for (Link& link : links_) link.dead = true;
  wake();
}

void TcpProxy::refuse() {
  const std::lock_guard lock(mutex_);
  refusing_ = true;
}

void TcpProxy::admit() {
  const std::lock_guard lock(mutex_);
  refusing_ = false;
}

void TcpProxy::reset(Link& link) {
  close_with_reset(link.client.fd);
  close_with_reset(link.server.fd);
}

void TcpProxy::accept_one() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client < 0) return;
  const std::uint16_t target = target_;
  if (refusing_ || target == 0 || links_.size() >= kMaxConnections) return close_with_reset(client);
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(target);
  // On loopback a connection is made or refused at once.
  if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    close_with_reset(server);
    return close_with_reset(client);
  }
  ::fcntl(server, F_SETFL, O_NONBLOCK);
  send_at_once(client);
  send_at_once(server);
  Link& link = links_.emplace_back();
  link.client.fd = client;
  link.server.fd = server;
}

// Passes bytes on in one direction. False: that direction is broken.
bool TcpProxy::move(Half& from, Half& to, short from_events, short to_events) {
  if (to.to_send.empty() && !from.read_over && (from_events & (POLLIN | POLLHUP | POLLERR)) != 0) {
    std::array<char, kBufferBytes> buffer;
    const auto got = ::read(from.fd, buffer.data(), buffer.size());
    if (got > 0) to.to_send.assign(buffer.data(), static_cast<std::size_t>(got));
    if (got == 0) from.read_over = true;
    if (got < 0 && errno != EAGAIN) return false;
    to_events |= POLLOUT;
  }
  if (!to.to_send.empty() && (to_events & POLLOUT) != 0) {
    const auto sent = ::send(to.fd, to.to_send.data(), to.to_send.size(), MSG_NOSIGNAL);
    if (sent > 0) to.to_send.erase(0, static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN) return false;
  }
  if (from.read_over && to.to_send.empty() && !to.end_passed_on) {
    to.end_passed_on = true;
    ::shutdown(to.fd, SHUT_WR);
  }
  return true;
}

void TcpProxy::run() {
  const auto wanted = [](const Half& own, const Half& other) {
    return static_cast<short>((own.read_over || !other.to_send.empty() ? 0 : POLLIN) | (own.to_send.empty() ? 0 : POLLOUT));
  };
  std::vector<pollfd> polled;
  std::vector<Link*> of;
  for (;;) {
    polled.assign(1, {wake_read_, POLLIN, 0});
    of.clear();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      if (!paused_) {
        polled.push_back({listener_, POLLIN, 0});
        for (Link& link : links_) {
          if (link.dead) continue;
          polled.push_back({link.client.fd, wanted(link.client, link.server), 0});
          polled.push_back({link.server.fd, wanted(link.server, link.client), 0});
          of.push_back(&link);
        }
      }
    }
    ::poll(polled.data(), polled.size(), -1);
    const std::lock_guard lock(mutex_);
    // Something was changed: what was polled may be gone. The pipe is asked now: it may have been changed since poll() returned.
    if (was_woken()) continue;
    for (std::size_t at = 0; at < of.size(); ++at) {
      Link& link = *of[at];
      const short client = polled[2 + 2 * at].revents;
      const short server = polled[3 + 2 * at].revents;
      if (client == 0 && server == 0) continue;
      const bool sound = move(link.client, link.server, client, server) && move(link.server, link.client, server, client);
      if (sound && !(link.client.end_passed_on && link.server.end_passed_on)) continue;
      reset(link);
      link.dead = true;
      link.client.fd = link.server.fd = -1;
    }
    links_.remove_if([](const Link& link) { return link.client.fd < 0; });
    if (polled.size() > 1 && (polled[1].revents & POLLIN) != 0) accept_one();
  }
}

}  // namespace dossier::test
