// The operator's commands: beginning a log, rebuilding read models, parked rows.
#include "app/admin_commands.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <thread>

#include "app/cli/command_table.hpp"
#include "app/cli/exit_codes.hpp"
#include "app/cli/output.hpp"
#include "app/cli/run.hpp"
#include "app/cli/stack.hpp"
#include "base/clock.hpp"
#include "events/codec.hpp"
#include "events/ledger.hpp"
#include "platform/crypto/crypto.hpp"
#include "platform/postgres/migrate.hpp"
#include "producers/setup.hpp"
#include "projections/code_version.hpp"
#include "projections/parked_commands.hpp"
#include "projections/rebuild.hpp"

namespace dossier::app {
namespace {

using cli::Invocation;

constexpr std::int64_t kAppendPatienceMs = 15'000;
constexpr std::int64_t kVerdictPatienceMs = 30'000;
constexpr std::int64_t kPollMs = 50;
constexpr std::int64_t kProgressUs = 1'000'000;

Result<int> init(const Invocation& in) {
  TRY(const auto cluster, cli::cluster_of(in));
  TRY(const auto database, in.required("--database"));
  std::int32_t partitions = 0;
  if (!in.text("--partitions").empty()) {
    TRY(const auto wanted, in.number("--partitions", 1, events::kMaxPartitions));
    partitions = static_cast<std::int32_t>(wanted);
  }
  TRY(const auto identity, producers::initialise(cluster, database, cli::topics_of(in), projections::code_digest(), SystemClock(), partitions));
  if (in.json()) return cli::print_json(json::Value::Object{{"log_id", identity.log_id}, {"partitions", identity.partitions}});
  return cli::print("log " + identity.log_id + " with " + std::to_string(identity.partitions) + " partitions is ready\n");
}

void show_progress(const projections::RebuildProgress& progress) {
  std::string line = "generation " + std::to_string(progress.generation) + ": " + std::string(to_string(progress.phase));
  line += ", " + std::to_string(progress.records) + " of " + std::to_string(progress.records_goal) + " records";
  if (progress.compared > 0) line += ", " + std::to_string(progress.compared) + " of " + std::to_string(progress.partitions) + " partitions compared";
  std::fprintf(stderr, "%s\n", line.c_str());
}

json::Value differences_json(const projections::Comparison& comparison) {
  json::Value::Array list;
  for (const auto& one : comparison.differences)
    list.emplace_back(
        json::Value::Object{{"partition", one.partition}, {"table", one.table}, {"live_rows", one.live.rows}, {"next_rows", one.next.rows}});
  return json::Value(std::move(list));
}

Result<int> rebuild(const Invocation& in) {
  TRY(auto reader, cli::open_reader(in));
  projections::RebuildOptions options;
  TRY(options.database_url, in.required("--database"));
  TRY(const auto identity, postgres::log_identity(options.database_url));
  if (!identity) return make_error(Code::conflict, "this database belongs to no log yet: run dossier admin init");
  options.log.topic = cli::topics_of(in).events();
  options.log.log_id = identity->log_id;
  options.log.partitions = identity->partitions;
  options.switch_over = !in.flag("--no-switch");
  options.back = in.flag("--back");
  if (options.back && !options.switch_over) return make_error(Code::usage, "--back switches: leave --no-switch out", "--no-switch");
  const SystemClock clock;
  TRY(const auto work, projections::Rebuild::open(options, *reader, clock));
  projections::RebuildProgress progress;
  std::int64_t shown_us = 0;
  do {
    TRY(progress, work->step(100));
    if (clock.boot_us() - shown_us < kProgressUs && progress.phase != projections::RebuildPhase::done) continue;
    shown_us = clock.boot_us();
    if (!in.json()) show_progress(progress);
  } while (progress.phase != projections::RebuildPhase::done);
  const auto& comparison = work->comparison();
  if (in.json())
    return cli::print_json(json::Value::Object{{"generation", work->generation()},
                                               {"before", work->live_generation()},
                                               {"switched", options.switch_over},
                                               {"same_code", work->same_code()},
                                               {"records", progress.records},
                                               {"differences", differences_json(comparison)}});
  std::string out = options.switch_over ? "generation " + std::to_string(work->generation()) + " is live; " +
                                              std::to_string(work->live_generation()) + " stays as the way back\n"
                                        : "generation " + std::to_string(work->generation()) + " is ready and not live (--no-switch)\n";
  if (!comparison.differences.empty()) out += std::to_string(comparison.differences.size()) + " tables differ, as the code does\n";
  return cli::print(out);
}

Result<int> generations_list(const Invocation& in) {
  TRY(const auto database, in.required("--database"));
  TRY(const auto all, postgres::generations(database));
  json::Value::Array items;
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : all) {
    TRY(const auto positions, projections::generation_positions(database, one.number));
    std::int64_t records = 0;
    for (const auto& [partition, next_offset] : positions) records += next_offset;
    const bool ours = projections::is_of_code(one.digest, projections::code_digest());
    items.emplace_back(json::Value::Object{{"generation", one.number},
                                           {"state", std::string(postgres::to_string(one.state))},
                                           {"digest", one.digest},
                                           {"this_code", ours},
                                           {"records", records}});
    rows.push_back(
        {std::to_string(one.number), std::string(postgres::to_string(one.state)), ours ? "this program's" : "other", std::to_string(records)});
  }
  if (in.json()) return cli::print_json(json::Value::Object{{"items", std::move(items)}});
  return cli::print(cli::table({{"GENERATION", true}, {"STATE"}, {"CODE"}, {"RECORDS", true}}, rows));
}

Result<int> generations_drop(const Invocation& in) {
  TRY(const auto database, in.required("--database"));
  TRY(const std::int64_t number, in.number("GENERATION", 1, std::numeric_limits<std::int64_t>::max()));
  TRY_STATUS(postgres::drop_generation(database, number));
  if (in.json()) return cli::print_json(json::Value::Object{{"generation", number}, {"dropped", true}});
  return cli::print("generation " + std::to_string(number) + " is dropped\n");
}

Result<int> parked_list(const Invocation& in) {
  TRY(const auto database, in.required("--database"));
  TRY(const auto parked, projections::list_parked(database));
  json::Value::Array items;
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : parked) {
    items.emplace_back(json::Value::Object{{"read_model", one.read_model},
                                           {"workspace_id", one.workspace},
                                           {"stream", one.stream},
                                           {"partition", one.partition},
                                           {"first_offset", one.first_offset},
                                           {"rows", one.rows},
                                           {"error", one.first_error}});
    rows.push_back({one.read_model, one.stream, std::to_string(one.rows), std::to_string(one.partition), std::to_string(one.first_offset),
                    cli::cell(items.back(), "error")});
  }
  if (in.json()) return cli::print_json(json::Value::Object{{"items", std::move(items)}});
  if (rows.empty()) return cli::print("nothing is parked\n");
  return cli::print(cli::table({{"READ MODEL"}, {"STREAM"}, {"ROWS", true}, {"PARTITION", true}, {"OFFSET", true}, {"ERROR"}}, rows));
}

