// Wiring as app/serve.cpp does it, with steps in place of threads.
#include "tests/simulation/sim_server.hpp"

#include <algorithm>

#include "projections/projection.hpp"

namespace dossier::simulation {
void SimServer::Listener::applied(const projections::AppliedBatch& batch) {
  std::vector<producers::Decided> decided;
  for (const auto& record : batch.records)
    decided.push_back({record.offset, record.verdict, record.seq, record.time_us, record.versions});
  server_.board_.applied({batch.partition, batch.next_offset, batch.history, batch.lag_us}, std::move(decided));
  server_.scheduler_due_us_ = 0;
}
void SimServer::Listener::attached(std::int32_t partition, std::int64_t next_offset, std::uint64_t history) {
  server_.board_.progressed({partition, next_offset, history, 0});
}
void SimServer::Listener::halted(std::int32_t partition, const std::string& reason) { server_.board_.halted(partition, reason); }
void SimServer::Listener::resumed(std::int32_t partition) { server_.board_.resumed(partition); }

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
      commit_log_(*commits_, world_.topics, world_.log, [this](std::int32_t partition) { return board_.history(partition); }),
      listener_(*this) {
  producers::CommandRunner::Options options;
  options.seed = static_cast<std::uint64_t>(between(world_.random, 1, 1'000'000));
  runner_ = std::make_unique<producers::CommandRunner>(states_, commit_log_, board_, executor_, world_.clock, options);
  control_ = std::make_unique<producers::ControlSender>(*messages_, world_.topics, world_.clock);
  scheduler_ = std::make_unique<producers::Scheduler>(dispatch_store_, *runner_, *control_, world_.clock, [this] { scheduler_due_us_ = 0; });
  intake_ = std::make_unique<producers::Intake>(
      producers::Intake::Ports{*reports_reader_, *messages_, states_, intake_store_, dispatch_store_, *runner_, *control_, executor_, world_.clock},
      world_.topics, world_.log.partitions, [this] { scheduler_due_us_ = 0; });
  projections::ProjectorOptions projector;
  projector.log = {world_.topics.events(), world_.log.log_id, world_.log.partitions};
  projector_ = std::make_unique<projections::Projector>(projector, *events_reader_, projection_store_, projections::registry(), world_.clock, &listener_);
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
}

bool SimServer::step() {
  if (frozen_) return false;
  const std::int64_t now = world_.clock.boot_us();
  switch (between(world_.random, 0, 7)) {
    case 0:
    case 1:
    case 2: return executor_.step();
    case 3:
    case 4: return projector_->step(0).progressed;
    case 5: {
      if (!intake_owns_) intake_owns_ = intake_->own(owned_).has_value();
      const Status stepped = intake_->step(0);
      if (!stepped && stepped.error().code == Code::position_moved) intake_owns_ = false;
      return false;
    }
    case 6: {
      if (now < scheduler_due_us_) return false;
      scheduler_due_us_ = now + 1'000;
      const auto pause = scheduler_->step();
      // A refusal at once calls for another step at once, and time must pass for it to go otherwise: not counted as moving.
      scheduler_due_us_ = std::max(scheduler_due_us_, now + (pause ? *pause : 100'000));
      return false;
    }
    default: {
      if (now >= poller_due_us_) {
        const auto pause = poller_->step();
        poller_due_us_ = now + (pause ? *pause : 100'000);
      }
      if (now >= control_due_us_) {
        control_->retry();
        control_due_us_ = now + 500'000;
      }
      return false;
    }
  }
}

std::int64_t SimServer::next_due_us() const {
  // Readers and intake have to look again soon in any case: nobody tells them that a record has come.
  std::int64_t due = world_.clock.boot_us() + 200'000;
  if (frozen_) return due;
  if (const auto job = executor_.next_due_us()) due = std::min(due, *job);
  return std::max(world_.clock.boot_us(), std::min({due, std::max(scheduler_due_us_, world_.clock.boot_us())}));
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

}  // namespace dossier::simulation
