// The course of a run.
#include "tests/simulation/world.hpp"

#include <algorithm>
#include <limits>

#include "base/check.hpp"
#include "events/codec.hpp"
#include "events/names.hpp"
#include "events/task.hpp"
#include "platform/memory/ledger_tables.hpp"

namespace dossier::simulation {
namespace {

constexpr std::size_t kNotes = 60;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLookEveryTurns = 64;

}  // namespace

World::World(std::uint64_t seed)
    : seed_(seed),
      random_(seed),
      plan_(Plan::draw(random_, seed)),
      faults_(random_, time_, plan_),
      broker_(broker_clock_, {}, &faults_),
      log_{std::string(32, 'd'), plan_.partitions},
      model_(topics_, plan_.partitions),
      applied_(static_cast<std::size_t>(plan_.partitions), -1),
      position_(applied_) {}

World::~World() {
  for (auto& slot : servers_)
    if (slot.server != nullptr) slot.server->crash(false);
}

std::string World::run() {
  set_up();
  listen();
  faults_.storm();
  mood_ = {true, plan_.restless};
  database_->set_faults([this](std::string_view operation) { return faults_.plan_database(operation); });
  disaster_us_ = faults_.weather().disaster_us == 0 ? kNever : time_.boot_us() + between(random_, 0, 2 * faults_.weather().disaster_us);
  const std::int64_t storm_end = time_.boot_us() + plan_.storm_us;
  while (time_.boot_us() < storm_end && fault_.empty()) {
    if (turns_ % kLookEveryTurns == 0 && clients_->done({}) && open_tasks().empty()) break;
    turn();
  }
  end_storm();
  const std::int64_t patience_end = time_.boot_us() + plan_.calm_us;
  while (fault_.empty() && !at_rest()) {
    if (time_.boot_us() > patience_end) fail(why_restless());
    for (int n = 0; n < kLookEveryTurns && fault_.empty(); ++n) turn();
  }
  if (fault_.empty() && !lost_a_tail_ && model_.approvals().open() != 0) fail("every task has ended, and an approval is open");
  if (fault_.empty()) fail(check_halted());
  if (fault_.empty()) fail(check_everything(evidence(), clients_->requests(), contradicted_));
  return fault_.empty() ? fault_ : report(fault_);
}

void World::set_up() {
  broker_.create_topic(topics_.events(), plan_.partitions, !plan_.loses_tail);
  broker_.create_topic(topics_.reports(), plan_.partitions, false);
  broker_.create_topic(topics_.activity(), plan_.partitions, false);
  faults_.on_stored([this](const topic::Record& record) { model_.stored(record); });
  found_workspaces();
  broker_.sync();
  for (int n = 0; n < plan_.servers; ++n) servers_.push_back(ServerSlot{SimClock(time_), nullptr, 0});
  for (std::size_t at = 0; at < servers_.size(); ++at) start_server(at);
  for (auto& slot : workers_) start_worker(slot);
  const std::span<const FoundedWorkspace> places(founded_workspaces().data(), static_cast<std::size_t>(plan_.workspaces));
  clients_ = std::make_unique<SimClients>(time_, random_, places, plan_, errands_,
                                          [this](const Request& request, const Result<producers::Committed>& answer) {
                                            look_at_positions();
                                            if (!lost_a_tail_ && !has_forgotten()) fail(check_answer(evidence(), request, answer, applied_));
                                          });
  for (int n = 0; n < plan_.followers; ++n)
    followers_.emplace_back(time_, random_, database_, places[static_cast<std::size_t>(n) % places.size()].id);
}

void World::found_workspaces() {
  auto writer = broker_.make_writer("founding");
  const auto put = [&](std::int32_t partition, const std::string& value) {
    writer->append({topics_.events(), partition, {}, value, {}}, [](const topic::Appended&) {});
  };
  for (std::int32_t partition = 0; partition < plan_.partitions; ++partition)
    put(partition, events::encode(events::make_genesis(log_.log_id, log_.partitions, partition, time_.wall_us())));
  for (int n = 0; n < plan_.workspaces; ++n) {
    const FoundedWorkspace& workspace = founded_workspaces()[static_cast<std::size_t>(n)];
    broker_.create_topic(topics_.tasks(workspace.id.str()), 4, false);
    broker_.create_topic(topics_.control(workspace.id.str()), 1, false);
    const std::int32_t partition = events::partition_of(workspace.id.str(), plan_.partitions);
    for (const auto& value : workspace.commits) put(partition, value);
    for (int worker = 0; worker < plan_.workers_each; ++worker) {
      put(partition, workspace.workers[static_cast<std::size_t>(worker)].registration);
      workers_.push_back({SimClock(time_), workspace.workers[static_cast<std::size_t>(worker)].identity, 0, 0, nullptr});
    }
  }
  while (const auto due = broker_.next_due_us()) {
    time_.advance_us(std::max<std::int64_t>(0, *due - time_.boot_us()));
    while (broker_.step()) {
    }
  }
}

void World::listen() {
  faults_.on_stored([this](const topic::Record& record) { on_stored(record); });
}

void World::on_stored(const topic::Record& record) {
  model_.stored(record);
  if (!model_.fault().empty()) fail(model_.fault());
  const bool is_event = record.topic == topics_.events();
  const bool is_report = record.topic == topics_.reports();
  if (is_event) errands_.look();
  for (auto& slot : servers_) {
    if (slot.server == nullptr) continue;
    if (is_event) slot.server->wake(SimServer::Part::projector, wake_us());
    if (is_report) slot.server->wake(SimServer::Part::intake, wake_us());
  }
  if (is_event || is_report) return;
  for (auto& slot : workers_) slot.worker->wake();
}

std::int64_t World::wake_us() {
  const bool late = mood_.stormy && chance(random_, faults_.weather().slow_step);
  return time_.boot_us() + (late ? between(random_, 1'000, 100'000) : 0);
}

void World::consider(std::int64_t due_us, Turn turn) {
  if (due_us <= time_.boot_us()) ready_.push_back(turn);
  next_us_ = std::min(next_us_, due_us);
}

void World::turn() {
  ++turns_;
  ready_.clear();
  next_us_ = kNever;
  consider(broker_.next_due_us().value_or(kNever), {Actor::broker});
  for (std::size_t at = 0; at < servers_.size(); ++at) {
    if (servers_[at].back_us != 0) consider(servers_[at].back_us, {Actor::returning});
    if (servers_[at].server == nullptr || servers_[at].server->frozen()) continue;
    for (const auto part : SimServer::kParts) consider(servers_[at].server->due_us(part), {Actor::server, at, part});
  }
  for (std::size_t at = 0; at < workers_.size(); ++at) {
    consider(workers_[at].worker->due_us(), {Actor::worker, at});
    if (workers_[at].back_us != 0) consider(workers_[at].back_us, {Actor::returning});
  }
  for (std::size_t at = 0; at < followers_.size(); ++at) consider(followers_[at].due_us(), {Actor::follower, at});
  consider(clients_->due_us(), {Actor::people});
  if (broker_back_us_ != 0) consider(broker_back_us_, {Actor::returning});
  if (mood_.stormy) consider(disaster_us_, {Actor::disaster});
  if (ready_.empty()) {
    CHECK(next_us_ != kNever);
    time_.advance_us(next_us_ - time_.boot_us());
    return;
  }
  give(ready_[static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(ready_.size()) - 1))]);
}

