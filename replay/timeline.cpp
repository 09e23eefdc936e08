// Timelines from both sources.
#include "replay/timeline.hpp"

#include <unordered_map>

#include "replay/journal_source.hpp"
#include "replay/log_source.hpp"
#include "replay/workspace_scan.hpp"

namespace dossier::replay {
namespace {

Error too_many(const IssueId& issue) {
  return make_error(Code::payload_too_large, issue.str() + " has more than " + std::to_string(kMaxEntries) + " events: use --until");
}

Result<Timeline> finish(Timeline timeline) {
  if (timeline.entries.empty())
    return make_error(Code::not_found, "no event names " + timeline.issue.str() + " in " + timeline.workspace.str() + " up to seq " +
                                           std::to_string(timeline.workspace_seq) + ": check the id, or give its --workspace");
  return timeline;
}

}  // namespace

Result<Timeline> timeline_from_log(topic::Reader& reader, const events::Topics& topics, const WorkspaceId& workspace, const IssueId& issue,
                                   const Until& until) {
  TRY(const auto partitions, reader.partition_count(topics.events(), kReadPatienceMs));
  const std::int32_t partition = events::partition_of(workspace.str(), partitions);
  WorkspaceScan scan(workspace, partition);
  Timeline timeline{.workspace = workspace, .issue = issue, .entries = {}, .worker_keys = {}};
  TRY(const auto read, read_partition(reader, topics.events(), partition, true, [&](const topic::Record& record) -> Result<bool> {
        TRY(const auto judged, scan.feed(record.offset, record.value));
        if (!judged || judged->judgement.verdict != events::Verdict::accepted) return true;
        const auto& verdict = judged->judgement;
        if (!until.includes(verdict.seq, verdict.time_us)) return false;
        timeline.workspace_seq = verdict.seq;
        collect_keys(timeline.worker_keys, judged->envelope.record.commit());
        append_entries(timeline.entries, judged->envelope.record.commit(), verdict.seq, verdict.time_us, verdict.versions, issue);
        if (timeline.entries.size() > kMaxEntries) return too_many(issue);
        return true;
      }));
  if (!read.stopped && read.next < read.end)
    return make_error(Code::corrupt, topics.events() + " partition " + std::to_string(partition) + " has no record at offset " +
                                         std::to_string(read.next) + ", though it ends at " + std::to_string(read.end));
  return finish(std::move(timeline));
}

Result<Timeline> timeline_from_journal(postgres::ReadTransaction& snapshot, const WorkspaceId& workspace, const IssueId& issue, const Until& until) {
  Timeline timeline{.workspace = workspace, .issue = issue, .entries = {}, .worker_keys = {}};
  std::unordered_map<std::string, std::uint64_t> stream_versions;
  std::vector<std::uint64_t> versions;
  TRY_STATUS(read_accepted(snapshot, workspace, [&](const projections::JournalRow& row) -> Result<bool> {
    if (!until.includes(row.seq, row.time_us)) return false;
    const auto envelope = events::decode(row.value);
    if (!envelope.decoded || !envelope.record.has_commit())
      return make_error(Code::corrupt, "the journal's record at partition " + std::to_string(row.partition) + ", offset " +
                                           std::to_string(row.offset) + " is no commit: run dossier verify --workspace " + workspace.str());
    const v1::Commit& commit = envelope.record.commit();
    versions.clear();
    for (const auto& event : commit.events()) versions.push_back(++stream_versions[event.stream()]);
    timeline.workspace_seq = row.seq;
    collect_keys(timeline.worker_keys, commit);
    append_entries(timeline.entries, commit, row.seq, row.time_us, versions, issue);
    if (timeline.entries.size() > kMaxEntries) return too_many(issue);
    return true;
  }));
  return finish(std::move(timeline));
}

std::string to_ndjson(const Timeline& timeline) {
  std::string out;
  for (const auto& entry : timeline.entries) {
    append_item_json(out, entry);
    out += '\n';
  }
  return out;
}

}  // namespace dossier::replay
