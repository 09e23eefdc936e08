// What a worker is told when a turn of its run has ended: the next turn with what waited for it, or to finish. The session's
// state says which, so a report that is repeated, or read again after a restart, is answered as it was first. And whether a
// claim that is repeated holds its task.
#include <algorithm>

#include "base/log.hpp"
#include "events/names.hpp"
#include "events/task.hpp"
#include "producers/intake.hpp"
#include "producers/session_resume.hpp"

namespace dossier::producers {
namespace {

template <class State>
Result<State> state_of(Snapshot& snapshot, const WorkspaceId& workspace, const std::string& stream) {
  TRY(const StreamState row, snapshot.stream(workspace, stream));
  State state;
  if (row.needs_newer_code) return make_error(Code::upgrade_required, stream + " holds facts of a newer version of dossier: upgrade this server");
  if (!state.ParseFromString(row.state)) return make_error(Code::corrupt, "the folded state of " + stream + " can't be read");
  return state;
}

// Its report was accepted, so a database that shows no claim yet has forgotten it.
Result<v1::TaskState> task_after_claim(Snapshot& snapshot, const v1::Report& report) {
  TRY(auto task, state_of<v1::TaskState>(snapshot, WorkspaceId(report.workspace_id()), events::task_stream(TaskId(report.fence().task_id()))));
  const std::uint32_t offer = report.fence().offer();
  if (task.offer() < offer || (task.offer() == offer && task.status() == v1::TaskState::OFFERED))
    return make_error(Code::projection_behind, "the task's state does not show the claim yet");
  return task;
}

}  // namespace

// On the owner thread.
Result<bool> Intake::holds_claim(const v1::Report& report) {
  const std::uint32_t offer = report.fence().offer();
  TRY(const auto snapshot, ports_.states.snapshot());
  TRY(const auto task, task_after_claim(*snapshot, report));
  return events::require_fence(task, offer, report.worker_id()).has_value() && events::is_claim_of(task, offer, report.boot_id());
}

// On any thread.
Result<events::TurnAnswer> Intake::read_answer(const v1::Report& report) {
  const WorkspaceId workspace(report.workspace_id());
  const std::uint32_t turn = report.turn_ended().turn();
  const std::uint32_t offer = report.fence().offer();
  TRY(const auto snapshot, ports_.states.snapshot());
  TRY(const auto task, task_after_claim(*snapshot, report));
  if (!events::require_fence(task, offer, report.worker_id())) return events::TurnAnswer{};
  // Nothing is recorded of a run that is to be cancelled: what it says of its end counts as cancelled.
  if (task.cancel_requested() || task.session_id().empty()) return events::TurnAnswer{events::TurnAnswer::Kind::finish, turn, {}};
  TRY(const auto session, state_of<v1::SessionState>(*snapshot, workspace, events::session_stream(SessionId(task.session_id()))));
  return events::answer_to_turn(session, turn);
}

// On an executor thread, short: reading is a job of its own, repeated until the database answers. The report stays
// in flight meanwhile.
void Intake::answer_turn(const WorkerId& worker, std::uint64_t ticket, const Result<Committed>& result) {
  const auto job = [this, worker, ticket, result] {
    v1::Report report;
    std::int64_t pause = 0;
    {
      const std::lock_guard lock(mutex_);
      Report& one = report_of(worker, ticket);
      report = one.report;
      pause = std::min(options_.retry_us << std::min(one.tries++, 10), options_.max_retry_us);
    }
    const auto answer = read_answer(report);
    if (answer) return settle(worker, ticket, result, *answer);
    if (!is_transient(answer.error().code)) {
      log::error("producers", "the end of a turn of " + worker.str() + " can't be answered: " + answer.error().message);
      return settle(worker, ticket, result, {});
    }
    // Not taken only while the executor stops: the position holds the report back for the next start.
    (void)ports_.executor.post_after(pause, [this, worker, ticket, result] { answer_turn(worker, ticket, result); });
  };
  if (!ports_.executor.post(job)) (void)ports_.executor.post_after(options_.retry_us, job);
}

void Intake::speak_answer(const std::string& pool, const v1::Report& report, const events::TurnAnswer& answer) {
  const WorkspaceId workspace(report.workspace_id());
  const WorkerId worker(report.worker_id());
  switch (answer.kind) {
    case events::TurnAnswer::Kind::nothing: return;
    case events::TurnAnswer::Kind::finish: {
      v1::FinishRun finish;
      finish.set_task_id(report.fence().task_id());
      finish.set_offer(report.fence().offer());
      finish.set_turn(answer.turn);
      return ports_.control.finish_run(pool, workspace, worker, std::move(finish));
    }
    case events::TurnAnswer::Kind::next_turn: {
      v1::NextTurn next;
      next.set_task_id(report.fence().task_id());
      next.set_offer(report.fence().offer());
      next.set_turn(answer.turn);
      for (const v1::FollowUpState& input : answer.inputs) *next.add_inputs() = turn_input(input);
      return ports_.control.next_turn(pool, workspace, worker, std::move(next));
    }
  }
}

}  // namespace dossier::producers
