// The worker's side of offers, claims, leases and reports, without I/O: what happened goes in with the time, what to do
// comes out as values. The daemon runs it on one thread; so does the simulation.
//
//   offer ─► claim + PrepareWorkdir ─► (Granted and workdir ready) StartAgent ─► turn ─► TurnEnded ─► run ended ─► result
//                                                                               ▲         │  └ FinishRun ─► ▲   reported
//                                                                               └ NextTurn ┘
//
// Rules: an offer counts once; what names another worker is ignored; a worker without room declines at once; the agent
// starts only after Granted, which names this boot; every report but heartbeats is repeated, with its sequence and bytes,
// until accepted_through covers it. Leases are counted by the server in broker time, from reports that the broker has. So what keeps a worker
// alive in its own eyes is a report that the broker acknowledged (from the moment it was sent), together with a control
// topic that it reads to the end, where Fenced would be: without either for kLeaseUs it stops its agents before anything
// else, in the same call that notices it.
//
// After a turn the server says what follows. Its word may be lost, so TurnEnded is repeated until it comes, even when it is
// accepted; kTurnAnswerUs after the acceptance the run ends by itself, with what it has. Not while something that the
// agent asked for is open: people may take as long as they like. Control messages that come twice, late, or for another
// turn change nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
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
  std::optional<bool> completed;         // of a worker for one task: whether that was completed; none: there was none
};
// RunMail (BeginTurn, FinishRun, AnswerApproval, Steer): for the run, as it is; each comes once.
using Action = std::variant<SendReport, PrepareWorkdir, StartAgent, StopRun, BeginTurn, FinishRun, AnswerApproval, Steer, Finished>;

struct ProtocolConfig {
  std::string workspace_id;
  std::string worker_id;
  std::string boot_id;
  std::uint32_t slots = 1;
  std::vector<std::string> providers;   // what this worker can run; others are declined
  std::int64_t drain_us = 600'000'000;  // running agents may finish for this long
  bool once = false;                    // drains when the first run that began has ended
};

// Not thread-safe.
class Protocol {
 public:
  static constexpr std::int64_t kHeartbeatUs = 5'000'000;
  static constexpr std::int64_t kHeartbeatGapUs = 100'000;  // between two that changes asked for
  static constexpr std::int64_t kLeaseUs = 20'000'000;
  static constexpr std::int64_t kGrantWaitUs = 30'000'000;
  static constexpr std::int64_t kTurnAnswerUs = 30'000'000;  // from the acceptance of TurnEnded
  static constexpr std::int64_t kFlushUs = 10'000'000;       // at the end, for the last answers
  static constexpr std::size_t kMaxOffersKnown = 4'096;
  static constexpr std::size_t kMaxKnown = 1'024;  // decisions of one run, and follow-ups of one run
  static constexpr std::size_t kMaxSteered = 64;   // into one turn

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
  // Once a turn. Answered by BeginTurn or FinishRun, unless the run is stopped.
  void on_turn_ended(const RunKey& run, const v1::TurnEnded& turn, Now now);
  // The agent waits for a decision: AnswerApproval will come, unless the run is stopped.
  void on_approval_asked(const RunKey& run, v1::ApprovalRequested request, Now now);
  // It waits no more, and nobody had decided.
  void on_approval_withdrawn(const RunKey& run, const std::string& provider_request, Now now);
  void on_approval_answered(const RunKey& run, const std::string& request_id, const std::string& how, Now now);
  void on_follow_up_steered(const RunKey& run, const std::string& follow_up_id, std::uint32_t turn, Now now);
  void on_note(const RunKey& run, RunNote note, Now now);
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
  // Names of what was said to a run; beyond kMaxKnown the oldest are forgotten.
  struct Known {
    std::set<std::string> names;
    std::deque<std::string> order;
    // False: known already.
    bool add(const std::string& name);
  };
  struct Run {
    v1::TaskOffer offer;
    std::int64_t claimed_us = 0;
    bool granted = false;
    bool workdir_ready = false;
    bool started = false;
    StopReason stop = StopReason::none;
    std::string stop_detail;

    std::uint32_t turn = 0;  // the last that began or ended
    bool in_turn = false;
    std::uint64_t asks = 0;         // sequence of the TurnEnded that waits for its answer, 0: none
    std::int64_t accepted_us = 0;   // when that one was seen to be accepted, 0: not yet
    std::set<std::string> steered;  // follow-ups that were handed to this turn, or to those before it that broke off
    std::set<std::string> steered_reported;
    // What the agent waits for: its own name for it → sequence of the report. An earlier offer's: the server's name → 0.
    std::map<std::string, std::uint64_t> open;
    Known decided;       // approvals, the server's names
    Known told;          // follow-ups that went into a turn: what is said of them late is no news in the next one
    std::string source;  // commit and turn of the last SourceCaptured
  };

  void guard(Now now);
  void on_run_control(const v1::ControlMessage& message);
  void on_refused(const v1::ReportRefused& refused);
  void next_turn(const RunKey& key, Run& run, const v1::NextTurn& next);
  void finish_run(const RunKey& key, Run& run);
  void decide_approval(const RunKey& key, Run& run, const v1::ApprovalDecision& decision);
  void steer(const RunKey& key, Run& run, const v1::TurnInput& input);
  void note_accepted(std::uint64_t sequence, Now now);
  // When the run ends by itself for want of an answer; INT64_MAX: not at all.
  static std::int64_t answer_until_us(const Run& run);
  void send_source(const RunKey& key, Run& run, const v1::SourceCaptured& source, Now now);
  void send_end(const RunKey& key, const Run& run, const RunEnd& end, Now now);
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
  std::uint64_t send(v1::Report report, Now now, bool held = false);
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
  std::optional<bool> completed_;  // once: of the task
  std::int64_t drain_until_us_ = 0;
  std::int64_t idle_since_us_ = 0;  // draining, and no run left
};

}  // namespace dossier::worker
