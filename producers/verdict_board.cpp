// Waits by (partition, offset) and the recent verdicts they may have missed.
#include "producers/verdict_board.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace dossier::producers {
namespace {

// Acknowledged offsets are sampled this often for `behind`: ten seconds are at most a hundred samples.
constexpr std::int64_t kSampleEvery_us = 100'000;

}  // namespace

VerdictBoard::VerdictBoard(std::int32_t partitions, const Clock& clock) : VerdictBoard(partitions, clock, Options{}) {}

VerdictBoard::VerdictBoard(std::int32_t partitions, const Clock& clock, Options options)
    : clock_(clock), options_(options), partitions_(static_cast<std::size_t>(partitions)) {
  CHECK(partitions > 0);
}

Status VerdictBoard::ready(std::int32_t number) const {
  const std::lock_guard lock(mutex_);
  const Partition& partition = partitions_.at(static_cast<std::size_t>(number));
  if (partition.is_halted) return make_error(Code::partition_halted, "partition " + std::to_string(number) + " is halted: " + partition.halt_reason);
  const std::int64_t now = clock_.boot_us();
  const bool own_waits_late = !partition.acknowledged.empty() && now - partition.acknowledged.front().second > options_.behind_us;
  if (own_waits_late && partition.lag_us <= options_.behind_us) {
    const std::int64_t last = std::max(partition.let_through_us, partition.acknowledged.front().second + options_.behind_us);
    if (now - last > options_.behind_us) {
      partition.let_through_us = now;
      return {};
    }
  }
  if (own_waits_late || partition.lag_us > options_.behind_us) {
    Error error = make_error(Code::projection_behind, "partition " + std::to_string(number) + " is more than " +
                                                          std::to_string(options_.behind_us / 1'000'000) + " s behind its log");
    error.retry_after_ms = 1'000;
    return error;
  }
  return {};
}

Result<VerdictBoard::Ticket> VerdictBoard::await(std::int32_t number, std::int64_t offset, Done done) {
  Decided known;
  {
    const std::lock_guard lock(mutex_);
    Partition& partition = partitions_.at(static_cast<std::size_t>(number));
    const std::int64_t first = partition.next_offset - static_cast<std::int64_t>(partition.recent.size());
    if (offset < first || offset >= partition.next_offset) {
      if (waiting_ >= options_.max_waits) return make_error(Code::overloaded, "too many commands wait for their verdict");
      if (offset >= partition.next_offset) {
        auto& samples = partition.acknowledged;
        const std::int64_t now = clock_.boot_us();
        while (!samples.empty() && samples.back().first >= offset) samples.pop_back();  // no longer in the log
        if (samples.empty() || now - samples.back().second >= kSampleEvery_us) samples.emplace_back(offset, now);
      }
      const std::uint64_t id = next_id_++;
      partition.waits.emplace(offset, Waiter{id, std::move(done)});
      ++waiting_;
      return Ticket{number, id, offset};
    }
    known = partition.recent[static_cast<std::size_t>(offset - first)];
  }
  done(known);
  return Ticket{number, 0, offset};
}

bool VerdictBoard::cancel(const Ticket& ticket) {
  Done dropped;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  Partition& partition = partitions_.at(static_cast<std::size_t>(ticket.partition));
  auto [it, end] = partition.waits.equal_range(ticket.offset);
  for (; it != end; ++it) {
    if (it->second.id != ticket.id) continue;
    dropped = std::move(it->second.done);
    partition.waits.erase(it);
    --waiting_;
    return true;
  }
  return false;
}

// Under the lock. A new history begins at its own position, which may lie before the old one's: what is known of the old
// one is over.
void VerdictBoard::begin_history(Partition& partition, const Progress& progress) {
  if (partition.history == 0 || progress.history <= partition.history) return;
  partition.history = progress.history;
  if (progress.next_offset >= partition.next_offset) return;
  partition.next_offset = progress.next_offset;
  partition.recent.clear();
  partition.acknowledged.clear();
}

