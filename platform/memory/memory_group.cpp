// The in-memory consumer group: an eager rebalance. It begins when a member joins, leaves or is silent too long; every
// member gives up what it has at its next poll; when the last one has, the partitions are dealt out in turn.
#include <algorithm>
#include <chrono>

#include "platform/memory/broker_state.hpp"

namespace dossier::memory {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr auto kMemberNap = std::chrono::milliseconds(20);  // silent members are found by the polls of the others

}  // namespace

void BrokerState::begin_rebalance_locked(Group& group) {
  group.stable = false;
  for (auto& [id, member] : group.members) member.joined = false;
  changed.notify_all();
}

void BrokerState::finish_rebalance_locked(Group& group) {
  if (group.stable || group.members.empty()) return;
  for (const auto& [id, member] : group.members)
    if (!member.joined) return;
  group.partition_count = static_cast<std::int32_t>(topics.find(group.topic)->second.partitions.size());
  for (auto& [id, member] : group.members) member.partitions.clear();
  auto next = group.members.begin();
  for (std::int32_t partition = 0; partition < group.partition_count; ++partition) {
    next->second.partitions.push_back(partition);
    if (++next == group.members.end()) next = group.members.begin();
  }
  group.stable = true;
  ++group.epoch;
  changed.notify_all();
}

void BrokerState::expire_members_locked(Group& group) {
  const std::int64_t oldest_us = clock.boot_us() - options.session_timeout_us;
  if (std::erase_if(group.members, [&](const auto& entry) { return entry.second.last_poll_us < oldest_us; }) > 0) begin_rebalance_locked(group);
}

// What one member believes; only its owner thread touches it, the group itself is under the broker's lock.
struct MemoryGroupReader::Member {
  std::shared_ptr<BrokerState> state;
  std::string name;
  std::string group;
  std::string topic;
  std::uint64_t id = 0;     // in the group; 0: in none
  std::uint64_t epoch = 0;  // of the rebalance that gave it what it has
  bool closed = false;
  Assignment assignment;
  std::map<std::int32_t, std::int64_t> positions;
  std::map<std::int32_t, std::int64_t> ends_told;

  bool owns(std::int32_t partition) const { return std::ranges::count(assignment.partitions, partition) != 0; }

  void take_locked(std::vector<std::int32_t> partitions) {
    ++assignment.generation;
    assignment.partitions = std::move(partitions);
    positions.clear();
    ends_told.clear();
    const Group& shared = state->groups.find(group)->second;
    for (const std::int32_t partition : assignment.partitions) {
      const auto committed = shared.committed.find(partition);
      positions[partition] = committed != shared.committed.end() ? committed->second : state->log_locked(topic, partition)->begin;
    }
  }

  // Takes part in the group. True: the assignment changed.
  bool heartbeat_locked() {
    Group& shared = state->groups.try_emplace(group, Group{topic, true, 0, 0, {}, {}}).first->second;
    const bool owned = !assignment.partitions.empty();
    if (auto self = shared.members.find(id); self != shared.members.end()) self->second.last_poll_us = state->clock.boot_us();
    state->expire_members_locked(shared);
    if (shared.members.count(id) == 0) {
      id = ++state->members;
      shared.members[id].last_poll_us = state->clock.boot_us();
      state->begin_rebalance_locked(shared);
    }
    GroupMember& self = shared.members[id];
    bool moved = false;
    if (!shared.stable && !self.joined) {
      if (owned) take_locked({});
      moved = owned;
      self.joined = true;
      state->finish_rebalance_locked(shared);
    }
    if (!shared.stable || epoch == shared.epoch) return moved;
    epoch = shared.epoch;
    take_locked(self.partitions);
    return true;
  }

