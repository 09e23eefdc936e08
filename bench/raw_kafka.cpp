// Bare producers and consumers with the product's client settings.
#include "bench/raw_kafka.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "platform/crypto/crypto.hpp"
#include "platform/kafka/admin.hpp"

namespace dossier::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
double ms_since(SteadyClock::time_point then) { return std::chrono::duration<double, std::milli>(SteadyClock::now() - then).count(); }

// Counts what is outstanding, wakes who waits for room.
struct Window {
  std::mutex mutex;
  std::condition_variable changed;
  std::int64_t open = 0;
  bool failed = false;
  std::vector<double> latencies_ms;
};

Result<topic::Record> next_record(topic::Reader& reader) {
  const auto deadline = SteadyClock::now() + std::chrono::seconds(10);
  while (SteadyClock::now() < deadline) {
    TRY(topic::Polled polled, reader.poll({.max_records = 1, .wait_ms = 100}));
    if (!polled.records.empty()) return std::move(polled.records.front());
  }
  return make_error(Code::timeout, "no record came within 10 s");
}

}  // namespace

Result<RawTopic> RawTopic::make(const kafka::Cluster& cluster, bool fsync) {
  TRY(const auto admin, kafka::Admin::make(cluster));
  kafka::TopicSpec spec;
  spec.name = "bench.raw." + crypto::random_uuid_hex();
  spec.partitions = 2;
  spec.configs = {{"message.timestamp.type", "LogAppendTime"}};
  if (fsync) spec.configs.emplace_back("flush.messages", "1");
  TRY([[maybe_unused]] const bool made, admin->create_topic(spec));
  return RawTopic(cluster, spec.name);
}

RawTopic::~RawTopic() {
  if (name_.empty()) return;
  if (auto admin = kafka::Admin::make(cluster_)) (void)(*admin)->delete_topic(name_);
}

Result<RawProduce> RawTopic::produce(kafka::WriterKind kind, std::int64_t records, std::size_t bytes, int outstanding) {
  TRY(const auto writer, kafka::make_writer(cluster_, kind));
  Window window;
  const std::string value = crypto::random_bytes(bytes);
  const auto began = SteadyClock::now();
  for (std::int64_t n = 0; n < records; ++n) {
    {
      std::unique_lock lock(window.mutex);
      window.changed.wait(lock, [&] { return window.open < outstanding || window.failed; });
      if (window.failed) return make_error(Code::log_unavailable, "the broker did not take a record");
      ++window.open;
    }
    writer->append({name_, 0, {}, value, {}}, [&window, sent = SteadyClock::now()](const topic::Appended& appended) {
      const std::lock_guard lock(window.mutex);
      window.latencies_ms.push_back(ms_since(sent));
      window.failed = window.failed || appended.outcome != topic::Outcome::acknowledged;
      --window.open;
      window.changed.notify_one();
    });
  }
  if (!writer->flush(30'000) || window.failed) return make_error(Code::log_unavailable, "the broker did not acknowledge everything");
  RawProduce result;
  result.per_second = static_cast<double>(records) / (ms_since(began) / 1000);
  result.latencies_ms = std::move(window.latencies_ms);
  return result;
}

Result<std::vector<double>> RawTopic::two_hops(std::int64_t rounds, std::size_t bytes) {
  TRY(const auto writer, kafka::make_writer(cluster_, kafka::WriterKind::messages));
  TRY(const auto there, kafka::make_reader(cluster_));
  TRY(const auto back, kafka::make_reader(cluster_));
  TRY(const auto there_end, there->watermarks(name_, 0, 5'000));
  TRY(const auto back_end, back->watermarks(name_, 1, 5'000));
  TRY_STATUS(there->assign({{name_, 0, there_end.end}}));
  TRY_STATUS(back->assign({{name_, 1, back_end.end}}));
  std::thread echo([&] {
    for (std::int64_t n = 0; n < rounds; ++n) {
      auto record = next_record(*there);
      if (!record) return;
      writer->append({name_, 1, {}, std::move(record->value), {}}, [](const topic::Appended&) {});
    }
  });
  std::vector<double> latencies_ms;
  Status failed;
  const std::string value = crypto::random_bytes(bytes);
  for (std::int64_t n = 0; n < rounds && failed; ++n) {
    const auto began = SteadyClock::now();
    writer->append({name_, 0, {}, value, {}}, [](const topic::Appended&) {});
    if (auto record = next_record(*back); record)
      latencies_ms.push_back(ms_since(began));
    else
      failed = std::move(record).error();
  }
  echo.join();
  TRY_STATUS(failed);
  return latencies_ms;
}

}  // namespace dossier::bench
