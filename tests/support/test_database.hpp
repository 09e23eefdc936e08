// A database of a test suite's own on the server of DOSSIER_TEST_DATABASE_URL, dropped with the object.
#pragma once

#include <memory>
#include <string>

namespace dossier::test {

class TestDatabase {
 public:
  // Throws std::runtime_error, which fails the suite, where the variable is unset (`./dev test` sets it) or the server
  // refuses. `migrated`: with schema dossier.
  // `server`: another one, as a superuser.
  static std::unique_ptr<TestDatabase> create(bool migrated = true, const std::string& server = {});
  ~TestDatabase();
  const std::string& url() const { return url_; }
  // Makes a generation of read models and makes it live; its number.
  std::int64_t make_live_generation(const std::string& digest = "test");
  // Ends every other connection to the database, as a restart of the server does.
  void kill_connections();

 private:
  TestDatabase(std::string server, std::string name, std::string url) : server_(std::move(server)), name_(std::move(name)), url_(std::move(url)) {}
  std::string server_, name_, url_;
};

}  // namespace dossier::test
