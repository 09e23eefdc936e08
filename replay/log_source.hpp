// Reads a partition of a topic from its first record to the end it had when reading began.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "platform/topic/topic.hpp"

namespace dossier::replay {

// A reader that gets nothing for so long gives up: the broker is gone or does not answer.
inline constexpr std::int64_t kReadPatienceMs = 15'000;

struct PartitionRead {
  std::int64_t end = 0;   // the partition's end when reading began
  std::int64_t next = 0;  // offset after the last record handed over
  bool stopped = false;   // on_record wanted no more
};
// on_record: true = go on. Errors: its own; log_unavailable; log_mismatch (the topic's start was deleted, where `from_zero`
// asks for a whole log; otherwise reading starts where the log does); what the reader says, with the offset it was at.
Result<PartitionRead> read_partition(topic::Reader& reader, const std::string& topic, std::int32_t partition, bool from_zero,
                                     const std::function<Result<bool>(const topic::Record&)>& on_record);

}  // namespace dossier::replay
