// Inside platform/kafka only: questions about the cluster which any client may ask.
#pragma once

#include "platform/kafka/client.hpp"

namespace dossier::kafka {

using Metadata = std::unique_ptr<const rd_kafka_metadata_t, Destroy<rd_kafka_metadata_destroy>>;

// not_found: no such topic.
Result<std::int32_t> query_partition_count(rd_kafka_t* client, std::string_view topic, std::int64_t timeout_ms);

// Waits, within the timeout, for a leader that is being chosen (a topic made just now, a broker that stops).
Result<topic::Watermarks> query_watermarks(rd_kafka_t* client, std::string_view topic, std::int32_t partition, std::int64_t timeout_ms);

}  // namespace dossier::kafka
