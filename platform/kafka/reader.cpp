// topic::Reader: explicit partitions from explicit offsets.
#include <algorithm>

#include "platform/kafka/consumer.hpp"
#include "platform/kafka/query.hpp"

namespace dossier::kafka {
namespace {

class KafkaReader final : public topic::Reader {
 public:
  explicit KafkaReader(std::unique_ptr<Consumer> consumer) : consumer_(std::move(consumer)) {}

  Status assign(const std::vector<topic::Position>& positions) override {
    const Partitions list(rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
    for (const auto& position : positions) {
      if (position.offset < 0) return make_error(Code::log_mismatch, "there is no offset " + std::to_string(position.offset));
      rd_kafka_topic_partition_list_add(list.get(), position.topic.c_str(), position.partition)->offset = position.offset;
    }
    // The library numbers its assignments, and drops what was fetched under an earlier number.
    if (const auto error = rd_kafka_assign(consumer_->client(), list.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return error_of(error, "assigning partitions");
    consumer_->forget_errors();
    return {};
  }

  Result<topic::Polled> poll(const topic::PollLimits& limits) override { return consumer_->poll(limits); }

  Result<topic::Watermarks> watermarks(std::string_view topic, std::int32_t partition, std::int64_t timeout_ms) override {
    return query_watermarks(consumer_->client(), topic, partition, timeout_ms);
  }

  Result<std::int32_t> partition_count(std::string_view topic, std::int64_t timeout_ms) override {
    return query_partition_count(consumer_->client(), topic, timeout_ms);
  }

 private:
  std::unique_ptr<Consumer> consumer_;
};

}  // namespace

Result<std::unique_ptr<topic::Reader>> make_reader(const Cluster& cluster, const ReaderOptions& options) {
  TRY(Conf conf, make_conf(cluster, {{"group.id", "dossier.readers"},  // the library wants one; nothing is joined or committed
                                     {"enable.auto.commit", "false"},
                                     {"enable.auto.offset.store", "false"},
                                     {"auto.offset.reset", "error"},
                                     {"isolation.level", "read_uncommitted"},
                                     {"check.crcs", "true"},
                                     {"enable.partition.eof", "true"},
                                     {"fetch.min.bytes", "1"},
                                     {"fetch.wait.max.ms", std::to_string(options.fetch_wait_ms)},
                                     {"fetch.error.backoff.ms", "50"},
                                     {"queued.min.messages", std::to_string(std::max(options.prefetch_records, kMinPrefetchRecords))},
                                     {"queued.max.messages.kbytes", std::to_string(options.prefetch_kbytes)}}));
  TRY(auto consumer, Consumer::make(std::move(conf), {}));
  return std::unique_ptr<topic::Reader>(std::make_unique<KafkaReader>(std::move(consumer)));
}

}  // namespace dossier::kafka