// Appends a commit of one event by hand, expecting nothing, and waits until the projector judged it.
class OperatorCommit {
 public:
  explicit OperatorCommit(const Invocation& in) : in_(in) {}

  Result<std::int64_t> append(const std::string& workspace, std::int32_t partition, v1::Event event) {
    TRY(const auto cluster, cli::cluster_of(in_));
    TRY(database_, cli::open_database(in_));
    TRY(const auto history, database_->read_one("SELECT history FROM positions WHERE partition = $1", postgres::Params().int8(partition)));
    if (history.empty()) return make_error(Code::conflict, "partition " + std::to_string(partition) + " was never projected");
    v1::Commit commit;
    commit.set_commit_id("cmm_" + crypto::uuid8_hex(crypto::sha256(crypto::random_bytes(32))));
    commit.set_workspace_id(workspace);
    commit.set_history(history.front().uint64(0));
    commit.mutable_actor()->set_kind(v1::Actor::SYSTEM);
    commit.mutable_actor()->set_id("operator");
    commit.set_recorded_at_us(SystemClock().wall_us());
    *commit.add_events() = std::move(event);

    topic::Outgoing record;
    record.topic = cli::topics_of(in_).events();
    record.partition = partition;
    record.key = workspace;
    record.headers = events::commit_headers(commit);
    record.value = events::encode(events::make_record(std::move(commit)));
    TRY(const auto writer, kafka::make_writer(cluster, kafka::WriterKind::commits));
    struct Answer {
      std::mutex mutex;
      std::optional<topic::Appended> appended;
    };
    const auto answer = std::make_shared<Answer>();
    writer->append(std::move(record), [answer](const topic::Appended& appended) {
      const std::lock_guard lock(answer->mutex);
      answer->appended = appended;
    });
    writer->flush(kAppendPatienceMs);
    const std::lock_guard lock(answer->mutex);
    if (!answer->appended) return make_error(Code::unacknowledged, "Kafka did not acknowledge the record in time");
    const auto& appended = *answer->appended;
    if (appended.outcome != topic::Outcome::acknowledged)
      return make_error(appended.outcome == topic::Outcome::refused ? appended.code : Code::unacknowledged,
                        "Kafka did not take the record: " + appended.reason);
    return appended.offset;
  }

