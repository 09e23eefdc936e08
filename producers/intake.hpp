// Intake: reads what workers say (dossier.reports), checks it, and turns it into facts.
//
//   record ─► form, signature, token ─┬─ heartbeat ─► liveness, leases renewed            (never waits for a commit)
//                                     └─ report ────► lane of its worker ─► command ─► Granted / Fenced / refused,
//                                                     (in order, one in flight)         and AcceptedThrough once it is saved
//
// A partition's position is saved only past records that are decided, so a restart reads the rest again, and commands
// answer it as they did first. Leases end in the partition's own broker time (lease_book.hpp); where no worker moves it any
// more, intake appends a tick once a second while there is something that could expire.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/result.hpp"
#include "dossier/v1/worker.pb.h"
#include "events/follow_up.hpp"
#include "events/names.hpp"
#include "platform/topic/topic.hpp"
#include "producers/command_runner.hpp"
#include "producers/control_sender.hpp"
#include "producers/dispatch_store.hpp"
#include "producers/intake_store.hpp"
#include "producers/lease_book.hpp"
#include "producers/report_check.hpp"
#include "producers/worker_directory.hpp"

namespace dossier::producers {

struct IntakeMetrics {
  std::atomic<std::uint64_t> heartbeats{0};
  std::atomic<std::uint64_t> reports{0};  // decided, whatever the outcome
  std::atomic<std::uint64_t> refused{0};  // reports that can never be accepted
  std::atomic<std::uint64_t> fenced{0};
  std::atomic<std::uint64_t> late{0};     // kept as LateResultRecorded
  std::atomic<std::uint64_t> invalid{0};  // records that nobody could believe: form, signature, unknown worker
  std::atomic<std::uint64_t> gaps{0};     // sequences or offsets that are missing
  std::atomic<std::uint64_t> repeats{0};  // reports that were decided before
  std::atomic<std::uint64_t> expired{0};  // leases
  std::atomic<std::uint64_t> ticks{0};
  std::atomic<std::int64_t> pending{0};  // reports read and not decided
  std::atomic<std::int64_t> leases{0};
  std::atomic<std::int64_t> lag_us{0};  // age of the newest record read, where more are waiting
};

// One owner thread for all but metrics(). Callbacks of commands touch only what mutex_ guards.
class Intake {
 public:
  struct Options {
    std::size_t max_pending = 4'096;            // reports waiting for a decision; above, nothing more is read
    std::size_t max_records = 2'000;            // a poll
    std::int64_t save_every_us = 200'000;       // positions
    std::int64_t tick_us = 1'000'000;           // with leases
    std::int64_t presence_tick_us = 5'000'000;  // with nothing but silent workers
    std::int64_t retry_us = 200'000;            // first pause before a report is decided again; doubled up to:
    std::int64_t max_retry_us = 5'000'000;
    std::size_t max_in_flight = 16;         // commands for reports of one worker, each of another task
    std::size_t max_fence_checks = 64;      // a step: fences in heartbeats that no lease explains
    std::int64_t reconcile_us = 5'000'000;  // between looks for claims which the read models have and no lease here
  };
  struct Ports {
    topic::Reader& reader;   // of dossier.reports; its own
    topic::Writer& reports;  // for ticks
    StateStore& states;
    IntakeStore& store;
    DispatchStore& dispatch;
    CommandRunner& runner;
    ControlSender& control;
    Executor& executor;
    const Clock& clock;
  };
  // `on_liveness`: a worker appeared, or its room or partitions changed (wakes a scheduler). Called on the owner thread.
  Intake(Ports ports, events::Topics topics, std::int32_t partitions, std::function<void()> on_liveness);
  Intake(Ports ports, events::Topics topics, std::int32_t partitions, std::function<void()> on_liveness, Options options);
  // With runner and executor stopped.
  ~Intake();

  // Replaces the partitions that this process reads. What it read of others and did not save is forgotten.
  Status own(const std::vector<std::int32_t>& partitions);
  // One bounded unit of work, waiting at most wait_ms for records. position_moved: another process owns a partition now
  // (it was dropped here): call own() again. Other errors are transient.
  Status step(std::int64_t wait_ms);
  // So many reports wait for their decision that step() does not read: pause a little before the next one.
  bool full();
  // Saves what is decided; before the end.
  Status save();

  const IntakeMetrics& metrics() const { return metrics_; }

 private:
  struct Entry {  // a record that was read and lies past the saved position
    std::int64_t offset = 0;
    crypto::Hash hash{};
    std::int64_t append_time_us = 0;
    bool decided = false;
  };
  struct Partition {
    std::uint64_t epoch = 0;
    IntakePosition saved;
    std::int64_t next_read = 0;
    std::int64_t catch_up_to = 0;
    bool caught_up = false;  // read up to what was there when this process began to read
    bool fresh_term = true;  // caught up, and no record since: then every lease gets a full term
    bool cut = false;        // reading began at a log start behind which records were deleted
    std::deque<Entry> entries;
    LeaseBook leases;
    std::int64_t heard_us = 0;   // boot time of the last record
    std::int64_t ticked_us = 0;  // boot time of the last tick
  };
  struct Report {
    std::int32_t partition = 0;
    std::uint64_t epoch = 0;
    std::int64_t offset = 0;
    v1::Report report;
    std::string body_hash;
    std::string pool;
    std::uint64_t ticket = 0;  // its name in its lane
    int tries = 0;
    enum class Step : std::uint8_t { waiting, in_flight, decided } step = Step::waiting;
  };
  struct Outcome {  // what one decided report means for leases and the position, in no order
    std::int32_t partition = 0;
    std::uint64_t epoch = 0;
    std::int64_t offset = 0;
    WorkspaceId workspace;
    WorkerId worker;
    TaskId task;
    std::uint32_t offer = 0;
    bool leased = false;  // a claim was accepted
    bool ended = false;   // the offer is over for this worker
  };
  struct Lane {                // of one worker
    std::deque<Report> queue;  // by sequence; decided ones leave it in that order
    std::uint64_t next_ticket = 1;
    std::string boot_id;  // of the last one queued
    std::uint64_t last_sequence = 0;
  };

