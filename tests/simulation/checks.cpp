// The checkers.
#include "tests/simulation/checks.hpp"

#include <utility>

#include "base/mutation.hpp"
#include "platform/memory/ledger_tables.hpp"
#include "projections/projection.hpp"

namespace dossier::simulation {
namespace {

using memory::Key;
using View = memory::MemoryDatabase::View;

std::string at(std::int32_t partition, std::int64_t offset) { return "partition " + std::to_string(partition) + " offset " + std::to_string(offset); }

std::string check_journal_row(const rows::Row& row, const LogModel::Entry& entry, const topic::Record& record) {
  if (memory::text(row, 7) != record.value) return "holds other bytes than the log";
  if (memory::number(row, 0) != static_cast<std::int64_t>(entry.verdict))
    return "says " + std::string(events::to_string(static_cast<events::Verdict>(memory::number(row, 0)))) + " where " +
           std::string(events::to_string(entry.verdict)) + " is right";
  if (entry.verdict == events::Verdict::accepted && memory::number(row, 2) != static_cast<std::int64_t>(entry.seq))
    return "says seq " + std::to_string(memory::number(row, 2)) + " where " + std::to_string(entry.seq) + " is next";
  return {};
}

std::string check_journal(const Evidence& evidence, const View& view, const std::set<std::int32_t>& contradicted) {
  for (std::int32_t partition = 0; partition < evidence.log.partitions; ++partition) {
    if (contradicted.contains(partition)) continue;
    const auto& entries = evidence.model.entries(partition);
    for (const auto& record : evidence.broker.records(evidence.topics.events(), partition)) {
      const auto row = view.find(memory::kJournal, Key().int8(partition).int8(record.offset));
      if (!row) return "the journal has no row of " + at(partition, record.offset);
      const std::string wrong = check_journal_row(*row, entries.at(static_cast<std::size_t>(record.offset)), record);
      if (!wrong.empty()) return "the journal's row of " + at(partition, record.offset) + " " + wrong;
    }
  }
  return {};
}

bool journaled(const View& view, const Request& request) {
  bool found = false;
  view.scan(memory::kJournalCommits, Key().text(request.workspace.str()).text(request.commit.str()), [&](const rows::Row& row) {
    found = found || memory::number(row, 0) == static_cast<std::int64_t>(request.seq);
    return true;
  });
  return found;
}

std::string check_request(const Evidence& evidence, const View& view, const Request& request, bool contradicted) {
  const auto* accepted = evidence.model.accepted(request.commit.str());
  const std::string what = request.what + " " + request.commit.str();
  if (request.accepted && contradicted)
    return journaled(view, request) ? std::string() : what + " was acknowledged, and neither the log nor the journal has it";
  if (contradicted) return {};
  if (accepted != nullptr && accepted->times > 1) return what + " was accepted " + std::to_string(accepted->times) + " times";
  if (request.accepted && accepted == nullptr) return what + " was acknowledged and is not in the log";
  if (request.accepted && accepted->seq != request.seq) return what + " was told another seq than the log gives it";
  // After an answer that left it open, a refusal speaks of the later attempt: the earlier record may still settle.
  if (request.ever_open || accepted == nullptr) return {};
  if (request.refused) return what + " was refused (" + std::string(to_string(request.refusal)) + ") and is in the log all the same";
  if (request.unchanged) return what + " was answered as changing nothing, and is in the log";
  return {};
}

std::string dump(const memory::MemoryDatabase& database, std::string_view table) {
  std::string text;
  const auto view = database.observe();
  view.scan(memory::in_generation(memory::kFirstGeneration, table), Key(), [&](const rows::Row& row) {
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

// A mutation sleeps while the checkers use the product's own code.
class WithoutMutation {
 public:
#ifdef DOSSIER_MUTATIONS
  WithoutMutation() : before_(std::exchange(mutation::active, mutation::Name::none)) {}
  ~WithoutMutation() { mutation::active = before_; }

 private:
  mutation::Name before_;
#endif
};

// Projects the log into an empty database and compares every table of the generation.
std::string check_read_models(const Evidence& evidence) {
  [[maybe_unused]] const WithoutMutation none;
  auto fresh = std::make_shared<memory::MemoryDatabase>();
  projections::MemoryStore store(fresh);
  auto reader = evidence.broker.make_reader("checker");
  projections::ProjectorOptions options;
  options.log = {evidence.topics.events(), evidence.log.log_id, evidence.log.partitions};
  projections::Projector projector(options, *reader, store, projections::registry(), evidence.clock);
  std::vector<std::int32_t> all;
  all.reserve(static_cast<std::size_t>(evidence.log.partitions));
  for (std::int32_t partition = 0; partition < evidence.log.partitions; ++partition) all.push_back(partition);
  projector.assign(all);
  const Evidence copy{evidence.broker, fresh, evidence.topics, evidence.log, evidence.model, evidence.clock};
  const auto whole = positions(evidence);
  for (int n = 0; n < 10'000 && positions(copy) != whole; ++n) projector.step(0);
  if (positions(copy) != whole) return "a projection from the beginning does not reach the end of the log";
  std::vector<std::string_view> tables = {"heads", "streams"};
  for (const auto& model : projections::registry())
    for (const auto* table : model.tables) tables.push_back(table->name);
  for (const auto table : tables)
    if (dump(*evidence.database, table) != dump(*fresh, table)) return "read model " + std::string(table) + " is not the fold of the log";
  return {};
}

}  // namespace

std::vector<std::int64_t> positions(const Evidence& evidence) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(evidence.log.partitions), -1);
  const auto view = evidence.database->observe();
  const std::string table = memory::in_generation(memory::kFirstGeneration, "positions");
  for (std::size_t partition = 0; partition < all.size(); ++partition)
    if (const auto row = view.find(table, Key().int8(static_cast<std::int64_t>(partition)))) all[partition] = memory::number(*row, 0);
  return all;
}

std::string check_answer(const Evidence& evidence, const Request& request, const Result<producers::Committed>& answer,
                         const std::vector<std::int64_t>& applied) {
  const std::string what = request.what + " " + request.commit.str();
  const auto* accepted = evidence.model.accepted(request.commit.str());
  if (request.asked_again && !answer) return what + " was accepted, and refused when it was sent again: " + answer.error().message;
  if (!request.accepted) {
    if (accepted == nullptr || request.ever_open) return {};
    return what + " was answered as " + (answer ? "changing nothing" : std::string(to_string(answer.error().code))) + ", and is in the log";
  }
  if (accepted == nullptr) return what + " was acknowledged before it was in the log";
  if (accepted->seq != answer->commit.seq)
    return what + " was told seq " + std::to_string(answer->commit.seq) + ", and has " + std::to_string(accepted->seq) + " in the log";
  if (applied.at(static_cast<std::size_t>(accepted->partition)) <= accepted->offset) return what + " was acknowledged before it was visible";
  return {};
}

std::set<std::int32_t> contradicted_partitions(const Evidence& evidence) {
  std::set<std::int32_t> found;
  const auto view = evidence.database->observe();
  const auto applied = positions(evidence);
  for (std::int32_t partition = 0; partition < evidence.log.partitions; ++partition) {
    const auto records = evidence.broker.records(evidence.topics.events(), partition);
    for (std::int64_t offset = 0; offset < applied[static_cast<std::size_t>(partition)]; ++offset) {
      const auto row = view.find(memory::kJournal, Key().int8(partition).int8(offset));
      const bool is_there = offset < static_cast<std::int64_t>(records.size());
      if (row && is_there && memory::text(*row, 7) == records[static_cast<std::size_t>(offset)].value) continue;
      if (row) found.insert(partition);
    }
  }
  return found;
}

std::string check_everything(const Evidence& evidence, const std::vector<std::shared_ptr<Request>>& requests,
                             const std::set<std::int32_t>& contradicted) {
  const auto view = evidence.database->observe();
  if (std::string fault = check_journal(evidence, view, contradicted); !fault.empty()) return fault;
  for (const auto& request : requests) {
    const bool of_contradicted = contradicted.contains(events::partition_of(request->workspace.str(), evidence.log.partitions));
    if (std::string fault = check_request(evidence, view, *request, of_contradicted); !fault.empty()) return fault;
  }
  return contradicted.empty() ? check_read_models(evidence) : std::string();
}

}  // namespace dossier::simulation
