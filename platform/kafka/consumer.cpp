// The poll that readers and group readers share.
#include "platform/kafka/consumer.hpp"

#include <algorithm>
#include <chrono>

#include "base/log.hpp"

namespace dossier::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

// librdkafka waits in whole milliseconds; a wait below one is rounded up, and ends at once when a record is there.
int milliseconds_until(SteadyClock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

topic::Record record_of(const rd_kafka_message_t& message) {
  topic::Record record;
  record.topic = rd_kafka_topic_name(message.rkt);
  record.partition = message.partition;
  record.offset = message.offset;
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  record.append_time_us = rd_kafka_message_timestamp(&message, &type) * 1000;
  record.key.assign(static_cast<const char*>(message.key), message.key_len);
  record.value.assign(static_cast<const char*>(message.payload), message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
      record.headers.push_back({name, value == nullptr ? std::string() : std::string(static_cast<const char*>(value), size)});
  }
  return record;
}

std::size_t size_of(const topic::Record& record) { return record.key.size() + record.value.size(); }

}  // namespace

Result<std::unique_ptr<Consumer>> Consumer::make(Conf conf, OnRebalance on_rebalance) {
  std::unique_ptr<Consumer> consumer(new Consumer);
  consumer->rebalance_ = std::move(on_rebalance);
  rd_kafka_conf_set_opaque(conf.get(), consumer.get());
  rd_kafka_conf_set_error_cb(conf.get(), &Consumer::on_error);
  if (consumer->rebalance_) rd_kafka_conf_set_rebalance_cb(conf.get(), &Consumer::on_rebalance);
  TRY(consumer->client_, make_client(RD_KAFKA_CONSUMER, std::move(conf)));
  rd_kafka_poll_set_consumer(consumer->client_);
  return consumer;
}

Consumer::~Consumer() {
  if (client_ != nullptr) destroy_bounded(client_, kDestroyMs);
}

Result<topic::Polled> Consumer::poll(const topic::PollLimits& limits) {
  if (lasting_) return *lasting_;
  if (transient_) {
    Error error = *std::move(transient_);
    transient_.reset();
    return error;
  }
  topic::Polled polled;
  std::size_t bytes = 0;
  rebalanced_ = false;
  const auto first = SteadyClock::now() + std::chrono::milliseconds(limits.wait_ms);
  SteadyClock::time_point linger;  // the clock's epoch, long past: nothing to wait for once only ends of partitions were met
  while (polled.records.size() < limits.max_records && bytes < limits.max_bytes) {
    const bool empty = polled.records.empty() && polled.at_end.empty();
    const int wait_ms = milliseconds_until(empty ? first : linger);
    const Message message(rd_kafka_consumer_poll(client_, wait_ms));
    if (message == nullptr) {
      if (wait_ms == 0 || rebalanced_ || lasting_ || transient_) break;
      continue;  // woken early, or just in time: look again with what is left of the wait
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      polled.at_end.emplace_back(rd_kafka_topic_name(message->rkt), message->partition);
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      note(*message);
      if (lasting_ || transient_) break;
    } else {
      if (polled.records.empty()) linger = SteadyClock::now() + std::chrono::microseconds(limits.linger_us);
      polled.records.push_back(record_of(*message));
      bytes += size_of(polled.records.back());
    }
  }
  if (polled.records.empty() && polled.at_end.empty() && (lasting_ || transient_)) return poll(limits);
  return polled;
}

void Consumer::forget_errors() {
  lasting_.reset();
  transient_.reset();
}

void Consumer::note(const rd_kafka_message_t& message) {
  // A reader of explicit partitions has a group's name only because the library wants one, and needs no right to it.
  if (!rebalance_ && message.err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) return;
  if (message.err == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED) {
    log::warn("kafka", "a consumer was not polled in time and lost its partitions; it joins the group again");
    return;
  }
  std::string what = "reading";
  if (message.rkt != nullptr) what += std::string(" ") + rd_kafka_topic_name(message.rkt) + "/" + std::to_string(message.partition);
  if (message.offset >= 0) what += " at offset " + std::to_string(message.offset);
  Error error = error_of(message.err, what);
  const bool lasts = error.code == Code::log_mismatch || error.code == Code::corrupt;
  (lasts ? lasting_ : transient_) = std::move(error);
}

void Consumer::on_error(rd_kafka_t* client, int error, const char* reason, void* self) noexcept {
  // Trouble with one of several brokers, or one connection, is the library's to mend.
  if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && error != RD_KAFKA_RESP_ERR__AUTHENTICATION) return;
  static_cast<Consumer*>(self)->transient_ = error_of(static_cast<rd_kafka_resp_err_t>(error), reason);
  rd_kafka_yield(client);
}

void Consumer::on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions, void* self) noexcept {
  auto* consumer = static_cast<Consumer*>(self);
  consumer->rebalanced_ = true;
  consumer->rebalance_(error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? partitions : nullptr);
  rd_kafka_yield(client);
}

}  // namespace dossier::kafka
