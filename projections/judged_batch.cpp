// Decode, look up what is missing, judge in order, fold.
#include "projections/judged_batch.hpp"

#include "base/mutation.hpp"
#include "events/codec.hpp"

namespace dossier::projections {
namespace {

bool acts_on_parking(const events::Envelope& envelope) {
  if (!envelope.decoded || !envelope.record.has_commit()) return false;
  for (const auto& event : envelope.record.commit().events())
    if (event.stream().starts_with("parking/")) return true;
  return false;
}

// Decodes a prefix of the records and collects what judging it needs.
void decode_prefix(std::span<const topic::Record> records, PartitionMemory& memory, JudgedBatch& batch, FetchRequest& request) {
  std::size_t names = 0;
  batch.records.reserve(records.size());
  for (const topic::Record& record : records) {
    JudgedRecord judged{&record, events::decode(record.value), {}};
    const events::Needs needs = events::needs(judged.envelope);
    const bool alone = acts_on_parking(judged.envelope);
    names += needs.streams.size();
    if (!batch.records.empty() && (alone || names > kMaxBatchNames)) return;
    memory.want(needs, request);
    batch.records.push_back(std::move(judged));
    if (alone) {
      batch.acts_on_parking = true;
      return;
    }
  }
}

// Folds an accepted commit's events and lists them.
void fold_commit(std::size_t record, JudgedBatch& batch, PartitionMemory& memory) {
  const JudgedRecord& judged = batch.records[record];
  const v1::Commit& commit = judged.envelope.record.commit();
  memory.note_commit(commit.workspace_id(), commit.commit_id());
  for (int i = 0; i < commit.events_size(); ++i) {
    auto* payload = google::protobuf::Arena::CreateMessage<v1::EventPayload>(batch.arena.get());
    const bool known = payload->ParseFromString(commit.events(i).payload()) && events::is_known(*payload);
    if (!known) payload = nullptr;
    batch.unknown_events += known ? 0 : 1;
    const std::uint64_t version = judged.judgement.versions[static_cast<std::size_t>(i)];
    memory.evolve(commit.workspace_id(), commit.events(i).stream(), payload, {judged.judgement.time_us, version, &commit.actor()});
    batch.events.push_back({record, i, version, payload});
  }
}

}  // namespace

Result<JudgedBatch> judge_batch(const Position& before, std::span<const topic::Record> records, PartitionMemory& memory, ProjectionStore& store) {
  JudgedBatch batch;
  batch.before = before;
  batch.after = before;
  batch.arena = std::make_unique<google::protobuf::Arena>();
  FetchRequest request;
  decode_prefix(records, memory, batch, request);
  if (!request.workspaces.empty() || !request.streams.empty() || !request.commit_ids.empty()) {
    TRY(auto fetched, store.fetch(request));
    memory.learn(request, std::move(fetched));
  }
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    JudgedRecord& judged = batch.records[i];
    auto judgement = events::judge(batch.after, memory.book(), judged.envelope, judged.record->value);
    if (!judgement) {
      batch.stopped = std::move(judgement).error();
      batch.records.resize(i);
      break;
    }
    judged.judgement = *std::move(judgement);
    if (judged.judgement.verdict == events::Verdict::accepted) fold_commit(i, batch, memory);
  }
  return batch;
}

std::vector<JournalRow> journal_rows(const JudgedBatch& batch) {
  std::vector<JournalRow> rows;
  rows.reserve(batch.records.size());
  for (const JudgedRecord& judged : batch.records) {
    JournalRow& row = rows.emplace_back();
    row.partition = batch.before.partition;
    row.offset = judged.record->offset;
    row.verdict = judged.judgement.verdict;
    row.append_time_us = judged.record->append_time_us;
    row.value = judged.record->value;
    // Names in malformed records and in controls mean nothing, and may not even be text.
    if (row.verdict == events::Verdict::void_malformed || row.verdict == events::Verdict::control) continue;
    row.workspace = judged.envelope.record.commit().workspace_id();
    row.commit_id = judged.envelope.record.commit().commit_id();
    row.seq = judged.judgement.seq;
    row.time_us = judged.judgement.time_us;
    row.chain = judged.judgement.chain;
  }
  if (mutation::on(mutation::Name::skip_journal_row) && rows.size() > 1) rows.pop_back();
  return rows;
}

}  // namespace dossier::projections
