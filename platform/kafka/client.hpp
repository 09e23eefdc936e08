// Inside platform/kafka only: RAII around librdkafka's handles, the common part of a configuration, and the one
// translation of its error codes into ours.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "platform/kafka/kafka.hpp"

namespace dossier::kafka {

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* handle) const noexcept {
    destroy(handle);
  }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, Destroy<rd_kafka_conf_destroy>>;
using Message = std::unique_ptr<rd_kafka_message_t, Destroy<rd_kafka_message_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>>;
using Headers = std::unique_ptr<rd_kafka_headers_t, Destroy<rd_kafka_headers_destroy>>;
using Topic = std::unique_ptr<rd_kafka_topic_t, Destroy<rd_kafka_topic_destroy>>;
using Partitions = std::unique_ptr<rd_kafka_topic_partition_list_t, Destroy<rd_kafka_topic_partition_list_destroy>>;
using KafkaError = std::unique_ptr<rd_kafka_error_t, Destroy<rd_kafka_error_destroy>>;

// The cluster's properties, then `settings` over them; log lines go to base/log. Code::usage: a setting was not taken.
Result<Conf> make_conf(const Cluster& cluster, std::initializer_list<std::pair<std::string_view, std::string>> settings);

// Code::usage with the setting's name; never its value, which may be a password.
Status set(rd_kafka_conf_t* conf, std::string_view name, const std::string& value);

// Makes the client and takes the configuration; Code::usage: librdkafka refuses the combination.
Result<rd_kafka_t*> make_client(rd_kafka_type_t type, Conf conf);

// Ends a consumer's client within `timeout_ms`: librdkafka 2.0.2 may wait for ever for a broker that went away in the
// wrong moment, so a thread of its own does it, and is left behind (logged) when it does not come back.
void destroy_bounded(rd_kafka_t* client, std::int64_t timeout_ms);

// What an error of a record, a partition or a request means to us.
Code code_of(rd_kafka_resp_err_t error) noexcept;
Error error_of(rd_kafka_resp_err_t error, std::string_view what);

}  // namespace dossier::kafka
