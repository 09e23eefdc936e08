// Where the shared clusters are, and the scripts that start and stop those of a test's own.
#include "tests/support/clusters.hpp"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "tests/support/program.hpp"

namespace dossier::test {
namespace {

constexpr std::int64_t kStackDeadlineMs = 180'000;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string required(const char* name) {
  auto value = variable(name);
  if (value.empty()) throw std::runtime_error(std::string(name) + " is not set: run the tests by ./dev test");
  return value;
}

// The value of `export NAME=value` or `export NAME='value'`.
std::string exported(const std::string& file, const std::string& name) {
  std::ifstream in(file);
  const std::string start = "export " + name + "=";
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(start)) continue;
    auto value = line.substr(start.size());
    if (value.size() >= 2 && value.front() == '\'') value = value.substr(1, value.size() - 2);
    return value;
  }
  throw std::runtime_error(file + " does not name " + name);
}

}  // namespace

Clusters Clusters::shared() {
  Clusters out;
  out.kafka_properties = required("DOSSIER_TEST_KAFKA_PROPERTIES");
  out.server_kafka_properties = required("DOSSIER_TEST_SERVER_KAFKA_PROPERTIES");
  out.worker_kafka_properties = required("DOSSIER_TEST_WORKER_KAFKA_PROPERTIES");
  out.database_url = required("DOSSIER_TEST_DATABASE_URL");
  out.grant_command = variable("DOSSIER_TEST_GRANT");
  return out;
}

OwnClusters::OwnClusters() : above_("clusters"), folder_(above_.path() + "/own") {
  run("start", "");
  const std::string env = folder_ + "/env";
  clusters_.kafka_properties = exported(env, "DOSSIER_TEST_KAFKA_PROPERTIES");
  clusters_.server_kafka_properties = exported(env, "DOSSIER_TEST_SERVER_KAFKA_PROPERTIES");
  clusters_.worker_kafka_properties = exported(env, "DOSSIER_TEST_WORKER_KAFKA_PROPERTIES");
  clusters_.database_url = exported(env, "DOSSIER_TEST_DATABASE_URL");
  clusters_.grant_command = exported(env, "DOSSIER_TEST_GRANT");
}

OwnClusters::~OwnClusters() {
  try {
    run("remove", "");
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
  }
}

void OwnClusters::run(const std::string& action, const std::string& only) {
  const std::string script = std::string(DOSSIER_SOURCE_DIR) + "/infra/local/stack.sh";
  const auto result = run_command({script, action, "--dir", folder_, only}, {}, above_.path(), kStackDeadlineMs);
  if (result.exit_code != 0) throw std::runtime_error("stack.sh " + action + " " + only + " failed:\n" + result.err);
}

}  // namespace dossier::test
