// Start of every process that writes: is this the log that the database belongs to, and has each partition its Genesis?
#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "events/codec.hpp"
#include "events/ledger.hpp"
#include "producers/commit_log.hpp"

namespace dossier::producers {
namespace {

constexpr std::int64_t kPollMs = 200;

Error mismatch(std::string what) {
  return make_error(Code::log_mismatch, what + ". Point the server at the log and the database that belong together, or begin with an empty pair");
}

// The first record of every partition; nullopt where a partition is empty.
class FirstRecords {
 public:
  FirstRecords(topic::Reader& reader, std::string topic, const Clock& clock, std::int64_t deadline_us)
      : reader_(reader), topic_(std::move(topic)), clock_(clock), deadline_us_(deadline_us) {}

  Result<std::vector<std::optional<v1::Genesis>>> read(std::int32_t partitions) {
    std::vector<std::optional<v1::Genesis>> firsts(static_cast<std::size_t>(partitions));
    std::vector<topic::Position> wanted;
    for (std::int32_t p = 0; p < partitions; ++p) {
      TRY(const topic::Watermarks marks, reader_.watermarks(topic_, p, kPollMs * 25));
      if (marks.begin != 0) return mismatch("partition " + std::to_string(p) + " of " + topic_ + " has lost its beginning");
      if (marks.end > 0) wanted.push_back({topic_, p, 0});
    }
    if (wanted.empty()) return firsts;
    TRY_STATUS(reader_.assign(wanted));
    std::size_t missing = wanted.size();
    while (missing > 0) {
      if (clock_.boot_us() > deadline_us_) return make_error(Code::log_unavailable, "the first records of " + topic_ + " did not come in time");
      TRY(const topic::Polled polled, reader_.poll({.max_records = 1000, .max_bytes = 8u << 20, .wait_ms = kPollMs, .linger_us = 0}));
      for (const topic::Record& record : polled.records) {
        auto& first = firsts.at(static_cast<std::size_t>(record.partition));
        if (record.offset != 0 || first) continue;
        const events::Envelope envelope = events::decode(record.value);
        if (!envelope.decoded || envelope.record.body_case() != v1::Record::kGenesis)
          return mismatch("partition " + std::to_string(record.partition) + " of " + topic_ +
                          " does not begin with a Genesis: dossier did not begin it");
        first = envelope.record.genesis();
        --missing;
      }
    }
    TRY_STATUS(reader_.assign({}));
    return firsts;
  }

 private:
  topic::Reader& reader_;
  const std::string topic_;
  const Clock& clock_;
  const std::int64_t deadline_us_;
};

// The log id that the Genesis records agree on; empty: there is none yet.
Result<std::string> agreed_log_id(const std::vector<std::optional<v1::Genesis>>& firsts, const std::string& topic) {
  std::string log_id;
  for (std::size_t p = 0; p < firsts.size(); ++p) {
    if (!firsts[p]) continue;
    const v1::Genesis& genesis = *firsts[p];
    if (genesis.partitions() != firsts.size() || genesis.partition() != p)
      return mismatch("the Genesis of partition " + std::to_string(p) + " of " + topic + " speaks of partition " +
                      std::to_string(genesis.partition()) + " of " + std::to_string(genesis.partitions()) + "; the topic has " +
                      std::to_string(firsts.size()));
    if (log_id.empty()) log_id = genesis.log_id();
    if (genesis.log_id() != log_id)
      // NOLINTNEXTLINE(performance-inefficient-string-concatenation): an error, once
      return mismatch("the partitions of " + topic + " belong to different logs, " + log_id + " and " + genesis.log_id());
  }
  return log_id;
}

Status append_genesis(topic::Writer& writer, const LogIdentity& identity, const std::string& topic, const std::vector<std::int32_t>& partitions,
                      const Clock& clock, std::int64_t timeout_ms) {
  struct Failures {
    std::mutex mutex;
    std::string first;
  };
  const auto failures = std::make_shared<Failures>();
  for (const std::int32_t p : partitions) {
    topic::Outgoing record;
    record.topic = topic;
    record.partition = p;
    record.value = events::encode(events::make_genesis(identity.log_id, identity.partitions, p, clock.wall_us()));
    record.headers = {{"content-type", "application/protobuf"}};
    writer.append(std::move(record), [failures](const topic::Appended& appended) {
      if (appended.outcome == topic::Outcome::acknowledged) return;
      const std::lock_guard lock(failures->mutex);
      if (failures->first.empty()) failures->first = appended.reason.empty() ? "no acknowledgement" : appended.reason;
    });
  }
  const bool flushed = writer.flush(timeout_ms);
  const std::lock_guard lock(failures->mutex);
  if (!flushed || !failures->first.empty())
    return make_error(Code::log_unavailable, "the Genesis records of " + topic + " could not be written: " + failures->first);
  return {};
}

}  // namespace

Result<LogIdentity> open_log(topic::Reader& reader, topic::Writer& writer, LogIdentityStore& store, const events::Topics& topics,
                             const std::string& new_log_id, const Clock& clock, std::int64_t timeout_ms) {
  const std::string topic = topics.events();
  const std::int64_t deadline_us = clock.boot_us() + timeout_ms * 1'000;
  TRY(const std::int32_t partitions, reader.partition_count(topic, timeout_ms));
  TRY(const std::optional<LogIdentity> stored, store.load());
  if (stored && stored->partitions != partitions)
    return mismatch(topic + " has " + std::to_string(partitions) + " partitions, the database belongs to a log with " +
                    std::to_string(stored->partitions));

  FirstRecords first_records(reader, topic, clock, deadline_us);
  TRY(auto firsts, first_records.read(partitions));
  TRY(const std::string found, agreed_log_id(firsts, topic));
  if (stored && !found.empty() && stored->log_id != found)
    return mismatch(topic + " is log " + found + ", the database belongs to log " + stored->log_id);

  // The database decides the id first, so that two processes which begin an empty log at once begin the same one.
  TRY(const LogIdentity identity, store.adopt({found.empty() ? (stored ? stored->log_id : new_log_id) : found, partitions}));
  if (identity.partitions != partitions || (!found.empty() && identity.log_id != found))
    return mismatch(topic + " is log " + found + ", the database belongs to log " + identity.log_id);

  TRY(const std::vector<std::int32_t> journaled, store.journaled());
  std::vector<std::int32_t> missing;
  for (std::int32_t p = 0; p < partitions; ++p) {
    if (firsts[static_cast<std::size_t>(p)]) continue;
    if (std::find(journaled.begin(), journaled.end(), p) == journaled.end())
      missing.push_back(p);
    else
      log::error("producers", "partition " + std::to_string(p) + " of " + topic + " is empty, and the journal has records of it: dossier log repair");
  }
  if (missing.empty()) return identity;
  log::info("producers", "beginning log " + identity.log_id + ": " + std::to_string(missing.size()) + " partitions of " + topic);
  TRY_STATUS(append_genesis(writer, identity, topic, missing, clock, timeout_ms));
  // Another process may have been first: a second Genesis is void, but the first must be of this log.
  TRY(firsts, first_records.read(partitions));
  TRY(const std::string begun, agreed_log_id(firsts, topic));
  if (begun != identity.log_id) return mismatch(topic + " is log " + begun + ", the database belongs to log " + identity.log_id);
  return identity;
}

}  // namespace dossier::producers
