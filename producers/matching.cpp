// Greedy matching with fair turns.
#include "producers/matching.hpp"

#include <algorithm>
#include <functional>
#include <tuple>

namespace dossier::producers {
namespace {

bool has_cached(const LiveWorker& worker, const std::string& project) {
  return !project.empty() && std::find(worker.cached_projects.begin(), worker.cached_projects.end(), project) != worker.cached_projects.end();
}

// The best of the workers that fit; nullptr: none has room.
Seat* best_seat(std::vector<Seat>& seats, const Candidate& candidate) {
  Seat* best = nullptr;
  for (Seat& seat : seats) {
    if (seat.free == 0 || !fits(*seat.worker, *candidate.task, *candidate.details)) continue;
    if (seat.worker->id == candidate.home) return &seat;
    if (best == nullptr) {
      best = &seat;
      continue;
    }
    const bool cached = has_cached(*seat.worker, candidate.task->affinity);
    const bool best_cached = has_cached(*best->worker, candidate.task->affinity);
    if (std::tuple(cached, seat.free, best->worker->id) > std::tuple(best_cached, best->free, seat.worker->id)) best = &seat;
  }
  return candidate.waits ? nullptr : best;
}

}  // namespace

bool fits(const LiveWorker& worker, const QueuedTask& task, const v1::TaskQueued& details) {
  if (worker.draining || worker.pool != task.pool) return false;
  const auto& required = details.required_capabilities();
  return std::all_of(required.begin(), required.end(), [&](const v1::Capability& wanted) {
    if (wanted.name() == "mode") return wanted.value() == worker.mode || wanted.value() == '"' + worker.mode + '"';
    return std::any_of(worker.capabilities.begin(), worker.capabilities.end(),
                       [&](const v1::Capability& has) { return has.name() == wanted.name() && has.value() == wanted.value(); });
  });
}

std::vector<Match> match(const std::vector<Candidate>& tasks, const std::vector<Seat>& workers, std::map<std::string, std::uint32_t> at_work,
                         std::size_t max_matches) {
  std::vector<Seat> seats = workers;
  std::uint64_t free = 0;
  for (const Seat& seat : seats) free += seat.free;
  max_matches = static_cast<std::size_t>(std::min<std::uint64_t>(max_matches, free));
  // By priority, and within it a line for each workspace, oldest first.
  std::map<std::int32_t, std::map<std::string, std::vector<const Candidate*>>, std::greater<>> lines;
  for (const Candidate& candidate : tasks) lines[candidate.task->priority][candidate.task->workspace.str()].push_back(&candidate);

  std::vector<Match> matches;
  for (auto& [priority, by_workspace] : lines) {
    for (auto& [workspace, line] : by_workspace)  // reversed: the next one is at the back
      std::sort(line.begin(), line.end(), [](const Candidate* a, const Candidate* b) {
        return std::tuple(a->task->queued_us, a->task->id) > std::tuple(b->task->queued_us, b->task->id);
      });
    while (!by_workspace.empty() && matches.size() < max_matches) {
      const auto next = std::min_element(by_workspace.begin(), by_workspace.end(), [&](const auto& a, const auto& b) {
        return std::tuple(at_work[a.first], a.second.back()->task->queued_us, a.first) <
               std::tuple(at_work[b.first], b.second.back()->task->queued_us, b.first);
      });
      const Candidate* candidate = next->second.back();
      next->second.pop_back();
      if (Seat* seat = best_seat(seats, *candidate)) {
        --seat->free;
        ++at_work[next->first];
        matches.push_back({candidate->task, seat->worker});
      }
      if (next->second.empty()) by_workspace.erase(next);
    }
  }
  return matches;
}

}  // namespace dossier::producers
