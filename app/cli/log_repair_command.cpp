// dossier log repair: a log that lost records, and its journal, brought together again.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/cli/commands.hpp"
#include "app/cli/exit_codes.hpp"
#include "app/cli/output.hpp"
#include "app/cli/stack.hpp"
#include "base/clock.hpp"
#include "platform/postgres/migrate.hpp"
#include "replay/log_repair.hpp"
#include "replay/lost_commits.hpp"
#include "replay/postgres_repair_store.hpp"

namespace dossier::cli {
namespace {

struct Outcome {
  replay::Diagnosis diagnosis;
  std::string lost_commits;  // the file; empty: none
  std::optional<projections::HistoryCut> cut;
  std::optional<Error> error;
};

replay::Progress progress_of(const Invocation& in, std::int32_t partition, const char* doing) {
  if (in.json()) return {};
  return [partition, doing](std::int64_t offset) {
    std::fprintf(stderr, "partition %d: %s, offset %lld\n", static_cast<int>(partition), doing, static_cast<long long>(offset));
  };
}

std::string lost_commits_file(const Invocation& in, std::int32_t partition) {
  return in.optional("--lost-commits").value_or("lost-commits-" + std::to_string(partition) + ".ndjson");
}

// The lost commits are in the operator's hands before anything is changed. A file that is there is never overwritten, but
// for one that an interrupted repair left, which says the same.
Status write_lost_commits(replay::LogRepair& repair, const replay::Diagnosis& diagnosis, const std::string& file) {
  const std::string unfinished = file + ".unfinished";
  {
    std::ofstream out(unfinished, std::ios::binary | std::ios::trunc);
    TRY_STATUS(repair.each_lost(diagnosis, [&](const projections::JournalRow& row) -> Status {
      if (row.verdict == events::Verdict::accepted) out << replay::lost_commit_line(row);
      return {};
    }));
    out.flush();
    if (!out) return make_error(Code::io, unfinished + " can't be written: name another file with --lost-commits");
  }
  std::error_code failed;
  if (std::filesystem::exists(file)) {
    std::ostringstream before, now;
    before << std::ifstream(file, std::ios::binary).rdbuf();
    now << std::ifstream(unfinished, std::ios::binary).rdbuf();
    std::filesystem::remove(unfinished, failed);
    if (before.str() == now.str()) return {};
    return make_error(Code::conflict, file + " is there already, with other content: name another file with --lost-commits");
  }
  std::filesystem::rename(unfinished, file, failed);
  if (failed) return make_error(Code::io, file + " can't be written: " + failed.message());
  return {};
}

std::string plan_text(const replay::Diagnosis& found) {
  const std::string at = "partition " + std::to_string(found.partition) + ": ";
  switch (found.remedy) {
    case replay::Remedy::nothing:
      return at + "sound: the log has all " + std::to_string(found.journal_end) + " records of the journal, byte for byte\n";
    case replay::Remedy::restore:
      return at + "the log ends at " + std::to_string(found.log_end) + ", the journal at " + std::to_string(found.journal_end) + ": " +
             std::to_string(found.lost()) + " records are to be appended again\n";
    case replay::Remedy::cut:
      return at + "the first " + std::to_string(found.common) + " records are the same; behind them " + std::to_string(found.lost()) +
             " records of the journal are lost (" + std::to_string(found.lost_accepted) + " accepted commits) and " +
             std::to_string(found.foreign()) + " others were written: a new history, " +
             std::to_string(found.history + (found.repaired_offset ? 0 : 1)) + ", begins\n";
  }
  return {};
}

json::Value outcome_json(const Outcome& outcome, bool dry_run) {
  const replay::Diagnosis& found = outcome.diagnosis;
  json::Value::Object object{{"partition", found.partition}};
  if (outcome.error) {
    object.emplace_back("error", json::Value::Object{{"code", std::string(to_string(outcome.error->code))}, {"message", outcome.error->message}});
    return object;
  }
  object.emplace_back("remedy", std::string(to_string(found.remedy)));
  object.emplace_back("log_end", found.log_end);
  object.emplace_back("journal_end", found.journal_end);
  object.emplace_back("common", found.common);
  object.emplace_back("lost", found.lost());
  object.emplace_back("lost_accepted", found.lost_accepted);
  object.emplace_back("repaired", !dry_run && found.remedy != replay::Remedy::nothing);
  if (outcome.cut) {
    object.emplace_back("history", static_cast<std::int64_t>(outcome.cut->history));
    object.emplace_back("repaired_offset", outcome.cut->repaired_offset);
    object.emplace_back("lost_commits", outcome.lost_commits);
  }
  return object;
}

// One command's connections and what it does to one partition after the other.
class Repairing {
 public:
  static Result<std::unique_ptr<Repairing>> open(const Invocation& in) {
    TRY(const auto database, in.required("--database"));
    auto self = std::unique_ptr<Repairing>(new Repairing(in));
    TRY(self->reader_, open_reader(in));
    TRY_STATUS(postgres::migrate(database));
    TRY(const auto identity, postgres::log_identity(database));
    if (!identity) return make_error(Code::conflict, "this database belongs to no log yet: there is nothing to repair");
    self->log_ = {topics_of(in).events(), identity->log_id, identity->partitions};
    TRY(const auto present, self->reader_->partition_count(self->log_.topic, 10'000));
    if (present != identity->partitions)
      return make_error(Code::log_mismatch, self->log_.topic + " has " + std::to_string(present) +
                                                " partitions, and this database belongs to a log of " + std::to_string(identity->partitions) +
                                                ": make the topic as it was (dossier admin init)");
    TRY(self->store_, replay::PostgresRepairStore::open(database, self->log_, self->clock_));
    TRY(const auto cluster, cluster_of(in));
    TRY(self->writer_, kafka::make_writer(cluster, kafka::WriterKind::commits));
    self->repair_ = std::make_unique<replay::LogRepair>(self->log_, *self->reader_, *self->store_, self->clock_);
    return self;
  }

  // "all", or one number.
  Result<std::vector<std::int32_t>> partitions() const {
    std::vector<std::int32_t> all;
    TRY(const auto text, in_.required("--partition"));
    if (text == "all") {
      for (std::int32_t n = 0; n < log_.partitions; ++n) all.push_back(n);
      return all;
    }
    TRY(const auto number, in_.number("--partition", 0, log_.partitions - 1));
    all.push_back(static_cast<std::int32_t>(number));
    return all;
  }

  Status run(std::int32_t partition, Outcome& outcome) {
    outcome.diagnosis.partition = partition;
    TRY(outcome.diagnosis, repair_->diagnose(partition, progress_of(in_, partition, "comparing")));
    const replay::Diagnosis& found = outcome.diagnosis;
    if (!in_.json()) print(plan_text(found));
    if (in_.flag("--dry-run")) return {};
    switch (found.remedy) {
      case replay::Remedy::nothing: return {};
      case replay::Remedy::restore: TRY_STATUS(repair_->restore(found, *writer_, progress_of(in_, partition, "appending"))); break;
      case replay::Remedy::cut: TRY_STATUS(cut(outcome)); break;
    }
    if (!in_.json()) print("partition " + std::to_string(partition) + ": repaired; servers go on with it by themselves\n");
    return {};
  }

 private:
  explicit Repairing(const Invocation& in) : in_(in) {}

  Status cut(Outcome& outcome) {
    const replay::Diagnosis& found = outcome.diagnosis;
    outcome.lost_commits = lost_commits_file(in_, found.partition);
    TRY_STATUS(write_lost_commits(*repair_, found, outcome.lost_commits));
    if (!in_.json())
      print("partition " + std::to_string(found.partition) + ": " + std::to_string(found.lost_accepted) + " lost commits are in " +
            outcome.lost_commits + "\n");
    TRY(outcome.cut, repair_->announce(found, *writer_));
    return repair_->follow(*outcome.cut, progress_of(in_, found.partition, "projecting"));
  }

  const Invocation& in_;
  const SystemClock clock_;
  projections::ExpectedLog log_;
  std::unique_ptr<topic::Reader> reader_;
  std::unique_ptr<topic::Writer> writer_;
  std::unique_ptr<replay::PostgresRepairStore> store_;
  std::unique_ptr<replay::LogRepair> repair_;
};

}  // namespace

Result<int> log_repair(const Invocation& in) {
  if (in.text("--partition") == "all" && in.optional("--lost-commits"))
    return make_error(Code::usage, "--lost-commits names the file of one partition: repair them one by one, or take the default names");
  TRY(const auto repairing, Repairing::open(in));
  TRY(const auto partitions, repairing->partitions());
  json::Value::Array items;
  std::optional<Error> failure;
  bool found_something = false;
  for (const std::int32_t partition : partitions) {
    Outcome outcome;
    if (const Status done = repairing->run(partition, outcome); !done) {
      outcome.error = done.error();
      if (failure) report(*failure, in.json());  // the last one is reported by the caller
      failure = outcome.error;
    }
    found_something = found_something || outcome.diagnosis.remedy != replay::Remedy::nothing;
    items.push_back(outcome_json(outcome, in.flag("--dry-run")));
  }
  if (in.json()) print_json(json::Value::Object{{"dry_run", in.flag("--dry-run")}, {"partitions", std::move(items)}});
  if (failure) return *std::move(failure);
  if (!found_something && !in.flag("--dry-run"))
    return make_error(Code::conflict, "there is nothing to repair: no partition of these is halted for its log");
  return kOk;
}

}  // namespace dossier::cli
