// A Kafka cluster of three brokers of a test's own: replication 3, two must hold a record before it counts as written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/clusters.hpp"

namespace dossier::test {

class BrokerTrio {
 public:
  // About 15 s.
  BrokerTrio();
  ~BrokerTrio();
  BrokerTrio(const BrokerTrio&) = delete;
  BrokerTrio& operator=(const BrokerTrio&) = delete;

  // With the database of `Clusters::shared()`.
  Clusters clusters() const;
  // SIGKILL, and started again.
  void kill(int broker);
  void start(int broker);

  struct Partition {
    int leader = -1;
    std::vector<int> in_sync;
  };
  // By partition; empty if no broker answers.
  std::vector<Partition> partitions(const std::string& topic) const;
  // All three are in sync with every partition of the topic.
  bool all_in_sync(const std::string& topic) const;

 private:
  void run(const std::vector<std::string>& arguments) const;
  TemporaryFolder above_;
  std::string folder_;  // above_/trio: the name by which ./dev test finds what a killed test left running
};

}  // namespace dossier::test
