// The checkers.
#include "tests/simulation/checks.hpp"

#include "platform/memory/ledger_tables.hpp"
#include "projections/projection.hpp"
#include "tests/support/log_judge.hpp"

namespace dossier::simulation {
namespace {

// The log read and judged once more, from its beginning; each record's journal row must be what was judged.
std::string judge_log(const Evidence& evidence, test::LogJudge& judge) {
  std::string fault;
  projections::MemoryStore store(evidence.database);
  for (std::int32_t partition = 0; partition < evidence.log.partitions; ++partition) {
    for (const auto& record : evidence.broker.records(evidence.topics.events(), partition)) {
      const auto judgement = judge.take(partition, record.value);
      if (!judgement) return "the log can't be judged: " + judgement.error().message;
      const auto journaled = store.journal_at(partition, record.offset);
      if (!journaled || !*journaled || (*journaled)->value != record.value || (*journaled)->verdict != judgement->verdict ||
          (judgement->verdict == events::Verdict::accepted && ((*journaled)->seq != judgement->seq || (*journaled)->chain != judgement->chain)))
        fault = "the journal differs from the log at partition " + std::to_string(partition) + " offset " + std::to_string(record.offset);
    }
  }
  return judge.fault().empty() ? fault : judge.fault();
}

std::vector<test::AskedCommand> asked(const Evidence& evidence) {
  std::vector<test::AskedCommand> commands;
  for (const auto& request : evidence.requests)
    commands.push_back({request->what, request->commit.str(), request->accepted, request->seq, request->unchanged, request->refused,
                        std::string(to_string(request->refusal)), request->ever_open});
  return commands;
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
  test::LogJudge judge;
  if (const std::string fault = judge_log(evidence, judge); !fault.empty()) return fault;
  if (const std::string fault = judge.check(asked(evidence)); !fault.empty()) return fault;
  return check_read_models(evidence);
}

}  // namespace dossier::simulation
