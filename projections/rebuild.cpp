// Project, compare, switch.
#include "projections/rebuild.hpp"

#include <algorithm>
#include <numeric>

#include "projections/code_version.hpp"

namespace dossier::projections {
namespace {

constexpr std::int64_t kGoalEveryUs = 500'000;  // how often the live generation's positions are read while projecting

std::vector<std::int32_t> all_partitions(std::int32_t count) {
  std::vector<std::int32_t> out(static_cast<std::size_t>(count));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

PostgresStoreOptions store_options(const RebuildOptions& options, std::int64_t generation) {
  PostgresStoreOptions out;
  out.url = options.database_url;
  out.generation = generation;
  out.notify = false;  // nobody waits for a generation that is not live
  return out;
}

// The generation that this code is building; made where there is none.
Result<postgres::Generation> building_generation(const std::string& url, const std::vector<postgres::Generation>& present) {
  const std::string& code = code_digest();
  for (const auto& generation : present)
    if (generation.state == postgres::GenerationState::building && is_of_code(generation.digest, code)) return generation;
  const std::int64_t last = present.empty() ? 0 : present.back().number;
  const bool taken = std::any_of(present.begin(), present.end(), [&](const auto& each) { return each.digest == code; });
  return postgres::create_generation(url, taken ? code + "#" + std::to_string(last + 1) : code);
}

// The last old one that this code can fold.
Result<postgres::Generation> old_generation(const std::vector<postgres::Generation>& present) {
  const auto old = std::find_if(present.rbegin(), present.rend(), [](const auto& each) {
    return each.state == postgres::GenerationState::old && is_of_code(each.digest, code_digest());
  });
  if (old == present.rend())
    return make_error(Code::conflict, "there is no old generation of this program's code to go back to: dossier admin generations list shows all");
  return *old;
}

}  // namespace

std::string_view to_string(RebuildPhase phase) noexcept {
  switch (phase) {
    case RebuildPhase::projecting: return "projecting";
    case RebuildPhase::comparing: return "comparing";
    case RebuildPhase::switching: return "switching";
    case RebuildPhase::done: return "done";
  }
  return "projecting";
}

Result<std::unique_ptr<Rebuild>> Rebuild::open(RebuildOptions options, topic::Reader& reader, const Clock& clock) {
  TRY(const auto present, postgres::generations(options.database_url));
  const auto live = std::find_if(present.begin(), present.end(), [](const auto& each) { return each.state == postgres::GenerationState::live; });
  if (live == present.end()) return make_error(Code::conflict, "no generation of read models is live: `dossier serve` makes the first one");
  if (options.back) {
    TRY(const auto old, old_generation(present));
    return std::unique_ptr<Rebuild>(
        new Rebuild(std::move(options), live->number, old.number, is_of_code(live->digest, code_digest()), reader, clock));
  }
  TRY(const auto building, building_generation(options.database_url, present));
  return std::unique_ptr<Rebuild>(
      new Rebuild(std::move(options), live->number, building.number, is_of_code(live->digest, code_digest()), reader, clock));
}

Rebuild::Rebuild(RebuildOptions options, std::int64_t live, std::int64_t generation, bool same_code, topic::Reader& reader, const Clock& clock)
    : options_(std::move(options)),
      live_(live),
      generation_(generation),
      same_code_(same_code),
      clock_(clock),
      store_(store_options(options_, generation)),
      projector_({.log = options_.log, .memory = {}}, reader, store_, registry(), clock) {
  const auto partitions = all_partitions(options_.log.partitions);
  projector_.assign(partitions);
  if (!options_.back) to_compare_ = {partitions.begin(), partitions.end()};
}
Rebuild::~Rebuild() = default;

Result<RebuildProgress> Rebuild::step(std::int64_t wait_ms) {
  switch (phase_) {
    case RebuildPhase::projecting: TRY_STATUS(project(wait_ms)); break;
    case RebuildPhase::comparing: TRY_STATUS(compare()); break;
    case RebuildPhase::switching: TRY_STATUS(switch_over()); break;
    case RebuildPhase::done: break;
  }
  return progress();
}

Status Rebuild::project(std::int64_t wait_ms) {
  const auto step = projector_.step(wait_ms);
  for (const PartitionStats& partition : projector_.stats().partitions)
    if (partition.state == PartitionState::halted) return make_error(Code::partition_halted, partition.reason);
  if (step.progressed && clock_.boot_us() < goal_due_us_) return {};
  goal_due_us_ = clock_.boot_us() + kGoalEveryUs;
  TRY(const bool there, caught_up());
  if (there) phase_ = to_compare_.empty() ? RebuildPhase::switching : RebuildPhase::comparing;
  return {};
}

// At or past the live generation on every partition.
Result<bool> Rebuild::caught_up() {
  auto live = generation_positions(options_.database_url, live_);
  if (!live) {  // the database is away: the projector waits it out
    if (is_transient(live.error().code)) return false;
    return std::move(live).error();
  }
  goal_ = *std::move(live);
  const ProjectorStats stats = projector_.stats();
  return std::all_of(goal_.begin(), goal_.end(), [&](const auto& goal) {
    return std::any_of(stats.partitions.begin(), stats.partitions.end(),
                       [&](const PartitionStats& partition) { return partition.partition == goal.first && partition.next_offset >= goal.second; });
  });
}

Status Rebuild::compare() {
  auto found = compare_generations(options_.database_url, live_, generation_, to_compare_, options_.log.partitions);
  if (!found) {
    if (!is_transient(found.error().code)) return std::move(found).error();
    found = Comparison{};
  }
  for (const std::int32_t partition : found->compared) {
    to_compare_.erase(partition);
    comparison_.compared.insert(partition);
  }
  comparison_.moving = to_compare_;
  for (const auto& [table, rows] : found->rows) comparison_.rows[table] += rows;
  comparison_.differences.insert(comparison_.differences.end(), found->differences.begin(), found->differences.end());
  if (same_code_ && !comparison_.differences.empty()) {
    const TableDifference& first = comparison_.differences.front();
    return make_error(Code::corrupt,
                      "generation " + std::to_string(generation_) + " differs from the live generation " + std::to_string(live_) + " in " +
                          std::to_string(comparison_.differences.size()) + " tables, first " + first.table + " of partition " +
                          std::to_string(first.partition) + " (" + std::to_string(first.live.rows) + " rows live, " +
                          std::to_string(first.next.rows) +
                          " new), though the same code made both: the live rows were changed by hand, rows are parked, or it is a bug. "
                          "Nothing was switched; `dossier parked list` shows what is parked.");
  }
  if (!to_compare_.empty() && ++comparisons_ >= kMostComparisons)
    return make_error(Code::conflict, "the log moved through " + std::to_string(kMostComparisons) +
                                          " comparisons: run the rebuild again when it is calmer; "
                                          "what is built stays");
  phase_ = to_compare_.empty() ? RebuildPhase::switching : RebuildPhase::projecting;
  if (phase_ == RebuildPhase::switching && !options_.switch_over) phase_ = RebuildPhase::done;
  return {};
}

Status Rebuild::switch_over() {
  if (!options_.switch_over) {
    phase_ = RebuildPhase::done;
    return {};
  }
  const auto switched = postgres::switch_generation(options_.database_url, generation_);
  if (switched) {
    phase_ = RebuildPhase::done;
    return {};
  }
  const bool again = switched.error().code == Code::conflict || is_transient(switched.error().code);
  if (!again || ++switches_ >= kMostSwitches) return switched.error();
  phase_ = RebuildPhase::projecting;  // catch up once more
  return {};
}

RebuildProgress Rebuild::progress() const {
  RebuildProgress out;
  out.generation = generation_;
  out.phase = phase_;
  out.compared = comparison_.compared.size();
  out.partitions = static_cast<std::size_t>(options_.log.partitions);
  for (const PartitionStats& partition : projector_.stats().partitions) out.records += partition.next_offset;
  for (const auto& [partition, offset] : goal_) out.records_goal += offset;
  return out;
}

}  // namespace dossier::projections
