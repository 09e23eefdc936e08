// The rules of the ledger, version 1. Every reader of a log judges with this file; nothing else does.
#include "events/ledger.hpp"

#include <algorithm>

#include "base/ids.hpp"
#include "base/mutation.hpp"
#include "events/names.hpp"

namespace dossier::events {
namespace {

Judgement void_record(Verdict verdict, const crypto::Hash& value_hash, std::string reason) {
  Judgement judgement;
  judgement.verdict = verdict;
  judgement.value_hash = value_hash;
  judgement.reason = std::move(reason);
  return judgement;
}

// Why a commit is no commit by form and limits alone; empty: it is one.
std::string malformed_reason(const PartitionHead& head, const v1::Commit& commit, std::size_t value_size) {
  if (value_size > kMaxCommitBytes) return "larger than " + std::to_string(kMaxCommitBytes) + " bytes";
  if (commit.events_size() == 0) return "no events";
  if (commit.events_size() > kMaxCommitEvents) return "more than " + std::to_string(kMaxCommitEvents) + " events";
  if (commit.expects_size() > kMaxCommitExpects) return "more than " + std::to_string(kMaxCommitExpects) + " expectations";
  if (!is_id(commit.commit_id(), CommitId::prefix())) return "commit_id is not of the form cmm_<32 hex digits>";
  if (!WorkspaceIdTag::valid(commit.workspace_id())) return "workspace_id is not of the form ws_<32 hex digits>";
  if (partition_of(commit.workspace_id(), head.partitions) != head.partition) return "workspace belongs to another partition";
  for (const auto& expect : commit.expects())
    if (!is_stream(expect.stream())) return "an expectation names no stream";
  for (const auto& event : commit.events()) {
    if (!is_stream(event.stream())) return "an event names no stream";
    if (!event.issue_id().empty() && !is_id(event.issue_id(), IssueId::prefix())) return "an event names something that is no issue";
  }
  return {};
}

std::uint64_t version_of(const Book::Workspace& workspace, const std::string& stream) {
  const auto it = workspace.versions.find(stream);
  return it == workspace.versions.end() ? 0 : it->second;
}

Judgement judge_commit(const PartitionHead& head, Book& book, const v1::Commit& commit, const crypto::Hash& value_hash, std::size_t value_size) {
  if (std::string reason = malformed_reason(head, commit, value_size); !reason.empty())
    return void_record(Verdict::void_malformed, value_hash, std::move(reason));
  if (commit.history() != head.history)
    return void_record(Verdict::void_history, value_hash,
                       "written in history " + std::to_string(commit.history()) + ", present is " + std::to_string(head.history));

  Book::Workspace& workspace = book.workspace(commit.workspace_id());
  const auto known = workspace.accepted.find(commit.commit_id());
  if (known != workspace.accepted.end() && known->second + kDuplicateWindow > workspace.head.seq &&
      !mutation::on(mutation::Name::forget_duplicates)) {
    Judgement judgement = void_record(Verdict::void_duplicate, value_hash, "accepted before as seq " + std::to_string(known->second));
    judgement.seq = known->second;
    return judgement;
  }
  for (const auto& expect : commit.expects()) {
    const std::uint64_t version = version_of(workspace, expect.stream());
    if (version != expect.version() && !mutation::on(mutation::Name::skip_expectations))
      return void_record(Verdict::void_conflict, value_hash,
                         expect.stream() + " is at version " + std::to_string(version) + ", expected " + std::to_string(expect.version()));
  }

  Judgement judgement;
  judgement.verdict = Verdict::accepted;
  judgement.value_hash = value_hash;
  if (workspace.head.seq == 0) workspace.head.chain = first_chain(head.log_id, commit.workspace_id(), head.ledger_version);
  workspace.head.seq += 1;
  workspace.head.time_us = std::max(workspace.head.time_us, commit.recorded_at_us());
  workspace.head.chain = next_chain(workspace.head.chain, value_hash);
  workspace.accepted[commit.commit_id()] = workspace.head.seq;
  judgement.versions.reserve(static_cast<std::size_t>(commit.events_size()));
  for (const auto& event : commit.events()) judgement.versions.push_back(++workspace.versions[event.stream()]);
  judgement.seq = workspace.head.seq;
  judgement.time_us = workspace.head.time_us;
  judgement.chain = workspace.head.chain;
  return judgement;
}

// A Genesis opens the partition; anywhere else it is an attempt that changes nothing.
Result<Judgement> judge_genesis(PartitionHead& head, const v1::Genesis& genesis, const crypto::Hash& value_hash) {
  if (!head.log_id.empty()) return void_record(Verdict::void_malformed, value_hash, "the partition has its Genesis already");
  if (genesis.ledger_version() > kLedgerVersion)
    return make_error(Code::upgrade_required, "the log was begun under ledger version " + std::to_string(genesis.ledger_version()) +
                                                  ", this program knows up to " + std::to_string(kLedgerVersion) + ": upgrade it");
  if (genesis.log_id().empty() || static_cast<std::int32_t>(genesis.partition()) != head.partition || genesis.partitions() == 0 ||
      genesis.partition() >= genesis.partitions() || genesis.history() == 0)
    return make_error(Code::log_mismatch, "the Genesis of partition " + std::to_string(head.partition) +
                                              " is not valid: this topic was not begun by dossier, or records were moved between partitions");
  head.log_id = genesis.log_id();
  head.partitions = static_cast<std::int32_t>(genesis.partitions());
  head.history = genesis.history();
  head.ledger_version = genesis.ledger_version();
  return void_record(Verdict::control, value_hash, {});
}

Result<Judgement> judge_body(PartitionHead& head, Book& book, const Envelope& envelope, std::string_view value, const crypto::Hash& value_hash) {
  const v1::Record& record = envelope.record;
  if (envelope.decoded && record.envelope_version() > kEnvelopeVersion)
    return make_error(Code::upgrade_required, "the record at offset " + std::to_string(head.next_offset) + " has envelope version " +
                                                  std::to_string(record.envelope_version()) + ", this program knows up to " +
                                                  std::to_string(kEnvelopeVersion) + ": upgrade it");
  if (envelope.decoded && record.body_case() == v1::Record::kGenesis) return judge_genesis(head, record.genesis(), value_hash);
  if (head.log_id.empty())
    return make_error(Code::log_mismatch,
                      "partition " + std::to_string(head.partition) + " does not begin with a Genesis: this topic was not begun by dossier");
  if (!envelope.decoded || record.envelope_version() == 0) return void_record(Verdict::void_malformed, value_hash, "not an envelope");
  switch (record.body_case()) {
    case v1::Record::kCommit: return judge_commit(head, book, record.commit(), value_hash, value.size());
    case v1::Record::kHistoryRepaired:
      if (record.history_repaired().history() != head.history + 1)
        return void_record(Verdict::void_history, value_hash, "a repair that does not follow the present history");
      head.history += 1;
      return void_record(Verdict::control, value_hash, {});
    case v1::Record::kLedgerRuleActivated:
      if (record.ledger_rule_activated().ledger_version() > kLedgerVersion)
        return make_error(Code::upgrade_required, "the log moves to ledger version " +
                                                      std::to_string(record.ledger_rule_activated().ledger_version()) +
                                                      ", this program knows up to " + std::to_string(kLedgerVersion) + ": upgrade it");
      if (record.ledger_rule_activated().ledger_version() <= head.ledger_version)
        return void_record(Verdict::void_malformed, value_hash, "a ledger version that is active already");
      head.ledger_version = record.ledger_rule_activated().ledger_version();
      return void_record(Verdict::control, value_hash, {});
    case v1::Record::kGenesis:
    case v1::Record::BODY_NOT_SET: break;
  }
  return void_record(Verdict::void_malformed, value_hash, "an envelope without a body");
}

}  // namespace

std::string_view to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::accepted: return "accepted";
    case Verdict::void_malformed: return "void_malformed";
    case Verdict::void_history: return "void_history";
    case Verdict::void_duplicate: return "void_duplicate";
    case Verdict::void_conflict: return "void_conflict";
    case Verdict::control: return "control";
  }
  return "void_malformed";
}