// Under the lock. In one history a position never moves back: a source that lags behind another one teaches nothing.
void VerdictBoard::advance(Partition& partition, const Progress& progress) {
  if (progress.next_offset < partition.next_offset || (progress.history != 0 && progress.history < partition.history)) return;
  partition.lag_us = progress.lag_us;
  partition.history = std::max(partition.history, progress.history);
  partition.next_offset = progress.next_offset;
  while (!partition.acknowledged.empty() && partition.acknowledged.front().first < partition.next_offset) partition.acknowledged.pop_front();
}

void VerdictBoard::applied(const Progress& progress, std::vector<Decided> decided) {
  std::vector<std::pair<Done, Decided>> answers;
  {
    const std::lock_guard lock(mutex_);
    Partition& partition = partitions_.at(static_cast<std::size_t>(progress.partition));
    begin_history(partition, progress);
    for (const Decided& one : decided) {
      auto [it, end] = partition.waits.equal_range(one.offset);
      if (it == end && one.verdict == events::Verdict::void_conflict) partition.others_lost_us = clock_.boot_us();
      for (; it != end; it = partition.waits.erase(it), --waiting_) answers.emplace_back(std::move(it->second.done), one);
    }
    // The recent ones stay contiguous up to next_offset: what does not join on starts them anew.
    if (!decided.empty() && decided.front().offset != partition.next_offset) partition.recent.clear();
    if (progress.next_offset >= partition.next_offset && progress.history >= partition.history) {
      for (Decided& one : decided) partition.recent.push_back(std::move(one));
      if (!partition.recent.empty() && partition.recent.back().offset + 1 != progress.next_offset) partition.recent.clear();
      while (partition.recent.size() > options_.recent) partition.recent.pop_front();
    }
    advance(partition, progress);
  }
  for (auto& [done, verdict] : answers) done(verdict);
}

void VerdictBoard::progressed(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  Partition& partition = partitions_.at(static_cast<std::size_t>(progress.partition));
  begin_history(partition, progress);
  if (progress.next_offset > partition.next_offset) partition.recent.clear();
  advance(partition, progress);
}

void VerdictBoard::halted(std::int32_t number, std::string reason) {
  const std::lock_guard lock(mutex_);
  Partition& partition = partitions_.at(static_cast<std::size_t>(number));
  partition.is_halted = true;
  partition.halt_reason = std::move(reason);
}

void VerdictBoard::resumed(std::int32_t number) {
  const std::lock_guard lock(mutex_);
  partitions_.at(static_cast<std::size_t>(number)).is_halted = false;
}

std::vector<VerdictBoard::Wait> VerdictBoard::unanswered(std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<Wait> waits;
  for (std::size_t number = 0; number < partitions_.size(); ++number)
    for (auto it = partitions_[number].waits.begin(); it != partitions_[number].waits.end();) {
      if (waits.size() >= limit) return waits;
      waits.push_back({static_cast<std::int32_t>(number), it->first});
      it = partitions_[number].waits.upper_bound(it->first);  // one look-up an offset
    }
  return waits;
}

void VerdictBoard::answer(std::int32_t number, const Decided& decided) {
  std::vector<Done> answers;
  {
    const std::lock_guard lock(mutex_);
    Partition& partition = partitions_.at(static_cast<std::size_t>(number));
    auto [it, end] = partition.waits.equal_range(decided.offset);
    for (; it != end; it = partition.waits.erase(it), --waiting_) answers.push_back(std::move(it->second.done));
  }
  for (auto& done : answers) done(decided);
}

bool VerdictBoard::others_lose(std::int32_t number) const {
  const std::lock_guard lock(mutex_);
  const std::int64_t lost_us = partitions_.at(static_cast<std::size_t>(number)).others_lost_us;
  return lost_us != 0 && clock_.boot_us() - lost_us <= kLosersUs;
}

std::uint64_t VerdictBoard::history(std::int32_t number) const {
  const std::lock_guard lock(mutex_);
  return partitions_.at(static_cast<std::size_t>(number)).history;
}

std::int64_t VerdictBoard::next_offset(std::int32_t number) const {
  const std::lock_guard lock(mutex_);
  return partitions_.at(static_cast<std::size_t>(number)).next_offset;
}

std::size_t VerdictBoard::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

}  // namespace dossier::producers
