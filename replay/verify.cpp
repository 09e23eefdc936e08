// Verifying a workspace or an issue: the log, the journal, the timeline, activity.
#include "replay/verify.hpp"

#include <set>

#include "base/encoding.hpp"
#include "events/json.hpp"
#include "replay/activity_verifier.hpp"
#include "replay/entry.hpp"
#include "replay/journal_source.hpp"
#include "replay/log_source.hpp"
#include "replay/lost_evidence.hpp"
#include "replay/timeline.hpp"

namespace dossier::replay {
namespace {

constexpr std::int64_t kVerifyPage = 1'000;
constexpr std::string_view kHeadSql = "SELECT seq FROM heads WHERE workspace = $1";
constexpr std::string_view kTimelineSql = R"sql(
SELECT seq, idx, doc FROM timeline WHERE issue_id = $1 AND workspace = $2 AND (seq, idx) > ($3, $4) ORDER BY seq, idx LIMIT $5
)sql";
constexpr std::string_view kBlocksSql = R"sql(
SELECT offer, first_sequence, partition, "offset", sha256, body FROM dossier.activity_blocks
 WHERE session_id = $1 AND (offer, first_sequence) > ($2, $3) ORDER BY offer, first_sequence LIMIT $4
)sql";
constexpr std::string_view kIngestedSql = "SELECT partition, next_offset FROM dossier.activity_positions";

class Verification {
 public:
  Verification(topic::Reader& reader, postgres::ReadTransaction& snapshot, const events::Topics& topics, const VerifyRequest& request)
      : reader_(reader), snapshot_(snapshot), topics_(topics), request_(request), activity_(request.issue) {}

  Result<VerifyReport> run() {
    TRY_STATUS(check_records());
    if (!report_.finding && request_.issue) TRY_STATUS(check_timeline());
    if (!report_.finding) TRY_STATUS(check_activity());
    report_.activity_records = activity_.records();
    report_.activity_foreign = activity_.foreign();
    return std::move(report_);
  }

 private:
  // The journal's snapshot is older than the end of the log that is read: every row must be in the log, and every record
  // below the projector's position must be in the journal.
  Status check_records() {
    TRY(const auto partitions, reader_.partition_count(topics_.events(), kReadPatienceMs));
    report_.partition = events::partition_of(request_.workspace.str(), partitions);
    TRY(const auto projected, projected_through(snapshot_, report_.partition));
    JournalCursor journal(snapshot_, report_.partition);
    RecordVerifier verifier(request_.workspace, topics_.events(), report_.partition, [&](const Judged& judged) { learn(judged); });
    TRY(const projections::JournalRow* row, journal.next());
    const auto read = read_partition(reader_, topics_.events(), report_.partition, true, [&](const topic::Record& record) -> Result<bool> {
      if (row == nullptr && record.offset < projected) {
        report_.finding = Finding{record.topic, record.partition, record.offset, "the journal has no row for it"};
        return false;
      }
      if (row == nullptr) report_.not_journaled += 1;
      TRY(report_.finding, verifier.check(record, row));
      if (report_.finding) return false;
      if (row != nullptr && row->verdict == events::Verdict::control) TRY_STATUS(check_repair(record));
      if (report_.finding) return false;
      if (row != nullptr) {
        TRY(row, journal.next());
      }
      return entries_.size() <= kMaxEntries;
    });
    report_.records = verifier.records();
    report_.accepted = verifier.accepted();
    report_.voided = verifier.voided();
    report_.seq = verifier.head().seq;
    report_.chain = to_hex(crypto::view(verifier.head().chain));
    if (report_.finding) return {};
    if (!read) {
      const Code code = read.error().code;
      if (code != Code::corrupt && code != Code::log_mismatch) return read.error();
      // A record that the broker can't give out whole (its checksum does not hold) is a bad record like any other.
      report_.finding = Finding{topics_.events(), report_.partition, verifier.partition_head().next_offset, read.error().message};
      return {};
    }
    if (entries_.size() > kMaxEntries)
      return make_error(Code::payload_too_large, "the issue has more than " + std::to_string(kMaxEntries) + " events");
    if (read->next < read->end) {
      report_.finding =
          Finding{topics_.events(), report_.partition, read->next, "the log has no record here, though it ends at " + std::to_string(read->end)};
      return {};
    }
    if (row != nullptr) {
      report_.finding = Finding{topics_.events(), report_.partition, row->offset,
                                "the journal has it and the log, which ends at " + std::to_string(read->end) + ", has not"};
      return {};
    }
    if (report_.seq == 0) return make_error(Code::not_found, "the log has no commit of " + request_.workspace.str() + ": check the id");
    if (request_.issue && entries_.empty())
      return make_error(Code::not_found, "no event names " + request_.issue->str() + " in " + request_.workspace.str() + ": check the id");
    return {};
  }

