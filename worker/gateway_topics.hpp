// The topics of a worker without a route to Kafka: the same ports as platform/kafka's, over a server's /v1/gateway.
//
// What a server says about a record is what its own writer said: acknowledged means durable in the log. A request that
// broke off leaves its records unknown, and whoever appended them sends them again, as with Kafka.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "platform/http_client/http_client.hpp"
#include "platform/topic/topic.hpp"

namespace dossier::worker {

struct GatewayOptions {
  http_client::Options api;  // of the server, with the worker's token
  std::string worker_id;
  std::string reports_topic, activity_topic, control_topic;
};

// One thread and one request in flight, so records keep their order; what is appended meanwhile goes with the next one.
// Takes only reports and activity; partitions are the server's business.
struct GatewayWriterLimits {
  std::size_t max_records = 20'000;         // queued and in flight; beyond: refused, overloaded
  std::size_t max_bytes = 64u << 20;        // likewise
  std::size_t max_record_bytes = 900'000;   // beyond: refused, payload_too_large
  std::size_t max_request_bytes = 900'000;  // of records in one request (one at least)
  int max_request_records = 2'000;
  std::int64_t linger_ms = 0;  // for more records, after the first
};
Result<std::unique_ptr<topic::Writer>> make_gateway_writer(const GatewayOptions& options, const GatewayWriterLimits& limits = {});

// Of the control topic alone, its partition 0. poll() is a long poll: it may take kGatewayWaitMs where nothing is said.
inline constexpr std::int64_t kGatewayWaitMs = 1'000;
Result<std::unique_ptr<topic::Reader>> make_gateway_reader(const GatewayOptions& options);

}  // namespace dossier::worker
