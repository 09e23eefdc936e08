// Messages to workers.
#include "producers/control_sender.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace dossier::producers {
namespace {

constexpr std::int64_t kSampleUs = 1'000'000;
constexpr std::size_t kMaxSamples = 40;  // more than kDeafUs

}  // namespace

ControlSender::ControlSender(topic::Writer& writer, events::Topics topics, const Clock& clock)
    : writer_(writer), topics_(std::move(topics)), state_(std::make_shared<State>(clock)) {}

v1::ControlMessage ControlSender::message(const WorkspaceId& workspace, const WorkerId& worker) const {
  v1::ControlMessage message;
  message.set_workspace_id(workspace.str());
  message.set_worker_id(worker.str());
  return message;
}

void ControlSender::granted(const std::string& pool, const v1::Report& claim) {
  v1::ControlMessage out = message(WorkspaceId(claim.workspace_id()), WorkerId(claim.worker_id()));
  out.mutable_granted()->set_task_id(claim.fence().task_id());
  out.mutable_granted()->set_offer(claim.fence().offer());
  out.mutable_granted()->set_boot_id(claim.boot_id());
  send(pool, out);
}

void ControlSender::fenced(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, const TaskId& task, std::uint32_t offer,
                           std::uint32_t present_offer, std::string reason) {
  v1::ControlMessage out = message(workspace, worker);
  v1::Fenced& fenced = *out.mutable_fenced();
  fenced.set_task_id(task.str());
  fenced.set_offer(offer);
  fenced.set_present_offer(present_offer);
  fenced.set_reason(std::move(reason));
  send(pool, out);
}

void ControlSender::accepted_through(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, const std::string& boot_id,
                                     std::uint64_t sequence) {
  v1::ControlMessage out = message(workspace, worker);
  out.mutable_accepted_through()->set_boot_id(boot_id);
  out.mutable_accepted_through()->set_sequence(sequence);
  send(pool, out);
}

void ControlSender::report_refused(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, const std::string& boot_id,
                                   std::uint64_t sequence, const Error& error) {
  v1::ControlMessage out = message(workspace, worker);
  v1::ReportRefused& refused = *out.mutable_report_refused();
  refused.set_boot_id(boot_id);
  refused.set_sequence(sequence);
  refused.set_code(std::string(to_string(error.code)));
  refused.set_message(error.message);
  send(pool, out);
}

void ControlSender::revoked(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, std::string reason) {
  v1::ControlMessage out = message(workspace, worker);
  out.mutable_revoked()->set_reason(std::move(reason));
  send(pool, out);
}

void ControlSender::cancel_run(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, const TaskId& task, std::uint32_t offer,
                               std::string reason) {
  v1::ControlMessage out = message(workspace, worker);
  v1::CancelRun& cancel = *out.mutable_cancel_run();
  cancel.set_task_id(task.str());
  cancel.set_offer(offer);
  cancel.set_reason(std::move(reason));
  send(pool, out);
}

void ControlSender::approval_decision(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker,
                                      const v1::ApprovalDecision& decision) {
  v1::ControlMessage out = message(workspace, worker);
  *out.mutable_approval_decision() = decision;
  send(pool, out);
}

void ControlSender::next_turn(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, v1::NextTurn turn) {
  v1::ControlMessage out = message(workspace, worker);
  *out.mutable_next_turn() = std::move(turn);
  send(pool, out);
}

void ControlSender::finish_run(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, v1::FinishRun finish) {
  v1::ControlMessage out = message(workspace, worker);
  *out.mutable_finish_run() = std::move(finish);
  send(pool, out);
}

void ControlSender::steer_run(const std::string& pool, const WorkspaceId& workspace, const WorkerId& worker, v1::SteerRun steer) {
  v1::ControlMessage out = message(workspace, worker);
  *out.mutable_steer_run() = std::move(steer);
  send(pool, out);
}

void ControlSender::offer(const std::string& pool, std::int32_t partition, const v1::TaskOffer& offer) {
  if (partition < 0) {
    v1::ControlMessage out = message(WorkspaceId(offer.workspace_id()), WorkerId(offer.worker_id()));
    *out.mutable_offer() = offer;
    return send(pool, out);
  }
  topic::Outgoing record;
  record.topic = topics_.tasks(pool);
  record.partition = partition;
  record.key = offer.task_id();
  record.value = offer.SerializeAsString();
  // Not tried again from here: an offer that is not claimed soon is repeated on the control topic anyway.
  append(std::move(record), kMaxTries);
}

void ControlSender::send(const std::string& pool, const v1::ControlMessage& message) {
  topic::Outgoing record;
  record.topic = topics_.control(pool);
  record.partition = 0;
  record.key = message.worker_id();
  record.value = message.SerializeAsString();
  append(std::move(record), 1);
}

void ControlSender::append(topic::Outgoing record, int tries) {
  const bool is_control = tries < kMaxTries;
  topic::Outgoing copy = is_control ? record : topic::Outgoing{};
  writer_.append(std::move(record), [state = state_, copy = std::move(copy), tries](const topic::Appended& appended) {
    if (appended.outcome == topic::Outcome::acknowledged) {
      if (!copy.topic.empty()) state->note_written(copy.topic, appended.offset);
      return;
    }
    if (tries >= kMaxTries) {
      state->dropped.fetch_add(1);
      return;
    }
    const std::lock_guard lock(state->mutex);
    if (state->pending.size() >= kMaxRetries) {
      state->pending.pop_front();
      state->dropped.fetch_add(1);
    }
    state->pending.push_back({copy, tries + 1, state->clock.boot_us() + kPauseUs});
  });
}

void ControlSender::State::note_written(const std::string& topic, std::int64_t offset) {
  const std::lock_guard lock(mutex);
  auto& samples = written[topic];
  const std::int64_t now = clock.boot_us();
  // The topic lost its tail: nobody can have read what is no longer there.
  while (!samples.empty() && samples.back().second >= offset) samples.pop_back();
  if (!samples.empty() && now - samples.back().first < kSampleUs) return;
  samples.emplace_back(now, offset);
  if (samples.size() > kMaxSamples) samples.pop_front();
}

std::int64_t ControlSender::must_have_read(const std::string& pool) const {
  const std::lock_guard lock(state_->mutex);
  const auto it = state_->written.find(topics_.control(pool));
  if (it == state_->written.end()) return 0;
  std::int64_t offset = 0;
  for (const auto& [at_us, written] : it->second)
    if (state_->clock.boot_us() - at_us > kDeafUs) offset = std::max(offset, written);
  return offset;
}

void ControlSender::retry() {
  std::deque<Pending> due;
  {
    const std::lock_guard lock(state_->mutex);
    while (!state_->pending.empty() && state_->pending.front().due_us <= state_->clock.boot_us()) {
      due.push_back(std::move(state_->pending.front()));
      state_->pending.pop_front();
    }
  }
  for (Pending& one : due) append(std::move(one.record), one.tries);
}

}  // namespace dossier::producers
