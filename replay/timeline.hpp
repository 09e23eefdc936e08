// An issue's timeline: all accepted events that name it, in order of (seq, index), from the log itself or from the journal.
// Both give the same entries, so what is printed from them has the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "events/names.hpp"
#include "platform/postgres/pool.hpp"
#include "platform/topic/topic.hpp"
#include "replay/entry.hpp"
#include "replay/workers.hpp"

namespace dossier::replay {

struct Timeline {
  WorkspaceId workspace;
  IssueId issue;
  std::vector<Entry> entries;
  WorkerKeys worker_keys;           // of the workspace's workers, as far as was read
  std::uint64_t workspace_seq = 0;  // of the last commit that was read
};

// More than this is payload_too_large: entries are held in memory.
inline constexpr std::size_t kMaxEntries = 1'000'000;

// Reads the workspace's partition from offset 0 and judges again. not_found: no event names the issue.
Result<Timeline> timeline_from_log(topic::Reader& reader, const events::Topics& topics, const WorkspaceId& workspace, const IssueId& issue,
                                   const Until& until);
// Reads the journal; versions are counted from the first commit on.
Result<Timeline> timeline_from_journal(postgres::ReadTransaction& snapshot, const WorkspaceId& workspace, const IssueId& issue, const Until& until);

// One JSON object a line.
std::string to_ndjson(const Timeline& timeline);

}  // namespace dossier::replay
