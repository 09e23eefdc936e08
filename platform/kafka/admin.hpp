// What an operator does to a cluster: topics, partitions, ACLs. Knows nothing of the product's topics: the caller says
// which, with which settings.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "platform/kafka/kafka.hpp"

namespace dossier::kafka {

struct TopicSpec {
  std::string name;
  std::int32_t partitions = 1;
  std::int32_t replication = 1;
  std::vector<std::pair<std::string, std::string>> configs;
};

enum class Resource : std::uint8_t { topic, group, cluster };
enum class Operation : std::uint8_t { all, read, write, create, describe, alter, idempotent_write };
struct Acl {
  std::string principal;  // "User:worker"
  Resource resource = Resource::topic;
  std::string name;       // of the resource; "*" for any, "kafka-cluster" for Resource::cluster
  bool prefixed = false;  // name is a prefix
  Operation operation = Operation::read;
  bool allow = true;
};

struct ClusterInfo {
  std::string cluster_id;
  std::int32_t brokers = 0;
};

// Blocking calls of at most `timeout_ms` each (from `make`). Thread-safe. Errors: log_unavailable (no broker, or it did not
// answer in time: the change may have happened), forbidden, not_found, invalid_field (the broker refuses the
// specification), conflict.
class Admin {
 public:
  static Result<std::unique_ptr<Admin>> make(const Cluster& cluster, std::int64_t timeout_ms = 10'000);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  // Some broker answers.
  Result<ClusterInfo> describe_cluster();
  // True: made now; false: a topic of this name was there already (left as it is: the caller compares its partition count).
  // On return every partition has a leader.
  Result<bool> create_topic(const TopicSpec& spec);
  Result<std::int32_t> partition_count(std::string_view topic);
  // At least `partitions`; never fewer than now.
  Status grow_partitions(std::string_view topic, std::int32_t partitions);
  // Absent topics are no error.
  Status delete_topic(std::string_view topic);
  // Idempotent: the broker keeps a set.
  Status create_acls(const std::vector<Acl>& acls);

 private:
  struct Impl;
  explicit Admin(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dossier::kafka
