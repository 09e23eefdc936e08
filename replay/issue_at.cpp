// Time travel over the journal.
#include "replay/issue_at.hpp"

#include "events/ledger.hpp"
#include "replay/time_travel.hpp"

namespace dossier::replay {
namespace {

// The timeline says which commits name the issue, at which places, with which versions; the journal has their bytes.
constexpr std::string_view kIssueAtSql = R"sql(
SELECT t.seq, t.time_us, t.idx, (t.doc::json ->> 'version')::bigint, j.value
  FROM timeline t JOIN dossier.journal j ON j.workspace = t.workspace AND j.seq = t.seq AND j.verdict = 1
 WHERE t.issue_id = $1 AND t.workspace = $2 AND t.seq <= $3 AND t.time_us <= $4
   AND t.type IN ('issue_opened', 'issue_edited', 'issue_status_changed', 'project_attached', 'labels_replaced', 'assignee_set',
                  'issue_numbered', 'comment_added', 'comment_edited', 'comment_removed', 'working_copy_reserved', 'working_copy_released')
 ORDER BY t.seq, t.idx
)sql";

}  // namespace

Result<std::optional<std::string>> issue_json_at(postgres::ReadTransaction& snapshot, const WorkspaceId& workspace, const IssueId& issue,
                                                 const Until& at) {
  postgres::Params params;
  params.text(issue.str()).text(workspace.str());
  params.int8(at.seq ? static_cast<std::int64_t>(*at.seq) : INT64_MAX).int8(at.time_us.value_or(INT64_MAX));
  TRY(const auto rows, snapshot.query(kIssueAtSql, params));
  IssueFold fold(workspace, issue);
  for (const auto row : rows) {
    const auto envelope = events::decode(row.bytes(4));
    const auto index = row.int32(2);
    if (!envelope.decoded || !envelope.record.has_commit() || index < 0 || index >= envelope.record.commit().events_size())
      return make_error(Code::corrupt, "the journal's record of seq " + std::to_string(row.uint64(0)) + " in " + workspace.str() +
                                           " does not hold the event which the timeline names: run dossier verify --issue " + issue.str());
    const v1::Commit& commit = envelope.record.commit();
    std::vector<std::uint64_t> versions(static_cast<std::size_t>(commit.events_size()), 0);
    versions[static_cast<std::size_t>(index)] = row.uint64(3);
    std::vector<Entry> entries;
    append_entries(entries, commit, row.uint64(0), row.int64(1), versions, issue);
    for (const auto& entry : entries)
      if (entry.index == index) fold.apply(entry);
  }
  if (!fold.exists()) return std::optional<std::string>{};
  std::string json;
  append_json(json, fold.document());
  return std::optional<std::string>(std::move(json));
}

}  // namespace dossier::replay
