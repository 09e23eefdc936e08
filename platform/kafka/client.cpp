// Configurations, clients and error codes of librdkafka.
#include "platform/kafka/client.hpp"

#include <array>
#include <chrono>
#include <future>
#include <thread>

#include "base/log.hpp"

namespace dossier::kafka {
namespace {

// On any librdkafka thread. Syslog levels; connection trouble is the ordinary state of a client whose broker restarts, and
// its consequences are reported where they matter, so nothing is louder than a warning.
void write_log(const rd_kafka_t*, int level, const char* facility, const char* text) noexcept {
  try {
    const std::string line = std::string(facility) + ": " + text;
    level <= 4 ? log::warn("kafka", line) : log::debug("kafka", line);
    // NOLINTNEXTLINE(bugprone-empty-catch)
  } catch (...) {  // out of memory: the line is lost
  }
}

}  // namespace

Status set(rd_kafka_conf_t* conf, std::string_view name, const std::string& value) {
  std::array<char, 256> ignored{};  // repeats the value
  const std::string setting(name);
  switch (rd_kafka_conf_set(conf, setting.c_str(), value.c_str(), ignored.data(), ignored.size())) {
    case RD_KAFKA_CONF_OK: return {};
    case RD_KAFKA_CONF_UNKNOWN: return make_error(Code::usage, "'" + setting + "' is no setting of librdkafka", setting);
    case RD_KAFKA_CONF_INVALID: return make_error(Code::usage, "the value of the Kafka setting '" + setting + "' is not valid", setting);
  }
  return make_error(Code::internal, "rd_kafka_conf_set answered something new", setting);
}

Result<Conf> make_conf(const Cluster& cluster, std::initializer_list<std::pair<std::string_view, std::string>> settings) {
  Conf conf(rd_kafka_conf_new());
  for (const auto& [name, value] : cluster.properties) TRY_STATUS(set(conf.get(), name, value));
  for (const auto& [name, value] : settings) TRY_STATUS(set(conf.get(), name, value));
  TRY_STATUS(set(conf.get(), "bootstrap.servers", cluster.bootstrap));
  TRY_STATUS(set(conf.get(), "client.id", "dossier"));
  TRY_STATUS(set(conf.get(), "socket.nagle.disable", "true"));
  TRY_STATUS(set(conf.get(), "allow.auto.create.topics", "false"));
  TRY_STATUS(set(conf.get(), "log.connection.close", "false"));
  // A broker that comes back is found again within this; the library's own ceiling is 10 s.
  TRY_STATUS(set(conf.get(), "reconnect.backoff.ms", "50"));
  TRY_STATUS(set(conf.get(), "reconnect.backoff.max.ms", "1000"));
  TRY_STATUS(set(conf.get(), "topic.metadata.refresh.fast.interval.ms", "50"));  // while a leader is unknown
  rd_kafka_conf_set_log_cb(conf.get(), write_log);
  return conf;
}

Result<rd_kafka_t*> make_client(rd_kafka_type_t type, Conf conf) {
  std::array<char, 512> reason{};
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), reason.data(), reason.size());
  if (client == nullptr) return make_error(Code::usage, std::string("librdkafka refuses its settings: ") + reason.data());
  (void)conf.release();  // the client owns it now
  return client;
}

void destroy_bounded(rd_kafka_t* client, std::int64_t timeout_ms) {
  rd_kafka_set_log_level(client, 0);  // connections that are cut on the way out are no news
  std::promise<void> promise;
  std::future<void> gone = promise.get_future();
  std::thread thread([client, promise = std::move(promise)]() mutable {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    promise.set_value();
  });
  if (gone.wait_for(std::chrono::milliseconds(timeout_ms)) == std::future_status::ready) {
    thread.join();
    return;
  }
  log::error("kafka", "a consumer did not end within " + std::to_string(timeout_ms) + " ms; its threads are left behind");
  thread.detach();
}

Code code_of(rd_kafka_resp_err_t error) noexcept {
  switch (error) {  // theirs, not ours: a default is right here
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return Code::overloaded;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE: return Code::payload_too_large;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: return Code::not_found;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED: return Code::forbidden;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: return Code::log_mismatch;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG: return Code::corrupt;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
    case RD_KAFKA_RESP_ERR__INVALID_ARG: return Code::invalid_field;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: return Code::already_exists;
    default: return Code::log_unavailable;
  }
}

Error error_of(rd_kafka_resp_err_t error, std::string_view what) {
  return make_error(code_of(error), std::string(what) + ": " + rd_kafka_err2str(error));
}

}  // namespace dossier::kafka
