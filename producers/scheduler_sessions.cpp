// Tasks whose session began before: where it stands goes with the offer, and the worker that has it is preferred. And what
// people want said in a turn that runs.
#include <algorithm>

#include "base/log.hpp"
#include "events/task.hpp"
#include "producers/scheduler.hpp"
#include "producers/session_resume.hpp"

namespace dossier::producers {

// An offer before this one may have been claimed, or the task goes on with another session. Its details are known.
bool Scheduler::went_on_before(const QueuedTask& task) const {
  const auto details = details_.find(task.id);
  return details != details_.end() && (task.offer > 0 || !details->second.queued.spec().continues_session_id().empty());
}

Result<Scheduler::Resumes> Scheduler::read_resumes(const std::vector<QueuedTask>& tasks) {
  std::vector<SessionId> ids;
  for (const QueuedTask& task : tasks) {
    if (!went_on_before(task)) continue;
    ids.push_back(task.session);
    const std::string& before = details_.at(task.id).queued.spec().continues_session_id();
    if (!before.empty()) ids.emplace_back(before);
  }
  Resumes resumes;
  if (ids.empty()) return resumes;
  TRY(const std::vector<SessionRow> rows, store_.sessions(ids));
  std::unordered_map<SessionId, const v1::SessionState*> states;
  for (const SessionRow& row : rows) states.emplace(row.id, &row.state);
  for (const QueuedTask& task : tasks) {
    if (!went_on_before(task)) continue;
    const auto own = states.find(task.session);
    if (own == states.end()) continue;
    const v1::TaskSpec& spec = details_.at(task.id).queued.spec();
    const auto before = states.find(SessionId(spec.continues_session_id()));
    if (auto resume = session_resume(*own->second, before == states.end() ? nullptr : before->second, spec))
      resumes.emplace(task.id, *std::move(resume));
  }
  return resumes;
}

// A session does not move while its task is queued, so one look an offer is enough.
Status Scheduler::learn_homes(const std::vector<QueuedTask>& queued) {
  std::unordered_map<TaskId, Home> homes;
  std::vector<QueuedTask> unknown;
  for (const QueuedTask& task : queued) {
    if (!went_on_before(task)) continue;
    const auto known = homes_.find(task.id);
    if (known != homes_.end() && known->second.offer == task.offer)
      homes.insert(*known);
    else
      unknown.push_back(task);
  }
  homes_.swap(homes);
  TRY(const Resumes resumes, read_resumes(unknown));
  for (const QueuedTask& task : unknown) {
    const auto resume = resumes.find(task.id);
    const bool has_session = resume != resumes.end() && !resume->second.provider_session().empty();
    homes_[task.id] = {task.offer, has_session ? WorkerId(resume->second.worker_id()) : WorkerId(), clock_.boot_us()};
  }
  return {};
}

void Scheduler::set_home(Candidate& candidate, const View& view) const {
  const auto home = homes_.find(candidate.task->id);
  if (home == homes_.end() || home->second.worker.empty()) return;
  candidate.home = home->second.worker;
  candidate.waits = clock_.boot_us() - home->second.since_us < options_.home_wait_us &&
                    std::any_of(
                        view.workers.begin(), view.workers.end(),
                        [&](const LiveWorker& worker) { return worker.id == candidate.home && fits(worker, *candidate.task, *candidate.details); });
}

// Repeated until the follow-up counts as delivered, or the turn has ended: then it goes with the next one.
void Scheduler::pass_on_steers(const View& view) {
  std::unordered_map<SessionId, const ActiveTask*> tasks;
  for (const ActiveTask& task : view.active)
    if (task.steers && !task.cancel_requested && events::is_leased(task.status)) tasks.emplace(task.session, &task);
  std::vector<SessionId> ids;
  ids.reserve(tasks.size());
  for (const auto& [session, task] : tasks) ids.push_back(session);
  std::sort(ids.begin(), ids.end());
  std::map<std::pair<OfferKey, std::string>, std::int64_t> sent;
  if (!ids.empty()) {
    const auto rows = store_.sessions(ids);
    if (!rows) {
      log::warn("producers", "what is to be steered can't be read: " + rows.error().message);
      return;
    }
    for (const SessionRow& row : *rows) {
      if (!row.state.turn_open()) continue;
      const ActiveTask& task = *tasks.at(row.id);
      for (const v1::FollowUpState& waiting : row.state.waiting()) {
        if (!waiting.steer()) continue;
        const std::pair key(OfferKey{task.id, task.offer}, waiting.follow_up_id());
        const auto known = steered_at_us_.find(key);
        const std::int64_t boot = clock_.boot_us();
        if (known != steered_at_us_.end() && boot - known->second < options_.repeat_steer_us) {
          sent[key] = known->second;
          continue;
        }
        v1::SteerRun steer;
        steer.set_task_id(task.id.str());
        steer.set_offer(task.offer);
        *steer.mutable_input() = turn_input(waiting);
        control_.steer_run(task.pool, task.workspace, task.worker, std::move(steer));
        metrics_.steers_sent.fetch_add(1);
        sent[key] = boot;
      }
    }
  }
  steered_at_us_.swap(sent);
}

}  // namespace dossier::producers
