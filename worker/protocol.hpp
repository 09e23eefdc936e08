// The worker's side of offers, claims, leases and reports, without I/O: what happened goes in with the time, what to do
// comes out as values. The daemon runs it on one thread; so does the simulation.
//
//   offer ─► claim + PrepareWorkdir ─► (Granted and workdir ready) StartAgent ─► … ─► run ended ─► result reported
//
// Rules: an offer counts once; what names another worker is ignored; a worker without room declines at once; the agent
// starts only after Granted; every report but heartbeats is repeated, with its sequence and bytes, until accepted_through
// covers it. Leases are counted by the server in broker time, from reports that the broker has. So what keeps a worker
// alive in its own eyes is a report that the broker acknowledged (from the moment it was sent), together with a control
// topic that it reads to the end, where Fenced would be: without either for kLeaseUs it stops its agents before anything
// else, in the same call that notices it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "dossier/v1/worker.pb.h"
#include "worker/report_outbox.hpp"
#include "worker/run.hpp"

namespace dossier::worker {

struct Now {
  std::int64_t boot_us = 0;  // CLOCK_BOOTTIME: what deadlines count in
  std::int64_t wall_us = 0;  // only written into reports
};

// ---- what to do
struct SendReport {
  std::uint64_t sequence = 0;  // 0: a heartbeat
  std::string body;            // sign and append to dossier.reports; then on_report_acknowledged
};
// Answered by exactly one on_run_ended, whatever happens; on_workdir_ready comes before it where it worked.
struct PrepareWorkdir {
  RunKey run;
  v1::TaskOffer offer;
};
struct StartAgent {
  RunKey run;
};
// Stop whatever the run does now (preparing, waiting, the agent with its whole family), then on_run_ended.
struct StopRun {
  RunKey run;
  StopReason reason = StopReason::none;
};
// Nothing is left to do or to say: the process may end.
struct Finished {
  StopReason reason = StopReason::none;  // revoked: with an error
};
using Action = std::variant<SendReport, PrepareWorkdir, StartAgent, StopRun, Finished>;

struct ProtocolConfig {
  std::string workspace_id;
  std::string worker_id;
  std::string boot_id;
  std::uint32_t slots = 1;
  std::vector<std::string> providers;   // what this worker can run; others are declined
  std::int64_t drain_us = 600'000'000;  // running agents may finish for this long
};

// Not thread-safe.
class Protocol {
 public:
  static constexpr std::int64_t kHeartbeatUs = 5'000'000;
  static constexpr std::int64_t kHeartbeatGapUs = 100'000;  // between two that changes asked for
  static constexpr std::int64_t kLeaseUs = 20'000'000;
  static constexpr std::int64_t kGrantWaitUs = 30'000'000;
  static constexpr std::int64_t kFlushUs = 10'000'000;  // at the end, for the last answers
  static constexpr std::size_t kMaxOffersKnown = 4'096;

  Protocol(ProtocolConfig config, Now now);

  // An offer from the tasks topic.
  void on_offer(const v1::TaskOffer& offer, Now now);
  void on_control(const v1::ControlMessage& message, std::int64_t offset, Now now);
  // The control topic was read to its end, whose last record is at this offset (-1: it is empty).
  void on_control_current(std::int64_t last_offset, Now now);
  // The broker has a report (any) that was sent at this boot time.
  void on_report_acknowledged(std::int64_t sent_boot_us, Now now);

  void on_workdir_ready(const RunKey& run, Now now);
  void on_run_started(const RunKey& run, const std::string& provider_session, Now now);
  void on_turn_began(const RunKey& run, std::uint32_t turn, const std::string& provider_turn, Now now);
  void on_turn_ended(const RunKey& run, const v1::TurnEnded& turn, Now now);
  void on_run_ended(const RunKey& run, RunEnd end, Now now);

  void on_partitions(std::vector<std::int32_t> partitions, Now now);
  void on_cached_projects(std::vector<std::string> projects) { cached_projects_ = std::move(projects); }
  // SIGTERM: no new work; finish what runs, up to drain_us.
  void on_drain(Now now);
  void on_tick(Now now);

  // on_tick has something to do then; call it at least that soon.
  std::int64_t next_due_us() const;
  std::vector<Action> take_actions();

  std::uint32_t free_slots() const;
  std::size_t running() const { return runs_.size(); }
  const ReportOutbox& outbox() const { return outbox_; }

 private:
  struct Run {
    v1::TaskOffer offer;
    std::int64_t claimed_us = 0;
    bool granted = false;
    bool workdir_ready = false;
    bool started = false;
    StopReason stop = StopReason::none;
    std::string stop_detail;
  };

  void guard(Now now);
  // A run of which something may still be reported: one that is here, and whose offer is not over.
  bool may_speak_of(const RunKey& run) const;
  static bool may_speak(const Run& run) { return run.stop != StopReason::fenced && run.stop != StopReason::revoked; }
  void decline(const v1::TaskOffer& offer, const char* reason, Now now);
  void claim(const v1::TaskOffer& offer, Now now);
  void start_if_ready(const RunKey& key, Run& run);
  void stop(const RunKey& key, Run& run, StopReason reason, std::string detail = {});
  void stop_all(StopReason reason);
  v1::Report new_report(Now now) const;
  v1::Report new_report(const RunKey& run, Now now) const;
  void send(v1::Report report, Now now);
  void send_heartbeat(Now now);
  void heartbeat_soon(Now now);
  bool knows_offer(const std::string& task_id, std::uint32_t offer) const;
  void remember_offer(const std::string& task_id, std::uint32_t offer);
  bool has_provider(const std::string& provider) const;
  void finish_if_done(Now now);
  std::int64_t alive_until_us() const;

  const ProtocolConfig config_;
  std::map<RunKey, Run> runs_;
  ReportOutbox outbox_;
  std::vector<Action> actions_;

  std::unordered_map<std::string, std::uint32_t> offers_known_;  // task → highest offer handled
  std::deque<std::string> offers_order_;

  std::vector<std::int32_t> partitions_;
  std::vector<std::string> cached_projects_;
  std::int64_t control_offset_ = -1;
  std::int64_t control_current_us_ = 0;
  std::int64_t acknowledged_us_ = 0;
  std::int64_t heartbeat_due_us_ = 0;
  std::int64_t heartbeat_sent_us_ = 0;
  bool draining_ = false;
  bool revoked_ = false;
  bool finished_ = false;
  std::int64_t drain_until_us_ = 0;
  std::int64_t idle_since_us_ = 0;  // draining, and no run left
};

}  // namespace dossier::worker
