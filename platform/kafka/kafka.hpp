// Kafka behind the ports of platform/topic: how to name a cluster, and makers of writers, readers and group readers
// with the product's settings (docs/architecture.md has the table). No librdkafka header leaves this folder.
//
// Every maker returns at once, also when no broker can be reached: connections are made, and made again, in the
// background. What fails here is a wrong setting (Code::usage, with its name, never its value).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "platform/topic/topic.hpp"

namespace dossier::kafka {

// A cluster and how to sign in to it. `properties` are librdkafka settings, passed through; they hold passwords, so they
// are never logged. Where the product fixes a setting for correctness (acks, idempotence, …), its value wins.
struct Cluster {
  std::string bootstrap;  // "host:port,host:port"
  std::vector<std::pair<std::string, std::string>> properties;
};

// `name=value` lines; blank lines and lines that start with '#' are skipped; spaces around name and value are dropped. An
// empty `bootstrap` takes the text's bootstrap.servers; a given one wins over it. Code::usage: a line without '=', a
// setting that librdkafka does not know or a value that it does not take, no bootstrap in either place; the message
// names the line and the setting.
Result<Cluster> parse_cluster(std::string_view bootstrap, std::string_view text);
// The same from a file; an empty path means no properties. Code::io: the file can't be read.
Result<Cluster> load_cluster(std::string_view bootstrap, const std::string& properties_file);

enum class WriterKind : std::uint8_t {
  commits,   // dossier.events, checkpoints: no linger, one batch a partition in flight, so writers batch themselves
  activity,  // log lines: 20 ms linger, zstd, large batches
  messages,  // offers, control, reports: no linger
};
struct WriterOptions {
  std::int64_t message_timeout_ms = 15'000;  // a record without an outcome by then gets one: refused or unknown
  std::size_t max_records = 20'000;          // queued and in flight; beyond: refused, overloaded
  std::size_t max_bytes = 64u << 20;
  std::size_t max_record_bytes = 1'048'576;  // value and key and headers; beyond: refused, payload_too_large
};
// The writer owns a thread which serves delivery reports, one of commits two; `done` runs there, for different partitions perhaps at once. Its
// destructor does not wait for the log: what is still queued is refused, what is in flight is unknown. Call flush() first.
Result<std::unique_ptr<topic::Writer>> make_writer(const Cluster& cluster, WriterKind kind, const WriterOptions& options = {});

// Fewer are raised to this: with room for 1 or 2 records, librdkafka 2.0.2 counts ends of partitions among them, finds itself
// full and looks again a second later (measured: 1 or 2: p50 950 ms from append to poll; 20 and more: 2 ms).
inline constexpr std::size_t kMinPrefetchRecords = 50;

struct ReaderOptions {
  std::size_t prefetch_records = 5'000;  // a partition
  std::size_t prefetch_kbytes = 16'384;  // a partition
  std::int64_t fetch_wait_ms = 100;      // how long the broker may hold an empty fetch; data is sent at once
};
Result<std::unique_ptr<topic::Reader>> make_reader(const Cluster& cluster, const ReaderOptions& options = {});

struct GroupOptions {
  std::int64_t session_timeout_ms = 30'000;
  std::int64_t heartbeat_interval_ms = 3'000;
  std::int64_t max_poll_interval_ms = 60'000;  // the owner must poll at least this often, or its partitions move on
  std::size_t prefetch_records = 5'000;
  std::size_t prefetch_kbytes = 16'384;
  std::int64_t fetch_wait_ms = 100;
};
// A committed offset that the log no longer has is read from the log's start.
Result<std::unique_ptr<topic::GroupReader>> make_group_reader(const Cluster& cluster, std::string_view group, std::string_view topic,
                                                              const GroupOptions& options = {});

}  // namespace dossier::kafka