  Status collect_locked(const topic::PollLimits& limits, std::size_t most, topic::Polled& polled, std::size_t& bytes) {
    for (const std::int32_t partition : assignment.partitions) {
      auto& position = positions[partition];
      const Log* log = state->log_locked(topic, partition);
      if (position < log->begin || position > log->end()) position = log->begin;  // as auto.offset.reset=earliest
      TRY_STATUS(state->read_locked({topic, partition}, position, limits, most, polled, bytes));
      if (!log->has_leader || position != log->end()) continue;
      if (const auto told = ends_told.find(partition); told != ends_told.end() && told->second == position) continue;
      ends_told[partition] = position;
      polled.at_end.emplace_back(topic, partition);
    }
    return {};
  }

  void leave() {
    const std::lock_guard lock(state->mutex);
    const auto found = state->groups.find(group);
    if (found == state->groups.end() || found->second.members.erase(id) == 0) return;
    state->begin_rebalance_locked(found->second);
  }
};

MemoryGroupReader::MemoryGroupReader(std::unique_ptr<Member> member) : member_(std::move(member)) {}
MemoryGroupReader::~MemoryGroupReader() { close(0); }

Result<topic::Polled> MemoryGroupReader::poll(const topic::PollLimits& limits) {
  Member& self = *member_;
  if (self.closed) return make_error(Code::shutting_down, "this member has left its group");
  topic::Polled polled;
  std::size_t bytes = 0;
  std::unique_lock lock(self.state->mutex);
  if (self.state->topics.find(self.topic) == self.state->topics.end()) return make_error(Code::not_found, "there is no topic " + self.topic);
  const PollPlan plan = self.state->faults.plan_poll(self.name);
  const auto deadline = SteadyClock::now() + std::chrono::milliseconds(limits.wait_ms);
  while (!plan.fail) {
    if (self.state->reachable) {
      if (self.heartbeat_locked()) break;  // nothing that is returned mixes two assignments
      if (!plan.withhold) TRY_STATUS(self.collect_locked(limits, plan.max_records, polled, bytes));
    }
    if (!self.state->threaded() || !polled.records.empty() || !polled.at_end.empty() || SteadyClock::now() >= deadline) break;
    self.state->changed.wait_until(lock, std::min(deadline, SteadyClock::now() + kMemberNap));
  }
  if (plan.fail || (!self.state->reachable && polled.records.empty() && polled.at_end.empty()))
    return make_error(Code::log_unavailable, "the broker can't be reached");
  return polled;
}

topic::GroupReader::Assignment MemoryGroupReader::assignment() const { return member_->assignment; }

void MemoryGroupReader::commit(std::int32_t partition, std::int64_t offset) {
  const Member& self = *member_;
  if (self.closed || !self.owns(partition)) return;
  const std::lock_guard lock(self.state->mutex);
  if (!self.state->reachable) return;
  Group& shared = self.state->groups.find(self.group)->second;
  // A member that was put out, or missed a rebalance, speaks for nobody.
  if (shared.members.count(self.id) == 0 || shared.epoch != self.epoch) return;
  shared.committed[partition] = offset;
}

Status MemoryGroupReader::seek(std::int32_t partition, std::int64_t offset) {
  if (!member_->owns(partition))
    return make_error(Code::position_moved, member_->topic + "/" + std::to_string(partition) + " belongs to another member of the group");
  if (offset < 0) return make_error(Code::log_mismatch, "there is no offset " + std::to_string(offset));
  member_->positions[partition] = offset;
  member_->ends_told.erase(partition);
  return {};
}

void MemoryGroupReader::close(std::int64_t) {
  if (member_->closed) return;
  member_->closed = true;
  member_->assignment = {member_->assignment.generation + 1, {}};
  member_->leave();
}

void MemoryGroupReader::crash() {
  member_->closed = true;
  member_->assignment = {member_->assignment.generation + 1, {}};
}

std::unique_ptr<MemoryGroupReader> MemoryBroker::make_group_reader(std::string name, std::string group, std::string topic) {
  auto member = std::make_unique<MemoryGroupReader::Member>();
  member->state = state_;
  member->name = std::move(name);
  member->group = std::move(group);
  member->topic = std::move(topic);
  return std::unique_ptr<MemoryGroupReader>(new MemoryGroupReader(std::move(member)));
}

}  // namespace dossier::memory
