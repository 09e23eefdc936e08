// epoll over non-blocking sockets; a response is its head, and Content-Length bytes.
#include "bench/http_load.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>

namespace dossier::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kSilenceMs = 30'000;

struct Connection {
  int fd = -1;
  std::string out;
  std::size_t sent = 0;
  std::string in;
  SteadyClock::time_point began;
  bool busy = false;
  ~Connection() {
    if (fd >= 0) ::close(fd);
  }
};

// The length of the whole response at the start of `in`; 0: more bytes are needed.
std::size_t response_size(const std::string& in) {
  const auto head = in.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  std::size_t length = 0;
  for (std::size_t line = in.find("\r\n"); line < head; line = in.find("\r\n", line + 2)) {
    static constexpr char kName[] = "content-length:";
    if (::strncasecmp(in.c_str() + line + 2, kName, sizeof kName - 1) != 0) continue;
    const char* digits = in.c_str() + line + 2 + sizeof kName - 1;
    while (*digits == ' ') ++digits;
    std::from_chars(digits, in.c_str() + in.size(), length);
  }
  return in.size() >= head + 4 + length ? head + 4 + length : 0;
}

int status_of(const std::string& in) { return in.size() > 12 ? std::atoi(in.c_str() + 9) : 0; }

class Run {
 public:
  explicit Run(const HttpLoad& load) : load_(load), epoll_(::epoll_create1(0)) {}
  ~Run() { ::close(epoll_); }

  Result<HttpLoadResult> go() {
    for (int i = 0; i < load_.connections; ++i) TRY_STATUS(connect());
    const auto began = SteadyClock::now();
    deadline_ = began + std::chrono::milliseconds(load_.duration_ms == 0 ? 24LL * 3'600'000 : load_.duration_ms);
    for (auto& connection : connections_) TRY_STATUS(next(*connection));
    epoll_event events[256];
    while (busy_ > 0) {
      const int count = ::epoll_wait(epoll_, events, 256, kSilenceMs);
      if (count == 0) return make_error(Code::io, "no answer for 30 s");
      for (int i = 0; i < count; ++i) TRY_STATUS(serve(*static_cast<Connection*>(events[i].data.ptr)));
    }
    result_.seconds = std::chrono::duration<double>(SteadyClock::now() - began).count();
    return std::move(result_);
  }

 private:
  Status connect() {
    auto connection = std::make_unique<Connection>();
    connection->fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) return make_error(Code::io, std::string("can't make a socket: ") + std::strerror(errno));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(load_.port);
    ::inet_pton(AF_INET, load_.host.c_str(), &address.sin_addr);
    if (::connect(connection->fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      return make_error(Code::io, std::string("can't connect: ") + std::strerror(errno));
    const int on = 1;
    ::setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connection.get();
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->fd, &event);
    connections_.push_back(std::move(connection));
    return {};
  }

  // Requests are small: they fit the socket's buffer, a blocking send does not block.
  Status next(Connection& connection) {
    connection.busy = started_ < load_.requests && SteadyClock::now() < deadline_;
    if (!connection.busy) return {};
    connection.out = load_.make_request(started_++);
    connection.began = SteadyClock::now();
    ++busy_;
    const auto sent = ::send(connection.fd, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(connection.out.size())) return make_error(Code::io, "can't send");
    return {};
  }

  Status serve(Connection& connection) {
    char bytes[64 << 10];
    const auto count = ::recv(connection.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    if (count <= 0) return make_error(Code::io, "the server closed a connection");
    connection.in.append(bytes, static_cast<std::size_t>(count));
    const std::size_t size = response_size(connection.in);
    if (size == 0) return {};
    const int status = status_of(connection.in);
    if ((status >= 200 && status < 300) || status == 304) {
      ++result_.answered;
      result_.latencies_ms.push_back(std::chrono::duration<double, std::milli>(SteadyClock::now() - connection.began).count());
    } else if (result_.refused++ == 0) {
      result_.first_refusal = connection.in.substr(0, size);
    }
    connection.in.erase(0, size);
    --busy_;
    return next(connection);
  }

  const HttpLoad& load_;
  int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::int64_t started_ = 0;
  int busy_ = 0;
  SteadyClock::time_point deadline_;
  HttpLoadResult result_;
};

}  // namespace

Result<HttpLoadResult> run_load(const HttpLoad& load) { return Run(load).go(); }

std::string http_request(std::string_view method, std::string_view target, std::string_view token, std::string_view body) {
  std::string text;
  text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n");
  if (!token.empty()) text.append("Authorization: Bearer ").append(token).append("\r\n");
  if (!body.empty()) text.append("Content-Type: application/json\r\nContent-Length: ").append(std::to_string(body.size())).append("\r\n");
  text.append("\r\n").append(body);
  return text;
}

}  // namespace dossier::bench
