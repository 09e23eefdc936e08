// The limits beneath: what the same broker does for a bare producer and consumer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "platform/kafka/kafka.hpp"

namespace dossier::bench {

struct RawProduce {
  double per_second = 0;
  std::vector<double> latencies_ms;  // of each record, produce → acknowledged
};

// A topic of this benchmark's own, with or without fsync before the acknowledgement; deleted with the object.
class RawTopic {
 public:
  static Result<RawTopic> make(const kafka::Cluster& cluster, bool fsync);
  RawTopic(RawTopic&&) = default;
  ~RawTopic();

  // `records` of `bytes` each, with at most `outstanding` unacknowledged.
  Result<RawProduce> produce(kafka::WriterKind kind, std::int64_t records, std::size_t bytes, int outstanding);
  // One record at a time to a consumer and back by a second partition: `rounds` round trips of two hops.
  Result<std::vector<double>> two_hops(std::int64_t rounds, std::size_t bytes);

 private:
  RawTopic(kafka::Cluster cluster, std::string name) : cluster_(std::move(cluster)), name_(std::move(name)) {}
  kafka::Cluster cluster_;
  std::string name_;
};

}  // namespace dossier::bench
