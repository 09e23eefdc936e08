// The scripted model (model_server.py) as a process on loopback, for the real agents. Gone with the object.
#pragma once

#include <string>

#include "tests/support/program.hpp"

namespace dossier::test {

class ModelServer {
 public:
  // `script`: JSON, as model_server.py describes. `folder` takes its files. Throws std::runtime_error where it does not
  // begin to serve.
  ModelServer(const std::string& script, const std::string& folder);
  const std::string& url() const { return url_; }  // "http://127.0.0.1:…"
  std::string log() const { return program_->log(); }

 private:
  std::string url_;
  std::unique_ptr<Program> program_;
};

}  // namespace dossier::test
