// One look at tasks and workers, and what follows from it.
#include "producers/scheduler.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/mutation.hpp"
#include "events/names.hpp"
#include "events/task.hpp"
#include "producers/commands/task.hpp"

namespace dossier::producers {
namespace {

constexpr std::int64_t kPauseAfterFailureUs = 500'000;

bool is_leased(const ActiveTask& task) { return events::is_leased(task.status); }

}  // namespace

Scheduler::Scheduler(DispatchStore& store, CommandRunner& runner, ControlSender& control, const Clock& clock, std::function<void()> wake)
    : Scheduler(store, runner, control, clock, std::move(wake), Options{}) {}

Scheduler::Scheduler(DispatchStore& store, CommandRunner& runner, ControlSender& control, const Clock& clock, std::function<void()> wake,
                     Options options)
    : store_(store), runner_(runner), control_(control), clock_(clock), wake_(std::move(wake)), options_(options) {}

Result<std::int64_t> Scheduler::step() {
  View view;
  {
    // Before the look: an offer that is accepted while this looks is in the view or in here. Asked for afterwards, it would
    // be in neither, and its slot would be given away twice.
    const std::lock_guard lock(mutex_);
    view.in_flight = in_flight_;
    std::erase_if(not_before_us_, [boot = clock_.boot_us()](const auto& entry) { return entry.second <= boot; });
  }
  TRY_STATUS(look(view));
  std::int64_t next_us = options_.poll_us;
  note_lapses(view);
  watch_offers(view, next_us);
  pass_on_cancels(view);
  pass_on_decisions(view);
  pass_on_steers(view);
  TRY_STATUS(make_offers(view));
  control_.retry();
  return next_us;
}

Status Scheduler::look(View& view) {
  TRY(DispatchLook seen, store_.look(options_.live_us, pools_, options_.queued_per_pool));
  keep_details(std::move(seen.details));
  view.workers = std::move(seen.workers);
  view.active = std::move(seen.active);
  view.queued = std::move(seen.queued);
  std::vector<TaskId> waiting;
  for (const ActiveTask& task : view.active)
    if (task.decisions_wait && is_leased(task)) waiting.push_back(task.id);
  if (!waiting.empty()) {
    TRY(view.decisions, store_.undelivered_decisions(waiting));
  }
  take_seats(view);
  return look_at_queues(view);
}

// The slots that nothing is offered to or runs in.
void Scheduler::take_seats(View& view) {
  std::set<TaskId> active;
  std::unordered_map<WorkerId, std::uint32_t> busy;
  for (const ActiveTask& task : view.active) {
    ++busy[task.worker];
    active.insert(task.id);
  }
  for (const TaskId& id : view.in_flight)
    if (const auto it = offered_by_me_.find(id); it != offered_by_me_.end() && !active.contains(id)) ++busy[it->second.worker];
  for (const LiveWorker& worker : view.workers) {
    const std::uint32_t taken = busy[worker.id];
    if (!worker.draining && taken < worker.slots) view.seats.push_back({&worker, worker.slots - taken});
  }
}

// Queues are asked for with all else, of the pools that had room at the last look. Where all slots are taken they are looked at
// once in a while only, so that their length is known: this look is the dearest of all, and comes with every step of every task.
Status Scheduler::look_at_queues(View& view) {
  std::set<std::string> pools;
  for (const LiveWorker& worker : view.workers)
    if (!worker.draining) pools.insert(worker.pool);
  const std::int64_t now = clock_.boot_us();
  const std::vector<std::string> wanted(pools.begin(), pools.end());
  const bool is_seen = std::exchange(pools_, view.seats.empty() ? std::vector<std::string>() : wanted) == wanted;
  if (!is_seen) {
    view.queued.clear();
    if (view.seats.empty() && !wanted.empty() && now < queues_seen_us_ + options_.poll_us) return {};
    if (!wanted.empty()) {
      TRY(view.queued, store_.queued(wanted, options_.queued_per_pool));
    }
  }
  queues_seen_us_ = now;
  metrics_.queued.store(static_cast<std::int64_t>(view.queued.size()));
  return {};
}

// A task that I offered and that is queued again under the same number: its worker declined, or did not hear.
void Scheduler::note_lapses(const View& view) {
  const std::int64_t now = clock_.boot_us();
  for (const QueuedTask& task : view.queued) {
    const auto it = offered_by_me_.find(task.id);
    if (it == offered_by_me_.end()) continue;
    if (it->second.offer == task.offer) resting_until_us_[it->second.worker] = now + options_.rest_us;
    if (it->second.offer <= task.offer) offered_by_me_.erase(it);
  }
  for (const ActiveTask& task : view.active)
    if (is_leased(task)) offered_by_me_.erase(task.id);
  std::erase_if(resting_until_us_, [&](const auto& entry) { return entry.second <= now; });
  if (offered_by_me_.size() > options_.max_known_details) offered_by_me_.clear();
}

// Offers that nobody claimed yet: repeat them by the other way, and end them at their deadline. Both count from when this
// process saw the offer first, by a clock that nobody can set: of two servers whose wall clocks differ, one would end the
// other's offers at once.
void Scheduler::watch_offers(const View& view, std::int64_t& next_us) {
  const std::int64_t boot = clock_.boot_us();
  std::map<OfferKey, Watched> watched;
  std::vector<TaskId> wanted;
  std::vector<std::pair<const ActiveTask*, std::int64_t>> due;  // and until when the offer holds
  for (const ActiveTask& task : view.active)
    if (task.status == v1::TaskState::OFFERED) wanted.push_back(task.id);
  if (!learn_details(wanted)) return;
  for (const ActiveTask& task : view.active) {
    if (task.status != v1::TaskState::OFFERED) continue;
    const OfferKey key{task.id, task.offer};
    const auto known = watched_.find(key);
    Watched& offer = watched[key] = known != watched_.end() ? known->second : Watched{boot, 0};
    const std::int64_t lapses_in = offer.since_us + events::kOfferDeadlineUs - boot;
    if (lapses_in <= 0) {
      lapse(task);
      continue;
    }
    const bool is_lost = offer.repeated_us == 0 && went_elsewhere(task, view);
    std::int64_t repeat_in =
        is_lost ? 0 : (offer.repeated_us != 0 ? offer.repeated_us + options_.repeat_again_us : offer.since_us + events::kOfferRepeatUs) - boot;
    if (repeat_in <= 0) {
      due.emplace_back(&task, clock_.wall_us() + lapses_in);
      offer.repeated_us = boot;
      repeat_in = options_.repeat_again_us;
    }
    next_us = std::min({next_us, std::max<std::int64_t>(repeat_in, 1'000), std::max<std::int64_t>(lapses_in, 1'000)});
  }
  watched_.swap(watched);
  repeat_offers(due);
}

// Whether I sent it to a partition that is not its worker's by now: the group moved it meanwhile, and whoever has it passes over
// offers to others.
bool Scheduler::went_elsewhere(const ActiveTask& task, const View& view) const {
  const auto sent = offered_by_me_.find(task.id);
  if (sent == offered_by_me_.end() || sent->second.offer != task.offer || sent->second.partition < 0) return false;
  const auto worker = std::ranges::find(view.workers, task.worker, &LiveWorker::id);
  return worker != view.workers.end() && std::ranges::find(worker->partitions, sent->second.partition) == worker->partitions.end();
}

void Scheduler::repeat_offers(const std::vector<std::pair<const ActiveTask*, std::int64_t>>& due) {
  std::vector<QueuedTask> tasks;
  for (const auto& [task, deadline_us] : due) {
    QueuedTask& queued = tasks.emplace_back();
    queued.id = task->id;
    queued.workspace = task->workspace;
    queued.pool = task->pool;
    queued.offer = task->offer - 1;
    queued.session = task->session;
  }
  const auto resumes = read_resumes(tasks);
  if (!resumes) return;  // the next repeat is a moment away
  for (std::size_t i = 0; i < due.size(); ++i) {
    if (!details_.contains(tasks[i].id)) continue;
    LiveWorker worker;
    worker.id = due[i].first->worker;
    const auto resume = resumes->find(tasks[i].id);
    control_.offer(tasks[i].pool, -1, offer_message(tasks[i], worker, due[i].second, resume == resumes->end() ? nullptr : &resume->second));
    metrics_.repeated.fetch_add(1);
  }
}

void Scheduler::pass_on_cancels(const View& view) {
  std::map<OfferKey, std::int64_t> sent;
  const std::int64_t boot = clock_.boot_us();
  for (const ActiveTask& task : view.active) {
    if (!task.cancel_requested || !is_leased(task)) continue;
    const OfferKey key{task.id, task.offer};
    const auto known = cancelled_at_us_.find(key);
    if (known != cancelled_at_us_.end() && boot - known->second < options_.repeat_cancel_us) {
      sent[key] = known->second;
      continue;
    }
    control_.cancel_run(task.pool, task.workspace, task.worker, task.id, task.offer, task.cancel_reason);
    metrics_.cancels_sent.fetch_add(1);
    sent[key] = boot;
  }
  cancelled_at_us_.swap(sent);
}

// To whoever holds the task now, until it says that its agent knows. Under another offer than it was asked for, the agent's
// own name for it would mean something else: the worker goes by the approval's id then.
void Scheduler::pass_on_decisions(const View& view) {
  std::map<std::pair<OfferKey, std::string>, std::int64_t> sent;
  const std::int64_t boot = clock_.boot_us();
  for (const UndeliveredDecision& decision : view.decisions) {
    const auto task = std::find_if(view.active.begin(), view.active.end(), [&](const ActiveTask& each) { return each.id == decision.task; });
    if (task == view.active.end() || !is_leased(*task)) continue;
    const std::pair<OfferKey, std::string> key{{task->id, task->offer}, decision.resolved.request_id()};
    const auto known = decided_at_us_.find(key);
    if (known != decided_at_us_.end() && boot - known->second < options_.repeat_decision_us) {
      sent[key] = known->second;
      continue;
    }
    v1::ApprovalDecision message;
    message.set_task_id(task->id.str());
    message.set_offer(task->offer);
    if (decision.offer == task->offer) message.set_provider_request(decision.provider_request);
    *message.mutable_resolved() = decision.resolved;
    control_.approval_decision(task->pool, task->workspace, task->worker, message);
    metrics_.decisions_sent.fetch_add(1);
    sent[key] = boot;
  }
  decided_at_us_.swap(sent);
}

Status Scheduler::learn_details(const std::vector<TaskId>& ids) {
  std::vector<TaskId> unknown;
  for (const TaskId& id : ids)
    if (!details_.contains(id)) unknown.push_back(id);
  if (unknown.empty()) return {};
  TRY(auto learnt, store_.details(unknown));
  keep_details(std::move(learnt));
  return {};
}

void Scheduler::keep_details(std::vector<TaskDetails> learnt) {
  std::erase_if(learnt, [this](const TaskDetails& one) { return details_.contains(one.id); });
  if (details_.size() + learnt.size() > options_.max_known_details) details_.clear();
  for (TaskDetails& one : learnt) {
    TaskId id = one.id;
    details_.emplace(std::move(id), std::move(one));
  }
}

Status Scheduler::make_offers(const View& view) {
  if (view.queued.empty()) return {};
  std::vector<Seat> seats = view.seats;
  std::erase_if(seats, [&](const Seat& seat) { return resting_until_us_.contains(seat.worker->id); });
  if (seats.empty()) return {};
  std::map<std::string, std::uint32_t> at_work;
  for (const ActiveTask& task : view.active) ++at_work[task.workspace.str()];
  std::set<TaskId> blocked = view.in_flight;
  std::size_t room = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, until] : not_before_us_) blocked.insert(id);
    room = options_.max_in_flight - std::min(options_.max_in_flight, in_flight_.size());
  }

  std::vector<TaskId> ids;
  for (const QueuedTask& task : view.queued)
    if (!blocked.contains(task.id)) ids.push_back(task.id);
  TRY_STATUS(learn_details(ids));
  TRY_STATUS(learn_homes(view.queued));
  std::vector<Candidate> candidates;
  for (const QueuedTask& task : view.queued) {
    if (blocked.contains(task.id)) continue;
    const auto known = details_.find(task.id);
    if (known == details_.end()) continue;
    candidates.push_back({&task, &known->second.queued});
    set_home(candidates.back(), view);
  }
  const auto matches = match(candidates, seats, std::move(at_work), room);
  std::vector<QueuedTask> going;
  going.reserve(matches.size());
  for (const Match& one : matches) going.push_back(*one.task);
  TRY(const Resumes resumes, read_resumes(going));
  for (const Match& one : matches) {
    const auto resume = resumes.find(one.task->id);
    offer(*one.task, *one.worker, resume == resumes.end() ? nullptr : &resume->second);
  }
  return {};
}

