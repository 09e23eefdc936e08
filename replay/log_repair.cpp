// Diagnosis, and the two remedies.
#include "replay/log_repair.hpp"

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "events/codec.hpp"
#include "replay/log_source.hpp"

namespace dossier::replay {
namespace {

constexpr std::int64_t kReportEveryUs = 1'000'000;

// The journal's rows, one by one, read in pages.
class Rows {
 public:
  Rows(RepairStore& store, std::int32_t partition, std::int64_t from) : store_(store), partition_(partition), next_(from) {}
  // nullptr: there is none. Valid until the next call.
  Result<const projections::JournalRow*> next() {
    if (place_ == page_.size()) {
      if (at_end_) return nullptr;
      TRY(page_, store_.journal(partition_, next_, kRepairPage));
      place_ = 0;
      at_end_ = static_cast<std::int64_t>(page_.size()) < kRepairPage;
      if (page_.empty()) return nullptr;
      next_ = page_.back().offset + 1;
    }
    return &page_[place_++];
  }

 private:
  RepairStore& store_;
  const std::int32_t partition_;
  std::int64_t next_;
  std::vector<projections::JournalRow> page_;
  std::size_t place_ = 0;
  bool at_end_ = false;
};

// As the commit's writer made it but for the trace: headers and keys are a courtesy to other consumers, and not journaled.
topic::Outgoing outgoing(const std::string& topic, const projections::JournalRow& row) {
  topic::Outgoing record;
  record.topic = topic;
  record.partition = row.partition;
  record.value = row.value;
  const events::Envelope envelope = events::decode(row.value);
  if (envelope.decoded && envelope.record.has_commit()) {
    record.key = envelope.record.commit().workspace_id();
    record.headers = events::commit_headers(envelope.record.commit());
  } else {
    record.headers = {{"content-type", "application/protobuf"}};
  }
  return record;
}

}  // namespace

void LogRepair::report(const Progress& progress, std::int64_t offset) {
  if (!progress || clock_.boot_us() - reported_us_ < kReportEveryUs) return;
  reported_us_ = clock_.boot_us();
  progress(offset);
}

Result<Diagnosis> LogRepair::diagnose(std::int32_t partition, const Progress& progress) {
  LogComparison comparison(partition);
  Rows rows(store_, partition, 0);
  TRY(const auto read, read_partition(reader_, log_.topic, partition, true, [&](const topic::Record& record) -> Result<bool> {
        TRY(const projections::JournalRow* row, rows.next());
        TRY_STATUS(comparison.feed(&record, row));
        report(progress, record.offset);
        return true;
      }));
  if (read.next < read.end)
    return make_error(Code::corrupt, log_.topic + " partition " + std::to_string(partition) + " has no record at offset " +
                                         std::to_string(read.next) + ", though it ends at " + std::to_string(read.end));
  for (;;) {
    TRY(const projections::JournalRow* row, rows.next());
    if (row == nullptr) break;
    TRY_STATUS(comparison.feed(nullptr, row));
  }
  return comparison.finish();
}

// One record in flight at a time: should a foreign one come between, no second one of ours is at a wrong offset.
Result<std::int64_t> LogRepair::append(topic::Writer& writer, topic::Outgoing record) const {
  struct Answer {
    std::mutex mutex;
    std::optional<topic::Appended> appended;
  };
  const auto answer = std::make_shared<Answer>();
  writer.append(std::move(record), [answer](const topic::Appended& appended) {
    const std::lock_guard lock(answer->mutex);
    answer->appended = appended;
  });
  writer.flush(kAppendPatienceMs);
  const std::lock_guard lock(answer->mutex);
  if (!answer->appended || answer->appended->outcome == topic::Outcome::unknown)
    return make_error(Code::unacknowledged, "Kafka did not acknowledge a record in time: run the repair again, it goes on where the log ends");
  if (answer->appended->outcome == topic::Outcome::refused)
    return make_error(answer->appended->code, "Kafka did not take a record: " + answer->appended->reason);
  return answer->appended->offset;
}

Status LogRepair::restore(const Diagnosis& diagnosis, topic::Writer& writer, const Progress& progress) {
  Rows rows(store_, diagnosis.partition, diagnosis.log_end);
  for (std::int64_t expected = diagnosis.log_end; expected < diagnosis.journal_end; ++expected) {
    TRY(const projections::JournalRow* row, rows.next());
    if (row == nullptr || row->offset != expected)
      return make_error(Code::corrupt,
                        "the journal has no row for partition " + std::to_string(diagnosis.partition) + " offset " + std::to_string(expected));
    TRY(const std::int64_t offset, append(writer, outgoing(log_.topic, *row)));
    if (offset != expected)
      return make_error(Code::conflict, "the record of offset " + std::to_string(expected) + " came to offset " + std::to_string(offset) +
                                            ": another writer appends to partition " + std::to_string(diagnosis.partition) +
                                            ". Stop it, and run the repair again; what it wrote makes this a new history");
    report(progress, expected);
  }
  return store_.restored(diagnosis);
}

Status LogRepair::each_lost(const Diagnosis& diagnosis, const std::function<Status(const projections::JournalRow&)>& on_row) {
  Rows rows(store_, diagnosis.partition, diagnosis.common);
  for (std::int64_t expected = diagnosis.common; expected < diagnosis.journal_end; ++expected) {
    TRY(const projections::JournalRow* row, rows.next());
    if (row == nullptr || row->offset != expected)
      return make_error(Code::corrupt,
                        "the journal has no row for partition " + std::to_string(diagnosis.partition) + " offset " + std::to_string(expected));
    TRY_STATUS(on_row(*row));
  }
  return {};
}

Result<projections::HistoryCut> LogRepair::announce(const Diagnosis& diagnosis, topic::Writer& writer) {
  projections::HistoryCut cut;
  cut.partition = diagnosis.partition;
  cut.cut_offset = diagnosis.common;
  cut.journal_end = diagnosis.journal_end;
  cut.lost_sha256 = diagnosis.lost_sha256;
  cut.history = diagnosis.repaired_offset ? diagnosis.history : diagnosis.history + 1;
  if (diagnosis.repaired_offset) {
    cut.repaired_offset = *diagnosis.repaired_offset;
    return cut;
  }
  v1::Record record;
  record.set_envelope_version(events::kEnvelopeVersion);
  v1::HistoryRepaired& repaired = *record.mutable_history_repaired();
  repaired.set_history(cut.history);
  repaired.set_cut_offset(cut.cut_offset);
  repaired.set_lost_suffix_sha256(std::string(crypto::view(cut.lost_sha256)));
  repaired.mutable_actor()->set_kind(v1::Actor::SYSTEM);
  repaired.mutable_actor()->set_id("repair");
  repaired.set_recorded_at_us(clock_.wall_us());
  topic::Outgoing outgoing;
  outgoing.topic = log_.topic;
  outgoing.partition = cut.partition;
  outgoing.value = events::encode(record);
  outgoing.headers = {{"content-type", "application/protobuf"}};
  TRY(cut.repaired_offset, append(writer, std::move(outgoing)));
  return cut;
}

Status LogRepair::follow(const projections::HistoryCut& cut, const Progress& progress) { return store_.change_history(cut, reader_, progress); }

}  // namespace dossier::replay
