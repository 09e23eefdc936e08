// Starts it and waits until its port answers.
#include "tests/support/model_server.hpp"

#include <fstream>
#include <stdexcept>

namespace dossier::test {
ModelServer::ModelServer(const std::string& script, const std::string& folder) {
  const std::uint16_t port = free_port();
  url_ = "http://127.0.0.1:" + std::to_string(port);
  std::ofstream(folder + "/script.json") << script;
  program_ = std::make_unique<Program>(std::vector<std::string>{"python3", std::string(DOSSIER_SOURCE_DIR) + "/tests/support/model_server.py",
                                                                std::to_string(port), folder + "/script.json"},
                                       EnvironmentChanges{}, folder + "/model.log");
  if (!serves(port)) throw std::runtime_error("the scripted model does not serve: " + log());
}

}  // namespace dossier::test
