// The Kafka and Postgres that tests run on: the shared throw-away pair of `./dev test`, or a pair of a test's own for
// what breaks them.
#pragma once

#include <string>

#include "tests/support/temporary_folder.hpp"

namespace dossier::test {

struct Clusters {
  std::string kafka_properties;         // librdkafka settings of the admin
  std::string server_kafka_properties;  // of the account which the server uses
  std::string worker_kafka_properties;  // of the account which workers get
  std::string database_url;             // superuser
  std::string grant_command;            // followed by a topic prefix; "" where the cluster has no ACLs

  // From DOSSIER_TEST_*. Throws std::runtime_error where they are unset: `./dev test` sets them, and a tier that needs
  // real parts must fail without them, never pass.
  static Clusters shared();
};

// A broker and a database server in a folder of their own, started by infra/local/stack.sh as in every other place, and
// stopped and removed with the object. About 6 s to start.
class OwnClusters {
 public:
  OwnClusters();
  ~OwnClusters();
  OwnClusters(const OwnClusters&) = delete;
  OwnClusters& operator=(const OwnClusters&) = delete;

  const Clusters& clusters() const { return clusters_; }
  const std::string& folder() const { return folder_; }
  void stop_kafka() { run("stop", "kafka"); }
  void start_kafka() { run("start", "kafka"); }
  void stop_postgres() { run("stop", "postgres"); }
  void start_postgres() { run("start", "postgres"); }

 private:
  void run(const std::string& action, const std::string& only);
  TemporaryFolder above_;
  std::string folder_;  // above_/own: the name by which ./dev test finds what a killed test left running
  Clusters clusters_;
};

}  // namespace dossier::test
