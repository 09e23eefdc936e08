// The inside of the command runner: one command = one Op, moved along by callbacks: executor jobs, the writer's
// acknowledgement, the board's verdict, and deadlines. Each append is a numbered attempt; whichever event of an attempt comes
// first ends it, later ones find another number and do nothing.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "producers/command_runner.hpp"
#include "producers/contention.hpp"
#include "producers/gathering.hpp"
#include "producers/hot_streams.hpp"
#include "producers/present_state.hpp"
#include "producers/shared_reads.hpp"

namespace dossier::producers {

class CommandRunner::Core : public std::enable_shared_from_this<CommandRunner::Core> {
 public:
  Core(StateStore& store, CommitLog& log, VerdictBoard& board, RecentStates* recent, Executor& executor, const Clock& clock, Options options)
      : store_(store),
        log_(log),
        board_(board),
        recent_(recent),
        executor_(executor),
        clock_(clock),
        options_(options),
        reads_(std::make_shared<SharedReads>(store, executor, recent)),
        contention_(options.pause_us, options.contended_us, options.seed),
        hot_(options.max_hot_queue) {}

  void run(Command command, Done done);
  bool stop(std::int64_t timeout_ms);
  Status database_is_present() { return producers::database_is_present(store_, board_); }

  void abandon_reads() { reads_->abandon(); }

  RunnerMetrics metrics_;

 private:
  enum class Phase : std::uint8_t { idle, appending, awaiting };
  struct Op {
    Command command;
    Done done;
    std::string hot_key;
    std::int32_t partition = 0;
    std::int64_t started_us = 0;
    int redecisions = 0;
    // What its decision asked for in earlier rounds; once it needs a snapshot of its own, it gets one in every round.
    std::vector<std::string> asked;
    int read_rounds = 0;
    bool reads_alone = false;
    std::int64_t appended_us = 0;  // of the present attempt
    v1::Commit commit;             // of the present attempt
    // Under mutex_ of the core.
    Phase phase = Phase::idle;
    std::uint64_t attempt = 0;
    std::int64_t offset = -1;
    VerdictBoard::Ticket ticket;
  };
  using OpPtr = std::shared_ptr<Op>;
  struct Deadline {
    std::int64_t due_us;
    std::weak_ptr<Op> op;
    std::uint64_t attempt;
    Phase phase;
  };

  bool start(const OpPtr& op, bool in_line);
  void decide(const OpPtr& op);
  void decide_alone(const OpPtr& op);
  void decide_on(const OpPtr& op, Result<StatesRead> read);
  void ask(const OpPtr& op);
  std::optional<StatesRead> find_recent(const Op& op, const StatesWanted& wanted);
  Status confirm_premise(Op& op);
  Result<std::optional<Committed>> decide_once(Op& op);
  void append(const OpPtr& op);
  void on_appended(const OpPtr& op, std::uint64_t attempt, const topic::Appended& appended);
  void on_verdict(const OpPtr& op, std::uint64_t attempt, const Decided& decided);
  void settle(const OpPtr& op, const Decided& decided);
  void settle_duplicate(const OpPtr& op);
  void decide_again(const OpPtr& op);
  void finish(const OpPtr& op, Result<Committed> result);
  // Runs the job on the executor, or here where it takes no more.
  void soon(std::function<void()> job) {
    auto shared = std::make_shared<std::function<void()>>(std::move(job));
    if (!executor_.post([shared] { (*shared)(); })) (*shared)();
  }
  bool end_attempt(Op& op, std::uint64_t attempt, Phase phase);
  void watch(const OpPtr& op, std::uint64_t attempt, Phase phase, std::int64_t timeout_us);
  void sweep();
  static bool is_over(const Deadline& deadline, const OpPtr& op) { return !op || op->attempt != deadline.attempt || op->phase != deadline.phase; }
  bool log_stalls();

  StateStore& store_;
  CommitLog& log_;
  VerdictBoard& board_;
  RecentStates* const recent_;  // may be nullptr
  Executor& executor_;
  const Clock& clock_;
  const Options options_;
  const std::shared_ptr<SharedReads> reads_;
  Contention contention_;

  std::mutex mutex_;
  std::condition_variable idle_;
  bool stopping_ = false;
  std::size_t in_flight_ = 0;
  HotStreams<OpPtr> hot_;
  std::deque<Deadline> ack_deadlines_;  // each in order of time: one constant timeout a queue
  std::deque<Deadline> verdict_deadlines_;
  bool sweeping_ = false;
  Gathering<std::pair<OpPtr, Decided>> accepted_;  // to be settled
};

}  // namespace dossier::producers
