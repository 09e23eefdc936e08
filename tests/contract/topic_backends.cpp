// The implementations under contract: a real broker, and the broker in memory in both of its modes.
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "platform/kafka/admin.hpp"
#include "platform/memory/memory_topic.hpp"
#include "tests/contract/topic_contract.hpp"

namespace dossier::topic {
namespace {

// No two runs share a topic or a group, also on a broker that is used by others.
std::string fresh_name(const std::string& kind) {
  static std::atomic<int> number{0};
  static const std::string run = std::to_string(::getpid()) + "-" + std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
  return "contract-" + kind + "-" + run + "-" + std::to_string(++number);
}

class KafkaBackend final : public Backend {
 public:
  KafkaBackend() {
    const char* file = std::getenv("DOSSIER_TEST_KAFKA_PROPERTIES");
    if (file == nullptr) {
      trouble_ = "set DOSSIER_TEST_KAFKA_PROPERTIES to the properties of a Kafka administrator, or run ./dev test";
      return;
    }
    auto cluster = kafka::load_cluster("", file);
    if (!cluster) {
      trouble_ = cluster.error().message;
      return;
    }
    cluster_ = *std::move(cluster);
    auto admin = kafka::Admin::make(cluster_);
    if (!admin) {
      trouble_ = admin.error().message;
      return;
    }
    admin_ = *std::move(admin);
    if (const auto found = admin_->describe_cluster(); !found) trouble_ = found.error().message;
  }
  ~KafkaBackend() override {
    for (const auto& topic : topics_) (void)admin_->delete_topic(topic);
  }
  std::string trouble() const override { return trouble_; }
  std::string make_topic(std::int32_t partitions) override {
    topics_.push_back(fresh_name("topic"));
    const auto made = admin_->create_topic({topics_.back(), partitions, 1, {{"message.timestamp.type", "LogAppendTime"}}});
    EXPECT_TRUE(made) << made.error().message;
    return topics_.back();
  }
  std::unique_ptr<Writer> writer(const WriterLimits& limits) override {
    kafka::WriterOptions options;
    options.max_records = limits.max_records;
    options.max_bytes = limits.max_bytes;
    options.max_record_bytes = limits.max_record_bytes;
    return kafka::make_writer(cluster_, kafka::WriterKind::commits, options).value();
  }
  std::unique_ptr<Reader> reader() override { return kafka::make_reader(cluster_).value(); }
  std::unique_ptr<GroupReader> group_reader(const std::string& group, const std::string& topic) override {
    kafka::GroupOptions options;
    options.session_timeout_ms = 6'000;
    options.heartbeat_interval_ms = 500;
    options.max_poll_interval_ms = 60'000;
    return kafka::make_group_reader(cluster_, "contract-" + group + "-" + topic, topic, options).value();
  }

 private:
  std::string trouble_;
  kafka::Cluster cluster_;
  std::unique_ptr<kafka::Admin> admin_;
  std::vector<std::string> topics_;
};

class MemoryBackend final : public Backend {
 public:
  explicit MemoryBackend(memory::Mode mode)
      : deterministic_(mode == memory::Mode::deterministic),
        broker_(deterministic_ ? static_cast<const Clock&>(manual_) : system_, memory::BrokerOptions{mode}, &faults_) {}
  std::string trouble() const override { return {}; }
  std::string make_topic(std::int32_t partitions) override {
    const std::string name = fresh_name("topic");
    broker_.create_topic(name, partitions);
    return name;
  }
  std::unique_ptr<Writer> writer(const WriterLimits& limits) override {
    return broker_.make_writer("writer", {limits.max_records, limits.max_bytes, limits.max_record_bytes});
  }
  std::unique_ptr<Reader> reader() override { return broker_.make_reader("reader"); }
  std::unique_ptr<GroupReader> group_reader(const std::string& group, const std::string& topic) override {
    return broker_.make_group_reader("member", group + topic, topic);
  }
  void pump() override {
    if (!deterministic_) return;
    manual_.advance_us(1'000);
    while (broker_.step()) {
    }
  }

 private:
  // As a broker over a network: no outcome comes at once.
  struct Delay final : memory::FaultPolicy {
    memory::AppendPlan plan_append(std::string_view, const Outgoing&) override { return {memory::Fate::stored, 1'000, 0, {}}; }
  };
  const bool deterministic_;
  ManualClock manual_;
  SystemClock system_;
  Delay faults_;
  memory::MemoryBroker broker_;
};

}  // namespace

std::unique_ptr<Backend> make_kafka_backend() { return std::make_unique<KafkaBackend>(); }
std::unique_ptr<Backend> make_threaded_memory_backend() { return std::make_unique<MemoryBackend>(memory::Mode::threaded); }
std::unique_ptr<Backend> make_deterministic_memory_backend() { return std::make_unique<MemoryBackend>(memory::Mode::deterministic); }

}  // namespace dossier::topic
