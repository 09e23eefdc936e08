// Activity from its topic and from the database.
#include "replay/activity_source.hpp"

#include <algorithm>
#include <set>

#include "replay/log_source.hpp"

namespace dossier::replay {
namespace {

constexpr std::int64_t kPage = 1'000;
constexpr std::string_view kBlocksSql = R"sql(
SELECT offer, first_sequence, body FROM dossier.activity_blocks
 WHERE session_id = $1 AND (offer, first_sequence) > ($2, $3) ORDER BY offer, first_sequence LIMIT $4
)sql";

Error too_much() {
  return make_error(Code::payload_too_large, "the sessions of this issue have more than " + std::to_string(kMaxActivityBytes >> 20) +
                                                 " MiB of activity: replay without --activity and read GET /v1/sessions/{id}/activity");
}

}  // namespace

std::vector<std::string> sessions_of(const Timeline& timeline) {
  std::vector<std::string> sessions;
  for (const auto& entry : timeline.entries)
    if (entry.payload.has_session() && entry.payload.session().has_session_requested()) {
      const auto& id = entry.payload.session().session_requested().session_id();
      if (std::find(sessions.begin(), sessions.end(), id) == sessions.end()) sessions.push_back(id);
    }
  return sessions;
}

Result<std::vector<v1::ActivityRecord>> activity_from_log(topic::Reader& reader, const events::Topics& topics, const Timeline& timeline) {
  std::vector<v1::ActivityRecord> records;
  const auto sessions = sessions_of(timeline);
  if (sessions.empty()) return records;
  TRY(const auto partitions, reader.partition_count(topics.activity(), kReadPatienceMs));
  std::set<std::int32_t> read;
  for (const auto& session : sessions) read.insert(events::partition_of(session, partitions));
  std::size_t bytes = 0;
  for (const std::int32_t partition : read) {
    TRY(const auto done, read_partition(reader, topics.activity(), partition, false, [&](const topic::Record& record) -> Result<bool> {
          const bool ours = std::any_of(sessions.begin(), sessions.end(), [&](const auto& id) { return record.value.find(id) != std::string::npos; });
          v1::SignedActivity signed_record;
          v1::ActivityRecord activity;
          if (!ours || !signed_record.ParseFromString(record.value) || !activity.ParseFromString(signed_record.body())) return true;
          if (std::find(sessions.begin(), sessions.end(), activity.session_id()) == sessions.end()) return true;
          if (!is_signed_by(timeline.worker_keys, activity.worker_id(), signed_record)) return true;
          bytes += record.value.size();
          if (bytes > kMaxActivityBytes) return too_much();
          records.push_back(std::move(activity));
          return true;
        }));
    (void)done;  // a gap in activity is no corruption: dossier verify counts them
  }
  return records;
}

Result<std::vector<v1::ActivityRecord>> activity_from_journal(postgres::ReadTransaction& snapshot, const Timeline& timeline) {
  std::vector<v1::ActivityRecord> records;
  std::size_t bytes = 0;
  for (const auto& session : sessions_of(timeline)) {
    std::int64_t offer = -1, sequence = -1;
    for (bool more = true; more;) {
      postgres::Params params;
      params.text(session).int8(offer).int8(sequence).int8(kPage);
      TRY(const auto rows, snapshot.query(kBlocksSql, params));
      for (const auto row : rows) {
        offer = row.int64(0);
        sequence = row.int64(1);
        bytes += row.bytes(2).size();
        if (bytes > kMaxActivityBytes) return too_much();
        if (!records.emplace_back().ParseFromArray(row.bytes(2).data(), static_cast<int>(row.bytes(2).size())))
          return make_error(Code::corrupt, "the database's block of session " + session + ", offer " + std::to_string(offer) + ", sequence " +
                                               std::to_string(sequence) + " can't be read: run dossier verify --issue " + timeline.issue.str());
      }
      more = rows.size() == kPage;
    }
  }
  return records;
}

}  // namespace dossier::replay