  using Form = Result<CheckedForm>;
  Status start_partition(std::int32_t number, const std::vector<ActiveTask>& active, const std::vector<LivenessRow>& live);
  Status assign();
  Status read(std::int64_t wait_ms);
  Status prepare(const std::vector<Form>& forms);
  void take(const topic::Record& record, const Form& form);
  bool believe(const topic::Record& record, const CheckedForm& form, const KnownWorker* worker);
  void take_heartbeat(Partition& partition, const topic::Record& record, const CheckedForm& form, const KnownWorker& worker);
  // One start of one worker: the key of what counts its reports.
  static std::string boot_of(const v1::Report& report) { return report.worker_id() + '/' + report.boot_id(); }
  void take_report(Partition& partition, const topic::Record& record, const CheckedForm& form, const KnownWorker& worker);
  void saw_worker(const topic::Record& record, const v1::Report& report);
  void answer_repeat(Partition& partition, const v1::Report& report, const std::string& pool);
  void run_ready(const WorkerId& worker);
  void run_report(const WorkerId& worker, std::uint64_t ticket);
  void on_decided(const WorkerId& worker, std::uint64_t ticket, Result<Committed> result);
  void settle(const WorkerId& worker, std::uint64_t ticket, const Result<Committed>& result, const events::TurnAnswer& answer);
  void speak(const Report& report, const Result<Committed>& result, const events::TurnAnswer& turn, Outcome& outcome);
  Report& report_of(const WorkerId& worker, std::uint64_t ticket);  // of one that is in flight; with mutex_
  // What the state says that the worker is to be told (intake_turns.cpp): when a turn has ended, and of a claim once more.
  void answer_turn(const WorkerId& worker, std::uint64_t ticket, const Result<Committed>& result);
  Result<events::TurnAnswer> read_answer(const v1::Report& report);
  Result<bool> holds_claim(const v1::Report& report);
  void speak_answer(const std::string& pool, const v1::Report& report, const events::TurnAnswer& answer);
  void collect();
  Status check_fences();
  Status reconcile_leases();
  void expire_leases();
  void lose_silent_workers();
  void mark_online(const v1::Report& report);
  // Runs a command of intake's own unless the same one is in flight or failed a moment ago.
  void run_own(const WorkspaceId& workspace, std::string_view route, const std::string& key, Decide decide, std::function<void()> settled);
  void tick();
  bool owes_answers();
  Status save_liveness();
  Status save_position(std::int32_t number, Partition& partition);
  CommandContext system_context(const WorkspaceId& workspace, std::string_view route, const std::string& key) const;
  bool may_expire(const Partition& partition) const { return partition.caught_up && !partition.fresh_term; }

  Ports ports_;
  const events::Topics topics_;
  const std::int32_t partition_count_;
  const std::function<void()> on_liveness_;
  const Options options_;
  IntakeMetrics metrics_;

  // Owner thread.
  WorkerDirectory directory_;
  std::map<std::int32_t, Partition> partitions_;
  std::uint64_t next_epoch_ = 1;
  std::unordered_map<WorkerId, LivenessRow> live_;
  std::set<WorkerId> live_changed_;
  bool room_changed_ = false;
  std::unordered_map<std::string, std::uint64_t> accepted_;  // worker '/' boot → sequence decided
  std::set<std::string> accepted_doubted_;                   // of whom reports seem to be missing
  // The worker forgets what it is told to be accepted, so it is told only what is saved: the reports' log may lose its tail.
  struct Unsaved {
    AcceptedThroughRow row;
    WorkspaceId workspace;
    std::string pool;
  };
  std::map<std::string, Unsaved> accepted_unsaved_;
  struct FenceCheck {
    WorkspaceId workspace;
    WorkerId worker;
    std::string pool;
    v1::Fence fence;
    std::int32_t partition;
  };
  std::vector<FenceCheck> fence_checks_;
  std::int64_t saved_at_us_ = 0;
  std::int64_t reconciled_at_us_ = 0;  // boot time
  std::vector<topic::Record> batch_;   // polled and not taken yet: what they need could not be read

  // Callbacks too.
  std::mutex mutex_;
  std::unordered_map<WorkerId, Lane> lanes_;
  std::size_t pending_ = 0;
  std::vector<Outcome> outcomes_;
  std::vector<Report> accepted_in_order_;
  std::set<std::string> in_flight_;                              // keys of intake's own commands
  std::unordered_map<std::string, std::int64_t> not_before_us_;  // boot time, of those that failed
  std::vector<std::pair<TaskId, std::uint32_t>> ended_leases_;
  std::vector<WorkerId> lost_;
};

}  // namespace dossier::producers
