// Creates and drops databases for tests.
#include "tests/support/test_database.hpp"

#include <cstdlib>
#include <stdexcept>

#include "platform/crypto/crypto.hpp"
#include "platform/postgres/connection.hpp"
#include "platform/postgres/migrate.hpp"
#include "tests/support/must.hpp"

namespace dossier::test {

std::unique_ptr<TestDatabase> TestDatabase::create(bool migrated, const std::string& other_server) {
  const char* named = std::getenv("DOSSIER_TEST_DATABASE_URL");
  const std::string server = other_server.empty() && named != nullptr ? named : other_server;
  if (server.empty())
    throw std::runtime_error("DOSSIER_TEST_DATABASE_URL is not set: run `./dev test`, or point it at a throw-away PostgreSQL as a superuser");
  const std::string name = "dossier_test_" + crypto::random_uuid_hex();
  auto url = must(postgres::create_database(server, name));
  std::unique_ptr<TestDatabase> database(new TestDatabase(server, name, std::move(url)));
  if (migrated) must(postgres::migrate(database->url()));
  return database;
}

TestDatabase::~TestDatabase() { (void)postgres::drop_database(server_, name_).has_value(); }

std::int64_t TestDatabase::make_live_generation(const std::string& digest) {
  const auto made = must(postgres::create_generation(url_, digest));
  must(postgres::switch_generation(url_, made.number));
  return made.number;
}

void TestDatabase::kill_connections() {
  const auto connection = must(postgres::Connection::open({.url = server_}));
  must(connection->query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", postgres::Params().text(name_)));
}

}  // namespace dossier::test
