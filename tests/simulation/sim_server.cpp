// Wiring as app/server does it, with steps in place of threads.
#include "tests/simulation/sim_server.hpp"

#include <algorithm>
#include <limits>

#include "projections/projection.hpp"

namespace dossier::simulation {
namespace {

// A thread that finds nothing to do looks again after this (in a poll, it is woken by a record before).
constexpr std::int64_t kProjectorWaitUs = 500'000;
constexpr std::int64_t kIntakeWaitUs = 250'000;
constexpr std::int64_t kAfterErrorUs = 100'000;
constexpr std::int64_t kSchedulerGapUs = 2'000;  // as app/server's SchedulerRole has them
constexpr std::int64_t kSoonUs = 20'000;
constexpr std::int64_t kPollerIdleUs = 1'000'000;

}  // namespace

SimServer::SimServer(Surroundings world, std::string name)
    : world_(world),
      name_(std::move(name)),
      executor_(world_.clock, world_.random),
      commits_(world_.broker.make_writer(name_ + ".commits")),
      messages_(world_.broker.make_writer(name_ + ".messages")),
      events_reader_(world_.broker.make_reader(name_ + ".events")),
      reports_reader_(world_.broker.make_reader(name_ + ".reports")),
      states_(world_.database),
      intake_store_(world_.database),
      dispatch_store_(world_.database),
      verdict_source_(world_.database),
      projection_store_(world_.database),
      board_(world_.log.partitions, world_.clock),
      recent_(world_.log.partitions, world_.clock),
      voice_(board_, recent_,
             [this](std::int32_t, events::DispatchNeed dispatch) {
               if (dispatch == events::DispatchNeed::now) wake(Part::scheduler, 0);
               if (dispatch == events::DispatchNeed::soon) wake(Part::scheduler, world_.clock.boot_us() + kSoonUs);
             }),
      commit_log_(*commits_, world_.topics, world_.log, [this](std::int32_t partition) { return board_.history(partition); }) {
  producers::CommandRunner::Options options;
  options.seed = static_cast<std::uint64_t>(between(world_.random, 1, 1'000'000));
  runner_ = std::make_unique<producers::CommandRunner>(states_, commit_log_, board_, &recent_, executor_, world_.clock, options);
  control_ = std::make_unique<producers::ControlSender>(*messages_, world_.topics, world_.clock);
  scheduler_ = std::make_unique<producers::Scheduler>(dispatch_store_, *runner_, *control_, world_.clock, [this] { wake(Part::scheduler, 0); });
  intake_ = std::make_unique<producers::Intake>(
      producers::Intake::Ports{*reports_reader_, *messages_, states_, intake_store_, dispatch_store_, *runner_, *control_, executor_, world_.clock},
      world_.topics, world_.log.partitions, [this] { wake(Part::scheduler, 0); });
  projections::ProjectorOptions projector;
  projector.log = {world_.topics.events(), world_.log.log_id, world_.log.partitions};
  projector_ =
      std::make_unique<projections::Projector>(projector, *events_reader_, projection_store_, projections::registry(), world_.clock, &voice_);
  poller_ = std::make_unique<producers::VerdictPoller>(board_, verdict_source_, world_.clock);
}

SimServer::~SimServer() {
  executor_.drop_all();
  intake_.reset();
  scheduler_.reset();
}

void SimServer::own(const std::vector<std::int32_t>& partitions) {
  owned_ = partitions;
  projector_->assign(partitions);
  poller_->set_local(partitions);
  intake_owns_ = false;
  due(Part::projector) = due(Part::intake) = 0;
}

std::int64_t SimServer::due_us(Part part) const {
  if (frozen_) return std::numeric_limits<std::int64_t>::max();
  if (part == Part::jobs) return executor_.next_due_us().value_or(std::numeric_limits<std::int64_t>::max());
  const std::int64_t due = due_us_[static_cast<std::size_t>(part)];
  return part == Part::poller && board_.waiting() == 0 ? std::max(due, poller_looked_us_ + kPollerIdleUs) : due;
}

void SimServer::wake(Part part, std::int64_t at_us) { due(part) = std::min(due(part), at_us); }

void SimServer::step(Part part) {
  const std::int64_t now = world_.clock.boot_us();
  switch (part) {
    case Part::jobs: executor_.step(); return;
    case Part::projector: return step_projector();
    case Part::intake: return step_intake();
    case Part::scheduler: {
      // Woken again during the step: that is seen a moment later, as the gap in app/server/scheduler_role has it.
      due(part) = std::numeric_limits<std::int64_t>::max();
      const auto pause = scheduler_->step();
      due(part) = std::max(std::min(due(part), now + (pause ? *pause : kAfterErrorUs)), now + kSchedulerGapUs);
      return;
    }
    case Part::poller: {
      const auto pause = poller_->step();
      poller_looked_us_ = now;
      due(part) = now + (pause ? *pause : kAfterErrorUs);
    }
  }
}

void SimServer::step_projector() {
  const std::int64_t now = world_.clock.boot_us();
  due(Part::projector) = std::numeric_limits<std::int64_t>::max();
  const auto step = projector_->step(0);
  const auto stats = projector_->stats();
  const bool all_read = std::all_of(stats.partitions.begin(), stats.partitions.end(),
                                    [](const auto& partition) { return partition.state != projections::PartitionState::detached; });
  wake(Part::projector, step.progressed ? now : now + (all_read ? kProjectorWaitUs : kAfterErrorUs));
}

void SimServer::step_intake() {
  const std::int64_t now = world_.clock.boot_us();
  due(Part::intake) = std::numeric_limits<std::int64_t>::max();
  if (!intake_owns_) intake_owns_ = intake_->own(owned_).has_value();
  const Status stepped = intake_owns_ ? intake_->step(0) : Status(make_error(Code::log_unavailable, "not owned yet"));
  if (!stepped && stepped.error().code == Code::position_moved) intake_owns_ = false;
  wake(Part::intake, now + (stepped ? kIntakeWaitUs : kAfterErrorUs));
}

void SimServer::freeze() {
  frozen_ = true;
  commits_->freeze();
  messages_->freeze();
}

void SimServer::thaw() {
  frozen_ = false;
  commits_->thaw();
  messages_->thaw();
}

void SimServer::crash(bool deliver) {
  executor_.drop_all();
  commits_->crash(deliver);
  messages_->crash(deliver);
}

bool SimServer::halted(std::int32_t partition) const {
  for (const auto& one : projector_->stats().partitions)
    if (one.partition == partition) return one.state == projections::PartitionState::halted;
  return false;
}

bool SimServer::refuses(std::int32_t partition) const {
  const Status ready = board_.ready(partition);
  return !ready && ready.error().code == Code::partition_halted;
}

}  // namespace dossier::simulation
