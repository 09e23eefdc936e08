// The rules.
#include "tests/simulation/task_rules.hpp"

#include <algorithm>
#include <limits>

#include "dossier/v1/worker.pb.h"

namespace dossier::simulation {
namespace {

constexpr std::int64_t kLeaseUs = 20'000'000;
constexpr std::int64_t kDeafUs = 15'000'000;  // half of what the product allows: whoever is nearer to it is not judged

}  // namespace

void SignsOfLife::said(const std::string& topic, std::int64_t offset, std::int64_t append_time_us) { said_[topic][append_time_us] = offset; }

void SignsOfLife::read(const topic::Record& record) {
  const std::int64_t now_us = now_us_[record.partition] = std::max(now_us_[record.partition], record.append_time_us);
  v1::SignedReport outer;
  v1::Report report;
  if (!outer.ParseFromString(record.value) || !report.ParseFromString(outer.body())) return;
  const auto sign = [&](const v1::Fence& fence) {
    Holder& holder = holders_.try_emplace({fence.task_id(), fence.offer()}, Holder{record.partition, now_us, 0}).first->second;
    holder.longest_us = std::max(holder.longest_us, now_us - holder.last_us);
    holder.last_us = now_us;
  };
  if (report.has_fence()) sign(report.fence());
  if (report.has_claim()) claimants_[{report.fence().task_id(), report.fence().offer()}].insert(report.boot_id());
  if (!report.has_heartbeat()) return;
  // One that does not hear what it is told counts as silent, so its heartbeats prove nothing here.
  for (const auto& [topic, said] : said_) {
    if (topic.find(report.workspace_id()) == std::string::npos) continue;
    const auto late = said.upper_bound(record.append_time_us - kDeafUs);
    if (late != said.begin() && report.heartbeat().control_offset() < std::prev(late)->second) return;
  }
  for (const v1::Fence& fence : report.heartbeat().running()) sign(fence);
}

void SignsOfLife::doubt() {
  for (auto& [offer, holder] : holders_) holder.longest_us = std::numeric_limits<std::int64_t>::max();
}

std::int64_t SignsOfLife::longest_silence_us(const std::string& task, std::uint32_t offer) const {
  const auto found = holders_.find({task, offer});
  if (found == holders_.end()) return std::numeric_limits<std::int64_t>::max();  // it never gave one
  return std::max(found->second.longest_us, now_us_.at(found->second.partition) - found->second.last_us);
}

bool SignsOfLife::claimed_by_another(const std::string& task, std::uint32_t offer, const std::string& boot) const {
  const auto found = claimants_.find({task, offer});
  return found != claimants_.end() && found->second.size() > (found->second.contains(boot) ? 1 : 0);
}

bool TaskRules::claimed(const std::string& task_id, std::uint32_t offer, const std::string& boot) const {
  const auto task = tasks_.find("task/" + task_id);
  if (task == tasks_.end()) return false;
  const auto claim = task->second.claims.find(offer);
  return claim != task->second.claims.end() && claim->second == boot;
}

std::string TaskRules::claim(Task& task, const v1::TaskClaimed& fact) {
  if (task.stage == Stage::leased) return " was claimed while a lease was open";
  if (task.stage != Stage::offered || fact.offer() != task.offer || fact.worker_id() != task.worker) return " was claimed without a present offer";
  if (!task.claims.emplace(fact.offer(), fact.boot_id()).second) return " was claimed twice under one offer";
  if (fact.attempt() != ++task.attempts) return " has a claim with the wrong number of its attempt";
  task.stage = Stage::leased;
  return {};
}

std::string TaskRules::expire(const std::string& stream, Task& task, const v1::TaskLeaseExpired& fact) {
  if (task.stage != Stage::leased || fact.offer() != task.offer) return " lost a lease that was not open";
  const bool restarted = fact.reason() == "worker_restarted";
  if (restarted && !signs_.claimed_by_another(stream.substr(5), fact.offer(), task.claims.at(fact.offer())))
    return " lost its lease to another boot of its worker, which had not come for it";
  const auto silent = signs_.longest_silence_us(stream.substr(5), fact.offer());
  if (!restarted && silent <= kLeaseUs)
    return " lost its lease though its worker was never silent for longer than " + std::to_string(silent / 1'000) + " ms";
  task.stage = Stage::queued;
  expired_now_.insert(stream);
  return {};
}

std::string TaskRules::end(const std::string& stream, Task& task, std::uint32_t offer, bool queued_again) {
  const bool held = task.stage == Stage::leased && offer == task.offer;
  if (!held && !expired_now_.contains(stream)) return " was ended by an offer that did not hold it";
  task.stage = queued_again ? Stage::queued : Stage::ended;
  return {};
}

std::string TaskRules::fact(const std::string& stream, const v1::TaskEvent& fact) {
  Task& task = tasks_[stream];
  if (task.stage == Stage::ended && !fact.has_late_result_recorded()) return " went on after its end";
  switch (fact.fact_case()) {
    case v1::TaskEvent::kTaskQueued:
      if (task.stage != Stage::unknown) return " was queued twice";
      task.stage = Stage::queued;
      return {};
    case v1::TaskEvent::kTaskOffered:
      if (task.stage != Stage::queued || fact.task_offered().offer() != task.offer + 1) return " was offered while it was not queued";
      task.stage = Stage::offered;
      task.offer = fact.task_offered().offer();
      task.worker = fact.task_offered().worker_id();
      return {};
    case v1::TaskEvent::kTaskOfferLapsed:
      if (task.stage != Stage::offered || fact.task_offer_lapsed().offer() != task.offer) return " had an offer lapse that was not open";
      task.stage = Stage::queued;
      return {};
    case v1::TaskEvent::kTaskClaimed: return claim(task, fact.task_claimed());
    case v1::TaskEvent::kTaskStarted:
      if (task.stage != Stage::leased || fact.task_started().offer() != task.offer) return " was started without a lease";
      return {};
    case v1::TaskEvent::kTaskLeaseExpired: return expire(stream, task, fact.task_lease_expired());
    case v1::TaskEvent::kTaskCompleted: return end(stream, task, fact.task_completed().offer(), false);
    case v1::TaskEvent::kTaskFailed: return end(stream, task, fact.task_failed().offer(), fact.task_failed().retryable());
    case v1::TaskEvent::kTaskCancelRequested:
      if (task.stage != Stage::leased) return " was asked to stop while nobody had it";
      return {};
    case v1::TaskEvent::kTaskCancelled: task.stage = Stage::ended; return {};
    case v1::TaskEvent::kLateResultRecorded:
      if (!task.claims.contains(fact.late_result_recorded().offer())) return " has a late result of an offer that nobody claimed";
      return {};
    case v1::TaskEvent::FACT_NOT_SET: break;
  }
  return {};
}

}  // namespace dossier::simulation
