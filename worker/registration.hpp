// How a worker becomes one: POST /v1/workers, which tells it who it is and where its topics are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "platform/http_client/http_client.hpp"
#include "platform/json/json.hpp"
#include "platform/kafka/kafka.hpp"

namespace dossier::worker {

struct Registration {
  std::string worker_id;
  std::string workspace_id;
  std::string pool;
  kafka::Cluster cluster;
  std::string tasks_topic, control_topic, reports_topic, activity_topic;
  std::int32_t reports_partitions = 0;
  std::int32_t activity_partitions = 0;
};

struct RegistrationRequest {
  std::string name;
  std::string mode;
  std::uint32_t slots = 1;
  json::Value capabilities;
  std::string public_key;
  std::string idempotency_key;
};

// Errors: transient ones (no server, 5xx) may be tried again with the same request; unauthenticated, forbidden: the token;
// others: the server's own words.
Result<Registration> register_worker(http_client::Client& client, const RegistrationRequest& request);

// The error of a reply that is no success: the problem document's words, and a code by its status.
Error error_of_reply(const http_client::Response& response);
// Pure, for tests.
Result<Registration> read_registration(std::string_view body);

}  // namespace dossier::worker
