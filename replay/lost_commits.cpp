// A journal row as JSON.
#include "replay/lost_commits.hpp"

#include "base/encoding.hpp"
#include "events/json.hpp"
#include "events/ledger.hpp"

namespace dossier::replay {

std::string lost_commit_line(const projections::JournalRow& row) {
  const events::Envelope envelope = events::decode(row.value);
  const v1::Commit& commit = envelope.record.commit();
  std::string out = "{\"partition\":" + std::to_string(row.partition) + ",\"offset\":" + std::to_string(row.offset) + ",\"workspace_id\":";
  events::append_json_string(out, row.workspace);
  out += ",\"seq\":" + std::to_string(row.seq) + ",\"commit_id\":";
  events::append_json_string(out, row.commit_id);
  out += ",\"time\":";
  events::append_json_string(out, events::time_text(row.time_us));
  out += ",\"actor\":";
  events::append_actor_json(out, commit.actor());
  out += ",\"events\":[";
  for (int i = 0; i < commit.events_size(); ++i) {
    if (i > 0) out += ',';
    events::append_event_json(out, commit.events(i), i, 0);
  }
  out += "],\"record\":\"" + to_base64url(row.value) + "\"}\n";
  return out;
}

}  // namespace dossier::replay
