// A private git remote (git_server.py) as a process on loopback: it gives its repositories to who knows the password, and sends who asks
// for /to/PORT/PATH to that port. Gone with the object.
#pragma once

#include <memory>
#include <string>

#include "tests/support/program.hpp"

namespace dossier::test {

class GitServer {
 public:
  // Serves the repositories in `folder`; its log is "<folder>.log". Throws std::runtime_error where it does not begin to serve.
  GitServer(const std::string& folder, const std::string& user, const std::string& password);
  const std::string& url() const { return url_; }      // "http://127.0.0.1:…"
  std::string log() const { return program_->log(); }  // "METHOD PATH STATUS", a line each

 private:
  std::string url_;
  std::unique_ptr<Program> program_;
};

}  // namespace dossier::test
