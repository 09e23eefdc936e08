// Threads around intake and activity.
#include "app/server/intake_role.hpp"

namespace dossier::app {
namespace {

constexpr std::int64_t kReadMs = 100;
constexpr std::int64_t kFullPauseUs = 5'000;
constexpr std::int64_t kIdleUs = 50'000;

// A database that crashed may show an older state than was acknowledged, until the projector has applied it again.
constexpr std::string_view kIsSettled = "SELECT now() - pg_postmaster_start_time() > interval '10 seconds'";

bool shows_all(Core& core, const WorkspaceId& workspace) {
  if (!core.board.ready(core.log.partition_of(workspace))) return false;
  const auto settled = core.background.read_one(kIsSettled);
  return settled && settled->front().boolean(0);
}

kafka::ReaderOptions reader_options() {
  kafka::ReaderOptions options;
  options.prefetch_records = 2'000;
  options.prefetch_kbytes = 4'096;
  return options;
}

}  // namespace

Result<std::unique_ptr<IntakeRole>> IntakeRole::make(Core& core, Hooks hooks) {
  TRY(auto reports, kafka::make_reader(core.settings.kafka, reader_options()));
  TRY(auto activity, kafka::make_reader(core.settings.kafka, reader_options()));
  return std::unique_ptr<IntakeRole>(new IntakeRole(core, std::move(hooks), std::move(reports), std::move(activity)));
}

IntakeRole::IntakeRole(Core& core, Hooks hooks, std::unique_ptr<topic::Reader> reports_reader, std::unique_ptr<topic::Reader> activity_reader)
    : hooks_(std::move(hooks)),
      reports_reader_(std::move(reports_reader)),
      activity_reader_(std::move(activity_reader)),
      intake_store_(core.background),
      activity_store_(core.background),
      reports_({*reports_reader_, *core.messages, core.background_states, intake_store_, core.dispatch, core.runner, core.control, core.executor,
                core.clock},
               core.settings.topics, core.identity.partitions, hooks_.on_liveness),
      activity_(
          *activity_reader_, core.background_states, activity_store_, core.clock, core.settings.topics,
          [&core](const WorkspaceId& workspace) { return shows_all(core, workspace); }, this),
      reports_loop_("reports", [this] { return step_reports(); }),
      activity_loop_("activity", [this] { return step_activity(); }) {}

IntakeRole::~IntakeRole() { stop(); }

void IntakeRole::start() {
  reports_loop_.start();
  activity_loop_.start();
}

void IntakeRole::stop() {
  reports_loop_.stop();
  activity_loop_.stop();
}

void IntakeRole::assign(const std::vector<std::int32_t>& partitions) {
  if (partitions == assigned_) return;
  assigned_ = partitions;
  reports_orders_.put(partitions);
  activity_orders_.put(partitions);
  reports_loop_.wake();
  activity_loop_.wake();
}

Result<std::int64_t> IntakeRole::step_reports() {
  if (auto order = reports_orders_.take()) {
    const Status owned = reports_.own(*order);
    if (!owned) {
      reports_orders_.put_back(std::move(*order));
      return owned.error();
    }
    reports_owned_ = std::move(*order);
  }
  if (reports_owned_.empty()) return kIdleUs;
  const bool full = reports_.full();  // then a step reads nothing, and does what else is due
  const Status stepped = reports_.step(kReadMs);
  // Somebody else moved a position: begin again where it stands now, if the partition is still ours.
  if (!stepped && stepped.error().code == Code::position_moved) reports_orders_.put_back(reports_owned_);
  if (!stepped) return stepped.error();
  return full ? kFullPauseUs : std::int64_t{0};
}

Result<std::int64_t> IntakeRole::step_activity() {
  if (auto order = activity_orders_.take()) {
    const Status owned = activity_.own(*order);
    if (!owned) {
      activity_orders_.put_back(std::move(*order));
      return owned.error();
    }
    activity_owned_ = std::move(*order);
  }
  if (activity_owned_.empty()) return kIdleUs;
  const Status stepped = activity_.step(kReadMs);
  if (!stepped && stepped.error().code == Code::position_moved) activity_orders_.put_back(activity_owned_);
  if (!stepped) return stepped.error();
  return std::int64_t{0};
}

void IntakeRole::appended(const std::string& session_id, std::uint32_t, std::uint64_t) {
  if (hooks_.on_activity) hooks_.on_activity(session_id);
}

void IntakeRole::add_metrics(MetricsRegistry& metrics) {
  metrics.add([this](MetricsText& out) {
    const producers::IntakeMetrics& of = reports_.metrics();
    const auto seconds = [](std::int64_t us) { return static_cast<double>(us) / 1e6; };
    out.counter("dossier_intake_heartbeats_total", "Heartbeats taken in.", of.heartbeats.load());
    out.counter("dossier_intake_reports_total", "Reports that were decided.", of.reports.load());
    out.counter("dossier_intake_refused_total", "Reports that can never be accepted.", of.refused.load());
    out.counter("dossier_intake_fenced_total", "Workers told that their offer is over.", of.fenced.load());
    out.counter("dossier_intake_late_total", "Late results kept as evidence.", of.late.load());
    out.counter("dossier_intake_invalid_total", "Records that nobody could believe.", of.invalid.load());
    out.counter("dossier_intake_gaps_total", "Missing sequences or offsets in reports.", of.gaps.load());
    out.counter("dossier_intake_repeats_total", "Reports that were decided before.", of.repeats.load());
    out.counter("dossier_leases_expired_total", "Leases that ended without a sign of life.", of.expired.load());
    out.counter("dossier_intake_ticks_total", "Records that moved broker time.", of.ticks.load());
    out.gauge("dossier_intake_pending", "Reports read and not decided.", static_cast<double>(of.pending.load()));
    out.gauge("dossier_leases", "Leases held by workers.", static_cast<double>(of.leases.load()));
    out.gauge("dossier_intake_lag_seconds", "Age of the newest report read, where more are waiting.", seconds(of.lag_us.load()));
    const producers::ActivityMetrics& activity = activity_.metrics();
    out.counter("dossier_activity_records_total", "Records of activity kept.", activity.records.load());
    out.counter("dossier_activity_lines_total", "Lines of activity kept.", activity.lines.load());
    out.counter("dossier_activity_invalid_total", "Records of activity that nobody could believe.", activity.invalid.load());
    out.counter("dossier_activity_gaps_total", "Missing records or links in activity.", activity.gaps.load());
    out.gauge("dossier_activity_lag_seconds", "Age of the newest activity read, where more is waiting.", seconds(activity.lag_us.load()));
  });
}

}  // namespace dossier::app
