// The checkers.
#include "tests/simulation/checks.hpp"

#include <map>

#include "events/codec.hpp"
#include "platform/memory/ledger_tables.hpp"
#include "projections/projection.hpp"

namespace dossier::simulation {
namespace {

struct Accepted {
  std::uint64_t seq = 0;
  int times = 0;
};

// The log read and judged once more, from its beginning.
struct JudgedLog {
  std::map<std::string, Accepted> accepted;               // by commit id
  std::map<std::string, std::uint64_t> last_seq;          // by workspace
  std::map<std::pair<std::string, std::uint32_t>, int> claims;  // by (task, offer)
  std::string fault;
};

void look_at_claims(JudgedLog& judged, const v1::Commit& commit, std::map<std::string, std::uint32_t>& leased) {
  for (const auto& event : commit.events()) {
    v1::EventPayload payload;
    if (!payload.ParseFromString(event.payload()) || !payload.has_task()) continue;
    const v1::TaskEvent& fact = payload.task();
    if (fact.has_task_claimed()) {
      if (++judged.claims[{event.stream(), fact.task_claimed().offer()}] > 1) judged.fault = event.stream() + " was claimed twice under one offer";
      if (leased.count(event.stream()) > 0) judged.fault = event.stream() + " was claimed while another lease was open";
      leased[event.stream()] = fact.task_claimed().offer();
    } else if (fact.has_task_completed() || fact.has_task_failed() || fact.has_task_cancelled() || fact.has_task_lease_expired()) {
      leased.erase(event.stream());
    }
  }
}

JudgedLog judge_log(const Evidence& evidence) {
  JudgedLog judged;
  const projections::MemoryStore live(evidence.database);
  auto store = live;
  for (std::int32_t partition = 0; partition < evidence.log.partitions; ++partition) {
    events::PartitionHead head;
    head.partition = partition;
    events::Book book;
    std::map<std::string, std::uint32_t> leased;
    for (const auto& record : evidence.broker.records(evidence.topics.events(), partition)) {
      const auto envelope = events::decode(record.value);
      const auto judgement = events::judge(head, book, envelope, record.value);
      if (!judgement) {
        judged.fault = "the log can't be judged: " + judgement.error().message;
        return judged;
      }
      const auto journaled = store.journal_at(partition, record.offset);
      if (!journaled || !*journaled || (*journaled)->value != record.value || (*journaled)->verdict != judgement->verdict ||
          (judgement->verdict == events::Verdict::accepted && ((*journaled)->seq != judgement->seq || (*journaled)->chain != judgement->chain)))
        judged.fault = "the journal differs from the log at partition " + std::to_string(partition) + " offset " + std::to_string(record.offset);
      if (judgement->verdict != events::Verdict::accepted) continue;
      const v1::Commit& commit = envelope.record.commit();
      auto& accepted = judged.accepted[commit.commit_id()];
      accepted.seq = judgement->seq;
      ++accepted.times;
      auto& last = judged.last_seq[commit.workspace_id()];
      if (judgement->seq != last + 1) judged.fault = "seq is not dense in " + commit.workspace_id();
      last = judgement->seq;
      look_at_claims(judged, commit, leased);
    }
  }
  return judged;
}

std::string check_requests(const Evidence& evidence, const JudgedLog& judged) {
  for (const auto& request : evidence.requests) {
    const auto found = judged.accepted.find(request->commit.str());
    const int times = found == judged.accepted.end() ? 0 : found->second.times;
    const std::string what = request->what + " " + request->commit.str();
    if (times > 1) return what + " was accepted " + std::to_string(times) + " times";
    if (request->accepted && times == 0) return what + " was acknowledged and is not in the log";
    if (request->accepted && found->second.seq != request->seq) return what + " was told another seq than the log gives it";
    // After an answer that left it open, a refusal speaks of the later attempt: the earlier record may still settle.
    if (request->ever_open) continue;
    if (request->refused && times > 0)
      return what + " was refused (" + std::string(to_string(request->refusal)) + ") and is in the log all the same";
    if (request->unchanged && times > 0) return what + " was answered as changing nothing, and is in the log";
  }
  return {};
}

std::string dump(const memory::MemoryDatabase& database, std::string_view table) {
  std::string text;
  const auto view = database.view("check");
  if (!view) return "unreadable";
  view->scan(memory::in_generation(memory::kFirstGeneration, table), memory::Key(), [&](const rows::Row& row) {
    for (const auto& cell : row) {
      if (const auto* value = std::get_if<std::string>(&cell)) text += *value;
      if (const auto* value = std::get_if<std::int64_t>(&cell)) text += std::to_string(*value);
      if (const auto* value = std::get_if<bool>(&cell)) text += *value ? "true" : "false";
      text += '|';
    }
    text += '\n';
    return true;
  });
  return text;
}

// Projects the log into an empty database and compares every table of the generation.
std::string check_read_models(const Evidence& evidence) {
  auto fresh = std::make_shared<memory::MemoryDatabase>();
  projections::MemoryStore store(fresh);
  auto reader = evidence.broker.make_reader("checker");
  projections::ProjectorOptions options;
  options.log = {evidence.topics.events(), evidence.log.log_id, evidence.log.partitions};
  projections::Projector projector(options, *reader, store, projections::registry(), evidence.clock);
  std::vector<std::int32_t> all;
  for (std::int32_t partition = 0; partition < evidence.log.partitions; ++partition) all.push_back(partition);
  projector.assign(all);
  Evidence copy{evidence.broker, fresh, evidence.topics, evidence.log, evidence.requests, evidence.clock};
  for (int n = 0; n < 10'000 && !applied_to_the_end(copy); ++n) projector.step(0);
  if (!applied_to_the_end(copy)) return "a projection from the beginning does not reach the end of the log";
  std::vector<std::string_view> tables = {"heads", "streams"};
  for (const auto& model : projections::registry())
    for (const auto* table : model.tables) tables.push_back(table->name);
  for (const auto table : tables)
    if (dump(*evidence.database, table) != dump(*fresh, table)) return "read model " + std::string(table) + " is not the fold of the log";
  return {};
}

}  // namespace

bool applied_to_the_end(const Evidence& evidence) {
  projections::MemoryStore store(evidence.database);
  for (std::int32_t partition = 0; partition < evidence.log.partitions; ++partition) {
    const auto position = store.position(partition);
    const auto records = evidence.broker.records(evidence.topics.events(), partition).size();
    if (!position || !*position || static_cast<std::size_t>((*position)->next_offset) != records) return false;
  }
  return true;
}

std::string check_everything(const Evidence& evidence) {
  const JudgedLog judged = judge_log(evidence);
  if (!judged.fault.empty()) return judged.fault;
  if (const std::string fault = check_requests(evidence, judged); !fault.empty()) return fault;
  return check_read_models(evidence);
}

}  // namespace dossier::simulation
