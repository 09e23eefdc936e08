// The state machine: offers, leases, the worker's own end. Every input first asks guard(): a worker that slept must stop
// its agents before it does what the input says. What runs report stands in protocol_runs.cpp, turns and approvals in
// protocol_turns.cpp.
#include "worker/protocol.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.hpp"

namespace dossier::worker {
namespace {

// Outstanding reports that are left for runs, when declines would fill the outbox.
constexpr std::size_t kReservedForRuns = ReportOutbox::kMaxOutstanding / 2;

RunKey key_of(const v1::TaskOffer& offer) { return {offer.task_id(), offer.offer()}; }

void set_fence(v1::Report& report, const RunKey& run) {
  report.mutable_fence()->set_task_id(run.task_id);
  report.mutable_fence()->set_offer(run.offer);
}

}  // namespace

std::string_view to_string(StopReason reason) noexcept {
  switch (reason) {
    case StopReason::none: return "none";
    case StopReason::cancelled: return "cancelled";
    case StopReason::fenced: return "fenced";
    case StopReason::silent: return "lease_lost";
    case StopReason::not_granted: return "not_granted";
    case StopReason::drain_deadline: return "worker_drained";
    case StopReason::revoked: return "worker_revoked";
  }
  return "none";
}

Protocol::Protocol(ProtocolConfig config, Now now) : config_(std::move(config)) {
  CHECK(config_.slots > 0);
  control_current_us_ = acknowledged_us_ = now.boot_us;
  heartbeat_due_us_ = now.boot_us;
  heartbeat_sent_us_ = now.boot_us - kHeartbeatUs;
}

// ---- offers

void Protocol::on_offer(const v1::TaskOffer& offer, Now now) {
  guard(now);
  if (offer.worker_id() != config_.worker_id || offer.workspace_id() != config_.workspace_id) return;
  if (finished_ || knows_offer(offer.task_id(), offer.offer())) return;
  // A later offer of the same task means that the earlier one is over.
  for (auto& [key, run] : runs_)
    if (key.task_id == offer.task_id()) stop(key, run, StopReason::fenced);
  if (outbox_.size() >= kReservedForRuns) return;  // can't even decline: the offer lapses by its deadline
  remember_offer(offer.task_id(), offer.offer());
  if (draining_ || revoked_) return decline(offer, "draining", now);
  if (free_slots() == 0) return decline(offer, "busy", now);
  if (!has_provider(offer.spec().provider())) return decline(offer, "unsupported", now);
  claim(offer, now);
}

void Protocol::decline(const v1::TaskOffer& offer, const char* reason, Now now) {
  v1::Report report = new_report(key_of(offer), now);
  report.mutable_decline()->set_reason(reason);
  send(std::move(report), now);
}

void Protocol::claim(const v1::TaskOffer& offer, Now now) {
  const RunKey key = key_of(offer);
  Run& run = runs_[key];
  run.offer = offer;
  run.claimed_us = now.boot_us;
  for (const auto& left : offer.resume().approvals())
    if (!left.has_resolved()) run.open.emplace(left.request().request_id(), 0);
  v1::Report report = new_report(key, now);
  report.mutable_claim();
  send(std::move(report), now);
  actions_.push_back(PrepareWorkdir{key, offer});
  heartbeat_soon(now);
}

bool Protocol::knows_offer(const std::string& task_id, std::uint32_t offer) const {
  const auto known = offers_known_.find(task_id);
  return known != offers_known_.end() && offer <= known->second;
}

void Protocol::remember_offer(const std::string& task_id, std::uint32_t offer) {
  if (offers_known_.insert_or_assign(task_id, offer).second) offers_order_.push_back(task_id);
  if (offers_order_.size() > kMaxOffersKnown) {
    offers_known_.erase(offers_order_.front());
    offers_order_.pop_front();
  }
}

bool Protocol::has_provider(const std::string& provider) const {
  return std::find(config_.providers.begin(), config_.providers.end(), provider) != config_.providers.end();
}

std::uint32_t Protocol::free_slots() const {
  if (draining_ || revoked_) return 0;
  return runs_.size() >= config_.slots ? 0 : config_.slots - static_cast<std::uint32_t>(runs_.size());
}

// ---- control

void Protocol::on_control(const v1::ControlMessage& message, std::int64_t offset, Now now) {
  guard(now);
  control_offset_ = std::max(control_offset_, offset);
  if (message.worker_id() != config_.worker_id) return;
  const auto with_run = [&](const std::string& task_id, std::uint32_t offer, const auto& act) {
    const auto found = runs_.find(RunKey{task_id, offer});
    if (found != runs_.end()) act(found->first, found->second);
  };
  switch (message.message_case()) {
    case v1::ControlMessage::kOffer: on_offer(message.offer(), now); break;
    case v1::ControlMessage::kGranted:
      // An earlier boot's agent is not mine to go on with.
      if (!message.granted().boot_id().empty() && message.granted().boot_id() != config_.boot_id) break;
      with_run(message.granted().task_id(), message.granted().offer(), [&](const RunKey& key, Run& run) {
        run.granted = true;
        start_if_ready(key, run);
      });
      break;
    case v1::ControlMessage::kFenced:
      with_run(message.fenced().task_id(), message.fenced().offer(),
               [&](const RunKey& key, Run& run) { stop(key, run, StopReason::fenced, message.fenced().reason()); });
      break;
    case v1::ControlMessage::kAcceptedThrough:
      if (message.accepted_through().boot_id() == config_.boot_id) note_accepted(message.accepted_through().sequence(), now);
      break;
    case v1::ControlMessage::kCancelRun:
      with_run(message.cancel_run().task_id(), message.cancel_run().offer(),
               [&](const RunKey& key, Run& run) { stop(key, run, StopReason::cancelled, message.cancel_run().reason()); });
      break;
    case v1::ControlMessage::kReportRefused:
      if (message.report_refused().boot_id() == config_.boot_id) on_refused(message.report_refused());
      break;
    case v1::ControlMessage::kRevoked:
      revoked_ = true;
      idle_since_us_ = now.boot_us;
      stop_all(StopReason::revoked);
      break;
    case v1::ControlMessage::kNextTurn:
    case v1::ControlMessage::kFinishRun:
    case v1::ControlMessage::kApprovalDecision:
    case v1::ControlMessage::kSteerRun: on_run_control(message); break;
    case v1::ControlMessage::MESSAGE_NOT_SET: break;  // newer than this worker
  }
  finish_if_done(now);
}

void Protocol::on_control_current(std::int64_t last_offset, Now now) {
  guard(now);
  control_offset_ = std::max(control_offset_, last_offset);
  control_current_us_ = std::max(control_current_us_, now.boot_us);
}

void Protocol::on_report_acknowledged(std::int64_t sent_boot_us, Now now) {
  guard(now);
  acknowledged_us_ = std::max(acknowledged_us_, sent_boot_us);
}

// ---- runs

void Protocol::on_workdir_ready(const RunKey& run, Now now) {
  guard(now);
  const auto found = runs_.find(run);
  if (found == runs_.end()) return;
  found->second.workdir_ready = true;
  start_if_ready(run, found->second);
}

void Protocol::start_if_ready(const RunKey& key, Run& run) {
  if (!run.granted || !run.workdir_ready || run.started || run.stop != StopReason::none) return;
  run.started = true;
  actions_.push_back(StartAgent{key});
}

// The first reason to stop counts, except that a fence silences what a gentler one would still report.
void Protocol::stop(const RunKey& key, Run& run, StopReason reason, std::string detail) {
  if (run.stop == StopReason::none) actions_.push_back(StopRun{key, reason});
  if (run.stop != StopReason::none && reason != StopReason::fenced) return;
  run.stop = reason;
  run.stop_detail = std::move(detail);
}

void Protocol::stop_all(StopReason reason) {
  for (auto& [key, run] : runs_) stop(key, run, reason);
}

bool Protocol::may_speak_of(const RunKey& run) const {
  const auto found = runs_.find(run);
  return found != runs_.end() && may_speak(found->second);
}

// ---- time

std::int64_t Protocol::alive_until_us() const { return std::min(acknowledged_us_, control_current_us_) + kLeaseUs; }

void Protocol::guard(Now now) {
  if (!runs_.empty() && now.boot_us >= alive_until_us()) stop_all(StopReason::silent);
}

void Protocol::on_partitions(std::vector<std::int32_t> partitions, Now now) {
  guard(now);
  std::sort(partitions.begin(), partitions.end());
  if (partitions == partitions_) return;
  partitions_ = std::move(partitions);
  // Without the gap: until the server knows, it sends offers where nobody takes them.
  heartbeat_due_us_ = now.boot_us;
}

void Protocol::on_drain(Now now) {
  guard(now);
  if (draining_) return;
  draining_ = true;
  drain_until_us_ = now.boot_us + config_.drain_us;
  idle_since_us_ = now.boot_us;
  v1::Report report = new_report(now);
  report.mutable_drain_began();
  send(std::move(report), now);
  heartbeat_soon(now);
}

void Protocol::on_tick(Now now) {
  guard(now);
  for (auto& [key, run] : runs_) {
    if (!run.granted && now.boot_us >= run.claimed_us + kGrantWaitUs) stop(key, run, StopReason::not_granted);
    if (draining_ && now.boot_us >= drain_until_us_) stop(key, run, StopReason::drain_deadline);
    if (now.boot_us >= answer_until_us(run)) finish_run(key, run);
  }
  for (auto& repeat : outbox_.due(now.boot_us)) actions_.push_back(SendReport{repeat.sequence, std::move(repeat.body)});
  if (now.boot_us >= heartbeat_due_us_ && !finished_) send_heartbeat(now);
  finish_if_done(now);
}

std::int64_t Protocol::next_due_us() const {
  std::int64_t next = outbox_.next_due_us();
  if (finished_) return next;
  next = std::min(next, heartbeat_due_us_);
  for (const auto& [key, run] : runs_) {
    if (run.stop != StopReason::none) continue;  // its end is awaited, not timed here
    next = std::min(next, alive_until_us());
    if (!run.granted) next = std::min(next, run.claimed_us + kGrantWaitUs);
    if (draining_) next = std::min(next, drain_until_us_);
    next = std::min(next, answer_until_us(run));
  }
  if ((draining_ || revoked_) && runs_.empty()) next = std::min(next, idle_since_us_ + kFlushUs);
  return next;
}

void Protocol::finish_if_done(Now now) {
  if (finished_ || !(draining_ || revoked_) || !runs_.empty()) return;
  if (!outbox_.empty() && !revoked_ && now.boot_us < idle_since_us_ + kFlushUs) return;
  finished_ = true;
  actions_.push_back(Finished{revoked_ ? StopReason::revoked : StopReason::none, completed_});
}

// ---- reports

v1::Report Protocol::new_report(Now now) const {
  v1::Report report;
  report.set_workspace_id(config_.workspace_id);
  report.set_worker_id(config_.worker_id);
  report.set_boot_id(config_.boot_id);
  report.set_sent_at_us(now.wall_us);
  return report;
}

v1::Report Protocol::new_report(const RunKey& run, Now now) const {
  v1::Report report = new_report(now);
  set_fence(report, run);
  return report;
}

std::uint64_t Protocol::send(v1::Report report, Now now, bool held) {
  ReportOutbox::Sent sent = outbox_.add(std::move(report), now.boot_us, held);
  actions_.push_back(SendReport{sent.sequence, std::move(sent.body)});
  return sent.sequence;
}

void Protocol::heartbeat_soon(Now now) {
  heartbeat_due_us_ = std::min(heartbeat_due_us_, std::max(now.boot_us, heartbeat_sent_us_ + kHeartbeatGapUs));
}

void Protocol::send_heartbeat(Now now) {
  v1::Report report = new_report(now);
  auto* heartbeat = report.mutable_heartbeat();
  heartbeat->set_free_slots(free_slots());
  for (const std::int32_t partition : partitions_) heartbeat->add_partitions(partition);
  for (const auto& [key, run] : runs_) {
    if (!may_speak(run)) continue;  // its offer is over: it renews nothing
    auto* fence = heartbeat->add_running();
    fence->set_task_id(key.task_id);
    fence->set_offer(key.offer);
  }
  heartbeat->set_control_offset(control_offset_);
  heartbeat->set_draining(draining_);
  for (const auto& project : cached_projects_) heartbeat->add_cached_projects(project);
  heartbeat_sent_us_ = now.boot_us;
  heartbeat_due_us_ = now.boot_us + kHeartbeatUs;
  actions_.push_back(SendReport{0, report.SerializeAsString()});
}

std::vector<Action> Protocol::take_actions() { return std::exchange(actions_, {}); }

}  // namespace dossier::worker
