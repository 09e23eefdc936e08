// The Kafka and Postgres that tests run on: the shared throw-away pair of `./dev test`, or a pair of a test's own for
// what breaks them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/small_disk.hpp"
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

// What is particular about a test's own clusters.
struct OwnClusterOptions {
  std::uint16_t kafka_advertised_port = 0;  // where clients find the broker, if not at its own port: a proxy's
  int kafka_disk_mb = 0;                    // a file system of this size for its data, which can be filled; 0: none
  int postgres_disk_mb = 0;
};

// A broker and a database server in a folder of their own, started by infra/local/stack.sh as in every other place, and
// stopped and removed with the object. About 6 s to start.
class OwnClusters {
 public:
  explicit OwnClusters(const OwnClusterOptions& options = {});
  ~OwnClusters();
  OwnClusters(const OwnClusters&) = delete;
  OwnClusters& operator=(const OwnClusters&) = delete;

  const Clusters& clusters() const { return clusters_; }
  const std::string& folder() const { return folder_; }
  void stop_kafka() { run("stop", "kafka"); }
  void start_kafka() { run("start", "kafka"); }
  void stop_postgres() { run("stop", "postgres"); }
  void start_postgres() { run("start", "postgres"); }
  // The broker's own port. It keeps it over restarts as long as nobody else takes it.
  std::uint16_t kafka_port() const;
  std::uint16_t postgres_port() const;
  // Null without a file system of its own.
  SmallDisk* kafka_disk() { return kafka_disk_.get(); }
  SmallDisk* postgres_disk() { return postgres_disk_.get(); }

 private:
  void run(const std::string& action, const std::string& only);
  std::uint16_t number_in(const std::string& file) const;
  TemporaryFolder above_;
  std::string folder_;  // above_/own: the name by which ./dev test finds what a killed test left running
  std::unique_ptr<SmallDisk> kafka_disk_;
  std::unique_ptr<SmallDisk> postgres_disk_;
  Clusters clusters_;
};

}  // namespace dossier::test
