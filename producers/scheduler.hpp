// The scheduler: matches queued tasks to live workers, commits TaskOffered, sends the offer; repeats what is not claimed
// within 300 ms on the control topic, and at once what went to a partition that its worker turns out to have given away; lets offers lapse at their
// deadline; passes cancel requests, decided approvals and what is to be steered on to the worker. A task whose agent's session a worker has goes
// there while that worker lives, if it has room soon.
//
// It holds no state that counts: what it remembers are hints. Two of them at once are harmless, because an offer is
// conditional on the task's version, and a worker ignores what it knows already.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "producers/command_runner.hpp"
#include "producers/control_sender.hpp"
#include "producers/dispatch_store.hpp"
#include "producers/matching.hpp"

namespace dossier::producers {

struct SchedulerMetrics {
  std::atomic<std::uint64_t> offered{0};
  std::atomic<std::uint64_t> repeated{0};  // offers sent again by the control topic
  std::atomic<std::uint64_t> lapsed{0};
  std::atomic<std::uint64_t> cancels_sent{0};
  std::atomic<std::uint64_t> decisions_sent{0};  // of approvals, repeats too
  std::atomic<std::uint64_t> steers_sent{0};
  std::atomic<std::int64_t> queued{0};  // tasks seen waiting in pools that have workers, at the last look
};

// step() has one owner thread.
class Scheduler {
 public:
  struct Options {
    int queued_per_pool = 1'000;               // tasks looked at per pool and step
    std::size_t max_in_flight = 256;           // commands of its own
    std::int64_t live_us = 20'000'000;         // a worker silent for longer gets no offers
    std::int64_t poll_us = 1'000'000;          // the safety net when no wake-up came
    std::int64_t rest_us = 1'000'000;          // a worker that let an offer lapse gets no other one for so long
    std::int64_t repeat_again_us = 1'000'000;  // between further repeats on the control topic
    std::int64_t repeat_cancel_us = 5'000'000;
    std::int64_t repeat_decision_us = 2'000'000;
    std::int64_t repeat_steer_us = 5'000'000;
    std::int64_t home_wait_us = 3'000'000;  // a task waits so long for a slot of the worker that has its agent's session
    std::size_t max_known_details = 10'000;
  };

  // `wake`: a command of its own has settled in a way that may leave step() something to do. Called on the runner's threads.
  Scheduler(DispatchStore& store, CommandRunner& runner, ControlSender& control, const Clock& clock, std::function<void()> wake);
  Scheduler(DispatchStore& store, CommandRunner& runner, ControlSender& control, const Clock& clock, std::function<void()> wake, Options options);
  // With the runner stopped: no callback of it may be left.
  ~Scheduler() = default;

  // Looks once and acts. Returns how long nothing will be due (microseconds), at most poll_us. Step sooner when a task was
  // queued or moved on, or a worker came or has room.
  Result<std::int64_t> step();
  bool idle() const;
  const SchedulerMetrics& metrics() const { return metrics_; }

 private:
  using OfferKey = std::pair<TaskId, std::uint32_t>;
  struct View {
    std::vector<ActiveTask> active;
    std::vector<LiveWorker> workers;
    std::vector<QueuedTask> queued;
    std::vector<UndeliveredDecision> decisions;
    std::set<TaskId> in_flight;  // with a command of mine when the look began
    std::vector<Seat> seats;     // of `workers`
  };
  Status look(View& view);
  void take_seats(View& view);
  Status look_at_queues(View& view);
  Status learn_details(const std::vector<TaskId>& ids);
  void keep_details(std::vector<TaskDetails> learnt);
  void watch_offers(const View& view, std::int64_t& next_us);
  bool went_elsewhere(const ActiveTask& task, const View& view) const;
  void repeat_offers(const std::vector<std::pair<const ActiveTask*, std::int64_t>>& due);
  void pass_on_cancels(const View& view);
  void pass_on_decisions(const View& view);
  void note_lapses(const View& view);
  Status make_offers(const View& view);
  void offer(const QueuedTask& task, const LiveWorker& worker, const v1::SessionResume* resume);
  void lapse(const ActiveTask& task);
  CommandContext context(const WorkspaceId& workspace, std::string_view route, const std::string& key) const;
  v1::TaskOffer offer_message(const QueuedTask& task, const LiveWorker& worker, std::int64_t deadline_us, const v1::SessionResume* resume) const;

  // Sessions that began before (scheduler_sessions.cpp).
  using Resumes = std::map<TaskId, v1::SessionResume>;
  bool went_on_before(const QueuedTask& task) const;
  Result<Resumes> read_resumes(const std::vector<QueuedTask>& tasks);
  Status learn_homes(const std::vector<QueuedTask>& queued);
  void set_home(Candidate& candidate, const View& view) const;
  void pass_on_steers(const View& view);

  bool begin(const TaskId& task);

  DispatchStore& store_;
  CommandRunner& runner_;
  ControlSender& control_;
  const Clock& clock_;
  const std::function<void()> wake_;
  const Options options_;
  SchedulerMetrics metrics_;

  // Owner thread.
  std::unordered_map<TaskId, TaskDetails> details_;
  std::vector<std::string> pools_;                                              // whose queues the next look asks for
  std::int64_t queues_seen_us_ = std::numeric_limits<std::int64_t>::min() / 2;  // boot time
  // Since when I know of an offer that is not claimed, and when I repeated it last (0: not yet), in boot time. Its deadline
  // in the log is of the clock of whoever made it.
  struct Watched {
    std::int64_t since_us = 0;
    std::int64_t repeated_us = 0;
  };
  std::map<OfferKey, Watched> watched_;
  std::map<OfferKey, std::int64_t> cancelled_at_us_;
  std::map<std::pair<OfferKey, std::string>, std::int64_t> decided_at_us_;  // by the approval's id: boot time
  std::map<std::pair<OfferKey, std::string>, std::int64_t> steered_at_us_;  // by follow-up; boot time
  // The worker that has a queued task's session, as of its last offer; and since when the task waits here.
  struct Home {
    std::uint32_t offer = 0;
    WorkerId worker;
    std::int64_t since_us = 0;
  };
  std::unordered_map<TaskId, Home> homes_;
  struct Offered {
    std::uint32_t offer = 0;
    WorkerId worker;
    std::int32_t partition = -1;  // of the pool's offers topic; -1: told by the control topic
  };
  std::unordered_map<TaskId, Offered> offered_by_me_;
  std::unordered_map<WorkerId, std::int64_t> resting_until_us_;  // boot time

  // Tasks with a command of mine in flight; shared with callbacks.
  mutable std::mutex mutex_;
  std::set<TaskId> in_flight_;
  std::unordered_map<TaskId, std::int64_t> not_before_us_;  // boot time: after a command that failed
};

}  // namespace dossier::producers
