// topic::GroupReader: a member of a consumer group over one topic, with an eager assignor.
#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>

#include "base/log.hpp"
#include "platform/kafka/consumer.hpp"

namespace dossier::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kClosePollMs = 50;

class KafkaGroupReader final : public topic::GroupReader {
 public:
  static Result<std::unique_ptr<topic::GroupReader>> make(Conf conf, std::string topic) {
    std::unique_ptr<KafkaGroupReader> reader(new KafkaGroupReader(std::move(topic)));
    TRY(reader->consumer_, Consumer::make(std::move(conf), [self = reader.get()](const auto* list) { self->rebalanced(list); }));
    const Partitions topics(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(topics.get(), reader->topic_.c_str(), RD_KAFKA_PARTITION_UA);
    if (const auto error = rd_kafka_subscribe(reader->client(), topics.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return error_of(error, "joining the group over " + reader->topic_);
    return std::unique_ptr<topic::GroupReader>(std::move(reader));
  }

  ~KafkaGroupReader() override { close(kDestroyMs); }

  Result<topic::Polled> poll(const topic::PollLimits& limits) override {
    if (consumer_ == nullptr) return make_error(Code::shutting_down, "this member has left its group");
    TRY_STATUS(apply_seeks());
    TRY(auto polled, consumer_->poll(limits));
    for (const auto& record : polled.records) next_[record.partition] = record.offset + 1;
    return polled;
  }

  Assignment assignment() const override { return assignment_; }

  void commit(std::int32_t partition, std::int64_t offset) override {
    if (consumer_ == nullptr || !owns(partition)) return;
    const Partitions list(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), partition)->offset = offset;
    // Its failure is told by the offset commit callback; a member that takes over reads again from the commit before.
    rd_kafka_commit(client(), list.get(), 1);
  }

  Status seek(std::int32_t partition, std::int64_t offset) override {
    if (!owns(partition))
      return make_error(Code::position_moved, topic_ + "/" + std::to_string(partition) + " belongs to another member of the group");
    if (offset < 0) return make_error(Code::log_mismatch, "there is no offset " + std::to_string(offset));
    sought_[partition] = offset;  // takes effect with the next poll, all of them in one assignment
    return {};
  }

  void close(std::int64_t timeout_ms) override {
    if (consumer_ == nullptr) return;
    leave(timeout_ms);
    consumer_.reset();
    assignment_ = {assignment_.generation + 1, {}};
  }

 private:
  explicit KafkaGroupReader(std::string topic) : topic_(std::move(topic)) {}
  rd_kafka_t* client() const { return consumer_->client(); }
  bool owns(std::int32_t partition) const { return std::ranges::count(assignment_.partitions, partition) != 0; }

  // Inside poll() or close(). The eager protocol waits for this answer; everything else is the owner's to do.
  void rebalanced(const rd_kafka_topic_partition_list_t* partitions) {
    rd_kafka_assign(client(), partitions);
    ++assignment_.generation;
    assignment_.partitions.clear();
    next_.clear();
    sought_.clear();
    if (partitions == nullptr) return;
    for (int i = 0; i < partitions->cnt; ++i) assignment_.partitions.push_back(partitions->elems[i].partition);
    std::ranges::sort(assignment_.partitions);
  }

  // A seek of the library may meet a partition which it has not begun to fetch, and then fails or is lost (2.0.2); the same
  // assignment with other offsets always holds.
  Status apply_seeks() {
    if (sought_.empty()) return {};
    const Partitions list(rd_kafka_topic_partition_list_new(static_cast<int>(assignment_.partitions.size())));
    for (const std::int32_t partition : assignment_.partitions) {
      std::int64_t offset = RD_KAFKA_OFFSET_STORED;  // nothing read yet: from where the group had committed
      if (const auto found = next_.find(partition); found != next_.end()) offset = found->second;
      if (const auto found = sought_.find(partition); found != sought_.end()) offset = found->second;
      rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), partition)->offset = offset;
    }
    if (const auto error = rd_kafka_assign(client(), list.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return error_of(error, "moving the position in " + topic_);
    for (const auto& [partition, offset] : sought_) next_[partition] = offset;
    sought_.clear();
    consumer_->forget_errors();
    return {};
  }

  // rd_kafka_consumer_close would wait without a bound; its asynchronous form is driven here until the deadline.
  void leave(std::int64_t timeout_ms) {
    const Queue queue(rd_kafka_queue_new(client()));
    const auto deadline = SteadyClock::now() + std::chrono::milliseconds(timeout_ms);
    if (const KafkaError error{rd_kafka_consumer_close_queue(client(), queue.get())}) return;
    while (rd_kafka_consumer_closed(client()) == 0) {
      if (SteadyClock::now() >= deadline)
        return log::warn("kafka", "a member did not leave its group over " + topic_ + " in time; the group waits out its session");
      rd_kafka_queue_poll_callback(queue.get(), kClosePollMs);
    }
  }

  const std::string topic_;
  std::unique_ptr<Consumer> consumer_;  // null once closed
  Assignment assignment_;
  std::map<std::int32_t, std::int64_t> next_;    // the next offset to return, where one was returned under this assignment
  std::map<std::int32_t, std::int64_t> sought_;  // asked for, applied by the next poll
};

// Inside poll() or close(), on the owner's thread.
void on_commit(rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t*, void*) noexcept {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__NO_OFFSET) return;
  try {
    log::debug("kafka", std::string("an offset commit was lost: ") + rd_kafka_err2str(error));
    // NOLINTNEXTLINE(bugprone-empty-catch)
  } catch (...) {  // out of memory: the line is lost
  }
}

}  // namespace

Result<std::unique_ptr<topic::GroupReader>> make_group_reader(const Cluster& cluster, std::string_view group, std::string_view topic,
                                                              const GroupOptions& options) {
  TRY(Conf conf, make_conf(cluster, {{"group.id", std::string(group)},
                                     {"partition.assignment.strategy", "roundrobin"},
                                     {"session.timeout.ms", std::to_string(options.session_timeout_ms)},
                                     {"heartbeat.interval.ms", std::to_string(options.heartbeat_interval_ms)},
                                     {"max.poll.interval.ms", std::to_string(options.max_poll_interval_ms)},
                                     {"enable.auto.commit", "false"},
                                     {"enable.auto.offset.store", "false"},
                                     {"auto.offset.reset", "earliest"},
                                     {"isolation.level", "read_uncommitted"},
                                     {"check.crcs", "true"},
                                     {"enable.partition.eof", "true"},
                                     {"fetch.min.bytes", "1"},
                                     {"fetch.wait.max.ms", std::to_string(options.fetch_wait_ms)},
                                     {"fetch.error.backoff.ms", "50"},
                                     {"queued.min.messages", std::to_string(std::max(options.prefetch_records, kMinPrefetchRecords))},
                                     {"queued.max.messages.kbytes", std::to_string(options.prefetch_kbytes)}}));
  rd_kafka_conf_set_offset_commit_cb(conf.get(), on_commit);
  return KafkaGroupReader::make(std::move(conf), std::string(topic));
}

}  // namespace dossier::kafka
