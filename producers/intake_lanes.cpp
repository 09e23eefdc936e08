// Reports of workers on their way to a decision: a lane for each worker. Those of one task are decided in their order, those of
// different tasks at the same time; what a worker is told to be accepted, and the position, follow the order of all.
#include <algorithm>
#include <set>
#include <string_view>

#include "base/log.hpp"
#include "base/mutation.hpp"
#include "producers/commands/approval.hpp"
#include "producers/commands/task.hpp"
#include "producers/intake.hpp"

namespace dossier::producers {
namespace {

CommitId commit_of(const v1::Report& report) {
  return events::derive_commit_id(WorkspaceId(report.workspace_id()), report.worker_id(), "report",
                                  report.boot_id() + "/" + std::to_string(report.sequence()));
}

// Of the mutation tell_before_accepted: what the agent is told before anybody decided.
v1::ApprovalDecision hasty_answer(const v1::Report& report) {
  v1::ApprovalDecision decision;
  decision.set_task_id(report.fence().task_id());
  decision.set_offer(report.fence().offer());
  decision.set_provider_request(report.approval_asked().provider_request());
  decision.mutable_resolved()->set_request_id(events::derive_id<ApprovalId>(commit_of(report)).str());
  decision.mutable_resolved()->set_decision("accept");
  return decision;
}

}  // namespace

// On the owner thread, after the entry was made. Leaves it undecided only where a command will decide it.
void Intake::take_report(Partition& partition, const topic::Record& record, const CheckedForm& form, const KnownWorker& worker) {
  const v1::Report& report = form.report;
  const WorkerId id(report.worker_id());
  saw_worker(record, report);
  if (report.has_fence()) partition.leases.renew(TaskId(report.fence().task_id()), report.fence().offer(), id);

  const std::uint64_t accepted = accepted_[boot_of(report)];
  if (report.sequence() <= accepted) return answer_repeat(partition, report, worker.state.pool());

  {
    const std::lock_guard lock(mutex_);
    Lane& lane = lanes_[id];
    const bool same_boot = lane.boot_id == report.boot_id();
    if (same_boot && report.sequence() <= lane.last_sequence) {
      // It is on its way already. Its earlier copy holds the position back, if that was read by this very ownership.
      const bool held = std::any_of(lane.queue.begin(), lane.queue.end(), [&](const Report& queued) {
        return queued.report.sequence() == report.sequence() && queued.report.boot_id() == report.boot_id() && queued.epoch == partition.epoch;
      });
      if (held) {
        metrics_.repeats.fetch_add(1);
        return;
      }
    }
    const std::uint64_t expected = std::max(accepted, same_boot ? lane.last_sequence : 0) + 1;
    if (report.sequence() > expected && !(accepted == 0 && partition.cut)) {
      // Taking it would make the missing ones look like repeats. The worker sends them all again until they are accepted.
      metrics_.gaps.fetch_add(1);
      log::warn("producers", "report " + std::to_string(report.sequence()) + " of " + id.str() + " came before " + std::to_string(expected));
      accepted_doubted_.insert(boot_of(report));  // or another process took them in: the next batch asks the store
      return;
    }
    if (lane.boot_id != report.boot_id()) lane.last_sequence = 0;
    lane.boot_id = report.boot_id();
    lane.last_sequence = std::max(lane.last_sequence, report.sequence());
    partition.entries.back().decided = false;
    lane.queue.push_back({.partition = record.partition,
                          .epoch = partition.epoch,
                          .offset = record.offset,
                          .report = report,
                          .body_hash = std::string(crypto::view(crypto::sha256(form.outer.body()))),
                          .pool = worker.state.pool(),
                          .ticket = lane.next_ticket++});
    ++pending_;
    metrics_.pending.store(static_cast<std::int64_t>(pending_));
  }
  if (mutation::on(mutation::Name::grant_before_accepted) && report.has_claim()) ports_.control.granted(worker.state.pool(), report);
  if (mutation::on(mutation::Name::tell_before_accepted) && report.has_approval_asked())
    ports_.control.approval_decision(worker.state.pool(), WorkspaceId(report.workspace_id()), id, hasty_answer(report));
  run_ready(id);
}

// The worker did not hear that this one was decided: say it again.
void Intake::answer_repeat(Partition& partition, const v1::Report& report, const std::string& pool) {
  metrics_.repeats.fetch_add(1);
  const WorkspaceId workspace(report.workspace_id());
  const WorkerId worker(report.worker_id());
  if (report.has_claim() && partition.leases.holds(TaskId(report.fence().task_id()), report.fence().offer(), worker)) {
    const auto held = holds_claim(report);  // the lease may be of another boot's claim
    if (!held) return;                      // nothing is said now, so the worker sends it once more
    if (*held) ports_.control.granted(pool, report);
  }
  if (report.has_turn_ended()) {
    const auto answer = read_answer(report);
    if (!answer) return;  // nothing is said now, so the worker sends it once more
    speak_answer(pool, report, *answer);
  }
  if (accepted_unsaved_.contains(boot_of(report))) return;  // said once it is saved
  ports_.control.accepted_through(pool, workspace, worker, report.boot_id(), accepted_[boot_of(report)]);
}

Intake::Report& Intake::report_of(const WorkerId& worker, std::uint64_t ticket) {
  auto& queue = lanes_.at(worker).queue;
  return *std::lower_bound(queue.begin(), queue.end(), ticket, [](const Report& one, std::uint64_t wanted) { return one.ticket < wanted; });
}

// On the owner thread or an executor thread. What speaks of the worker as a whole waits for all before it, and all behind it
// wait for that.
void Intake::run_ready(const WorkerId& worker) {
  std::vector<std::uint64_t> ready;
  {
    const std::lock_guard lock(mutex_);
    const auto lane = lanes_.find(worker);
    if (lane == lanes_.end()) return;
    std::set<std::string_view> tasks;  // with an undecided report
    auto& queue = lane->second.queue;
    auto in_flight =
        static_cast<std::size_t>(std::count_if(queue.begin(), queue.end(), [](const Report& one) { return one.step == Report::Step::in_flight; }));
    for (Report& one : queue) {
      if (one.step == Report::Step::decided) continue;
      const std::string& task = one.report.fence().task_id();
      if (in_flight >= options_.max_in_flight || (task.empty() && !tasks.empty())) break;
      const bool first = tasks.insert(task).second;
      if (first && one.step == Report::Step::waiting) {
        one.step = Report::Step::in_flight;
        ready.push_back(one.ticket);
        ++in_flight;
      }
      if (task.empty()) break;
    }
  }
  for (const std::uint64_t ticket : ready) run_report(worker, ticket);
}

void Intake::run_report(const WorkerId& worker, std::uint64_t ticket) {
  Command command;
  {
    const std::lock_guard lock(mutex_);
    const Report& one = report_of(worker, ticket);
    CommandContext& context = command.context;
    context.workspace = WorkspaceId(one.report.workspace_id());
    context.commit_id = commit_of(one.report);
    context.actor.set_kind(v1::Actor::WORKER);
    context.actor.set_id(one.report.worker_id());
    context.fingerprint = one.body_hash;
    context.causation_id = "reports/" + std::to_string(one.partition) + "/" + std::to_string(one.offset);
    context.correlation_id = one.report.fence().task_id();
    context.occurred_at_us = one.report.sent_at_us();
    context.seldom_repeated = true;  // what this process took in already is left out before
    command.decide = commands::worker_report(one.report);
  }
  ports_.runner.run(std::move(command), [this, worker, ticket](Result<Committed> result) { on_decided(worker, ticket, std::move(result)); });
}

// On an executor thread.
void Intake::on_decided(const WorkerId& worker, std::uint64_t ticket, Result<Committed> result) {
  bool ends_turn = false;
  {
    const std::lock_guard lock(mutex_);
    Report& one = report_of(worker, ticket);
    if (!result && is_transient(result.error().code)) {
      const int tries = one.tries++;
      const std::int64_t pause = std::min(options_.retry_us << std::min(tries, 10), options_.max_retry_us);
      if (tries == 0 || tries % 10 == 9) log::warn("producers", "a report of " + worker.str() + " waits: " + result.error().message);
      // Not taken only while the executor stops: then the position holds the report back for the next start.
      (void)ports_.executor.post_after(pause, [this, worker, ticket] { run_report(worker, ticket); });
      return;
    }
    ends_turn = one.report.has_turn_ended();
  }
  if (result && ends_turn && !commands::recorded_as_late(result->commit.commit)) return answer_turn(worker, ticket, result);
  settle(worker, ticket, result, {});
}

// On an executor thread: the report is decided, and what waited for it may go.
void Intake::settle(const WorkerId& worker, std::uint64_t ticket, const Result<Committed>& result, const events::TurnAnswer& answer) {
  Report one;
  {
    const std::lock_guard lock(mutex_);
    one = report_of(worker, ticket);
  }
  Outcome outcome{.partition = one.partition,
                  .epoch = one.epoch,
                  .offset = one.offset,
                  .workspace = WorkspaceId(one.report.workspace_id()),
                  .worker = worker,
                  .task = TaskId(one.report.fence().task_id()),
                  .offer = one.report.fence().offer()};
  speak(one, result, answer, outcome);
  {
    const std::lock_guard lock(mutex_);
    outcomes_.push_back(std::move(outcome));
    report_of(worker, ticket).step = Report::Step::decided;
    auto& queue = lanes_.at(worker).queue;
    while (!queue.empty() && queue.front().step == Report::Step::decided) {
      accepted_in_order_.push_back(std::move(queue.front()));
      queue.pop_front();
      --pending_;
    }
    metrics_.pending.store(static_cast<std::int64_t>(pending_));
  }
  run_ready(worker);
}

// Answers the worker at once, on the thread that has the verdict: this is on the way from a claim to its agent's start.
void Intake::speak(const Report& one, const Result<Committed>& result, const events::TurnAnswer& turn, Outcome& outcome) {
  const v1::Report& report = one.report;
  const WorkspaceId workspace(report.workspace_id());
  const WorkerId worker(report.worker_id());
  const TaskId task(report.fence().task_id());
  const std::uint32_t offer = report.fence().offer();
  metrics_.reports.fetch_add(1);
  if (result) {
    const bool late = commands::recorded_as_late(result->commit.commit);
    const bool of_another_boot = report.has_claim() && commands::ended_the_lease(result->commit.commit);
    outcome.leased = report.has_claim() && !of_another_boot;
    outcome.ended = late || of_another_boot || report.has_run_completed() || report.has_run_failed() || report.has_run_cancelled();
    if (late) {
      metrics_.late.fetch_add(1);
      metrics_.fenced.fetch_add(1);
      ports_.control.fenced(one.pool, workspace, worker, task, offer, 0, "this offer is over; the report was kept as evidence");
    } else if (of_another_boot) {
      metrics_.fenced.fetch_add(1);
      ports_.control.fenced(one.pool, workspace, worker, task, offer, 0, "another start of this worker had claimed this offer");
    } else if (report.has_claim()) {
      ports_.control.granted(one.pool, report);
    } else if (const auto decided = commands::decided_at_once(report, result->commit.commit)) {
      ports_.control.approval_decision(one.pool, workspace, worker, *decided);
    } else if (report.has_turn_ended()) {
      speak_answer(one.pool, report, turn);
    }
  } else if (result.error().code == Code::offer_superseded) {
    metrics_.fenced.fetch_add(1);
    ports_.control.fenced(one.pool, workspace, worker, task, offer, 0, result.error().message);
  } else {
    metrics_.refused.fetch_add(1);
    log::warn("producers", "report " + std::to_string(report.sequence()) + " of " + worker.str() + " was refused: " + result.error().message);
    ports_.control.report_refused(one.pool, workspace, worker, report.boot_id(), report.sequence(), result.error());
  }
}

// On the owner thread: what callbacks left.
void Intake::collect() {
  std::vector<Outcome> outcomes;
  std::vector<Report> accepted_in_order;
  std::vector<std::pair<TaskId, std::uint32_t>> ended;
  std::vector<WorkerId> lost;
  {
    const std::lock_guard lock(mutex_);
    outcomes.swap(outcomes_);
    accepted_in_order.swap(accepted_in_order_);
    ended.swap(ended_leases_);
    lost.swap(lost_);
  }
  for (const Report& one : accepted_in_order) {
    const v1::Report& report = one.report;
    std::uint64_t& accepted = accepted_[boot_of(report)];
    accepted = std::max(accepted, report.sequence());
    accepted_unsaved_[boot_of(report)] = {{WorkerId(report.worker_id()), report.boot_id(), accepted}, WorkspaceId(report.workspace_id()), one.pool};
  }
  for (const Outcome& one : outcomes) {
    const auto it = partitions_.find(one.partition);
    if (it == partitions_.end() || it->second.epoch != one.epoch) continue;  // read again by its new owner
    auto& entries = it->second.entries;
    const auto entry =
        std::lower_bound(entries.begin(), entries.end(), one.offset, [](const Entry& a, std::int64_t offset) { return a.offset < offset; });
    if (entry != entries.end() && entry->offset == one.offset) entry->decided = true;
    if (one.leased) it->second.leases.hold(one.task, one.offer, one.workspace, one.worker);
    if (one.ended) it->second.leases.drop(one.task, one.offer);
  }
  for (const auto& [task, offer] : ended)
    for (auto& [number, partition] : partitions_) partition.leases.drop(task, offer);
  for (const WorkerId& worker : lost) live_.erase(worker);
  // A lane remembers the last sequence until it is among the accepted ones.
  const std::lock_guard lock(mutex_);
  if (accepted_in_order_.empty())
    for (const Report& one : accepted_in_order)
      if (const auto it = lanes_.find(WorkerId(one.report.worker_id())); it != lanes_.end() && it->second.queue.empty()) lanes_.erase(it);
}

}  // namespace dossier::producers
