// The projector's lanes and their generation.
#include "app/server/projector_role.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "producers/partition_owners.hpp"
#include "projections/code_version.hpp"

namespace dossier::app {
namespace {

constexpr std::int64_t kPollMs = 100;
constexpr std::int64_t kNothingToDoUs = 20'000;

constexpr std::string_view kOthersRun =
    "SELECT EXISTS (SELECT 1 FROM dossier.processes WHERE role = 'projector' AND seen > clock_timestamp() - $1 * interval '1 "
    "millisecond' "
    "AND process NOT LIKE $2)";

}  // namespace

ProjectorRole::ProjectorRole(Core& core, producers::AppliedVoice::OnApplied on_applied)
    : core_(core), write_path_(core.board, core.recent, std::move(on_applied)), warm_(core) {
  for (std::size_t lane = 0; lane < kLanes; ++lane)
    loops_.push_back(std::make_unique<Loop>("projector-" + std::to_string(lane + 1), [this, lane] { return step(lane); }));
}

ProjectorRole::~ProjectorRole() { stop(); }

void ProjectorRole::start() {
  for (const auto& loop : loops_) loop->start();
  warm_.start();
}

void ProjectorRole::stop() {
  for (const auto& loop : loops_) loop->stop();
  warm_.stop();
}

Result<std::int64_t> ProjectorRole::step(std::size_t lane) {
  const std::shared_ptr<Engine> engine = this->engine();
  if (engine == nullptr) return kNothingToDoUs;
  const auto step = engine->lanes[lane].projector->step(kPollMs);
  if (step.progressed || step.next_due_us == 0) return std::int64_t{0};
  return std::clamp<std::int64_t>(step.next_due_us - core_.clock.boot_us(), 1'000, kNothingToDoUs);
}

std::shared_ptr<ProjectorRole::Engine> ProjectorRole::engine() const {
  const std::lock_guard lock(mutex_);
  return engine_;
}

void ProjectorRole::assign(std::vector<std::int32_t> partitions) {
  warm_.assign(partitions);
  const std::lock_guard lock(mutex_);
  if (partitions == assigned_) return;
  // At once, and not when a lane comes to it: another process may have them now.
  for (const std::int32_t partition : assigned_)
    if (std::find(partitions.begin(), partitions.end(), partition) == partitions.end()) write_path_.detached(partition);
  assigned_ = std::move(partitions);
  if (engine_ != nullptr) engine_->assign(assigned_);
}

void ProjectorRole::Engine::assign(const std::vector<std::int32_t>& partitions) {
  std::vector<std::vector<std::int32_t>> dealt(lanes.size());
  for (const std::int32_t partition : partitions)
    dealt[static_cast<std::size_t>(partition) % lanes.size()].push_back(partition);  // each always to the same
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) lanes[lane].projector->assign(std::move(dealt[lane]));
}

projections::ProjectorStats ProjectorRole::Engine::stats() const {
  projections::ProjectorStats all;
  for (const Lane& lane : lanes) all.add(lane.projector->stats());
  return all;
}

Result<ProjectorRole::Lane> ProjectorRole::make_lane(const postgres::Generation& generation, Voice& voice) {
  Lane lane;
  TRY(lane.reader, kafka::make_reader(core_.settings.kafka));
  projections::PostgresStoreOptions store;
  store.url = core_.settings.database_url;
  store.generation = generation.number;
  lane.store = std::make_unique<projections::PostgresStore>(std::move(store));
  projections::ProjectorOptions options;
  options.log = {core_.settings.topics.events(), core_.identity.log_id, core_.identity.partitions};
  lane.projector =
      std::make_unique<projections::Projector>(std::move(options), *lane.reader, *lane.store, projections::registry(), core_.clock, &voice);
  return lane;
}

Result<std::shared_ptr<ProjectorRole::Engine>> ProjectorRole::make_engine(const postgres::Generation& generation) {
  auto engine = std::make_shared<Engine>(*this);
  engine->generation = generation;
  for (std::size_t i = 0; i < kLanes; ++i) {
    TRY(auto lane, make_lane(generation, engine->voice));
    engine->lanes.push_back(std::move(lane));
  }
  return engine;
}

// The live generation if this code folded it, and the last old one beside it; else the one of this code that is being built.
Result<ProjectorRole::Plan> ProjectorRole::make_plan() {
  using postgres::GenerationState;
  const std::string& url = core_.settings.database_url;
  const std::string& digest = projections::code_digest();
  TRY(auto all, postgres::generations(url));
  const auto ours = [&](GenerationState state) {
    std::optional<postgres::Generation> last;
    for (const auto& one : all)
      if (one.state == state && projections::is_of_code(one.digest, digest)) last = one;
    return last;
  };
  const auto old = ours(GenerationState::old);
  const auto warm = old ? std::optional(old->number) : std::nullopt;
  if (auto live = ours(GenerationState::live)) return Plan{std::move(live), warm};
  if (auto building = ours(GenerationState::building)) return Plan{std::move(building), std::nullopt};
  if (old) {
    TRY(const bool others, others_run());
    return others ? Plan{std::nullopt, warm} : Plan{old, std::nullopt};
  }
  log::warn("app", "the live read models were folded by other code: building their successor beside them");
  auto made = postgres::create_generation(url, digest);
  if (made) return Plan{*std::move(made), std::nullopt};
  if (made.error().code != Code::already_exists) return std::move(made).error();
  TRY(all, postgres::generations(url));  // another process was first
  if (auto live = ours(GenerationState::live)) return Plan{std::move(live), std::nullopt};
  if (auto building = ours(GenerationState::building)) return Plan{std::move(building), std::nullopt};
  return std::move(made).error();
}

Result<bool> ProjectorRole::others_run() {
  TRY(const auto rows,
      core_.background.read_one(kOthersRun, postgres::Params().int8(producers::PartitionOwners::kTtlMs).text("%-" + projections::code_digest())));
  return rows.front().boolean(0);
}

void ProjectorRole::replace(std::shared_ptr<Engine> engine) {
  const std::lock_guard lock(mutex_);
  if (engine_ != nullptr) {
    engine_->voice.is_live.store(false);
    for (const std::int32_t partition : assigned_) write_path_.detached(partition);  // its own words are not heard any more
  }
  engine_ = std::move(engine);
  if (engine_ != nullptr) engine_->assign(assigned_);
  for (const auto& loop : loops_) loop->wake();
}

// From now on it speaks; where it stands was never told.
void ProjectorRole::make_live(Engine& engine) {
  if (engine.voice.is_live.exchange(true)) return;
  for (const auto& partition : engine.stats().partitions) {
    if (partition.state == projections::PartitionState::halted) engine.voice.halted(partition.partition, partition.reason);
    if (partition.state == projections::PartitionState::attached)
      engine.voice.attached(partition.partition, partition.next_offset, partition.history);
  }
}

Status ProjectorRole::look_at_generations() {
  is_stale_.store(false);
  TRY(const Plan plan, make_plan());
  TRY_STATUS(warm_.keep(plan.warm));
  const std::shared_ptr<Engine> present = engine();
  if (!plan.project) {
    if (present != nullptr) replace(nullptr);
    if (!std::exchange(said_superseded_, true))
      log::warn("app", "processes of other code have taken over from generation " + std::to_string(*plan.warm) +
                           " of the read models; this program keeps it warm, and takes it back when they have ended");
    return {};
  }
  said_superseded_ = false;
  const postgres::Generation& wanted = *plan.project;
  const bool is_live = wanted.state == postgres::GenerationState::live;
  if (present == nullptr || present->generation.number != wanted.number) {
    TRY(const auto fresh, make_engine(wanted));
    fresh->voice.is_live.store(is_live);
    replace(fresh);
    return {};
  }
  if (is_live) {
    make_live(*present);
    return {};
  }
  if (!has_caught_up(*present)) return {};
  Status switched = postgres::switch_generation(core_.settings.database_url, wanted.number);
  if (switched)
    log::info("app", "generation " + std::to_string(wanted.number) + " of the read models is live");
  else if (switched.error().code != Code::conflict)
    return switched;  // conflict: another process has not caught up yet
  return {};
}

Status ProjectorRole::look_at_repairs() {
  TRY(const auto rows, core_.background.read_one("SELECT number, partition FROM dossier.repairs WHERE number > $1 ORDER BY number",
                                                 postgres::Params().int8(last_repair_)));
  const bool first_look = std::exchange(last_repair_, std::max<std::int64_t>(last_repair_, 0)) < 0;
  std::shared_ptr<Engine> engine;
  {
    const std::lock_guard lock(mutex_);
    engine = engine_;
  }
  for (const auto row : rows) {
    last_repair_ = row.int64(0);
    if (first_look || engine == nullptr) continue;  // it attached, or will, to the repaired log
    log::info("app", "partition " + std::to_string(row.int32(1)) + " was repaired: trying it again");
    for (const Lane& lane : engine->lanes) lane.projector->resume(row.int32(1));  // one of them has it
  }
  if (!first_look && !rows.empty())
    for (const auto& loop : loops_) loop->wake();
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
  return engine_ != nullptr && engine_->voice.is_live.load() ? assigned_ : std::vector<std::int32_t>();
}

projections::ProjectorStats ProjectorRole::stats() const {
  const std::shared_ptr<Engine> engine = this->engine();
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
      out.gauge("dossier_parked_streams", "Streams with rows that a read model could not take.", static_cast<double>(partition.parked_streams),
                label);
    }
    std::int64_t warm_lag = 0;
    for (const auto& partition : warm_.stats().partitions) warm_lag += partition.lag_records;
    out.gauge("dossier_warm_generation_lag_records", "Records that the old generation, kept warm, is behind the end of the log.",
              static_cast<double>(warm_lag));
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

void ProjectorRole::Voice::applying(std::int32_t partition, std::span<const events::HeadOfWorkspace> heads) {
  if (is_live.load()) role_.write_path_.applying(partition, heads);
}

void ProjectorRole::Voice::applied(const events::AppliedBatch& batch) {
  if (!is_live.load()) return;
  if (batch.is_live) return role_.write_path_.applied(batch);
  // Readers look elsewhere since a moment: who projects that generation will bring the verdicts.
  role_.write_path_.detached(batch.partition);
  role_.is_stale_.store(true);
}

void ProjectorRole::Voice::attached(std::int32_t partition, std::int64_t next_offset, std::uint64_t history) {
  if (is_live.load()) role_.write_path_.attached(partition, next_offset, history);
}

void ProjectorRole::Voice::caught_up(std::int32_t partition, std::int64_t next_offset, std::uint64_t history) {
  if (is_live.load()) role_.write_path_.caught_up(partition, next_offset, history);
}

void ProjectorRole::Voice::confirmed(std::int32_t partition, std::int64_t at_us) {
  if (is_live.load()) role_.write_path_.confirmed(partition, at_us);
}

void ProjectorRole::Voice::detached(std::int32_t partition) {
  if (is_live.load()) role_.write_path_.detached(partition);
}

void ProjectorRole::Voice::halted(std::int32_t partition, const std::string& reason) {
  log::error("app", "partition " + std::to_string(partition) + " is halted: " + reason);
  if (is_live.load()) role_.write_path_.halted(partition, reason);
}

void ProjectorRole::Voice::resumed(std::int32_t partition) {
  if (is_live.load()) role_.write_path_.resumed(partition);
}

}  // namespace dossier::app
