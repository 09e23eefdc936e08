// The product's ledger and folds over commits that a test appends.
#include "tests/support/folded_log.hpp"

#include "base/check.hpp"
#include "events/codec.hpp"
#include "events/fold.hpp"
#include "events/names.hpp"

namespace dossier::test {
namespace {

constexpr std::int64_t kNowUs = 1'800'000'000'000'000;

class FoldSnapshot final : public producers::Snapshot {
 public:
  explicit FoldSnapshot(const FoldedLog& log) : log_(log) {}
  Status load(const WorkspaceId&, const std::vector<std::string>&) override { return {}; }
  Result<producers::StreamState> stream(const WorkspaceId&, const std::string& stream) override {
    const auto it = log_.streams().find(stream);
    if (it == log_.streams().end()) return producers::StreamState{};
    return producers::StreamState{it->second.version, it->second.state, it->second.needs_newer_code};
  }
  Result<std::optional<WorkspaceId>> workspace_of(const std::string& stream) override {
    if (log_.streams().count(stream) == 0) return std::optional<WorkspaceId>{};
    return std::optional(FoldedLog::workspace());
  }
  Result<std::uint64_t> seq(const WorkspaceId&) override { return std::uint64_t{0}; }
  Result<std::int64_t> applied_to(std::int32_t) override { return log_.next_offset(); }
  Result<std::optional<producers::AcceptedCommit>> accepted(const WorkspaceId&, const CommitId&) override {
    return std::optional<producers::AcceptedCommit>{};
  }
  Result<std::vector<producers::LiveWorker>> live_workers(const WorkspaceId&, std::int64_t) override { return log_.workers; }

 private:
  const FoldedLog& log_;
};

}  // namespace

const WorkspaceId& FoldedLog::workspace() {
  static const WorkspaceId id("ws_" + std::string(32, '1'));
  return id;
}

CommitId FoldedLog::commit_id(const std::string& key) { return events::derive_commit_id(workspace(), "test", "test", key); }

FoldedLog::FoldedLog() {
  head_.partition = events::partition_of(workspace().str(), events::kDefaultPartitions);
  const std::string genesis = events::encode(events::make_genesis(std::string(32, 'a'), events::kDefaultPartitions, head_.partition, 1));
  CHECK(events::judge(head_, book_, events::decode(genesis), genesis).has_value());
}

producers::CommandContext FoldedLog::context(const std::string& actor, const std::string& key) {
  producers::CommandContext context;
  context.workspace = workspace();
  context.commit_id = commit_id(key);
  context.actor.set_kind(v1::Actor::USER);
  context.actor.set_id(actor);
  context.fingerprint = std::string(32, 'f');
  context.now_us = kNowUs;
  return context;
}

Result<producers::Decision> FoldedLog::decide(const producers::Decide& decide, const std::string& actor, const std::string& key) const {
  FoldSnapshot snapshot(*this);
  return decide(snapshot, context(actor, key));
}

events::Judgement FoldedLog::append(const producers::Decision& decision, const std::string& actor, const std::string& key) {
  v1::Commit commit;
  commit.set_commit_id(commit_id(key).str());
  commit.set_workspace_id(workspace().str());
  commit.set_history(head_.history);
  for (const auto& expect : decision.expects) *commit.add_expects() = expect;
  for (const auto& event : decision.events) *commit.add_events() = event;
  commit.mutable_actor()->set_kind(v1::Actor::USER);
  commit.mutable_actor()->set_id(actor);
  commit.set_recorded_at_us(kNowUs);
  const std::string value = events::encode(events::make_record(commit));
  auto judgement = events::judge(head_, book_, events::decode(value), value);
  CHECK(judgement.has_value());
  if (judgement->verdict != events::Verdict::accepted) return *judgement;
  for (int i = 0; i < commit.events_size(); ++i) {
    const v1::Event& event = commit.events(i);
    Stream& stream = streams_[event.stream()];
    v1::EventPayload payload;
    CHECK(payload.ParseFromString(event.payload()));
    events::FoldedStream fold(event.stream(), stream.state, stream.needs_newer_code);
    stream.version = judgement->versions[static_cast<std::size_t>(i)];
    fold.evolve(payload, {judgement->time_us, stream.version, &commit.actor()});
    stream.state = fold.state();
    stream.needs_newer_code = fold.needs_newer_code();
  }
  return *judgement;
}

Status FoldedLog::run(const producers::Decide& decision, const std::string& actor, const std::string& key) {
  TRY(const producers::Decision decided, decide(decision, actor, key));
  if (decided.events.empty()) return {};
  const auto judgement = append(decided, actor, key);
  if (judgement.verdict == events::Verdict::accepted) return {};
  return make_error(Code::conflict, judgement.reason);
}

}  // namespace dossier::test
