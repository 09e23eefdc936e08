// The world's disasters: what happens to whole processes and machines, and how they come back.
#include <algorithm>

#include "tests/simulation/world.hpp"

namespace dossier::simulation {
namespace {

constexpr std::int64_t kLongestJumpUs = 60'000'000;

}  // namespace

void World::disaster() {
  disaster_us_ = time_.boot_us() + between(random_, 0, 2 * faults_.weather().disaster_us);
  const std::int64_t now = time_.boot_us();
  const auto at = static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(servers_.size()) - 1));
  auto& server = servers_[at];
  auto& worker = workers_[static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(workers_.size()) - 1))];
  switch (between(random_, 0, 11)) {
    case 0:
      if (server.server == nullptr) return;
      kill_server(at, "is killed");
      server.back_us = now + between(random_, 1'000, 10'000'000);
      return share_partitions();
    case 1:
    case 2: return faults_.kill_inside(static_cast<int>(at), between(random_, 0, 30));
    case 3:
      if (server.server == nullptr || server.server->frozen()) return;
      note("server " + std::to_string(at) + " freezes");
      server.server->freeze();
      server.back_us = now + between(random_, 1'000, chance(random_, 0.3) ? 70'000'000 : 5'000'000);
      return share_partitions();
    case 4:
    case 5:
      note("worker " + worker.identity.id.str() + " is killed");
      worker.worker->crash(chance(random_, 0.5));
      start_worker(worker);
      if (chance(random_, 0.5)) return;
      worker.worker->freeze();
      worker.back_us = now + between(random_, 1'000, 30'000'000);
      return;
    case 6:
      if (worker.worker->frozen()) return;
      worker.back_us = now + between(random_, 1'000, 60'000'000);
      if (chance(random_, 0.5)) {
        note("worker " + worker.identity.id.str() + " freezes with its next result");
        return worker.worker->freeze_with_next_result();
      }
      note("worker " + worker.identity.id.str() + " freezes");
      worker.worker->freeze();
      return;
    case 7:
      if (plan_.loses_tail) return crash_broker();  // not both: what only the last moments of both had may be gone
      note("the database forgets its last commits");
      ++database_crashes_;
      return database_->crash(static_cast<std::uint64_t>(between(random_, 0, 20)));
    case 8:
      note("all servers believe they own everything");
      for (const auto& slot : servers_) {
        std::vector<std::int32_t> all;
        all.reserve(static_cast<std::size_t>(plan_.partitions));
        for (std::int32_t partition = 0; partition < plan_.partitions; ++partition) all.push_back(partition);
        if (slot.server != nullptr) slot.server->own(all);
      }
      return;
    case 9: return move_clock();
    case 10: return crash_broker();
    default: {
      const auto partition = static_cast<std::int32_t>(between(random_, 0, plan_.partitions - 1));
      const bool present = chance(random_, 0.6);
      note("partition " + std::to_string(partition) + (present ? " has its leader" : " loses its leader"));
      broker_.set_leader(topics_.events(), partition, present);
    }
  }
}

// Somebody sets a machine's clock, or its time service does. The broker's counts for leases.
void World::move_clock() {
  const std::int64_t ahead = between(random_, -kLongestJumpUs, kLongestJumpUs);
  const auto which = static_cast<std::size_t>(between(random_, 0, static_cast<std::int64_t>(servers_.size() + workers_.size())));
  if (which == 0) {
    note("the broker's clock is " + std::to_string(ahead / 1'000) + " ms ahead");
    return broker_clock_.set_ahead_us(ahead);
  }
  note("clock " + std::to_string(which) + " is " + std::to_string(ahead / 1'000) + " ms ahead");
  if (which <= servers_.size())
    servers_[which - 1].clock.set_ahead_us(ahead);
  else
    workers_[which - 1 - servers_.size()].clock.set_ahead_us(ahead);
}

// The broker's machine fails: what was not on its disk is gone. Events are, unless this run's disk lies.
void World::crash_broker() {
  if (broker_back_us_ != 0) return;
  if (chance(random_, plan_.loses_tail ? 0.2 : 0.5)) broker_.sync();
  std::int64_t before = 0;
  std::int64_t after = 0;
  const auto count = [&](std::int64_t& records) {
    for (std::int32_t partition = 0; partition < plan_.partitions; ++partition)
      records += static_cast<std::int64_t>(broker_.records(topics_.events(), partition).size());
  };
  count(before);
  broker_.crash();
  count(after);
  note("the broker's machine fails, and loses " + std::to_string(before - after) + " events");
  broker_back_us_ = time_.boot_us() + between(random_, 1'000, 5'000'000);
  model_.doubt_reports();
  if (after == before) return;
  lost_a_tail_ = true;
  watch_.stop_judging();
  model_.begin_again();
  for (std::int32_t partition = 0; partition < plan_.partitions; ++partition)
    for (const auto& record : broker_.records(topics_.events(), partition)) model_.stored(record);
}

void World::bring_back() {
  const std::int64_t now = time_.boot_us();
  if (broker_back_us_ != 0 && broker_back_us_ <= now) {
    broker_back_us_ = 0;
    broker_.set_reachable(true);
  }
  for (auto& slot : workers_) {
    if (slot.back_us == 0 || slot.back_us > now) continue;
    slot.back_us = 0;
    slot.worker->thaw();
  }
  for (std::size_t at = 0; at < servers_.size(); ++at) {
    ServerSlot& slot = servers_[at];
    if (slot.back_us == 0 || slot.back_us > now) continue;
    slot.back_us = 0;
    if (slot.server == nullptr) {
      start_server(at);
    } else if (slot.server->frozen()) {
      note("server " + std::to_string(at) + " goes on");
      slot.server->thaw();
    }
  }
}

void World::share_partitions() {
  std::vector<SimServer*> live;
  for (const auto& slot : servers_)
    if (slot.server != nullptr && !slot.server->frozen()) live.push_back(slot.server.get());
  if (live.empty()) return;
  std::vector<std::vector<std::int32_t>> shares(live.size());
  for (std::int32_t partition = 0; partition < plan_.partitions; ++partition)
    shares[static_cast<std::size_t>(partition) % live.size()].push_back(partition);
  for (std::size_t n = 0; n < live.size(); ++n) live[n]->own(shares[n]);
}

void World::start_server(std::size_t at) {
  note("server " + std::to_string(at) + " starts");
  servers_[at].server =
      std::make_unique<SimServer>(Surroundings{servers_[at].clock, random_, broker_, database_, topics_, log_}, "server-" + std::to_string(at));
  share_partitions();
}

void World::kill_server(std::size_t at, const std::string& how) {
  note("server " + std::to_string(at) + " " + how);
  SimServer& server = *servers_[at].server;
  clients_->lost(server);
  for (auto& follower : followers_) follower.lost(server);
  server.crash(chance(random_, 0.5));
  servers_[at].server.reset();
}

void World::start_worker(WorkerSlot& slot) {
  slot.worker =
      std::make_unique<SimWorker>(Surroundings{slot.clock, random_, broker_, database_, topics_, log_}, slot.identity, ++slot.boots, mood_, watch_);
}

void World::end_storm() {
  note("the storm is over");
  faults_.calm();
  faults_.kill_inside(SimFaults::kNobody, 0);
  mood_.stormy = false;
  broker_clock_.set_ahead_us(0);
  for (std::int32_t partition = 0; partition < plan_.partitions; ++partition) broker_.set_leader(topics_.events(), partition, true);
  if (broker_back_us_ != 0) broker_back_us_ = time_.boot_us();
  for (std::size_t at = 0; at < servers_.size(); ++at) {
    servers_[at].clock.set_ahead_us(0);
    if (servers_[at].back_us != 0) servers_[at].back_us = time_.boot_us();
  }
  bring_back();
  for (auto& slot : workers_) slot.clock.set_ahead_us(0);  // one that is frozen comes back when its time has come
  share_partitions();
}

}  // namespace dossier::simulation
