// The projector's lanes and their generation.
#include "app/server/projector_role.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "projections/code_version.hpp"

namespace dossier::app {
namespace {

constexpr std::int64_t kPollMs = 100;
constexpr std::int64_t kNothingToDoUs = 20'000;

}  // namespace

ProjectorRole::ProjectorRole(Core& core, OnApplied on_applied) : core_(core), on_applied_(std::move(on_applied)) {
  for (std::size_t lane = 0; lane < kLanes; ++lane)
    loops_.push_back(std::make_unique<Loop>("projector-" + std::to_string(lane + 1), [this, lane] { return step(lane); }));
}

ProjectorRole::~ProjectorRole() { stop(); }

void ProjectorRole::start() {
  for (const auto& loop : loops_) loop->start();
}

void ProjectorRole::stop() {
  for (const auto& loop : loops_) loop->stop();
}

Result<std::int64_t> ProjectorRole::step(std::size_t lane) {
  std::shared_ptr<Engine> engine;
  {
    const std::lock_guard lock(mutex_);
    engine = engine_;
  }
  if (engine == nullptr) return kNothingToDoUs;
  const auto step = engine->lanes[lane].projector->step(kPollMs);
  if (step.progressed || step.next_due_us == 0) return std::int64_t{0};
  return std::clamp<std::int64_t>(step.next_due_us - core_.clock.boot_us(), 1'000, kNothingToDoUs);
}

void ProjectorRole::assign(std::vector<std::int32_t> partitions) {
  const std::lock_guard lock(mutex_);
  if (partitions == assigned_) return;
  assigned_ = std::move(partitions);
  if (engine_ != nullptr) engine_->assign(assigned_);
}

void ProjectorRole::Engine::assign(const std::vector<std::int32_t>& partitions) {
  std::vector<std::vector<std::int32_t>> dealt(lanes.size());
  for (std::size_t i = 0; i < partitions.size(); ++i) dealt[i % lanes.size()].push_back(partitions[i]);
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) lanes[lane].projector->assign(std::move(dealt[lane]));
}

projections::ProjectorStats ProjectorRole::Engine::stats() const {
  projections::ProjectorStats all;
  for (const Lane& lane : lanes) all.add(lane.projector->stats());
  return all;
}

Result<ProjectorRole::Lane> ProjectorRole::make_lane(const postgres::Generation& generation) {
  Lane lane;
  TRY(lane.reader, kafka::make_reader(core_.settings.kafka));
  projections::PostgresStoreOptions store;
  store.url = core_.settings.database_url;
  store.generation = generation.number;
  lane.store = std::make_unique<projections::PostgresStore>(std::move(store));
  projections::ProjectorOptions options;
  options.log = {core_.settings.topics.events(), core_.identity.log_id, core_.identity.partitions};
  projections::AppliedListener* const listener = this;
  lane.projector =
      std::make_unique<projections::Projector>(std::move(options), *lane.reader, *lane.store, projections::registry(), core_.clock, listener);
  return lane;
}

Result<std::shared_ptr<ProjectorRole::Engine>> ProjectorRole::make_engine(const postgres::Generation& generation) {
  auto engine = std::make_shared<Engine>();
  engine->generation = generation;
  for (std::size_t i = 0; i < kLanes; ++i) {
    TRY(auto lane, make_lane(generation));
    engine->lanes.push_back(std::move(lane));
  }
  return engine;
}

// The live generation if this code folded it, else the one of this code that is being built.
Result<postgres::Generation> ProjectorRole::wanted_generation() {
  const std::string& url = core_.settings.database_url;
  const std::string& digest = projections::code_digest();
  TRY(auto all, postgres::generations(url));
  for (const auto& one : all)
    if (one.state == postgres::GenerationState::live && projections::is_of_code(one.digest, digest)) return one;
  for (const auto& one : all)
    if (one.state == postgres::GenerationState::building && projections::is_of_code(one.digest, digest)) return one;
  log::warn("app", "the live read models were folded by other code: building their successor beside them");
  auto made = postgres::create_generation(url, digest);
  if (made || made.error().code != Code::already_exists) return made;
  TRY(all, postgres::generations(url));  // another process was first
  for (const auto& one : all)
    if (one.state != postgres::GenerationState::old && projections::is_of_code(one.digest, digest)) return one;
  return made;
}

Status ProjectorRole::look_at_generations() {
  TRY(const postgres::Generation wanted, wanted_generation());
  std::shared_ptr<Engine> engine;
  {
    const std::lock_guard lock(mutex_);
    engine = engine_;
  }
  if (engine == nullptr || engine->generation.number != wanted.number) {
    TRY(auto fresh, make_engine(wanted));
    is_live_.store(wanted.state == postgres::GenerationState::live);
    const std::lock_guard lock(mutex_);
    engine_ = fresh;
    engine_->assign(assigned_);
    for (const auto& loop : loops_) loop->wake();
    return {};
  }
  if (wanted.state == postgres::GenerationState::live) {
    is_live_.store(true);
    return {};
  }
  if (!has_caught_up(*engine)) return {};
  const Status switched = postgres::switch_generation(core_.settings.database_url, wanted.number);
  if (switched) log::info("app", "generation " + std::to_string(wanted.number) + " of the read models is live");
  else if (switched.error().code != Code::conflict) return switched;  // conflict: another process has not caught up yet
  return {};
}

bool ProjectorRole::has_caught_up(const Engine& engine) const {
  const auto stats = engine.stats();
  return !stats.partitions.empty() && std::all_of(stats.partitions.begin(), stats.partitions.end(), [](const auto& partition) {
    return partition.state == projections::PartitionState::attached && partition.lag_us == 0;
  });
}

std::vector<std::int32_t> ProjectorRole::local() const {
  const std::lock_guard lock(mutex_);
  return is_live_.load() ? assigned_ : std::vector<std::int32_t>();
}

projections::ProjectorStats ProjectorRole::stats() const {
  std::shared_ptr<Engine> engine;
  {
    const std::lock_guard lock(mutex_);
    engine = engine_;
  }
  return engine == nullptr ? projections::ProjectorStats() : engine->stats();
}

void ProjectorRole::add_metrics(MetricsRegistry& metrics) {
  metrics.add([this](MetricsText& out) {
    const auto of = stats();
    for (const auto& partition : of.partitions) {
      const std::string label = metrics_label("partition", std::to_string(partition.partition));
      out.gauge("dossier_projection_lag_records", "Records behind the end of the log.", static_cast<double>(partition.lag_records), label);
      out.gauge("dossier_projection_lag_seconds", "Age of the last record applied while more are waiting.",
                static_cast<double>(partition.lag_us) / 1e6, label);
      out.gauge("dossier_projection_halted", "1 where the partition stands until an operator acts.",
                partition.state == projections::PartitionState::halted ? 1 : 0, label);
      out.gauge("dossier_parked_streams", "Streams with rows that a read model could not take.", static_cast<double>(partition.parked_streams), label);
    }
    out.counter("dossier_projected_records_total", "Records applied.", of.applied_records);
    out.counter("dossier_projected_events_total", "Events of accepted commits applied.", of.applied_events);
    out.counter("dossier_void_records_total", "Records that the ledger called void.", of.void_records);
    out.counter("dossier_unknown_events_total", "Events of newer code, kept and skipped.", of.unknown_events);
    out.counter("dossier_parked_rows_total", "Rows parked.", of.parked_rows);
    out.counter("dossier_projection_batches_total", "Batches applied.", of.batches);
    out.counter("dossier_projection_store_errors_total", "Errors of the database while projecting.", of.store_errors);
    out.counter("dossier_projection_log_errors_total", "Errors of the log while projecting.", of.log_errors);
    out.counter("dossier_projection_positions_moved_total", "Times another projector was found on a partition.", of.positions_moved);
  });
}

void ProjectorRole::applied(const projections::AppliedBatch& batch) {
  if (!is_live_.load()) return;
  std::vector<producers::Decided> decided;
  decided.reserve(batch.records.size());
  for (const auto& record : batch.records) decided.push_back({record.offset, record.verdict, record.seq, record.time_us, record.versions});
  core_.board.applied({batch.partition, batch.next_offset, batch.history, batch.lag_us}, std::move(decided));
  on_applied_(batch.partition, batch.concerns_dispatch);
}

void ProjectorRole::attached(std::int32_t partition, std::int64_t next_offset, std::uint64_t history) {
  if (!is_live_.load()) return;
  core_.board.resumed(partition);
  core_.board.progressed({partition, next_offset, history, 0});
  on_applied_(partition, true);
}

void ProjectorRole::caught_up(std::int32_t partition, std::int64_t next_offset, std::uint64_t history) {
  if (is_live_.load()) core_.board.progressed({partition, next_offset, history, 0});
}

void ProjectorRole::halted(std::int32_t partition, const std::string& reason) {
  log::error("app", "partition " + std::to_string(partition) + " is halted: " + reason);
  if (is_live_.load()) core_.board.halted(partition, reason);
}

void ProjectorRole::resumed(std::int32_t partition) {
  if (is_live_.load()) core_.board.resumed(partition);
}

}  // namespace dossier::app