  // What a repair of the log cut off is kept as it was.
  Status check_repair(const topic::Record& record) {
    const events::Envelope envelope = events::decode(record.value);
    if (!envelope.record.has_history_repaired()) return {};
    TRY(const auto wrong, check_lost_evidence(snapshot_, record.partition, record.offset, envelope.record.history_repaired()));
    if (wrong) report_.finding = Finding{record.topic, record.partition, record.offset, *wrong};
    return {};
  }

  void learn(const Judged& judged) {
    const v1::Commit& commit = judged.envelope.record.commit();
    activity_.learn(commit);
    if (!request_.issue) return;
    append_entries(entries_, commit, judged.judgement.seq, judged.judgement.time_us, judged.judgement.versions, *request_.issue);
  }

  // The issue's timeline in the read models is what the log says, item by item.
  Status check_timeline() {
    TRY(const auto head, snapshot_.query(kHeadSql, postgres::Params().text(request_.workspace.str())));
    const std::uint64_t projected_seq = head.empty() ? 0 : head.front().uint64(0);
    std::int64_t seq = -1, index = -1;
    auto entry = entries_.begin();
    const auto bad = [&](std::uint64_t at_seq, std::int64_t at_index, const std::string& what) {
      report_.finding =
          Finding{"timeline", report_.partition, -1,
                  "item seq " + std::to_string(at_seq) + ", index " + std::to_string(at_index) + " of " + request_.issue->str() + ": " + what};
      return Status{};
    };
    const auto skip_unknown = [&] {
      while (entry != entries_.end() && !entry->known) ++entry;  // read models pass over facts of newer code
    };
    for (bool more = true; more;) {
      postgres::Params params;
      params.text(request_.issue->str()).text(request_.workspace.str()).int8(seq).int8(index).int8(kVerifyPage);
      TRY(const auto rows, snapshot_.query(kTimelineSql, params));
      for (const auto row : rows) {
        seq = row.int64(0);
        index = row.int64(1);
        skip_unknown();
        if (entry == entries_.end() || entry->seq != row.uint64(0) || entry->index != index)
          return bad(row.uint64(0), index, "the timeline has it and the log has not");
        std::string item;
        append_item_json(item, *entry);
        if (item != row.text(2)) return bad(entry->seq, entry->index, "the timeline says otherwise than the log");
        ++entry;
        report_.timeline_items += 1;
      }
      more = rows.size() == kVerifyPage;
    }
    skip_unknown();
    if (entry != entries_.end() && entry->seq <= projected_seq) return bad(entry->seq, entry->index, "the log has it and the timeline has not");
    return {};
  }

  Status check_activity() {
    if (activity_.sessions().empty()) return {};
    const std::string topic = topics_.activity();
    TRY(const auto partitions, reader_.partition_count(topic, kReadPatienceMs));
    std::map<std::int32_t, std::int64_t> begins;
    for (const auto& session : activity_.sessions()) begins[events::partition_of(session, partitions)] = 0;
    for (auto& [partition, begin] : begins) {
      TRY(const auto marks, reader_.watermarks(topic, partition, kReadPatienceMs));
      begin = marks.begin;
      TRY(const auto read, read_partition(reader_, topic, partition, false, [&](const topic::Record& record) -> Result<bool> {
            report_.finding = activity_.check(record);
            return !report_.finding.has_value();
          }));
      (void)read;
      if (report_.finding) return {};
    }
    for (const auto& session : activity_.sessions()) {
      TRY_STATUS(check_blocks(session, topic, begins));
      if (report_.finding) return {};
    }
    TRY(const auto positions, snapshot_.query(kIngestedSql));
    std::map<std::int32_t, std::int64_t> ingested;
    for (const auto row : positions) ingested[row.int32(0)] = row.int64(1);
    report_.finding = activity_.finish(ingested);
    return {};
  }

  Status check_blocks(const std::string& session, const std::string& topic, const std::map<std::int32_t, std::int64_t>& begins) {
    std::int64_t offer = -1, sequence = -1;
    for (bool more = true; more;) {
      postgres::Params params;
      params.text(session).int8(offer).int8(sequence).int8(kVerifyPage);
      TRY(const auto rows, snapshot_.query(kBlocksSql, params));
      for (const auto row : rows) {
        offer = row.int64(0);
        sequence = row.int64(1);
        const ActivityVerifier::Block block{
            session, static_cast<std::uint32_t>(offer), static_cast<std::uint64_t>(sequence), row.int32(2), row.int64(3), row.str(4), row.str(5)};
        const auto begin = begins.find(block.partition);
        report_.finding = activity_.check(block, topic, begin == begins.end() ? 0 : begin->second);
        if (report_.finding) return {};
      }
      more = rows.size() == kVerifyPage;
    }
    return {};
  }

  topic::Reader& reader_;
  postgres::ReadTransaction& snapshot_;
  const events::Topics& topics_;
  const VerifyRequest& request_;
  ActivityVerifier activity_;
  std::vector<Entry> entries_;
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> verify(topic::Reader& reader, postgres::ReadTransaction& snapshot, const events::Topics& topics, const VerifyRequest& request) {
  return Verification(reader, snapshot, topics, request).run();
}

}  // namespace dossier::replay
