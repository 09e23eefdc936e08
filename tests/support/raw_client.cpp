// Plain POSIX sockets.
#include "tests/support/raw_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include "tests/support/loopback.hpp"

namespace dossier::test_support {
namespace {

std::int64_t now_ms() { return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

std::string RawResponse::header(std::string_view name) const {
  const std::string all = lower(head);
  const std::size_t at = all.find("\r\n" + lower(name) + ": ");
  if (at == std::string::npos) return {};
  const std::size_t start = at + name.size() + 4;
  return head.substr(start, head.find("\r\n", start) - start);
}

RawClient::RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = test::loopback(port);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    socket_ = -1;
  }
}

RawClient::~RawClient() {
  if (socket_ >= 0) ::close(socket_);
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawClient::more(std::int64_t deadline_ms) {
  pollfd ready{socket_, POLLIN, 0};
  const std::int64_t left = deadline_ms - now_ms();
  if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0) return false;
  char chunk[65'536];
  const ssize_t size = ::recv(socket_, chunk, sizeof chunk, 0);
  if (size <= 0) return false;
  buffer_.append(chunk, static_cast<std::size_t>(size));
  return true;
}

std::string RawClient::read_until(std::string_view text, std::int64_t timeout_ms) {
  const std::int64_t deadline = now_ms() + timeout_ms;
  for (;;) {
    const std::size_t at = buffer_.find(text);
    if (at != std::string::npos) {
      std::string out = buffer_.substr(0, at + text.size());
      buffer_.erase(0, at + text.size());
      return out;
    }
    if (!more(deadline)) return {};
  }
}

RawResponse RawClient::response(std::int64_t timeout_ms, bool to_head) {
  const std::int64_t deadline = now_ms() + timeout_ms;
  RawResponse out;
  out.head = read_until("\r\n\r\n", timeout_ms);
  if (out.head.size() < 12) return {};
  out.status = std::stoi(out.head.substr(9, 3));
  const std::string length = out.header("content-length");
  const std::size_t size = length.empty() || to_head ? 0 : std::stoul(length);
  while (buffer_.size() < size)
    if (!more(deadline)) break;
  out.body = buffer_.substr(0, size);
  buffer_.erase(0, out.body.size());
  return out;
}

bool RawClient::closed(std::int64_t timeout_ms) {
  const std::int64_t deadline = now_ms() + timeout_ms;
  for (;;) {
    pollfd ready{socket_, POLLIN, 0};
    const std::int64_t left = deadline - now_ms();
    if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0) return false;
    char chunk[65'536];
    if (::recv(socket_, chunk, sizeof chunk, 0) <= 0) return true;
  }
}

}  // namespace dossier::test_support
