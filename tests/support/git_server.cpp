// Starts it and waits until its port answers.
#include "tests/support/git_server.hpp"

#include <stdexcept>

namespace dossier::test {
GitServer::GitServer(const std::string& folder, const std::string& user, const std::string& password) {
  const std::uint16_t port = free_port();
  url_ = "http://127.0.0.1:" + std::to_string(port);
  program_ = std::make_unique<Program>(std::vector<std::string>{"python3", std::string(DOSSIER_SOURCE_DIR) + "/tests/support/git_server.py",
                                                                std::to_string(port), folder, user, password},
                                       EnvironmentChanges{}, folder + ".log");
  if (!serves(port)) throw std::runtime_error("the git server does not serve: " + log());
}

}  // namespace dossier::test
