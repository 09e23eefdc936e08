// Stamps a commit, checks the limits of the log format, hands it to the writer.
#include "producers/commit_log.hpp"

#include "base/check.hpp"
#include "events/codec.hpp"
#include "events/limits.hpp"

namespace dossier::producers {

CommitLog::CommitLog(topic::Writer& writer, events::Topics topics, LogIdentity identity, History history)
    : writer_(writer), topic_(topics.events()), identity_(std::move(identity)), history_(std::move(history)) {
  CHECK(identity_.partitions > 0 && !identity_.log_id.empty());
}

std::int32_t CommitLog::partition_of(const WorkspaceId& workspace) const { return events::partition_of(workspace.str(), identity_.partitions); }

Status CommitLog::append(v1::Commit& commit, topic::Writer::Done done) {
  if (commit.events_size() > events::kMaxCommitEvents || commit.expects_size() > events::kMaxCommitExpects)
    return make_error(Code::payload_too_large, "a request may cause at most " + std::to_string(events::kMaxCommitEvents) + " events");
  const std::int32_t partition = events::partition_of(commit.workspace_id(), identity_.partitions);
  const std::uint64_t history = history_(partition);
  if (history == 0) {
    Error error = make_error(Code::log_unavailable, "partition " + std::to_string(partition) + " has not been read yet");
    error.retry_after_ms = 500;
    return error;
  }
  if (!writer_.healthy()) return make_error(Code::log_unavailable, "the writer to the log has failed and is being replaced");
  commit.set_history(history);
  topic::Outgoing record;
  record.topic = topic_;
  record.partition = partition;
  record.key = commit.workspace_id();
  record.value = events::encode(events::make_record(commit));
  if (record.value.size() > events::kMaxCommitBytes)
    return make_error(Code::payload_too_large, "the request makes a commit of " + std::to_string(record.value.size()) + " bytes; the limit is " +
                                                   std::to_string(events::kMaxCommitBytes) + ". Put large content into a blob");
  record.headers = events::commit_headers(commit);
  writer_.append(std::move(record), std::move(done));
  return {};
}

}  // namespace dossier::producers
