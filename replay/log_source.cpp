// Reading a partition whole.
#include "replay/log_source.hpp"

namespace dossier::replay {

Result<PartitionRead> read_partition(topic::Reader& reader, const std::string& topic, std::int32_t partition, bool from_zero,
                                     const std::function<Result<bool>(const topic::Record&)>& on_record) {
  constexpr topic::PollLimits kLimits{.max_records = 5'000, .max_bytes = 8u << 20, .wait_ms = 500, .linger_us = 0};
  TRY(const auto marks, reader.watermarks(topic, partition, kReadPatienceMs));
  if (from_zero && marks.begin != 0)
    return make_error(Code::log_mismatch, topic + " partition " + std::to_string(partition) + " begins at offset " + std::to_string(marks.begin) +
                                              ": its first records were deleted (retention must be unlimited)");
  PartitionRead read{.end = marks.end, .next = marks.begin};
  if (read.next >= read.end) return read;
  TRY_STATUS(reader.assign({{topic, partition, read.next}}));
  std::int64_t silent_ms = 0;
  std::string last_failure = "nothing came";
  const auto place = [&](std::int64_t offset) { return topic + " partition " + std::to_string(partition) + ", offset " + std::to_string(offset); };
  while (read.next < read.end) {
    auto polled = reader.poll(kLimits);
    if (!polled) {
      if (!is_transient(polled.error().code)) {
        Error failed = std::move(polled).error();
        failed.message = place(read.next).append(": ").append(failed.message);
        return failed;
      }
      last_failure = polled.error().message;
    }
    if (!polled || polled->records.empty()) {
      silent_ms += kLimits.wait_ms;
      if (silent_ms >= kReadPatienceMs)
        return make_error(
            Code::log_unavailable,
            place(read.next).append(": no record for " + std::to_string(kReadPatienceMs / 1000) + " s (").append(last_failure).append(")"));
      continue;
    }
    silent_ms = 0;
    for (const auto& record : polled->records) {
      if (record.offset >= read.end) break;
      TRY(const bool more, on_record(record));
      read.next = record.offset + 1;
      if (!more) {
        read.stopped = true;
        return read;
      }
    }
    // Only what lies past the end came: a topic whose tail was compacted or aborted, which ours never are.
    if (!polled->records.empty() && polled->records.back().offset >= read.end) break;
  }
  return read;
}

}  // namespace dossier::replay
