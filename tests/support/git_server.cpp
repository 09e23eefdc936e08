// Starts it and waits until its port answers.
#include "tests/support/git_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "tests/support/eventually.hpp"

namespace dossier::test {
namespace {

constexpr std::int64_t kStartDeadlineMs = 20'000;

bool answers(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return connected;
}

}  // namespace

GitServer::GitServer(const std::string& folder, const std::string& user, const std::string& password) {
  const std::uint16_t port = free_port();
  url_ = "http://127.0.0.1:" + std::to_string(port);
  program_ = std::make_unique<Program>(std::vector<std::string>{"python3", std::string(DOSSIER_SOURCE_DIR) + "/tests/support/git_server.py",
                                                                std::to_string(port), folder, user, password},
                                       EnvironmentChanges{}, folder + ".log");
  if (!eventually(kStartDeadlineMs, [&] { return answers(port); })) throw std::runtime_error("the git server does not serve: " + log());
}

}  // namespace dossier::test
