#include "platform/kafka/query.hpp"

namespace dossier::kafka {

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

}  // namespace dossier::kafka