CommandContext Scheduler::context(const WorkspaceId& workspace, std::string_view route, const std::string& key) const {
  CommandContext context;
  context.workspace = workspace;
  context.commit_id = events::derive_commit_id(workspace, "scheduler", route, key);
  context.actor.set_kind(v1::Actor::SYSTEM);
  context.actor.set_id("scheduler");
  context.fingerprint = std::string(crypto::view(crypto::sha256(key)));
  context.seldom_repeated = true;
  return context;
}

v1::TaskOffer Scheduler::offer_message(const QueuedTask& task, const LiveWorker& worker, std::int64_t deadline_us,
                                       const v1::SessionResume* resume) const {
  const TaskDetails& details = details_.at(task.id);
  v1::TaskOffer offer;
  offer.set_workspace_id(task.workspace.str());
  offer.set_task_id(task.id.str());
  offer.set_offer(task.offer + 1);
  offer.set_worker_id(worker.id.str());
  offer.set_deadline_us(deadline_us);
  offer.set_session_id(details.queued.session_id());
  offer.set_issue_id(details.queued.spec().issue_id());
  offer.set_issue_number(details.issue_number);
  *offer.mutable_spec() = details.queued.spec();
  if (resume != nullptr) *offer.mutable_resume() = *resume;
  return offer;
}

