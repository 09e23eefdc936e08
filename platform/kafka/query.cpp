// Metadata requests.
#include "platform/kafka/query.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace dossier::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr auto kLeaderPause = std::chrono::milliseconds(20);
// Of several brokers each learns of a new topic by itself: its leader may say for a moment that there is none.
constexpr auto kTopicSpreads = std::chrono::seconds(3);

bool leader_is_being_chosen(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

// The broker that was asked does not know of it, or the client has not heard of it since.
bool is_unknown(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
         error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

}  // namespace

Result<std::int32_t> query_partition_count(rd_kafka_t* client, std::string_view topic, std::int64_t timeout_ms) {
  const std::string name(topic);
  const std::string what = "asking for the partitions of " + name;
  const Topic handle(rd_kafka_topic_new(client, name.c_str(), nullptr));
  if (handle == nullptr) return error_of(rd_kafka_last_error(), what);
  const rd_kafka_metadata_t* found = nullptr;
  if (const auto error = rd_kafka_metadata(client, 0, handle.get(), &found, static_cast<int>(timeout_ms)); error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return error_of(error, what);
  const Metadata metadata(found);
  if (metadata->topic_cnt != 1) return make_error(Code::not_found, "there is no topic " + name);
  const rd_kafka_metadata_topic_t& described = metadata->topics[0];
  if (described.err != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(described.err, what);
  return described.partition_cnt;
}

Result<topic::Watermarks> query_watermarks(rd_kafka_t* client, std::string_view topic, std::int32_t partition, std::int64_t timeout_ms) {
  const std::string name(topic);
  const auto deadline = SteadyClock::now() + std::chrono::milliseconds(timeout_ms);
  const auto known_by = SteadyClock::now() + kTopicSpreads;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
    topic::Watermarks marks;
    const auto error = rd_kafka_query_watermark_offsets(client, name.c_str(), partition, &marks.begin, &marks.end,
                                                        static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return marks;
    const bool may_be_new = is_unknown(error) && SteadyClock::now() < known_by;
    if ((!leader_is_being_chosen(error) && !may_be_new) || left <= kLeaderPause)
      return error_of(error, "asking for the ends of " + name + "/" + std::to_string(partition));
    std::this_thread::sleep_for(kLeaderPause);
  }
}

}  // namespace dossier::kafka
