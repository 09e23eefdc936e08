// One record against its row.
#include <algorithm>

#include "base/encoding.hpp"
#include "replay/verify.hpp"

namespace dossier::replay {
namespace {

std::string hash_text(const crypto::Hash& hash) { return to_hex(crypto::view(hash)).substr(0, 16) + "…"; }

std::size_t first_difference(std::string_view a, std::string_view b) {
  const auto end = std::min(a.size(), b.size());
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(end), b.begin()).first - a.begin());
}

}  // namespace

RecordVerifier::RecordVerifier(WorkspaceId workspace, std::string topic, std::int32_t partition, std::function<void(const Judged&)> on_accepted)
    : workspace_(workspace),
      topic_(std::move(topic)),
      partition_(partition),
      scan_(std::move(workspace), partition),
      on_accepted_(std::move(on_accepted)) {}

Result<std::optional<Finding>> RecordVerifier::check(const topic::Record& record, const projections::JournalRow* row) {
  const auto found = [&](std::string what) { return std::optional<Finding>(Finding{topic_, partition_, record.offset, std::move(what)}); };
  if (row != nullptr && row->offset != record.offset)
    return found(row->offset > record.offset ? "the journal has no row for it"
                                             : "the journal has a row for offset " + std::to_string(row->offset) + ", which the log lacks");
  auto judged = scan_.feed(record.offset, record.value);
  if (!judged) {
    if (judged.error().code == Code::upgrade_required) return std::move(judged).error();
    return found(judged.error().message);
  }
  records_ += 1;
  if (row != nullptr && row->value != record.value) {
    std::string what = "its bytes differ from the journal's from byte " + std::to_string(first_difference(record.value, row->value)) + " on (" +
                       std::to_string(record.value.size()) + " bytes with SHA-256 " + hash_text(crypto::sha256(record.value)) + " in the log, " +
                       std::to_string(row->value.size()) + " with " + hash_text(crypto::sha256(row->value)) + " in the journal)";
    // The chain was written beside the bytes: it tells which of the two it was made from.
    if (*judged && (*judged)->judgement.verdict == events::Verdict::accepted && (*judged)->judgement.chain == row->chain)
      what += "; the chain in the journal agrees with the log: the journal's copy was changed";
    else if (row->verdict == events::Verdict::accepted)
      what += "; the chain in the journal does not agree with the log's bytes: the log was changed, or both were";
    return found(std::move(what));
  }
  if (!*judged) return std::optional<Finding>{};
  if (row != nullptr)
    if (auto finding = compare(record, *row, **judged)) return finding;
  switch ((*judged)->judgement.verdict) {
    case events::Verdict::accepted:
      accepted_ += 1;
      if (on_accepted_) on_accepted_(**judged);
      break;
    case events::Verdict::void_malformed:
    case events::Verdict::void_history:
    case events::Verdict::void_duplicate:
    case events::Verdict::void_conflict: voided_ += 1; break;
    case events::Verdict::control: break;
  }
  return std::optional<Finding>{};
}

std::optional<Finding> RecordVerifier::compare(const topic::Record& record, const projections::JournalRow& row, const Judged& judged) const {
  const auto& judgement = judged.judgement;
  const auto differs = [&](std::string_view what, const std::string& log, const std::string& journal) {
    return Finding{topic_, partition_, record.offset, "its " + std::string(what) + " is " + log + " by the log and " + journal + " in the journal"};
  };
  if (row.verdict != judgement.verdict)
    return differs("verdict", std::string(events::to_string(judgement.verdict)) + (judgement.reason.empty() ? "" : " (" + judgement.reason + ")"),
                   std::string(events::to_string(row.verdict)));
  if (judgement.verdict != events::Verdict::accepted) return std::nullopt;
  const v1::Commit& commit = judged.envelope.record.commit();
  if (row.workspace != commit.workspace_id()) return differs("workspace", commit.workspace_id(), row.workspace);
  if (row.commit_id != commit.commit_id()) return differs("commit id", commit.commit_id(), row.commit_id);
  if (row.seq != judgement.seq) return differs("seq", std::to_string(judgement.seq), std::to_string(row.seq));
  if (row.time_us != judgement.time_us) return differs("time", std::to_string(judgement.time_us), std::to_string(row.time_us));
  if (row.chain != judgement.chain) return differs("chain", hash_text(judgement.chain), hash_text(row.chain));
  return std::nullopt;
}

}  // namespace dossier::replay
