// Comparing, and what follows from it.
#include "replay/log_comparison.hpp"

#include <algorithm>

namespace dossier::replay {
namespace {

std::string place(std::int32_t partition, std::int64_t offset) {
  return "partition " + std::to_string(partition) + " offset " + std::to_string(offset);
}

}  // namespace

std::string_view to_string(Remedy remedy) noexcept {
  switch (remedy) {
    case Remedy::nothing: return "nothing";
    case Remedy::restore: return "restore";
    case Remedy::cut: return "cut";
  }
  return "nothing";
}

LogComparison::LogComparison(std::int32_t partition) : partition_(partition), scan_(WorkspaceId(), partition) {}

Status LogComparison::feed(const topic::Record* record, const projections::JournalRow* row) {
  if (record != nullptr) TRY_STATUS(feed_record(*record));
  if (row != nullptr) TRY_STATUS(check_row(*row));
  if (record != nullptr && row != nullptr) {
    const bool same = record->value == row->value;
    if (!same && !difference_)
      difference_ = next_;
    else if (same && difference_)
      ++agreeing_behind_;
  }
  if (row != nullptr && (record == nullptr || difference_)) {
    lost_.update(crypto::view(crypto::sha256(row->value)));
    lost_accepted_ += row->verdict == events::Verdict::accepted ? 1 : 0;
  }
  ++next_;
  return {};
}

Status LogComparison::feed_record(const topic::Record& record) {
  TRY(const auto judged, scan_.feed(record.offset, record.value));
  log_end_ = next_ + 1;
  if (judged && judged->judgement.verdict == events::Verdict::control && judged->envelope.record.has_history_repaired())
    repaired_.push_back({next_, judged->envelope.record.history_repaired()});
  return {};
}

// The journal's copy was written with its chain beside it: whoever changed the bytes must have changed that too.
Status LogComparison::check_row(const projections::JournalRow& row) {
  if (row.offset != next_)
    return make_error(Code::corrupt, "the journal has no row for " + place(partition_, next_) + ": nothing can be repaired from it");
  journal_end_ = next_ + 1;
  if (row.verdict == events::Verdict::control) {
    const events::Envelope envelope = events::decode(row.value);
    if (envelope.record.has_genesis()) {
      log_id_ = envelope.record.genesis().log_id();
      ledger_version_ = envelope.record.genesis().ledger_version();
    }
    if (envelope.record.has_ledger_rule_activated()) ledger_version_ = envelope.record.ledger_rule_activated().ledger_version();
  }
  if (row.verdict != events::Verdict::accepted) return {};
  events::WorkspaceHead& head = heads_[row.workspace];
  if (head.seq == 0) head.chain = events::first_chain(log_id_, row.workspace, ledger_version_);
  head.seq += 1;
  head.chain = events::next_chain(head.chain, crypto::sha256(row.value));
  if (row.seq == head.seq && row.chain == head.chain) return {};
  return make_error(Code::corrupt, "the journal's row for " + place(partition_, next_) +
                                       " does not agree with its chain: the journal's copy was changed, and nothing may be repaired from it");
}

Result<Diagnosis> LogComparison::finish() {
  Diagnosis out;
  out.partition = partition_;
  out.log_end = log_end_;
  out.journal_end = journal_end_;
  out.common = difference_.value_or(std::min(log_end_, journal_end_));
  out.history = scan_.head().history;
  if (agreeing_behind_ > 0)
    return make_error(Code::corrupt,
                      place(partition_, *difference_) + " differs from the journal, and " + std::to_string(agreeing_behind_) +
                          " records behind it do not: that is damage or a forgery and no lost tail. Restore the topic's segment; dossier "
                          "verify says which copy was changed");
  if (difference_ == 0)
    return make_error(Code::corrupt,
                      "the first record of partition " + std::to_string(partition_) +
                          " is not the journal's: the topic was made anew and begun again. Delete the topic, run dossier admin init, which "
                          "leaves such a partition empty, and repair it then: all of its records come back");
  if (out.lost() == 0) return out;
  out.remedy = difference_ ? Remedy::cut : Remedy::restore;
  out.lost_accepted = lost_accepted_;
  out.lost_sha256 = lost_.finish();
  for (const Repaired& one : repaired_)
    if (difference_ && one.offset >= *difference_ && one.record.history() == out.history && one.record.cut_offset() == out.common &&
        one.record.lost_suffix_sha256() == crypto::view(out.lost_sha256))
      out.repaired_offset = one.offset;
  return out;
}

}  // namespace dossier::replay
