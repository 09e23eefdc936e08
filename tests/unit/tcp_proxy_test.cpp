// The proxy through which the tests of robustness break connections.
#include "tests/support/tcp_proxy.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/loopback.hpp"

namespace dossier::test {
namespace {

// Connects, says a few words, and goes. True: all of them were taken.
bool visit(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  bool said = ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  constexpr std::string_view kWords = "some words";
  for (int n = 0; said && n < 20; ++n) said = ::send(socket, kWords.data(), kWords.size(), MSG_NOSIGNAL) > 0;
  ::close(socket);
  return said;
}

// Found by ten minutes of chaos, whose own program ended with a broken heap: the links that were cut while a poll returned were
// still looked at.
TEST(TcpProxy, connections_are_cut_while_bytes_move_and_new_ones_go_through) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 128), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::uint16_t target = ntohs(address.sin_port);
  TcpProxy proxy(target);
  std::atomic<bool> stop{false};
  std::atomic<int> accepted{0};
  std::thread server([&] {
    for (int socket = -1; !stop; ::close(socket)) accepted += (socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0 ? 1 : 0;
  });
  std::vector<std::thread> visitors;
  visitors.reserve(3);
  for (int n = 0; n < 3; ++n)
    visitors.emplace_back([&] {
      while (!stop) visit(proxy.port());
    });
  for (int n = 0; n < 2'000; ++n) {
    proxy.cut();
    std::this_thread::yield();
  }
  const int before = accepted;
  EXPECT_TRUE(visit(proxy.port()));
  stop = true;
  visit(target);  // the server waits in accept
  server.join();
  for (std::thread& visitor : visitors) visitor.join();
  ::close(listener);
  EXPECT_GT(accepted, before);
}

}  // namespace
}  // namespace dossier::test
