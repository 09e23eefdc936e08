// Steps processes in memory.
#include "tests/support/memory_server.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace dossier::test {
namespace {

std::vector<std::int32_t> all_partitions() {
  std::vector<std::int32_t> all;
  for (std::int32_t p = 0; p < MemoryInstallation::kPartitions; ++p) all.push_back(p);
  return all;
}

producers::LogIdentity begin_log(MemoryInstallation& at) {
  const auto writer = at.broker.make_writer("genesis");
  const auto reader = at.broker.make_reader("genesis");
  const auto identity = producers::open_log(*reader, *writer, at.log_identity, at.topics, MemoryInstallation::kLogId, at.clock);
  CHECK(identity.has_value());
  return *identity;
}

}  // namespace

MemoryInstallation::MemoryInstallation() {
  broker.create_topic(topics.events(), kPartitions);
  broker.create_topic(topics.reports(), kPartitions);
  broker.create_topic(topics.activity(), kPartitions);
}

void MemoryInstallation::make_pool(const std::string& pool) {
  broker.create_topic(topics.tasks(pool), 4);
  broker.create_topic(topics.control(pool), 1);
}

std::vector<v1::ControlMessage> MemoryInstallation::control(const std::string& pool) const {
  std::vector<v1::ControlMessage> messages;
  for (const auto& record : broker.records(topics.control(pool), 0)) messages.emplace_back().ParseFromString(record.value);
  return messages;
}

std::vector<topic::Record> MemoryInstallation::events_of(const WorkspaceId& workspace) const {
  return broker.records(topics.events(), events::partition_of(workspace.str(), kPartitions));
}

MemoryServer::MemoryServer(MemoryInstallation& installation, std::string name_in)
    : at(installation),
      name(std::move(name_in)),
      executor(at.clock),
      commits(at.broker.make_writer(name + ".commits")),
      messages(at.broker.make_writer(name + ".messages")),
      states(at.database),
      intake_store(at.database),
      dispatch(at.database),
      board(MemoryInstallation::kPartitions, at.clock),
      recent(MemoryInstallation::kPartitions, at.clock),
      log(*commits, at.topics, begin_log(at), [this](std::int32_t partition) { return board.history(partition); }),
      runner(states, log, board, &recent, executor, at.clock),
      control(*messages, at.topics, at.clock),
      voice_(board, recent, [](std::int32_t, events::DispatchNeed) {}),
      store_(at.database),
      verdicts_(at.database),
      poller_(board, verdicts_, at.clock),
      events_reader_(at.broker.make_reader(name + ".events")),
      reports_reader_(at.broker.make_reader(name + ".reports")) {
  projections::ProjectorOptions options;
  options.log = {at.topics.events(), MemoryInstallation::kLogId, MemoryInstallation::kPartitions};
  projector_ = std::make_unique<projections::Projector>(options, *events_reader_, store_, projections::registry(), at.clock, &voice_);
  projector_->assign(all_partitions());
  scheduler_ = std::make_unique<producers::Scheduler>(dispatch, runner, control, at.clock, [] {});
  intake_ = std::make_unique<producers::Intake>(
      producers::Intake::Ports{*reports_reader_, *messages, states, intake_store, dispatch, runner, control, executor, at.clock}, at.topics,
      MemoryInstallation::kPartitions, [] {});
  CHECK(intake_->own(all_partitions()).has_value());
}

MemoryServer::~MemoryServer() {
  executor.stop();
  commits->crash(false);
  messages->crash(false);
}

void MemoryServer::freeze() {
  frozen_ = true;
  commits->freeze();
  messages->freeze();
}

void MemoryServer::thaw() {
  frozen_ = false;
  commits->thaw();
  messages->thaw();
}

bool MemoryServer::step() {
  if (frozen_) return false;
  bool moved = false;
  while (executor.step()) moved = true;
  poller_.set_local(projects ? all_partitions() : std::vector<std::int32_t>());
  if (projects) moved = projector_->step(0).progressed || moved;
  const std::size_t waiting = board.waiting();
  (void)poller_.step();
  moved = moved || board.waiting() != waiting;
  if (takes_in) {
    const Status stepped = intake_->step(0);
    if (!stepped && stepped.error().code == Code::position_moved) CHECK(intake_->own(all_partitions()).has_value());
  }
  if (schedules) (void)scheduler_->step();
  while (executor.step()) moved = true;
  return moved;
}

void settle(MemoryInstallation& at, const std::vector<MemoryServer*>& servers, std::int64_t within_us) {
  const std::int64_t end = at.clock.boot_us() + within_us;
  for (int quiet = 0; quiet < 4;) {
    bool moved = false;
    while (at.broker.step()) moved = true;
    for (MemoryServer* server : servers) moved = server->step() || moved;
    if (moved) {
      quiet = 0;
      continue;
    }
    std::optional<std::int64_t> next = at.broker.next_due_us();
    for (MemoryServer* server : servers)
      if (!server->frozen())
        if (const auto due = server->executor.next_due_us(); due && (!next || *due < *next)) next = due;
    if (next && *next > at.clock.boot_us() && *next <= end) {
      at.clock.advance_us(*next - at.clock.boot_us());
      quiet = 0;
    } else {
      ++quiet;
    }
  }
}

}  // namespace dossier::test
