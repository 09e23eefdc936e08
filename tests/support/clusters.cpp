// Where the shared clusters are, and the scripts that start and stop those of a test's own.
#include "tests/support/clusters.hpp"

#include <cstdlib>
#include <filesystem>
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

OwnClusters::OwnClusters(const OwnClusterOptions& options) : above_("clusters"), folder_(above_.path() + "/own") {
  std::filesystem::create_directories(folder_ + "/kafka");
  std::filesystem::create_directories(folder_ + "/postgres");
  if (options.kafka_disk_mb > 0) kafka_disk_ = std::make_unique<SmallDisk>(folder_ + "/kafka/data", options.kafka_disk_mb);
  if (options.postgres_disk_mb > 0) postgres_disk_ = std::make_unique<SmallDisk>(folder_ + "/postgres", options.postgres_disk_mb);
  if (options.kafka_advertised_port != 0) std::ofstream(folder_ + "/kafka/advertised") << "127.0.0.1:" << options.kafka_advertised_port << "\n";
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
    if (kafka_disk_ != nullptr || postgres_disk_ != nullptr) {
      run("stop", "");
      kafka_disk_.reset();  // a folder that is a file system's can't be removed
      postgres_disk_.reset();
    }
    run("remove", "");
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
  }
}

std::uint16_t OwnClusters::number_in(const std::string& file) const {
  std::ifstream in(folder_ + "/" + file);
  std::string text;
  in >> text;
  return static_cast<std::uint16_t>(std::stoi(text.substr(text.find(':') + 1)));
}

std::uint16_t OwnClusters::kafka_port() const { return number_in("kafka/bootstrap"); }
std::uint16_t OwnClusters::postgres_port() const { return number_in("postgres/port"); }

void OwnClusters::run(const std::string& action, const std::string& only) {
  const std::string script = std::string(DOSSIER_SOURCE_DIR) + "/infra/local/stack.sh";
  const auto result = run_command({script, action, "--dir", folder_, only}, {}, above_.path(), kStackDeadlineMs);
  if (result.exit_code != 0) throw std::runtime_error("stack.sh " + action + " " + only + " failed:\n" + result.err);
}

}  // namespace dossier::test