void World::give(const Turn& turn) {
  switch (turn.actor) {
    case Actor::broker: broker_.step(); return;
    case Actor::server: return step_server(turn.at, turn.part);
    case Actor::worker: return workers_[turn.at].worker->step();
    case Actor::people: return step_people();
    case Actor::follower: return step_follower(turn.at);
    case Actor::disaster: return disaster();
    case Actor::returning: return bring_back();
  }
}

void World::step_server(std::size_t at, SimServer::Part part) {
  faults_.running(static_cast<int>(at));
  bool killed = false;
  try {
    servers_[at].server->step(part);
  } catch (const ProcessKilled&) {
    killed = true;
  }
  faults_.running(SimFaults::kNobody);
  if (killed) {
    kill_server(at, "is killed inside a step");
    servers_[at].back_us = time_.boot_us() + between(random_, 1'000, 5'000'000);
    share_partitions();
  }
  if (part == SimServer::Part::projector) look_at_positions();
}

SimServer* World::some_server() {
  auto& slot = servers_[static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(servers_.size()) - 1))];
  return slot.server == nullptr || slot.server->frozen() ? nullptr : slot.server.get();
}

void World::step_people() {
  if (SimServer* server = some_server()) return clients_->step(*server);
  time_.advance_us(1'000);  // nobody answers: they try again
}

void World::step_follower(std::size_t at) {
  if (SimServer* server = some_server()) return fail(followers_[at].step(*server, model_));
  time_.advance_us(1'000);
}

// A position goes forward, but for a database that forgot its last commits.
void World::look_at_positions() {
  const auto now = positions(evidence());
  for (std::size_t partition = 0; partition < now.size(); ++partition) {
    if (now[partition] < position_[partition] && crashes_at_look_ == database_crashes_)
      fail("the position of partition " + std::to_string(partition) + " went back from " + std::to_string(position_[partition]) + " to " +
           std::to_string(now[partition]));
    if (now[partition] > position_[partition])
      for (auto& follower : followers_) follower.wake();
    position_[partition] = now[partition];
    applied_[partition] = std::max(applied_[partition], now[partition]);
  }
  crashes_at_look_ = database_crashes_;
}

// The database has crashed, and shows less than it did: until that is applied again, refusals speak of an older state.
bool World::has_forgotten() const { return position_ != applied_; }

std::set<std::string> World::halted_workspaces() {
  std::set<std::string> halted;
  for (int n = 0; n < plan_.workspaces; ++n) {
    const std::string& id = founded_workspaces()[static_cast<std::size_t>(n)].id.str();
    if (contradicted_.contains(events::partition_of(id, plan_.partitions))) halted.insert(id);
  }
  return halted;
}

bool World::at_rest() {
  if (lost_a_tail_) contradicted_ = contradicted_partitions(evidence());
  const auto halted = halted_workspaces();
  if (!clients_->done(halted) || !open_tasks().empty()) return false;
  look_at_positions();
  for (std::int32_t partition = 0; partition < plan_.partitions; ++partition) {
    const auto end = static_cast<std::int64_t>(model_.entries(partition).size());
    if (!contradicted_.contains(partition) && position_[static_cast<std::size_t>(partition)] != end) return false;
  }
  if (!check_halted().empty()) return false;
  return std::all_of(followers_.begin(), followers_.end(), [&](const SimFollower& follower) {
    return halted.contains(follower.workspace().str()) || follower.seen() >= model_.last_seq(follower.workspace().str());
  });
}

std::string World::why_restless() {
  std::string why = clients_->done(halted_workspaces()) ? "after the storm it does not come to rest:" : "people still wait for an answer:";
  for (const auto& task : open_tasks()) why += " " + task + ";";
  if (const std::string unnoticed = check_halted(); !unnoticed.empty()) why += " " + unnoticed + ";";
  for (const auto& follower : followers_)
    why += " a follower of " + follower.workspace().str() + " has seen " + std::to_string(follower.seen()) + " of " +
           std::to_string(model_.last_seq(follower.workspace().str())) + ";";
  return why;
}

std::vector<std::string> World::open_tasks() {
  std::vector<std::string> open;
  const auto view = database_->observe();
  const auto halted = halted_workspaces();
  view.scan(memory::in_generation(memory::kFirstGeneration, "streams"), memory::Key().beginning("task/"), [&](const rows::Row& row) {
    v1::TaskState state;
    const bool readable = state.ParseFromString(memory::text(row, 3));
    if ((!readable || !events::is_terminal(state.status())) && !halted.contains(memory::text(row, 0)))
      open.push_back(memory::text(row, 1) + " is " + std::string(events::status_name(state.status())) + " under offer " +
                     std::to_string(state.offer()));
    return true;
  });
  return open;
}

// A log that contradicts what was applied of it is noticed by whoever projects the partition, and says so.
std::string World::check_halted() {
  for (const std::int32_t partition : contradicted_)
    for (const auto& slot : servers_) {
      if (slot.server == nullptr) continue;
      const auto& owned = slot.server->owned();
      if (std::find(owned.begin(), owned.end(), partition) == owned.end()) continue;
      if (!slot.server->halted(partition)) return "partition " + std::to_string(partition) + " lost its tail, and its projector goes on";
      if (!slot.server->refuses(partition)) return "partition " + std::to_string(partition) + " is halted, and takes commands";
    }
  return {};
}

Evidence World::evidence() { return {broker_, database_, topics_, log_, model_, time_}; }

void World::fail(const std::string& fault) {
  if (fault_.empty()) fault_ = fault;
}

void World::note(std::string what) {
  notes_.push_back(std::to_string(time_.boot_us() / 1000) + " ms: " + std::move(what));
  if (notes_.size() > kNotes) notes_.erase(notes_.begin());
}

std::string World::report(const std::string& what) const {
  std::string text = "seed " + std::to_string(seed_) + ": " + what + "\n";
  for (const auto& line : notes_) text += "  " + line + "\n";
  return text;
}

}  // namespace dossier::simulation