bool Scheduler::begin(const TaskId& task) {
  const std::lock_guard lock(mutex_);
  return in_flight_.size() < options_.max_in_flight && !not_before_us_.contains(task) && in_flight_.insert(task).second;
}

void Scheduler::offer(const QueuedTask& task, const LiveWorker& worker, const v1::SessionResume* resume) {
  if (!begin(task.id)) return;
  const std::int64_t deadline_us = clock_.wall_us() + events::kOfferDeadlineUs;
  v1::TaskOffer message = offer_message(task, worker, deadline_us, resume);
  // The worker listens to all of its partitions alike; spreading by task keeps one from filling.
  const std::int32_t partition = worker.partitions.empty() ? -1 : worker.partitions[events::fnv1a64(task.id.str()) % worker.partitions.size()];
  offered_by_me_[task.id] = {task.offer + 1, worker.id, partition};
  Command command;
  command.context = context(task.workspace, "offer", task.id.str() + "/" + std::to_string(task.offer + 1) + "/" + worker.id.str());
  command.decide = commands::offer_task(task.id, worker.id, deadline_us);
  runner_.run(std::move(command), [this, id = task.id, pool = task.pool, partition, message = std::move(message)](Result<Committed> result) mutable {
    const bool offered = result.has_value() && result->commit.offset >= 0;
    if (offered) {
      metrics_.offered.fetch_add(1);
      control_.offer(pool, partition, message);
    } else if (!result && is_transient(result.error().code)) {
      log::warn("producers", "offer of task " + id.str() + " failed: " + result.error().message);
    }
    bool was_full = false;
    {
      const std::lock_guard lock(mutex_);
      was_full = in_flight_.size() >= options_.max_in_flight;
      in_flight_.erase(id);
      if (!offered) not_before_us_[id] = clock_.boot_us() + kPauseAfterFailureUs;
    }
    // An offer that went well is no reason to look: the slot is as taken as it was.
    if (!offered || was_full) wake_();
  });
}

void Scheduler::lapse(const ActiveTask& task) {
  if (mutation::on(mutation::Name::never_lapse_offers) || !begin(task.id)) return;
  Command command;
  command.context = context(task.workspace, "lapse", task.id.str() + "/" + std::to_string(task.offer));
  command.decide = commands::lapse_offer(task.id, task.offer, "deadline");
  runner_.run(std::move(command), [this, id = task.id](Result<Committed> result) {
    if (result && result->commit.offset >= 0) metrics_.lapsed.fetch_add(1);
    {
      const std::lock_guard lock(mutex_);
      in_flight_.erase(id);
      if (!result) not_before_us_[id] = clock_.boot_us() + kPauseAfterFailureUs;
    }
    wake_();
  });
}

bool Scheduler::idle() const {
  const std::lock_guard lock(mutex_);
  return in_flight_.empty();
}

}  // namespace dossier::producers
