// The write path: decide on a snapshot, append one commit, wait for its verdict without holding a thread, answer.
//
//   run → (hot stream's turn) → partition ready? → states: already accepted? → decide → append → acknowledged → verdict
//                                     ▲                                                            accepted → answer
//                                     └──── jittered pause, at most max_redecisions ◄── conflict, history moved
//
// States are those of RecentStates where it has them, else read; a round after a void verdict always reads.
//
// Where processes meet at a hot stream, who has just won gives way and who has lost goes again soon. Otherwise the process
// that learns its verdicts first (it projects the partition, the other asks the database) wins round after round.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/executor.hpp"
#include "base/result.hpp"
#include "producers/command.hpp"
#include "producers/commit_log.hpp"
#include "producers/recent_states.hpp"
#include "producers/runner_metrics.hpp"
#include "producers/state_store.hpp"
#include "producers/verdict_board.hpp"

namespace dossier::producers {

// Thread-safe. Must outlive its commands: destroy it after stop() returned true, with the writer flushed.
class CommandRunner {
 public:
  struct Options {
    int max_redecisions = 5;                      // after a void verdict; then `contention`
    std::int64_t ack_timeout_us = 5'000'000;      // of one append; then `unacknowledged`: open
    std::int64_t stall_us = 2'000'000;            // an append without an answer for so long: new commands are log_unavailable
    std::int64_t verdict_timeout_us = 2'000'000;  // after the acknowledgement; then `undecided`
    std::int64_t pause_us = 4'000;                // base of the jittered pauses: before another round, and to give way
    std::int64_t contended_us = 250'000;          // a hot stream on which a command lost counts as contended for so long
    std::size_t max_in_flight = 4'096;            // commands; more are `overloaded`
    std::size_t max_hot_queue = 256;              // commands waiting for one hot stream
    std::uint64_t seed = 1;                       // of the jitter; another in each process, or they wait in step
  };
  // Called exactly once, on an executor thread (or, when the executor is full, on the thread that brought the outcome, or
  // inside run()): short, no blocking.
  using Done = std::function<void(Result<Committed>)>;

  // `recent`: of the partitions that are projected in this process; nullptr: none is, every decision asks the store.
  CommandRunner(StateStore& store, CommitLog& log, VerdictBoard& board, RecentStates* recent, Executor& executor, const Clock& clock);
  CommandRunner(StateStore& store, CommitLog& log, VerdictBoard& board, RecentStates* recent, Executor& executor, const Clock& clock,
                Options options);
  ~CommandRunner();

  void run(Command command, Done done);
  // The same for a caller with a thread to spare (CLI of the server, tests): waits for the answer. Never on the executor.
  Result<Committed> run_and_wait(Command command);

  // The database shows at least what this process knows to be applied. projection_behind: it crashed, forgot its last
  // commits, and has not read them again yet; what it says is missing may exist.
  Status database_is_present();

  // No new commands (shutting_down); true once none is in flight, waiting at most timeout_ms.
  bool stop(std::int64_t timeout_ms);
  const RunnerMetrics& metrics() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace dossier::producers