  Status wait_until_accepted(std::int32_t partition, std::int64_t offset) {
    const SystemClock clock;
    const std::int64_t deadline_us = clock.boot_us() + kVerdictPatienceMs * 1'000;
    while (clock.boot_us() < deadline_us) {
      TRY(const auto rows, database_->read_one("SELECT verdict FROM dossier.journal WHERE partition = $1 AND \"offset\" = $2",
                                               postgres::Params().int8(partition).int8(offset)));
      if (!rows.empty()) {
        const auto verdict = static_cast<events::Verdict>(rows.front().int64(0));
        if (verdict == events::Verdict::accepted) return {};
        return make_error(Code::conflict, "the record is " + std::string(events::to_string(verdict)) + ": try again");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(kPollMs));
    }
    return make_error(Code::undecided, "the record is in the log at partition " + std::to_string(partition) + ", offset " + std::to_string(offset) +
                                           ", and no projector has judged it yet");
  }

 private:
  const Invocation& in_;
  std::unique_ptr<postgres::Pool> database_;
};

Result<int> decide_parked(const Invocation& in, bool retry) {
  const std::string model = in.text("MODEL"), stream = in.text("STREAM");
  TRY(const auto database, in.required("--database"));
  TRY(const auto parked, projections::list_parked(database));
  const auto found = std::find_if(parked.begin(), parked.end(), [&](const auto& one) { return one.read_model == model && one.stream == stream; });
  if (found == parked.end())
    return make_error(Code::not_found, "nothing of " + stream + " is parked in " + model + "; see: dossier admin parked list");
  TRY(auto event, retry ? projections::parked_retried(model, stream) : projections::parked_discarded(model, stream));
  OperatorCommit commit(in);
  TRY(const auto offset, commit.append(found->workspace, found->partition, std::move(event)));
  TRY_STATUS(commit.wait_until_accepted(found->partition, offset));
  TRY(const auto after, projections::list_parked(database));
  const auto still = std::find_if(after.begin(), after.end(), [&](const auto& one) { return one.read_model == model && one.stream == stream; });
  const std::int64_t left = still == after.end() ? 0 : still->rows;
  if (in.json()) return cli::print_json(json::Value::Object{{"read_model", model}, {"stream", stream}, {"rows", found->rows}, {"left", left}});
  if (left > 0 && retry) return make_error(Code::conflict, "still parked, " + std::to_string(left) + " rows: " + still->first_error);
  return cli::print(std::string(retry ? "projected " : "discarded ") + std::to_string(found->rows - left) + " rows\n");
}

Result<int> parked_retry(const Invocation& in) { return decide_parked(in, true); }
Result<int> parked_discard(const Invocation& in) { return decide_parked(in, false); }

}  // namespace

std::vector<cli::Command> admin_commands() {
  const auto stack = cli::stack_options();
  auto rebuild_options = stack;
  rebuild_options.insert(rebuild_options.begin(), cli::Option{"--no-switch", "", "build and compare, and leave the live one live"});
  rebuild_options.insert(rebuild_options.begin(),
                         cli::Option{"--back", "", "build nothing: make the last old one of this program's code live again"});
  auto init_options = stack;
  init_options.insert(init_options.begin(), cli::Option{"--partitions", "N",
                                                        "of a log that begins now (" + std::to_string(events::kDefaultPartitions) +
                                                            " where none is named): as many projectors can share it; the number stays for ever"});
  const std::vector<cli::Argument> parked{{"MODEL", "read model"}, {"STREAM", "stream"}};
  return {
      {"admin init",
       "Makes what is missing: topics, schema, read models, the log's beginning.",
       {},
       init_options,
       "May be repeated.",
       cli::run<&init>},
      {"admin rebuild",
       "Builds the read models anew beside the live ones, compares, and switches.",
       {},
       rebuild_options,
       "Nothing stops meanwhile. Killed at any point, it goes on where it stood.",
       cli::run<&rebuild>},
      {"admin generations list", "Lists the generations of read models.", {}, stack, {}, cli::run<&generations_list>},
      {"admin generations drop",
       "Drops a generation that is not live.",
       {{"GENERATION", "its number"}},
       stack,
       "The last old one is the way back (admin rebuild --back): the server keeps it up to date until it is dropped.",
       cli::run<&generations_drop>},
      {"admin parked list", "Lists rows which a read model could not take.", {}, stack, {}, cli::run<&parked_list>},
      {"admin parked retry", "Projects a stream's parked rows again.", parked, stack, "The decision is an event in the log.",
       cli::run<&parked_retry>},
      {"admin parked discard", "Gives a stream's parked rows up.", parked, stack, "The decision is an event in the log.", cli::run<&parked_discard>},
  };
}

}  // namespace dossier::app