crypto::Hash first_chain(std::string_view log_id, std::string_view workspace, std::uint32_t ledger_version) {
  std::string input;
  const std::string version = std::to_string(ledger_version);  // not in the loop's head, where it would be gone before the body
  for (std::string_view part : {std::string_view("dossier.chain.v1"), log_id, workspace, std::string_view(version)}) {
    input += std::to_string(part.size());
    input += ':';
    input += part;
  }
  return crypto::sha256(input);
}

crypto::Hash next_chain(const crypto::Hash& chain, const crypto::Hash& value_hash) {
  std::array<char, 64> input;
  std::copy(chain.begin(), chain.end(), input.begin());
  std::copy(value_hash.begin(), value_hash.end(), input.begin() + 32);
  return crypto::sha256({input.data(), input.size()});
}

const Book::Workspace* Book::find(const std::string& id) const {
  const auto it = workspaces_.find(id);
  return it == workspaces_.end() ? nullptr : &it->second;
}

Envelope decode(std::string_view value) {
  Envelope envelope;
  envelope.decoded = value.size() <= 2 * kMaxCommitBytes && envelope.record.ParseFromArray(value.data(), static_cast<int>(value.size()));
  if (!envelope.decoded) envelope.record.Clear();
  return envelope;
}

Needs needs(const Envelope& envelope) {
  Needs needs;
  if (!envelope.decoded || envelope.record.body_case() != v1::Record::kCommit) return needs;
  const v1::Commit& commit = envelope.record.commit();
  if (commit.events_size() > kMaxCommitEvents || commit.expects_size() > kMaxCommitExpects) return needs;  // void whatever it names
  needs.workspace = commit.workspace_id();
  needs.commit_id = commit.commit_id();
  needs.streams.reserve(static_cast<std::size_t>(commit.expects_size()) + static_cast<std::size_t>(commit.events_size()));
  for (const auto& expect : commit.expects()) needs.streams.push_back(expect.stream());
  for (const auto& event : commit.events()) needs.streams.push_back(event.stream());
  std::sort(needs.streams.begin(), needs.streams.end());
  needs.streams.erase(std::unique(needs.streams.begin(), needs.streams.end()), needs.streams.end());
  return needs;
}

Result<Judgement> judge(PartitionHead& head, Book& book, const Envelope& envelope, std::string_view value) {
  const crypto::Hash value_hash = crypto::sha256(value);
  auto judgement = judge_body(head, book, envelope, value, value_hash);
  if (!judgement) return judgement;
  head.next_offset += 1;
  head.last_hash = value_hash;
  return judgement;
}

}  // namespace dossier::events
