// topic::Reader: explicit partitions from explicit offsets.
#include <algorithm>
#include <chrono>
#include <set>

#include "platform/kafka/consumer.hpp"
#include "platform/kafka/query.hpp"

namespace dossier::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr auto kProbePause = std::chrono::seconds(1);
constexpr auto kSettlePause = std::chrono::seconds(1);
constexpr std::int64_t kProbeMs = 500;  // the most by which an empty poll may pass its wait

Result<std::unique_ptr<Consumer>> make_consumer(const Cluster& cluster, const ReaderOptions& options) {
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
  return Consumer::make(std::move(conf), {});
}

class KafkaReader final : public topic::Reader {
 public:
  KafkaReader(std::unique_ptr<Consumer> consumer, Cluster cluster, const ReaderOptions& options)
      : consumer_(std::move(consumer)), cluster_(std::move(cluster)), options_(options) {}

  Status assign(const std::vector<topic::Position>& positions) override {
    const Partitions list(rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
    for (const auto& position : positions) {
      if (position.offset < 0) return make_error(Code::log_mismatch, "there is no offset " + std::to_string(position.offset));
      rd_kafka_topic_partition_list_add(list.get(), position.topic.c_str(), position.partition)->offset = position.offset;
    }
    // librdkafka 2.0.2 ends the process (rd_kafka_assignment_partition_stopped: rktp->rktp_started) where an assignment comes while
    // partitions of the one before are still being stopped, which takes as long as a broker is away. It does not say when
    // they are: after trouble, or soon after another assignment, a new client takes its place.
    if (is_troubled_ || SteadyClock::now() < settles_at_) {
      TRY(consumer_, make_consumer(cluster_, options_));
      is_troubled_ = false;
    }
    // The library numbers its assignments, and drops what was fetched under an earlier number.
    if (const auto error = rd_kafka_assign(consumer_->client(), list.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return error_of(error, "assigning partitions");
    consumer_->forget_errors();
    settles_at_ = SteadyClock::now() + kSettlePause;
    silent_.clear();
    for (const auto& position : positions) silent_.insert({position.topic, position.partition});
    probe_after_ = SteadyClock::now() + kProbePause;
    return {};
  }

  Result<topic::Polled> poll(const topic::PollLimits& limits) override {
    auto polled_or_trouble = consumer_->poll(limits);
    is_troubled_ = is_troubled_ || !polled_or_trouble;
    TRY(auto polled, std::move(polled_or_trouble));
    for (const auto& record : polled.records) heard_from(record.topic, record.partition);
    for (const auto& [name, partition] : polled.at_end) heard_from(name, partition);
    if (polled.records.empty() && polled.at_end.empty()) TRY_STATUS(probe());
    return polled;
  }

  Result<topic::Watermarks> watermarks(std::string_view topic, std::int32_t partition, std::int64_t timeout_ms) override {
    return query_watermarks(consumer_->client(), topic, partition, timeout_ms);
  }

  Result<std::int32_t> partition_count(std::string_view topic, std::int64_t timeout_ms) override {
    return query_partition_count(consumer_->client(), topic, timeout_ms);
  }

 private:
  void heard_from(const std::string& topic, std::int32_t partition) {
    if (!silent_.empty()) silent_.erase({topic, partition});
  }

  // The library says nothing of an assigned partition that does not exist or may not be read: ask for one that has given
  // neither a record nor its end since the assignment.
  Status probe() {
    if (silent_.empty() || SteadyClock::now() < probe_after_) return {};
    probe_after_ = SteadyClock::now() + kProbePause;
    const auto [name, partition] = *silent_.begin();
    TRY(const std::int32_t count, query_partition_count(consumer_->client(), name, kProbeMs));
    if (partition < count) return {};
    return make_error(Code::not_found, name + " has no partition " + std::to_string(partition));
  }

  std::unique_ptr<Consumer> consumer_;
  const Cluster cluster_;
  const ReaderOptions options_;
  bool is_troubled_ = false;  // an error came since the last assignment
  SteadyClock::time_point settles_at_;
  std::set<std::pair<std::string, std::int32_t>> silent_;
  SteadyClock::time_point probe_after_;
};

}  // namespace

Result<std::unique_ptr<topic::Reader>> make_reader(const Cluster& cluster, const ReaderOptions& options) {
  TRY(auto consumer, make_consumer(cluster, options));
  return std::unique_ptr<topic::Reader>(std::make_unique<KafkaReader>(std::move(consumer), cluster, options));
}

}  // namespace dossier::kafka
